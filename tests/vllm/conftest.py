"""Real vLLM servers behind a whole deployment each. One runs at a time: it takes a minute to start, and up to 4 GB of memory."""

import contextlib
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))

from harness import Deployment  # noqa: E402  after the path
from vllm_server import GENERATING, MODEL, POOLING, vllm  # noqa: E402


def pytest_collection_modifyitems(items):
    for item in items:
        if pathlib.Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.vllm)
            item.add_marker(pytest.mark.timeout(900))


class OneAtATime:
    def __init__(self, folders):
        self.folders, self.kind, self.running = folders, None, None
        self.stack = contextlib.ExitStack()

    def use(self, kind, arguments, canary):
        if self.kind != kind:
            self.end()
            folder = self.folders.mktemp(kind)
            engine = self.stack.enter_context(vllm(folder, *arguments))
            self.running = self.stack.enter_context(Deployment(folder / "up", nodes=1, engines=[engine.listen], engine_kind="vllm", model=MODEL, engine_canary=canary))
            self.running.model, self.running.engine, self.kind = MODEL, engine, kind
        return self.running

    def end(self):
        self.kind = None
        self.stack.close()


@pytest.fixture(scope="session")
def one_at_a_time(tmp_path_factory):
    servers = OneAtATime(tmp_path_factory)
    yield servers
    servers.end()


@pytest.fixture(scope="module")
def generating(one_at_a_time):
    """A deployment before a vLLM that generates; its `engine` is that."""
    return one_at_a_time.use("generating", GENERATING, "/v1/chat/completions")


@pytest.fixture(scope="module")
def pooling(one_at_a_time):
    """A deployment before a vLLM that pools."""
    return one_at_a_time.use("pooling", POOLING, "/v1/embeddings")


@pytest.fixture
def no_other(one_at_a_time):
    """For a test that starts its own."""
    one_at_a_time.end()
