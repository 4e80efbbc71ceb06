"""A real llama.cpp server that its node starts, and one that is replaced by somebody else while nobody looks."""

import signal
import subprocess

import pytest

from harness import KEPT_APART, SHARING, Deployment, LlamaEngine, cached_tokens, free_port, llama_command, post, wait_until
from started_engine import kill_the_engine, kill_the_node, started_engine

pytestmark = [pytest.mark.once, pytest.mark.required]

MODEL = LlamaEngine.MODEL
MESSAGES = {"model": MODEL, "max_tokens": 1, "messages": [{"role": "user", "content": "x"}]}


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    folder = tmp_path_factory.mktemp("started")
    with free_port() as port:
        with started_engine(folder, "llama.cpp", MODEL, llama_command(folder, "--port", str(port)), port, start_s=20) as running:
            yield running


def test_the_node_switches_its_cache_off(started):
    for path in ("/v1/chat/completions", "/v1/messages"):
        for _ in range(2):
            status, answer = started.ask(path)
        assert status == 200 and cached_tokens(answer) == 0


def test_an_engine_that_is_killed_is_started_again(started):
    kill_the_engine(started)
    assert started.ask("/v1/messages")[0] == 200


def test_an_engine_goes_with_its_node(started):
    kill_the_node(started)
    started.wait_ready()


def begin(folder, port, arguments):
    process = subprocess.Popen(llama_command(folder, "--port", str(port), *arguments), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return process


def test_an_engine_that_somebody_replaces_is_measured_before_it_is_asked(tmp_path):
    """One that keeps requests apart, then one that does not: no request may reach the latter on the strength of the former."""
    with free_port() as port:
        engine = begin(tmp_path, port, KEPT_APART)
        try:
            assert engine.stdout.readline()
            with Deployment(tmp_path / "up", nodes=1, engines=[f"http://127.0.0.1:{port}"], engine_kind="llama.cpp", model=MODEL) as service:
                assert post(service.url, "/v1/messages", MESSAGES)[0] == 200
                engine.send_signal(signal.SIGKILL)
                engine.wait()
                engine = begin(tmp_path, port, SHARING)
                seen = []

                def refused():
                    seen.append(post(service.url, "/v1/messages", MESSAGES)[0])
                    return seen[-1] == 501

                wait_until(refused, 20, "the path is refused")
                assert 200 not in seen
                assert "engine_shares_cache" in (service.folder / "log/node-1.log").read_text()
        finally:
            engine.kill()
            engine.wait()
