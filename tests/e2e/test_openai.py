"""Unchanged OpenAI clients through the whole private path."""

import json
import os
import pathlib
import subprocess

import openai
import pytest

from harness import MODEL, Stream, chat_body, get

NODE_CLIENT = pathlib.Path(__file__).parent.parent / "clients" / "chat.mjs"


@pytest.fixture
def client(deployment):
    return openai.OpenAI(base_url=deployment.base_url, api_key="unused", max_retries=0)


def test_python_answer(client):
    answer = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "Who can read this?"}])
    assert answer.choices[0].finish_reason == "stop"
    assert "demo engine" in answer.choices[0].message.content
    assert answer.usage.completion_tokens > 0


def test_python_stream(client):
    stream = client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "hello"}], stream=True, stream_options={"include_usage": True})
    chunks = list(stream)
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert "demo engine" in text
    assert chunks[-1].usage.completion_tokens > 0
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"


def test_python_async_streams_side_by_side(deployment):
    import asyncio

    async def ask(client, n):
        stream = await client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": f"question number {n}"}], stream=True)
        return "".join([c.choices[0].delta.content or "" async for c in stream if c.choices])

    async def main():
        async with openai.AsyncOpenAI(base_url=deployment.base_url, api_key="unused", max_retries=0) as client:
            return await asyncio.gather(*(ask(client, n) for n in range(20)))

    answers = asyncio.run(main())
    for n, text in enumerate(answers):
        assert f"number {n}" in text, "an answer belongs to another question"


def test_models_come_from_verified_nodes(client):
    assert [m.id for m in client.models.list()] == [MODEL]


def test_unknown_model_is_refused_before_anything_is_sent(client):
    with pytest.raises(openai.NotFoundError) as refused:
        client.chat.completions.create(model="other", messages=[{"role": "user", "content": "x"}])
    assert refused.value.code == "client.unknown_model"


def test_engine_errors_arrive_as_openai_errors(client):
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model=MODEL, messages="not a list")


def test_node_client(deployment):
    done = subprocess.run([os.environ.get("OPENPCC_NODE", "node"), str(NODE_CLIENT), deployment.base_url, MODEL],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert "demo engine" in result["answer"]
    assert "demo engine" in result["streamed"]


def test_curl(deployment):
    done = subprocess.run(["curl", "-sSN", deployment.url + "/v1/chat/completions", "-H", "content-type: application/json", "-H", "Expect: 100-continue",
                           "-d", json.dumps(chat_body(stream=True))], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith("data: [DONE]")


def test_verdict_says_simulated_and_what_it_cannot_show(deployment):
    status, body = get(deployment.url + "/openpcc/verdict")
    assert status == 200
    nodes = json.loads(body)["nodes"]
    assert len(nodes) == 3
    for node in nodes:
        assert node["outcome"] == "accept_simulated"
        states = {row["property"]: row["state"] for row in node["rows"]}
        assert states["witnessed"] == "not_checked"
        assert states["one_chassis"] == "not_provable"
        assert states["separation"] in ("failed", "not_checked", "not_provable")


@pytest.mark.parametrize("headers, rule", [
    ({"Host": "evil.example"}, "client.proxy.host"),
    ({"Origin": "https://evil.example"}, "client.proxy.origin"),
])
def test_web_pages_cannot_spend_the_users_tokens(deployment, headers, rule):
    status, body = get(deployment.base_url + "/models", headers)
    assert status == 403
    assert json.loads(body)["error"]["code"] == rule


def test_what_is_not_posted_is_refused(deployment):
    status, body = get(deployment.base_url + "/chat/completions")
    assert status == 400
    assert json.loads(body)["error"]["code"] == "client.proxy.method"


@pytest.mark.parametrize("profile", ["low-latency", "balanced", "strict"])
def test_profiles_give_the_same_answer(deployment, profile):
    stream = Stream(deployment.url, chat_body(stream=True), headers={"openpcc-profile": profile})
    assert stream.read_to_end()
    assert stream.data.endswith(b"data: [DONE]\n\n")
    stream.close()
