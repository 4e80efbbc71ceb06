"""A real vLLM on the CPU behind the whole private path: what it does with the salt, with clients that leave, and what it says of itself."""

import http.client
import json
import urllib.parse

import anthropic
import openai
import pytest

from harness import Stream, cached_tokens, post, wait_until
from vllm_server import MODEL

PREFIX = "the quick brown fox jumps over the lazy dog " * 20  # one token a letter


@pytest.fixture
def client(generating):
    return openai.OpenAI(base_url=generating.base_url, api_key="unused", max_retries=0)


def cached(url, path, question=None):
    status, answer = post(url, path, {"model": MODEL, **(question or QUESTIONS[path])})
    assert status == 200, answer
    return cached_tokens(answer) or 0


QUESTIONS = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": PREFIX}], "max_tokens": 1},
    "/v1/completions": {"prompt": PREFIX, "max_tokens": 1},
    "/v1/responses": {"input": PREFIX, "max_output_tokens": 1},
    "/v1/messages": {"messages": [{"role": "user", "content": PREFIX}], "max_tokens": 1},
}


@pytest.mark.parametrize("path", QUESTIONS)
def test_asked_directly_it_shares_its_cache(generating, path):
    cached(generating.engine.listen, path)
    assert cached(generating.engine.listen, path) >= 512


@pytest.mark.parametrize("path", QUESTIONS)
def test_a_prefix_of_another_user_is_not_served_from_the_cache(generating, path):
    for url in (generating.url, generating.engine.listen, generating.url, generating.url):
        tokens = cached(url, path)
    assert tokens == 0


@pytest.mark.parametrize("cache", ["conversation", "day"])
def test_whoever_opts_in_finds_the_prefix_of_the_own_conversation(generating, cache):
    client = openai.OpenAI(base_url=generating.base_url, api_key="unused", max_retries=0, default_headers={"openpcc-cache": cache})
    begun = [{"role": "user", "content": f"{cache} {PREFIX}"}]
    for messages, least in ((begun, 0), (begun + [{"role": "assistant", "content": "yes"}, {"role": "user", "content": "more"}], 512)):
        usage = client.chat.completions.create(model=MODEL, messages=messages, max_tokens=1).usage
        found = usage.prompt_tokens_details.cached_tokens if usage.prompt_tokens_details else 0
        assert (found or 0) >= least
    # Neither who asks the engine itself nor who opts into nothing finds it.
    question = {"messages": begun, "max_tokens": 1}
    assert cached(generating.engine.listen, "/v1/chat/completions", question) == 0
    assert cached(generating.url, "/v1/chat/completions", question) == 0


def test_no_path_is_refused(generating):
    assert "engine_shares_cache" not in (generating.folder / "log/node-1.log").read_text()
    client = anthropic.Anthropic(base_url=generating.url, api_key="unused", max_retries=0)
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
def test_a_client_that_leaves_ends_its_work(generating, stream):
    engine = generating.engine
    body = {"model": MODEL, "stream": stream, "max_tokens": 3500, "messages": [{"role": "user", "content": "x"}]}
    with engine.endless() as stopped:
        if stream:
            asked = Stream(generating.url, body)
            asked.read_until(lambda data: b"data: " in data)
            asked.close()
        else:
            parts = urllib.parse.urlsplit(generating.url)
            connection = http.client.HTTPConnection(parts.hostname, parts.port)
            connection.request("POST", "/v1/chat/completions", json.dumps(body), {"content-type": "application/json"})
            wait_until(lambda: engine.metric("num_requests_running") == 1, 30, "the engine works")
            connection.close()
        stopped()


def test_its_load_is_re_exported(generating):
    wait_until(lambda: generating.metrics("node-1").get("openpcc_engine_requests_running") == 0, 10, "the node reads the engine's metrics")
    assert "openpcc_engine_cache_percent" in generating.metrics("node-1")
