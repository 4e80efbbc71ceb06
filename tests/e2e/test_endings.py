"""Every ending is the truth: whatever dies in mid-stream, no cut answer looks complete."""

import json
import random
import time

import openai
import pytest

from harness import MODEL, SLOW, Stream, chat_body, wait_until

# How many bytes of an answer the application has seen when a party is killed: spread over the whole answer, the same in each run.
OFFSETS = sorted(random.Random(20).sample(range(1, 6000), 20))
LONG = "Tell me something long. " * 30


def cut_stream(deployment, offset, kill):
    """Kills parties when `offset` bytes of a streamed answer arrived. Returns what the application saw, and whether it looked complete."""
    stream = Stream(deployment.url, chat_body(LONG, stream=True, max_tokens=400))
    assert stream.status == 200
    reached = stream.read_until(lambda data: len(data) >= offset)
    assert reached, f"the answer ended after {len(stream.data)} bytes, before {offset}"
    for party in kill:
        deployment.kill(party)
    complete = stream.read_to_end()
    stream.close()
    return stream.data, complete


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kill", [["engine-1"], ["node-1"], ["gateway"], ["relay-1", "relay-2"]], ids=["engine", "node", "gateway", "relay"])
def test_killed_in_mid_stream_is_an_error(slow_deployment, kill):
    offsets = OFFSETS if SLOW == 1 else OFFSETS[::5]
    for offset in offsets:
        data, complete = cut_stream(slow_deployment, offset, kill)
        assert not complete, f"cut after {offset} bytes, and the connection ended as if the answer were whole"
        assert b"[DONE]" not in data
        assert b"event: error" in data, "the application is told inside its stream"
        slow_deployment.wait_ready()
        slow_deployment.wait_answering()


def test_sdk_raises_when_the_engine_dies(slow_deployment):
    client = openai.OpenAI(base_url=slow_deployment.base_url, api_key="unused", max_retries=0)
    stream = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": LONG}], stream=True)
    with pytest.raises((openai.APIError, openai.APIConnectionError)):
        for n, _ in enumerate(stream):
            if n == 5:
                slow_deployment.kill("engine-1")
    slow_deployment.wait_answering()


def test_unstreamed_answer_that_is_cut_is_an_error(slow_deployment):
    client = openai.OpenAI(base_url=slow_deployment.base_url, api_key="unused", max_retries=0)
    import threading

    threading.Timer(0.3 * SLOW, lambda: slow_deployment.kill("engine-1")).start()
    with pytest.raises(openai.APIError):
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": LONG}])
    slow_deployment.wait_answering()


def test_client_that_leaves_cancels_the_engines_work(slow_deployment):
    before = slow_deployment.metrics("engine-1").get("openpcc_cancelled_total", 0)
    stream = Stream(slow_deployment.url, chat_body(LONG, stream=True, max_tokens=400))
    stream.read_until(lambda data: b"data: " in data)
    stream.close()
    wait_until(lambda: slow_deployment.metrics("engine-1").get("openpcc_cancelled_total", 0) > before, 5, "the engine stops")


def test_a_service_that_is_down_says_so_once(slow_deployment):
    """One error with its cause, and no retry by the SDK: the proxy has tried already, within four nodes."""
    slow_deployment.kill("node-1")
    stream = Stream(slow_deployment.url, chat_body())
    body = stream.read_to_end() and stream.data
    if stream.status != 200:
        assert stream.answer.getheader("x-should-retry") == "false"
        error = json.loads(body)["error"]
        assert error["type"] == "openpcc_error" and error["code"]
    stream.close()
    slow_deployment.wait_ready()
    slow_deployment.wait_answering()
