"""An engine that lies gets what a strict HTTP client would do with it, never more: through all parties, what the application receives, what the
node counts, and that the next request is answered honestly. h11, a strict client of its own, judges the same bytes; where our judgement is
harsher, the table says why."""

import contextlib
import dataclasses
import http.client
import itertools
import json
import re
import time
import urllib.parse

import h11
import pytest

from harness import MODEL, SLOW, Deployment, wait_until
from lying_engine import CHUNKED, FIN, HOLD, LIES, RST, Ask, LyingEngine, chunk, head, whole

# What the application receives:
REFUSED = "refused"  # an error of the API's, and nothing of the answer
BROKEN = "broken"    # the head came through: a stream of whole events, an error event and an aborted connection; or, not streamed, an error
PASSED = "passed"    # the answer, byte for byte

MALFORMED, TRUNCATED, TOO_LARGE, CLOSED = "http.client.malformed", "http.client.truncated", "http.client.too_large", "http.client.closed"
UNFRAMED, ENCODED, FAILED = "node.engine.unframed", "node.engine.encoded", "node.engine.failed"


@dataclasses.dataclass(frozen=True)
class Expected:
    outcome: str
    rule: str = ""      # what the node counts; a rule of http is counted beside node.engine.failed
    stricter: str = ""  # why we refuse what h11 accepts
    reused: bool = True  # where PASSED: whether the connection serves the next request


def passed(reused=True):
    return Expected(PASSED, reused=reused)


def refused(rule=MALFORMED, stricter=""):
    return Expected(REFUSED, rule, stricter)


def broken(rule=MALFORMED, stricter=""):
    return Expected(BROKEN, rule, stricter)


TWO_READINGS = "two parsers could read it in two ways"
NOT_ASKED = "it answers nothing that we asked"

TABLE = {
    "body_short": broken(TRUNCATED),
    "body_long": passed(reused=False),
    "body_none": broken(TRUNCATED),
    "lengths_differ": refused(),
    "lengths_equal": refused(stricter="a second length is refused whatever it says (RFC 9112 s6.3 leaves the choice)"),
    "length_list": refused(stricter="likewise"),
    "length_and_chunks": refused(stricter=TWO_READINGS),
    "length_negative": refused(),
    "length_plus": refused(),
    "length_hex": refused(),
    "length_empty": refused(),
    "length_huge": broken(TRUNCATED),
    "length_overflow": refused(),
    "length_missing": refused(UNFRAMED, "a dead engine's answer would look whole"),
    "length_missing_1_0": refused(UNFRAMED, "likewise"),
    "version_1_0": passed(reused=False),
    "coding_gzip": refused(),
    "coding_identity": refused(),
    "coding_twice": refused(),
    "coding_1_0": refused(stricter="HTTP/1.0 has no chunks (RFC 9112 s6.1)"),
    "chunk_size_overflow": broken(),
    "chunk_size_negative": broken(),
    "chunk_size_spaced": broken(stricter=TWO_READINGS),
    "chunk_size_prefixed": broken(),
    "chunk_extension": passed(),
    "chunk_extension_long": broken(TOO_LARGE, "extensions are bounded"),
    "chunk_extension_quoted": broken(stricter=TWO_READINGS),
    "chunk_extension_flood": broken(TOO_LARGE),
    "chunk_bare_lf": broken(),
    "chunk_without_end": broken(),
    "chunk_longer": broken(),
    "chunk_shorter": broken(TRUNCATED),
    "chunks_of_one_byte": passed(),
    "chunks_without_last": broken(TRUNCATED),
    "chunks_without_last_lf": broken(TRUNCATED),
    "trailer": passed(),
    "trailer_length": broken(stricter="framing in a trailer comes too late to be meant (RFC 9110 s6.5.1)"),
    "trailer_malformed": broken(),
    "trailer_flood": broken(TOO_LARGE),
    "status_garbage": refused(),
    "status_reason_missing": refused(stricter="the space is not optional (RFC 9112 s4)"),
    "status_two_digits": refused(),
    "status_four_digits": refused(),
    "status_zero": refused(),
    "status_letters": refused(),
    "status_600": refused(FAILED, "there is no such class of statuses (RFC 9110 s15)"),
    "status_lower_case": refused(),
    "status_version": refused(stricter="it is not the version that was spoken"),
    "status_empty_line_before": refused(),
    "status_302": refused(FAILED, "there is nowhere else to go"),
    "status_304": refused(FAILED, NOT_ASKED),
    "status_204": passed(reused=False),
    "status_101": refused(),
    "http_0_9": refused(),
    "http_2": refused(),
    "tls_alert": refused(),
    "nothing": refused(CLOSED),
    "head_cut": refused(TRUNCATED),
    "head_bare_lf": refused(stricter=TWO_READINGS),
    "head_bare_cr": refused(),
    "field_folded": refused(stricter=TWO_READINGS),
    "field_nul": refused(),
    "field_without_colon": refused(),
    "field_space_before_colon": refused(),
    "field_without_name": refused(),
    "field_latin_1": passed(),
    "fields_129": refused(TOO_LARGE, "fields are bounded"),
    "fields_10000": refused(TOO_LARGE),
    "field_1_mb": refused(TOO_LARGE),
    "connection_list": refused(stricter=TWO_READINGS),
    "interim_100": passed(),
    "interim_103": passed(),
    "interim_1000": refused(stricter="eight interim answers are enough"),
    "interim_alone": refused(CLOSED),
    "interim_with_length": passed(),
    "encoded_gzip": refused(ENCODED, "only identity was asked for"),
    "encoded_br": refused(ENCODED, "likewise"),
    "encoded_identity": passed(),
    "type_html": passed(),
    "type_json": passed(),
    "type_event_stream": passed(),
    "type_missing": passed(),
    "type_twice": refused(FAILED, TWO_READINGS),
    "json_cut": passed(),
    "json_deep": passed(),
    "json_twice_the_key": passed(),
    "json_none": passed(),
    "utf_8_invalid": passed(),
    "utf_8_between_chunks": passed(),
    "done_missing": passed(),
    "done_twice": passed(),
    "done_and_more": passed(),
    "events_crlf": passed(),
    "events_cr": passed(),
    "events_marked": passed(),
    "event_unfinished": passed(),
    "event_of_1_mb": passed(),
    "answer_twice": passed(reused=False),
    "answer_and_head": passed(reused=False),
    "chunked_answer_twice": passed(reused=False),
    "answer_late": passed(reused=False),
    "unread": passed(reused=False),
    "reset_before": refused(CLOSED),
    "reset_in_head": refused(TRUNCATED),
    "reset_after_head": broken(TRUNCATED),
    "reset_in_body": broken(TRUNCATED),
    "reset_between_chunks": broken(TRUNCATED),
    "reset_after": passed(reused=False),
    "reset_after_chunks": passed(reused=False),
}
# Without an end; they have tests of their own below.
UNENDING = {"body_short_held", "drip_head", "drip_interim", "drip_body", "endless", "event_of_64_mb", "silent"}
OF_EVENTS = {"done_missing", "done_twice", "done_and_more", "events_crlf", "events_cr", "events_marked", "event_unfinished", "event_of_1_mb"}

CHAT, MESSAGES, EMBEDDINGS, SPEECH = "/v1/chat/completions", "/v1/messages", "/v1/embeddings", "/v1/audio/speech"
# One lie of each kind goes to the other paths, too.
ELSEWHERE = ["body_short", "lengths_differ", "chunk_without_end", "length_missing", "encoded_gzip", "interim_1000", "answer_twice", "reset_in_body"]


def cases():
    for name in TABLE:
        yield from ((name, CHAT, stream) for stream in ((True,) if name in OF_EVENTS else (True, False)))
    for name in ELSEWHERE:
        yield from ((name, MESSAGES, True), (name, MESSAGES, False), (name, EMBEDDINGS, False), (name, SPEECH, False))


def name_of(case):
    name, path, stream = case
    return f"{name}-{path.rsplit('/', 1)[1]}-{'streamed' if stream else 'whole'}"


CASES = list(cases())
markers = (f"m{n:06}" for n in itertools.count())


# ---- the application

@dataclasses.dataclass
class Received:
    status: int
    fields: http.client.HTTPMessage
    data: bytes
    ended: bool  # as its framing says


def body_for(path, stream, words):
    if path == EMBEDDINGS:
        return {"model": MODEL, "input": words}
    if path == SPEECH:
        return {"model": MODEL, "input": words, "voice": "alloy"}
    return {"model": MODEL, "stream": stream, "max_tokens": 10, "messages": [{"role": "user", "content": words}]}


def connect(url):
    parts = urllib.parse.urlsplit(url)
    return http.client.HTTPConnection(parts.hostname, parts.port, timeout=60 * SLOW)


def ask(url, path, stream, words):
    connection = connect(url)
    try:
        connection.request("POST", path, json.dumps(body_for(path, stream, words)), {"content-type": "application/json"})
        answer = connection.getresponse()
        data, ended = bytearray(), True
        try:
            while piece := answer.read1(65536):
                data += piece
        except (http.client.HTTPException, OSError):
            ended = False
        return Received(answer.status, answer.headers, bytes(data), ended)
    finally:
        connection.close()


def check_error(received, path, rule):
    """An error in the path's dialect, and nothing else."""
    assert (received.status, received.ended) == (502, True), received
    assert received.fields["x-should-retry"] == "false"
    check_error_body(json.loads(received.data), path, rule)


def check_error_body(body, path, rule):
    if path == MESSAGES:
        assert (body["type"], body["error"]["type"]) == ("error", "api_error")
    else:
        assert body["error"]["type"] == "openpcc_error"
    assert body["error"]["code"] == rule and body["error"]["message"]


def check_broken(received, path, stream, honest):
    if not stream and path != SPEECH:
        check_error(received, path, "client.answer.truncated")
        return
    assert (received.status, received.ended) == (200, False), received
    if path == SPEECH:
        assert honest.startswith(received.data), "bytes of something else"
        return
    events, _, error = received.data.partition(b"event: error\ndata: ")
    assert honest.startswith(events) and (not events or events.endswith(b"\n\n")), "only whole events come before the error"
    assert error.endswith(b"}\n\n") and error.count(b"\n") == 2, "the error is an event of its own"
    check_error_body(json.loads(error), path, "client.answer.truncated")


# ---- the strict client

def bytes_of(tell, asked):
    """What a lie writes, up to a bound: (pieces, how it ends)."""
    pieces = []
    for step in itertools.islice(tell(asked), 2000):
        if step in (FIN, RST, HOLD):
            return pieces, step
        if isinstance(step, bytes):
            pieces += [step[at : at + 4096] for at in range(0, len(step), 4096)]  # as a socket would give them
    return pieces, None


def judged_by_h11(tell, asked):
    """(status, body) of the answer where h11 accepts it, None where it does not."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="POST", target=asked.path, headers=[("host", "x"), ("content-length", "0")]))
    client.send(h11.EndOfMessage())
    pieces, end = bytes_of(tell, asked)
    status, body = None, b""
    try:
        for piece in [*pieces, *([b""] if end == FIN else [])]:
            if piece or end == FIN:
                client.receive_data(piece)
            while (event := client.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
                if isinstance(event, h11.Response):
                    status = event.status_code
                elif isinstance(event, h11.Data):
                    body += event.data
                elif isinstance(event, h11.EndOfMessage):
                    return status, body
                elif isinstance(event, h11.ConnectionClosed):
                    return None
    except h11.RemoteProtocolError:
        return None
    return None


# ---- the chain

@pytest.fixture(scope="module")
def engine():
    with LyingEngine() as running:
        yield running


@pytest.fixture(scope="module")
def liars(tmp_path_factory, engine):
    with Deployment(tmp_path_factory.mktemp("liars"), nodes=1, engines=[engine.url]) as running:
        yield running


def counted(deployment):
    """What the node counted: its refusals by rule, and how its answers ended."""
    values = deployment.metrics("node-1")
    rules = {name: value for name, value in values.items() if name.startswith("openpcc_refusals_total")}
    return {re.search(r'rule="(.*?)"', name).group(1): value for name, value in rules.items()} | {
        word: values.get(f"openpcc_{word}_total", 0) for word in ("answers_complete", "answers_aborted", "upstream_failures")}


def moved(deployment, before):
    now = counted(deployment)
    return {name: now[name] - before.get(name, 0) for name in now if now[name] != before.get(name, 0)}


def settle(deployment):
    """Waits until the node has counted what it was asked before: of floods, some is still on its way when the application has gone."""
    def unchanged():
        before = counted(deployment)
        time.sleep(0.5)
        return not moved(deployment, before)

    wait_until(unchanged, 20, "the node has counted everything")


def to_be_counted(expected):
    if expected.outcome == PASSED:
        return {"answers_complete": 1}
    rules = {expected.rule} | ({FAILED} if expected.rule.startswith("http.") else set())
    ends = {"answers_aborted": 1} if expected.outcome == BROKEN else {"answers_complete": 1, "upstream_failures": 1}
    return {rule: 1 for rule in rules} | ends


def check_honest(deployment, engine, path=CHAT):
    """The next request gets its own answer; returns the connection that it came over."""
    marker = next(markers)
    before = counted(deployment)
    received = ask(deployment.url, path, False, f"honest::{marker}")
    assert received.status == 200 and received.data == Ask(path, False, marker).body(), received
    assert engine.times_asked(marker) == 1
    wait_until(lambda: moved(deployment, before) == {"answers_complete": 1}, 5, "the node counts it, and nothing else")
    return engine.connection_of(marker)


def check_told(received, expected, path, stream, told, honest):
    if expected.outcome == REFUSED:
        check_error(received, path, expected.rule if expected.rule.startswith("node.") else FAILED)
    elif expected.outcome == BROKEN:
        check_broken(received, path, stream, honest)
    else:
        assert received.ended and (received.status, received.data) == told


def tell(deployment, engine, lie, expected, path, stream):
    """Has a lie told, and checks everything about it."""
    marker = next(markers)
    asked = Ask(path, stream, marker)
    before = counted(deployment)
    words = f"lie:{lie}:{marker}" + (" " + "x" * 2_000_000 if lie == "unread" else "")
    received = ask(deployment.url, path, stream, words)
    check_told(received, expected, path, stream, judged_by_h11(LIES[lie], asked), asked.body())
    wait_until(lambda: moved(deployment, before) == to_be_counted(expected), 5, f"{to_be_counted(expected)}, not {moved(deployment, before)}")
    assert engine.times_asked(marker) == 1, "one question is one execution"
    wait_until(lambda: marker in engine.told | engine.left, 5, "the whole lie is told")
    connection = check_honest(deployment, engine)
    if expected.outcome == PASSED and expected.reused or expected.rule in (FAILED, ENCODED):
        return  # what it says in sound HTTP costs it no connection
    assert connection != engine.connection_of(marker), "a connection that lied serves nobody else"


@pytest.mark.parametrize("name, path, stream", [pytest.param(*case, id=name_of(case)) for case in CASES])
def test_a_lie(liars, engine, name, path, stream):
    tell(liars, engine, name, TABLE[name], path, stream)


@pytest.mark.parametrize("name, path, stream", [pytest.param(*case, id=name_of(case)) for case in CASES])
@pytest.mark.once
def test_no_lie_passes_that_a_strict_client_refuses(name, path, stream):
    expected = TABLE[name]
    accepted = judged_by_h11(LIES[name], Ask(path, stream, "m")) is not None
    assert accepted == (expected.outcome == PASSED or bool(expected.stricter)), f"h11 {'accepts' if accepted else 'refuses'} it"


def test_every_lie_is_told():
    assert set(LIES) == set(TABLE) | UNENDING


def test_the_node_stays_ready(liars):
    assert liars.ready("node-1")
    assert liars.metrics("node-1")["openpcc_upstreams_healthy"] == 1


# ---- cuts at every byte

def every_cut(asked, replaced, end):
    """Tells a stream whose first event is whole, and whose second is cut after so many bytes."""
    events = [event.replace(b"\n", replaced) for event in asked.events()]
    for n in range(len(events[1]) + 1):
        yield events[0], [head(asked, CHUNKED) + chunk(events[0]) + (chunk(events[1][:n]) if n else b""), end], n == len(events[1])


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])
@pytest.mark.parametrize("end", [FIN, RST])
def test_an_event_cut_at_any_byte_is_not_passed_on(liars, engine, line_end, end):
    asked = Ask(CHAT, True, "cutmark")
    step = 1 if SLOW == 1 and line_end == b"\n" else 7
    for n, (first, steps, complete) in itertools.islice(enumerate(every_cut(asked, line_end, end)), 0, None, step):
        engine.extra["cut"] = lambda _, steps=steps: iter(steps)
        received = ask(liars.url, CHAT, True, f"lie:cut:cut{n}x")
        assert (received.status, received.ended) == (200, False)
        events, _, error = received.data.partition(b"event: error\n")
        assert error and (events == first or complete and events.startswith(first)), f"after {n} bytes: {events!r}"
    check_honest(liars, engine)


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("end", [FIN, RST])
def test_an_answer_cut_at_any_byte_is_an_error(liars, engine, stream, end):
    asked = Ask(CHAT, stream, "cutmark")
    answer = whole(asked)
    for n in range(0, len(answer), 3 if SLOW == 1 else 29):
        engine.extra["cut"] = lambda _, n=n: iter([answer[:n], end])
        received = ask(liars.url, CHAT, stream, f"lie:cut:cut{n}x")
        if stream and answer.find(b"\r\n\r\n") + 4 <= n:
            check_broken(received, CHAT, True, asked.body())
        else:
            assert received.status == 502 and json.loads(received.data)["error"]["code"] in (FAILED, "client.answer.truncated")
    check_honest(liars, engine)


# ---- without an end

class Reader:
    """Reads a stream as far as a test wants."""

    def __init__(self, url, words, stream=True):
        self.connection = connect(url)
        self.connection.request("POST", CHAT, json.dumps(body_for(CHAT, stream, words)), {"content-type": "application/json"})
        self.answer = None

    def read(self, at_least):
        self.answer = self.answer or self.connection.getresponse()
        seen = 0
        while seen < at_least:
            piece = self.answer.read1(65536)
            assert piece, "it ended"
            seen += len(piece)

    def leave(self):
        # shutdown reaches the socket under http.client's reader, too.
        with contextlib.suppress(OSError):
            self.connection.sock.shutdown(2)
        if self.answer:
            self.answer.close()
        self.connection.close()


@pytest.mark.parametrize("lie", ["endless", "drip_body", "body_short_held"])
def test_an_application_that_leaves_ends_a_stream_without_end(liars, engine, lie):
    marker = next(markers)
    before = counted(liars)
    reader = Reader(liars.url, f"lie:{lie}:{marker}")
    reader.read(100_000 if lie == "endless" else 100)
    reader.leave()
    wait_until(lambda: marker in engine.left, 5, "the engine's connection is closed")
    wait_until(lambda: moved(liars, before).get("node.answer.abandoned") == 1, 5, "the node counts it")
    check_honest(liars, engine)


@pytest.mark.parametrize("lie", ["silent", "endless"])
def test_an_application_that_leaves_before_any_answer_ends_it_too(liars, engine, lie):
    marker = next(markers)
    before = counted(liars)
    reader = Reader(liars.url, f"lie:{lie}:{marker}", stream=False)
    wait_until(lambda: engine.times_asked(marker), 5, "the engine is asked")
    reader.leave()
    wait_until(lambda: marker in engine.left, 5, "the engine's connection is closed")
    wait_until(lambda: moved(liars, before).get("node.answer.abandoned") == 1, 5, "the node counts it")
    check_honest(liars, engine)


class Peak:
    """How much more memory a party needed at most, in MiB, while the block lasted."""

    def __init__(self, deployment, party):
        self.folder = f"/proc/{deployment.pid(party)}"

    def _kib(self, name):
        with open(self.folder + "/status") as status:
            return int(re.search(rf"^{name}:\s+(\d+) kB", status.read(), re.MULTILINE).group(1))

    def __enter__(self):
        with open(self.folder + "/clear_refs", "w") as clear:
            clear.write("5")  # the peak begins anew
        self.before = self._kib("VmRSS")
        return self

    def __exit__(self, *error):
        self.mib = (self._kib("VmHWM") - self.before) / 1024


PARTIES = ["node-1", "gateway", "proxy"]
MEMORY_MIB = 40  # below the 64 MiB that holding such an answer would take


@pytest.mark.skipif(SLOW != 1, reason="sanitizers keep freed memory")
def test_floods_need_bounded_memory(liars, engine):
    with contextlib.ExitStack() as stack:
        peaks = {party: stack.enter_context(Peak(liars, party)) for party in PARTIES}
        received = ask(liars.url, CHAT, True, f"lie:event_of_64_mb:{next(markers)}")
        assert len(received.data) > 48 << 20 and not received.ended and b"event: error" not in received.data
        reader = Reader(liars.url, f"lie:endless:{next(markers)}")
        reader.read(64 << 20)
        reader.leave()
        for lie in ("fields_10000", "field_1_mb", "chunk_extension_flood", "trailer_flood", "interim_1000"):
            ask(liars.url, CHAT, True, f"lie:{lie}:{next(markers)}")
    assert all(peak.mib < MEMORY_MIB for peak in peaks.values()), {party: peak.mib for party, peak in peaks.items()}
    settle(liars)
    check_honest(liars, engine)


# ---- a deadline, and a socket in the file system

@pytest.fixture(scope="module")
def impatient(tmp_path_factory, engine):
    """A node that waits for its engine for two seconds."""
    with Deployment(tmp_path_factory.mktemp("impatient"), nodes=1, engines=[engine.url]) as running:
        running.change("node-1", answer_time_max=f"{2 * SLOW}s")
        running.wait_answering()
        yield running


TOO_LONG, TIMEOUT = "node.answer.too_long", "http.client.timeout"


@pytest.mark.parametrize("lie", ["drip_head", "drip_interim", "silent", "drip_body", "body_short_held"])
@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
def test_a_drip_ends_at_the_deadline(impatient, engine, lie, stream):
    marker = next(markers)
    before = counted(impatient)
    received = ask(impatient.url, CHAT, stream, f"lie:{lie}:{marker}")
    wait_until(lambda: marker in engine.left, 5, "the engine's connection is closed")
    wait_until(lambda: {TOO_LONG, TIMEOUT} & set(moved(impatient, before)), 5, "the node counts it")
    if lie in ("drip_body", "body_short_held"):
        check_broken(received, CHAT, stream, Ask(CHAT, stream, marker).events()[0] * 1000 if lie == "drip_body" else Ask(CHAT, stream, marker).body())
    else:
        assert received.status in (502, 504) and json.loads(received.data)["error"]["code"] in (FAILED, TOO_LONG), received
    assert engine.times_asked(marker) == 1
    check_honest(impatient, engine)


@pytest.fixture(scope="module")
def engine_on_a_file(tmp_path_factory):
    with LyingEngine(tmp_path_factory.mktemp("file") / "engine.sock") as running:
        yield running


@pytest.fixture(scope="module")
def liars_on_a_file(tmp_path_factory, engine_on_a_file):
    with Deployment(tmp_path_factory.mktemp("liars-file"), nodes=1, engines=[engine_on_a_file.url]) as running:
        yield running


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("name", ["body_short", "body_long", "answer_twice", "answer_late", "unread", "nothing", "head_cut", "chunks_without_last", "fields_10000"])
def test_a_lie_over_a_unix_socket(liars_on_a_file, engine_on_a_file, name, stream):
    tell(liars_on_a_file, engine_on_a_file, name, TABLE[name], CHAT, stream)
