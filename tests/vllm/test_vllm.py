"""A real vLLM on the CPU behind the whole private path: what it does with the salt, with clients that leave, and what it says of itself."""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import time
import urllib.request

import anthropic
import openai
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))

from harness import Deployment, Stream, free_port, get, wait_until  # noqa: E402

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(900)]

MODEL = "random-weights"
PREFIX = "the quick brown fox jumps over the lazy dog " * 20
QUIET = {"VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1",
         "VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "2", "VLLM_HOST_IP": "127.0.0.1",
         "TORCH_COMPILE_DISABLE": "1"}  # or the first request with logprobs compiles for most of a minute


@contextlib.contextmanager
def vllm(folder, *arguments):
    """Starts vLLM and yields its URL."""
    python = os.environ["OPENPCC_VLLM_PYTHON"]
    subprocess.run([python, pathlib.Path(__file__).parent / "make_model.py", folder / "model"], check=True)
    with free_port() as port, open(folder / "vllm.log", "wb") as log:
        command = [python, "-m", "vllm.entrypoints.openai.api_server", "--model", folder / "model", "--served-model-name", MODEL, "--host", "127.0.0.1",
                   "--port", str(port), "--dtype", "bfloat16", "--max-model-len", "4096", "--max-num-seqs", "16", "--enforce-eager",
                   "--enable-prompt-tokens-details", *arguments]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | QUIET
        process = subprocess.Popen([str(word) for word in command], stdout=log, stderr=subprocess.STDOUT, env=environment)
        url = f"http://127.0.0.1:{port}"

        def healthy():
            assert process.poll() is None, (folder / "vllm.log").read_text(errors="replace")[-4000:]
            try:
                return get(url + "/health")[0] == 200
            except OSError:
                time.sleep(0.5)
                return False

        try:
            wait_until(healthy, 400, "vLLM is up")
            yield url
        finally:
            process.terminate()
            process.wait(timeout=60)


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    with vllm(tmp_path_factory.mktemp("vllm")) as url:
        yield url


@pytest.fixture(scope="module")
def service(tmp_path_factory, engine):
    with Deployment(tmp_path_factory.mktemp("service"), nodes=1, engines=[engine], engine_kind="vllm", model=MODEL) as running:
        yield running


@pytest.fixture
def client(service):
    return openai.OpenAI(base_url=service.base_url, api_key="unused", max_retries=0)


def ask(url, path, body):
    request = urllib.request.Request(url + path, json.dumps({"model": MODEL, **body}).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.loads(answer.read())


def cached(url, path, body):
    usage = ask(url, path, body)["usage"]
    details = usage.get("prompt_tokens_details") or usage.get("input_tokens_details") or {}
    return usage.get("cache_read_input_tokens") or details.get("cached_tokens") or 0


QUESTIONS = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": PREFIX}], "max_tokens": 1},
    "/v1/completions": {"prompt": PREFIX, "max_tokens": 1},
    "/v1/responses": {"input": PREFIX, "max_output_tokens": 1},
    "/v1/messages": {"messages": [{"role": "user", "content": PREFIX}], "max_tokens": 1},
}


def test_asked_directly_it_shares_its_cache(engine):
    cached(engine, "/v1/chat/completions", QUESTIONS["/v1/chat/completions"])
    assert cached(engine, "/v1/chat/completions", QUESTIONS["/v1/chat/completions"]) >= 512


@pytest.mark.parametrize("path", QUESTIONS)
def test_a_prefix_of_another_user_is_not_served_from_the_cache(service, engine, path):
    for url in (service.url, engine, service.url, service.url):
        tokens = cached(url, path, QUESTIONS[path])
    assert tokens == 0


@pytest.mark.parametrize("cache", ["conversation", "day"])
def test_whoever_opts_in_finds_the_prefix_of_the_own_conversation(service, engine, cache):
    client = openai.OpenAI(base_url=service.base_url, api_key="unused", max_retries=0, default_headers={"openpcc-cache": cache})
    begun = [{"role": "user", "content": f"{cache} {PREFIX}"}]
    for messages, least in ((begun, 0), (begun + [{"role": "assistant", "content": "yes"}, {"role": "user", "content": "more"}], 512)):
        usage = client.chat.completions.create(model=MODEL, messages=messages, max_tokens=1).usage
        found = usage.prompt_tokens_details.cached_tokens if usage.prompt_tokens_details else 0
        assert (found or 0) >= least
    # Neither who asks the engine itself nor who opts into nothing finds it.
    question = {"messages": begun, "max_tokens": 1}
    assert cached(engine, "/v1/chat/completions", question) == 0
    assert cached(service.url, "/v1/chat/completions", question) == 0


def test_no_path_is_refused(service):
    assert "engine_shares_cache" not in (service.folder / "log/node-1.log").read_text()
    client = anthropic.Anthropic(base_url=service.url, api_key="unused", max_retries=0)
    assert client.messages.create(model=MODEL, max_tokens=4, messages=[{"role": "user", "content": "x"}]).usage.output_tokens == 4


def test_streams_with_usage(client):
    chunks = list(client.chat.completions.create(model=MODEL, max_tokens=8, stream=True, stream_options={"include_usage": True},
                                                 messages=[{"role": "user", "content": "hello"}]))
    assert chunks[-1].usage.completion_tokens == 8
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "length"


def test_responses_stream_to_their_end(client):
    events = [event.type for event in client.responses.create(model=MODEL, input="hello", max_output_tokens=8, stream=True)]
    assert events[0] == "response.created" and events[-1] in ("response.completed", "response.incomplete")


def test_logprobs(client):
    answer = client.chat.completions.create(model=MODEL, max_tokens=40, logprobs=True, top_logprobs=2, temperature=0,
                                            messages=[{"role": "user", "content": "x"}])
    assert len(answer.choices[0].logprobs.content) == 40


def test_errors_of_the_engine_arrive_as_they_are(client):
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model=MODEL, max_tokens=1_000_000, messages=[{"role": "user", "content": "x"}])
    assert "max_tokens" in str(refused.value) or "context" in str(refused.value)


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_ends_its_work(service, engine, stream):
    def running():
        text = get(engine + "/metrics")[1].decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith("vllm:num_requests_running{"))

    body = {"model": MODEL, "stream": stream, "max_tokens": 3500, "messages": [{"role": "user", "content": "x"}]}
    if stream:
        asked = Stream(service.url, body)
        asked.read_until(lambda data: b"data: " in data)
        asked.close()
    else:
        import http.client
        import urllib.parse
        parts = urllib.parse.urlsplit(service.url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port)
        connection.request("POST", "/v1/chat/completions", json.dumps(body), {"content-type": "application/json"})
        wait_until(lambda: running() == 1, 30, "the engine works")
        connection.close()
    wait_until(lambda: running() == 0, 10, "the engine stops")


def test_its_load_is_re_exported(service):
    wait_until(lambda: service.metrics("node-1").get("openpcc_engine_requests_running") == 0, 10, "the node reads the engine's metrics")
    assert "openpcc_engine_cache_percent" in service.metrics("node-1")


def test_embeddings_of_a_pooling_server(tmp_path):
    with vllm(tmp_path, "--runner", "pooling", "--convert", "embed") as engine, \
            Deployment(tmp_path / "up", nodes=1, engines=[engine], engine_kind="vllm", model=MODEL, engine_canary="/v1/embeddings") as service:
        client = openai.OpenAI(base_url=service.base_url, api_key="unused", max_retries=0)
        vectors = client.embeddings.create(model=MODEL, input=["one", "two", "one"]).data
        assert vectors[0].embedding == vectors[2].embedding != vectors[1].embedding
