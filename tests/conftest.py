"""What is marked `required`, `vllm` or `boot` is never skipped: what it needs is there, or it fails. Otherwise a missing client or engine would look like
a good run."""

import pytest

NEVER_SKIPPED = ("required", "vllm", "boot")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    if report.skipped and not hasattr(report, "wasxfail") and any(item.get_closest_marker(name) for name in NEVER_SKIPPED):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome, report.longrepr = "failed", f"{item.nodeid} is required and may not be skipped: {reason}"
