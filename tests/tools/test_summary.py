"""tools/summary.py counts what ran, what failed and what skipped itself, and never counts a crash as a pass."""

import pathlib

import summary

CTEST = """<testsuite>
<testcase name="core_test" classname="core_test" status="run"/>
<testcase name="http_test" classname="http_test" status="fail"><failure message=""/></testcase>
<testcase name="leaky_test" classname="leaky_test" status="fail"><failure message=""/></testcase>
<testcase name="fuzz_corpus" classname="fuzz_corpus" status="run"/>
</testsuite>"""
CORE = """<testsuites><testsuite><testcase name="reads" classname="Bytes" status="run" result="completed"/>
<testcase name="vectors" classname="Hpke" status="run" result="skipped"><skipped message="absent: &#x0A;rfc9180"/></testcase>
</testsuite></testsuites>"""
LEAKY = '<testsuites><testsuite><testcase name="reads" classname="Leaky" status="run" result="completed"/></testsuite></testsuites>'
PYTEST = """<testsuites><testsuite><testcase classname="tests.a" name="good"/><testcase classname="tests.a" name="bad"><failure/></testcase>
<testcase classname="tests.a" name="broken"><error/></testcase></testsuite></testsuites>"""


def outcomes(root):
    return {(outcome.where, outcome.name): outcome for outcome in summary.collect(pathlib.Path(root))}


def test_counts_cases_crashes_and_skips(tree, capsys):
    root = tree({
        "checks": "passed\tbuild release\nfailed\trules\n",
        "release/ctest.xml": CTEST,
        "release/gtest/core_test.xml": CORE,
        "release/gtest/leaky_test.xml": LEAKY,
        "e2e/pytest.xml": PYTEST,
    })
    seen = outcomes(root)
    assert seen["release", "Hpke.vectors"].result == "skipped"
    assert seen["release", "Hpke.vectors"].reason == "absent: rfc9180"
    assert seen["release", "http_test"].result == "failed"  # died before it wrote its own file
    assert seen["release", "leaky_test (the program itself)"].result == "failed"
    assert seen["check", "rules"].result == "failed"
    assert summary.main(root) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "5 passed, 5 failed, 1 skipped"


def test_succeeds_only_when_something_passed_and_nothing_failed(tree, capsys):
    root = tree({"checks": "passed\tbuild release\n"})
    assert summary.main(root) == 0
    (root / "checks").write_text("")
    assert summary.main(root) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "0 passed, 0 failed, 0 skipped"
