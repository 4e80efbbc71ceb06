"""`openpcc policy lint`, the policies in examples/policies, and what docs/evidence.md says of their settings."""

import base64
import hashlib
import json
import re
import subprocess

import pytest

from harness import BIN, ROOT

pytestmark = pytest.mark.once

EXAMPLES = sorted((ROOT / "examples/policies").glob("*.toml"))
AT = "2026-09-01T00:00:00Z"


def lint(*arguments):
    return subprocess.run([BIN / "openpcc", "policy", "lint", *map(str, arguments)], capture_output=True, text=True, timeout=60)


def advice(path, at=AT):
    done = lint(path, "--at", at, "-o", "json")
    (entry,) = json.loads(done.stdout)
    return done.returncode, entry["advice"]


def own_key(placeholder):
    """A key under the name of an example's, of the same type."""
    name, _, key = placeholder.group().split("+", 2)
    key = base64.b64decode(key)[:1] + hashlib.sha256(name.encode()).digest()
    number = hashlib.sha256(name.encode() + b"\n" + key).hexdigest()[:8]
    return f"{name}+{number}+{base64.b64encode(key).decode()}"


def filled(text):
    """An example whose placeholders are replaced."""
    text = re.sub(r'you\.example/\w+\+\w+\+[\w+/=]+', own_key, text)
    return re.sub(r'(?<=")0+(?=")', lambda zeros: "1" * len(zeros.group()), text)


@pytest.fixture
def write(tmp_path):
    def write_policy(text):
        path = tmp_path / "policy.toml"
        path.write_text(text)
        return path

    return write_policy


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_warns_of_its_placeholders_alone(example, write):
    code, all_of_it = advice(example)
    warnings = [one for one in all_of_it if one["weight"] == "warning"]
    assert code == 10
    assert {one["rule"] for one in warnings} <= {"policy.lint.placeholder", "policy.lint.accepts_nothing"}
    zeros = set(re.findall(r'^(\w+) = \["0+"\]', example.read_text(), re.MULTILINE))
    assert {one["about"].split(".")[1] for one in warnings if one["rule"] == "policy.lint.placeholder"} == zeros | {"directory", "beacon"}
    code, all_of_it = advice(write(filled(example.read_text())))
    assert [one["about"] for one in all_of_it if one["weight"] == "warning"] == [] and code == 0


def test_an_example_is_production_but_the_one_for_development():
    kinds = {path.stem: re.search(r'^kind = "(\w+)"', path.read_text(), re.MULTILINE).group(1) for path in EXAMPLES}
    assert len(kinds) == 5 and [name for name, kind in kinds.items() if kind != "production"] == ["development"]


def settings_of(text):
    """{"table.key"} of a policy, those included that stand in comments."""
    table, found = "", set()
    for line in text.splitlines():
        line = line.removeprefix("# ")
        if header := re.match(r"\[([\w.]+)\]", line):
            table = re.sub(r"(min_tcb|accept)\.\w+", r"\1", header.group(1)) + "."
        elif key := re.match(r"(\w+) = [\[\"\w]", line):
            found.add(table + key.group(1))
    return found


def test_documented_settings_are_those_of_the_examples():
    section = (ROOT / "docs/evidence.md").read_text().partition("## A policy for real machines")[2].partition("\n## ")[0]
    documented = {name for row in section.splitlines() if row.startswith("| `") for name in re.findall(r"`([\w.]+)`", row.split("|")[1])}
    used = set().union(*(settings_of(path.read_text()) for path in EXAMPLES))
    assert documented == used


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_settings_in_comments_are_known(example, write):
    """Each alone, put in force where it stands: nothing but a contradiction may refuse it."""
    lines = filled(example.read_text()).splitlines()
    for number, line in enumerate(lines):
        if re.match(r"# \w+ = [\[\"\w]", line) and not re.match(r"# (advisories|until) ", line):
            name = line.split()[1]
            done = lint(write("\n".join([*lines[:number], line[2:], *lines[number + 1 :]])), "-o", "json")
            (entry,) = json.loads(done.stdout)
            assert "advice" in entry or entry["rule"] in ("policy.exception.chip_ledger", "policy.snp.id_key"), (name, entry)


def test_what_is_over_is_over_as_of_the_time_that_is_given(write):
    text = filled((ROOT / "examples/policies/bare-metal-tdx.toml").read_text())
    path = write(text + '[tdx.accept.OutOfDate]\nadvisories = []\nuntil = "2026-09-01T00:00:00Z"\n')
    assert advice(path, "2026-08-31T23:59:59Z")[0] == 0
    code, all_of_it = advice(path)
    assert code == 10 and all_of_it[0]["rule"] == "policy.lint.over"
    assert "ended on 2026-09-01T00:00:00Z" in lint(path, "--at", AT).stdout


def test_a_file_that_is_no_policy_is_told_with_its_line_and_a_remedy(write):
    text = filled((ROOT / "examples/policies/bare-metal-snp.toml").read_text())
    number = text.splitlines().index("[snp]") + 2
    path = write(text.replace("\nvmpl = 0", "\nvpml = 0"))
    done = lint(path)
    assert done.returncode == 30
    assert f"policy.parse.unknown_key: line {number}: snp.vpml; did you mean vmpl?" in done.stdout and "remedy" in done.stdout
    (entry,) = json.loads(lint(path, "-o", "json").stdout)
    assert entry["rule"] == "policy.parse.unknown_key" and entry["remedy"]


def test_a_policy_of_somebody_else_s_steers_no_terminal(write):
    path = write('"\\u001b[2J" = 1\nkind = "\\u001b[2J"\n')
    done = lint(path)
    assert done.returncode == 30 and "\x1b" not in done.stdout
    text = filled(EXAMPLES[0].read_text()) + '["\\u001b[2J"]\n'
    done = lint(write(text))
    assert done.returncode == 30 and "?[2J" in done.stdout and "\x1b" not in done.stdout


def test_the_worst_of_several_files_counts(write, tmp_path):
    good = write(filled((ROOT / "examples/policies/bare-metal-tdx.toml").read_text()))
    assert lint(good).returncode == 0
    assert lint(good, EXAMPLES[0]).returncode == 10
    broken = tmp_path / "broken.toml"
    broken.write_text("kind =")
    assert lint(EXAMPLES[0], broken, good).returncode == 30
    assert lint(tmp_path / "none.toml").returncode == 1


def test_usage():
    assert "what it costs" in lint("--help").stdout
    assert lint().returncode == 2
    assert subprocess.run([BIN / "openpcc", "policy"], capture_output=True, timeout=60).returncode == 2
