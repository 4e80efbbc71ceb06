"""An engine that thinks for long: while its node is at work, a stream of events is never silent for long, and no client sees more than events."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

import anthropic
import openai
import pytest

from harness import MODEL, SLOW, Deployment
from lying_engine import CHUNKED, END, Ask, LyingEngine, chunk, head

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
COMMENT = b": keep-alive\n\n"
INTERVAL_S, PATIENCE_S, THINKING_S = 0.2, 2.5, 4


def thinks(asked):
    """Thinks before its first event and inside its last."""
    yield head(asked, CHUNKED)
    yield THINKING_S
    *events, last = asked.events()
    yield chunk(b"".join(events) + last[:8])
    yield THINKING_S
    yield chunk(last[8:]) + END


def thinks_before_its_head(asked):
    yield THINKING_S
    yield from (step for step in thinks(asked) if isinstance(step, bytes))


def thinks_unstreamed(asked):
    yield head(asked, CHUNKED)
    yield THINKING_S
    yield chunk(asked.body()) + END


@pytest.fixture(scope="module")
def engine():
    with LyingEngine() as running:
        running.extra = {"thinks": thinks, "late": thinks_before_its_head, "unstreamed": thinks_unstreamed}
        yield running


@pytest.fixture(scope="module")
def thinkers(tmp_path_factory, engine):
    with Deployment(tmp_path_factory.mktemp("thinkers"), nodes=1, engines=[engine.url]) as running:
        for party in ("node-1", "proxy"):
            running.change(party, keep_alive=f"{INTERVAL_S * 1000:.0f}ms")
        running.wait_answering()
        yield running


def words(how, marker):
    return [{"role": "user", "content": f"lie:{how}:{marker}"}]


def raw(url, path, body, patience_s, profile="balanced"):
    """All that comes over a plain socket whose every read may wait for so long; a longer silence raises TimeoutError."""
    parts = urllib.parse.urlsplit(url)
    text = json.dumps(body).encode()
    with socket.create_connection((parts.hostname, parts.port), timeout=patience_s) as end:
        end.sendall(f"POST {path} HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-type: application/json\r\nopenpcc-profile: {profile}\r\n"
                    f"connection: close\r\ncontent-length: {len(text)}\r\n\r\n".encode() + text)
        data = b""
        while piece := end.recv(65536):
            data += piece
    return data


def unchunked(answer):
    """The body of an answer in chunks, and whether its last chunk came."""
    rest, body = answer.partition(b"\r\n\r\n")[2], b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        n = int(size, 16)
        if n == 0:
            return body, True
        body, rest = body + rest[:n], rest[n + 2 :]
    return body, False


def check_survives(thinkers, path, profile):
    body = {"model": MODEL, "stream": True, "max_tokens": 10, "messages": words("thinks", "deep")}
    data, ended = unchunked(raw(thinkers.url, path, body, PATIENCE_S, profile))
    assert ended
    asked = Ask(path, True, "deep")
    pieces = data.split(COMMENT)
    assert b"".join(pieces) == asked.body(), "beside comments the stream is the engine's"
    assert all(piece == b"" or piece.endswith(b"\n\n") for piece in pieces), "comments stand between events"
    assert data.startswith(COMMENT), "before the first event, too"
    assert 4 <= len(pieces) - 1 <= 2 * THINKING_S / INTERVAL_S + 2, "several in each silence, and no more than one in an interval"


def test_an_impatient_application_survives_thinking(thinkers):
    cases = [(CHAT, "low-latency"), (CHAT, "balanced"), (CHAT, "strict"), (MESSAGES, "balanced")]
    with ThreadPoolExecutor(len(cases)) as beside:
        for done in [beside.submit(check_survives, thinkers, *case) for case in cases]:
            done.result()


def test_without_them_it_would_not(thinkers):
    """The control: an answer that is no stream is silent for as long as the engine thinks."""
    body = {"model": MODEL, "messages": words("unstreamed", "deep")}
    with pytest.raises(TimeoutError):
        raw(thinkers.url, CHAT, body, PATIENCE_S)


def test_an_answer_of_json_holds_no_comments(thinkers):
    body = {"model": MODEL, "messages": words("unstreamed", "deep")}
    answer = raw(thinkers.url, CHAT, body, 60 * SLOW)
    assert answer.partition(b"\r\n\r\n")[2] == Ask(CHAT, False, "deep").body()


def test_before_the_engines_head_nothing_can_be_said(thinkers):
    body = {"model": MODEL, "stream": True, "messages": words("late", "deep")}
    with pytest.raises(TimeoutError):
        raw(thinkers.url, CHAT, body, PATIENCE_S)
    assert unchunked(raw(thinkers.url, CHAT, body, 60 * SLOW)) == (Ask(CHAT, True, "deep").body(), True)


def test_a_path_that_died_stays_silent(thinkers):
    """Only the node's own frames bring comments: with the node stopped nothing pretends that it works."""
    parts = urllib.parse.urlsplit(thinkers.url)
    text = json.dumps({"model": MODEL, "stream": True, "messages": words("thinks", "deep")}).encode()
    node = thinkers.pid("node-1")
    with socket.create_connection((parts.hostname, parts.port), timeout=60 * SLOW) as end:
        end.sendall(f"POST {CHAT} HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-type: application/json\r\ncontent-length: {len(text)}\r\n\r\n".encode() + text)
        data = b""
        while COMMENT not in data:
            data += end.recv(65536)
        os.kill(node, signal.SIGSTOP)
        try:
            time.sleep(2 * INTERVAL_S * SLOW)
            end.setblocking(False)
            with contextlib.suppress(BlockingIOError):  # what was under way
                end.recv(1 << 20)
            end.settimeout(PATIENCE_S)
            with pytest.raises(TimeoutError):
                end.recv(1)
        finally:
            os.kill(node, signal.SIGCONT)


def test_openai_python_reads_through_them(thinkers):
    client = openai.OpenAI(base_url=thinkers.base_url, api_key="unused", max_retries=0, timeout=PATIENCE_S)
    chunks = list(client.chat.completions.create(model=MODEL, stream=True, messages=words("thinks", "deep")))
    assert [one.choices[0].delta.content for one in chunks] == ["Für ", "deep", "!"]


def test_anthropic_python_reads_through_them(thinkers):
    client = anthropic.Anthropic(base_url=thinkers.url, api_key="unused", max_retries=0, timeout=PATIENCE_S)
    with client.messages.create(model=MODEL, max_tokens=10, stream=True, messages=words("thinks", "deep")) as events:
        assert [event.type for event in events] == ["message_start", "content_block_delta", "message_stop"]


NODE_PROGRAM = """
import OpenAI from "openai";
import Anthropic from "@anthropic-ai/sdk";
const [url, model] = process.argv.slice(2);
const messages = [{ role: "user", content: "lie:thinks:deep" }];
async function text() {
  const client = new OpenAI({ baseURL: url + "/v1", apiKey: "unused", maxRetries: 0 });
  let all = "";
  for await (const chunk of await client.chat.completions.create({ model, stream: true, messages })) all += chunk.choices[0].delta.content;
  return all;
}
async function types() {
  const client = new Anthropic({ baseURL: url, apiKey: "unused", maxRetries: 0 });
  const all = [];
  for await (const event of await client.messages.create({ model, stream: true, max_tokens: 10, messages })) all.push(event.type);
  return all;
}
console.log(JSON.stringify(await Promise.all([text(), types()])));
"""


@pytest.mark.once
def test_openai_and_anthropic_on_node_read_through_them(thinkers, tmp_path):
    (tmp_path / "node_modules").symlink_to(pathlib.Path(__file__).resolve().parents[1] / "clients/node_modules")
    program = tmp_path / "read.mjs"
    program.write_text(NODE_PROGRAM)
    done = subprocess.run([os.environ["OPENPCC_NODE"], program, thinkers.url, MODEL], capture_output=True, text=True, timeout=60 * SLOW)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["Für deep!", ["message_start", "content_block_delta", "message_stop"]]
