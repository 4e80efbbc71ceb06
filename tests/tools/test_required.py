"""A client or an engine that is missing makes a run fail: it is not skipped, and not left out."""

import os
import pathlib
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest
import summary

TESTS = pathlib.Path(__file__).resolve().parents[1]

SKIPPING = """
import pytest

@pytest.mark.required
def test_in_its_body():
    pytest.skip("no environment")

@pytest.mark.required
@pytest.mark.skip(reason="not today")
def test_by_its_mark():
    pass

@pytest.fixture
def engine():
    pytest.skip("no engine")

@pytest.mark.vllm
def test_by_its_fixture(engine):
    pass

@pytest.mark.required
def test_that_runs():
    pass

def test_of_another_kind():
    pytest.skip("no systemd")
"""


def run_pytest(folder, *arguments, environment=None):
    # Whatever this very run wants of pytest is not for the inner one.
    variables = {name: value for name, value in (environment or os.environ).items() if not name.startswith("PYTEST_")}
    return subprocess.run([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *map(str, arguments)], cwd=folder, env=variables,
                          capture_output=True, text=True, timeout=120)


def test_what_is_required_and_skips_itself_fails(tree):
    root = tree({"tests/test_some.py": SKIPPING})
    for name in ("conftest.py", "corpus_table.py", "pytest.ini"):
        shutil.copy(TESTS / name, root / "tests")
    (root / "results/e2e").mkdir(parents=True)
    run_pytest(root, "tests", "-c", "tests/pytest.ini", "--junit-xml=results/e2e/pytest.xml")
    seen = {outcome.name.rpartition(".")[2]: outcome.result for outcome in summary.collect(root / "results")}
    assert seen == {"test_in_its_body": "failed", "test_by_its_mark": "failed", "test_by_its_fixture": "failed", "test_that_runs": "passed",
                    "test_of_another_kind": "skipped"}
    assert summary.main(root / "results") == 1


def test_parameters_that_came_to_nothing_are_an_error(tree):
    root = tree({"tests/test_none.py": "import pytest\n@pytest.mark.parametrize('cell', [])\ndef test_cell(cell): pass\n"})
    shutil.copy(TESTS / "pytest.ini", root / "tests")
    assert run_pytest(root, "tests", "-c", "tests/pytest.ini").returncode not in (0, 5)


MISSING = {
    "OPENPCC_NODE": ("e2e/test_clients.py", "openai-node-demo-chat"),
    "OPENPCC_LANGCHAIN_PYTHON": ("e2e/test_clients.py", "langchain-python-demo-chat"),
    "OPENPCC_LITELLM_PYTHON": ("e2e/test_clients.py", "litellm-demo-chat"),
    "OPENPCC_LLAMAINDEX_PYTHON": ("e2e/test_clients.py", "llamaindex-demo-chat"),
    "OPENPCC_LLAMA_PYTHON": ("e2e/test_clients.py", "curl-llama.cpp-chat"),
    "OPENPCC_VLLM_PYTHON": ("vllm/test_vllm_clients.py", "curl-vllm-chat"),
}


@pytest.mark.parametrize("variable", MISSING)
def test_a_cell_whose_environment_is_missing_fails(variable, tmp_path):
    file, cell = MISSING[variable]
    environment = {name: value for name, value in os.environ.items() if name != variable}
    results = tmp_path / "pytest.xml"
    done = run_pytest(TESTS, file, "-c", "pytest.ini", f"--junit-xml={results}", "-k", f"test_client and {cell}", environment=environment)
    cases = list(ElementTree.parse(results).getroot().iter("testcase"))
    assert [case.get("name") for case in cases] == [f"test_client[{cell}]"], done.stdout
    assert done.returncode == 1 and variable in done.stdout
    assert cases[0].find("skipped") is None
