"""Whatever breaks between two parties, at whatever byte: an answer is whole, or it is an error. Never short, never another's."""

import http.client
import json
import os
import random
import urllib.parse

import pytest

from chain import HOPS, Chain, Fault, random_fault
from harness import MODEL, SLOW

# How many random cuts: enough to meet each hop, direction and kind often; `./dev test soak` makes ten thousand.
CUTS = int(os.environ.get("OPENPCC_CUTS", "0")) or (400 if SLOW == 1 else 60)
LAST_WORDS = "opened only beside me."
ANSWER_BYTES = 30_000  # of a streamed answer, sealed, at any hop


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    with Chain(tmp_path_factory.mktemp("chain")) as running:
        yield running


def ask(url, question, *, stream, profile="balanced"):
    """Returns (what the application may believe, text). "whole": the API says that the answer is complete. "error": the API says that it
    failed. "cut": the connection ended without either."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60 * SLOW)
    body = json.dumps({"model": MODEL, "stream": stream, "messages": [{"role": "user", "content": question}]})
    try:
        connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json", "openpcc-profile": profile})
        answer = connection.getresponse()
        data = b""
        try:
            while piece := answer.read1(65536):
                data += piece
        except (http.client.HTTPException, OSError):
            assert stream, "an answer of JSON is passed on whole or not at all"
            return ("error" if b"event: error" in data else "cut"), data.decode(errors="replace")
        if answer.status != 200:
            assert json.loads(data)["error"]["code"] and answer.getheader("x-should-retry") == "false"
            return "error", data.decode()
        return "whole", text_of(data, stream)
    finally:
        connection.close()


def text_of(data, stream):
    if not stream:
        return json.loads(data)["choices"][0]["message"]["content"]
    events = data.decode().split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""], "a stream that ended well ends with its last event"
    chunks = [json.loads(event.removeprefix("data: ")) for event in events[:-2]]
    return "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks if chunk["choices"])


def check(outcome, text, marker):
    if outcome == "whole":
        assert marker in text and text.endswith(LAST_WORDS), f"a short or foreign answer was called whole: {text[-200:]!r}"


@pytest.mark.timeout(3600)
def test_random_cuts_never_give_a_short_answer(chain):
    chance = random.Random(20260101)
    seen = {"whole": 0, "error": 0, "cut": 0}
    happened = 0
    for n in range(CUTS):
        marker = f"marker-{n:05}"
        hop = chance.choice(HOPS)
        with chain.fault(hop, random_fault(chance, ANSWER_BYTES)) as fired:
            outcome, text = ask(chain.url, f"Who reads {marker}?", stream=chance.random() < 0.7,
                                profile=chance.choice(["low-latency", "balanced", "balanced"]))
            happened += fired()
        check(outcome, text, marker)
        seen[outcome] += 1
    assert happened > CUTS / 3, f"only {happened} of {CUTS} faults happened"
    assert seen["error"] + seen["cut"] > CUTS / 10, seen
    assert ask(chain.url, "Who reads the-last-one?", stream=True)[0] == "whole", "the chain is well afterwards"
    print(f"\n{CUTS} requests, {happened} disturbed: {seen}")


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("hop", HOPS)
def test_a_cut_before_any_answer_is_tried_again_or_told(chain, hop, stream):
    with chain.fault(hop, Fault("reset", "received", 0)):
        outcome, text = ask(chain.url, "Who reads marker-early?", stream=stream)
    check(outcome, text, "marker-early")
    assert outcome != "cut", "nothing of the answer had come, so the error can be told"


@pytest.mark.parametrize("hop", HOPS)
def test_delays_and_stalls_change_nothing(chain, hop):
    for kind in ("delay", "stall"):
        with chain.fault(hop, Fault(kind, "received", 500)) as fired:
            outcome, text = ask(chain.url, f"Who reads marker-{kind}?", stream=True)
            assert fired()
        assert outcome == "whole"
        check(outcome, text, f"marker-{kind}")
