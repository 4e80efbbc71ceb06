import pytest

from harness import Deployment, faulty_engine, llama_engine


@pytest.fixture(scope="module")
def deployment(tmp_path_factory):
    with Deployment(tmp_path_factory.mktemp("deployment")) as running:
        yield running


@pytest.fixture(scope="module")
def slow_deployment(tmp_path_factory):
    """One node whose engine takes its time, so that an answer can be disturbed while it runs."""
    with Deployment(tmp_path_factory.mktemp("slow"), nodes=1, ttft="10ms", tpot="20ms") as running:
        yield running


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    """A demo engine whose faults the test chooses while it runs; `service` is a deployment of one node in front of it."""
    with faulty_engine(tmp_path_factory.mktemp("engine")) as running:
        yield running


@pytest.fixture(scope="module")
def service(tmp_path_factory, engine):
    with Deployment(tmp_path_factory.mktemp("service"), nodes=1, engines=[engine.listen]) as running:
        yield running


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    """A node in front of a real llama.cpp server, whose model has random weights."""
    with llama_engine(tmp_path_factory.mktemp("llama-engine")) as engine:
        with Deployment(tmp_path_factory.mktemp("llama"), nodes=1, engines=[engine.listen], engine_kind="llama.cpp", model=engine.MODEL) as running:
            running.model, running.engine = engine.MODEL, engine
            yield running
