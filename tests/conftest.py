"""What is marked `required`, `vllm` or `boot` is never skipped: what it needs is there, or it fails. Otherwise a missing client or engine would look like
a good run."""

import corpus_table
import pytest

NEVER_SKIPPED = ("required", "vllm", "boot")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    if report.skipped and not hasattr(report, "wasxfail") and any(item.get_closest_marker(name) for name in NEVER_SKIPPED):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome, report.longrepr = "failed", f"{item.nodeid} is required and may not be skipped: {reason}"


def pytest_terminal_summary(terminalreporter):
    counted = [(outcome, one) for outcome in ("passed", "failed", "error", "skipped") for one in terminalreporter.stats.get(outcome, [])]
    reports = [(outcome, one.nodeid) for outcome, one in counted if "verdict" in getattr(one, "keywords", {})]
    if table := corpus_table.lines(reports):
        terminalreporter.section("published evidence")
        for line in table:
            terminalreporter.write_line(line)
