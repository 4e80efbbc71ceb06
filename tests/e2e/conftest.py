import pytest

from harness import Deployment


@pytest.fixture(scope="module")
def deployment(tmp_path_factory):
    with Deployment(tmp_path_factory.mktemp("deployment")) as running:
        yield running


@pytest.fixture(scope="module")
def slow_deployment(tmp_path_factory):
    """One node whose engine takes its time, so that an answer can be disturbed while it runs."""
    with Deployment(tmp_path_factory.mktemp("slow"), nodes=1, ttft="10ms", tpot="20ms") as running:
        yield running
