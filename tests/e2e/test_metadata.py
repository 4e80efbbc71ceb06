"""Nothing is seen but what docs/metadata.md lists: real connections are recorded and held against its blocks."""

import json
import pathlib
import re
import sys

import openai
import pytest

from harness import MODEL, ROOT, Deployment, Stream, chat_body, wait_until

sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests/independent")]
import captures  # noqa: E402
import envelope_decoder  # noqa: E402
import ohttp_decoder  # noqa: E402

MARKER = "a-word-that-stands-nowhere-else"
HOPS = ["relay", "gateway", "node", "engine"]


def read_budget():
    """{hop: [(request lines, answer lines)]} of the document's blocks."""
    budget = {}
    document = (ROOT / "docs/metadata.md").read_text()
    for hop, block in re.findall(r"^```budget (\S+)\n(.*?)^```$", document, re.MULTILINE | re.DOTALL):
        request, _, answer = block.strip().partition("\n\n")
        budget.setdefault(hop, []).append((request.splitlines(), answer.splitlines()))
    return budget


BUDGET = read_budget()
# The node asks its engine these by itself, with words of its own.
CANARY = re.compile(rb"Say one word\.|one two three four five")
PLACEHOLDERS = {"{canary}": "(/v1/(chat/completions|completions|responses|messages|embeddings)|(/v1)?/(score|rerank))", "{authority}": r"127\.0\.0\.1:\d+", "{number}": r"\d+", "{engine}": r"[ -~]*"}


def allows(pattern, line):
    parts = re.split(r"(\{\w+\})", pattern)
    return re.fullmatch("".join(PLACEHOLDERS.get(part, re.escape(part)) for part in parts), line) is not None


def fits(lines, allowed):
    """Whether lines are exactly those of a block. A block whose answer is the engine's own allows all that follows it."""
    if allowed and allowed[-1].endswith("{engine}") and allowed[-1].startswith("HTTP"):
        lines = lines[: len(allowed)]
    return len(lines) == len(allowed) and all(map(allows, allowed, lines))


def lines_of(message):
    return [message.start] + [f"{name}: {value}" for name, value in message.fields]


def complaints(hop, exchanges):
    """What of the exchanges no block of the hop allows."""
    found = []
    for exchange in exchanges:
        request, answer = lines_of(exchange.request), lines_of(exchange.answer) if exchange.answer else None
        if not any(fits(request, allowed) and (answer is None or fits(answer, given)) for allowed, given in BUDGET[hop]):
            found.append("\n".join(request + [""] + (answer or [])))
    return found


def party(hop):
    return re.sub(r"(-from-relay)?-\d+\Z", "", hop)


class Recording:
    """A deployment that was asked a few questions, and what its taps recorded."""

    def __init__(self, folder):
        self.folder = folder
        with Deployment(folder, record=True) as running:
            self.state = running.state
            self.ask(running)
            wait_until(lambda: self.hops_with_posts() >= set(HOPS), 10, "every hop is recorded")
        self.hops = captures.read(folder / "capture")

    def ask(self, running):
        client = openai.OpenAI(base_url=running.base_url, api_key="sk-the-users-own-key", max_retries=0, organization="org-of-the-user",
                               default_headers={"x-request-id": "id-of-the-application", "cookie": "session=the-users"})
        for n in range(1, 4):
            client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": MARKER + "x" * n}], user="name-of-the-user",
                                           metadata={"project": "of-the-user"}, store=False)
        for _ in client.chat.completions.create(model=MODEL, stream=True, messages=[{"role": "user", "content": MARKER}]):
            pass
        refused = Stream(running.url, chat_body(temperature="not a number"))
        refused.read_to_end()
        refused.close()

    def hops_with_posts(self):
        hops = captures.read(self.folder / "capture")
        return {party(hop) for hop in hops if any(exchange.request.start.startswith("POST") for exchange in hops[hop])}

    def exchanges(self, wanted, method=""):
        return [exchange for hop, exchanges in self.hops.items() if party(hop) == wanted
                for exchange in exchanges if exchange.request.start.startswith(method)]

    def questions(self):
        """What the engines were asked, but for canaries."""
        return [exchange for exchange in self.exchanges("engine", "POST") if not CANARY.search(exchange.request.body)]

    def gateway_key(self):
        return ohttp_decoder.gateway_key(bytes.fromhex((self.folder / "keys/gateway").read_text()))


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    return Recording(tmp_path_factory.mktemp("recording"))


@pytest.mark.parametrize("hop", HOPS)
def test_a_hop_carries_what_the_budget_lists(recording, hop):
    exchanges = recording.exchanges(hop)
    assert len(recording.exchanges(hop, "POST")) >= 3, "too little was recorded to say anything"
    assert complaints(hop, exchanges) == []


# What an engine answers inside the TEE is its own affair; the node passes on three fields of it (node_test).
@pytest.mark.parametrize("hop, direction", [(hop, direction) for hop in HOPS for direction in ("request", "answer")
                                            if (hop, direction) != ("engine", "answer")])
def test_one_field_more_would_be_noticed(recording, hop, direction):
    exchange = recording.exchanges(hop, "POST")[0]
    message = getattr(exchange, direction)
    message.fields.append(("x-client", "1"))
    try:
        assert len(complaints(hop, [exchange])) == 1
    finally:
        message.fields.pop()


def test_the_gateway_opens_what_the_budget_lists(recording):
    key = recording.gateway_key()
    (request_lines, answer_lines), = BUDGET["gateway-opens"]
    for exchange in recording.exchanges("gateway", "POST"):
        opened = ohttp_decoder.open_request(exchange.request.body, key)
        request = ohttp_decoder.read_binary_http(opened.message)
        assert [" ".join(request.control)] + [f"{name}: {value}" for name, value in request.fields] == request_lines
        assert request.content[0] == 1 and not any(request.content[1:451]), "no tokens here, so nothing in their place"
        front = envelope_decoder.read_front(request.content[451:])
        assert len(front.node_ids) == 2
        answer = ohttp_decoder.read_binary_http(opened.open_answer(exchange.answer.body))
        assert answer.control + [f"{name}: {value}" for name, value in answer.fields] == answer_lines


def test_the_node_gets_the_envelope_that_the_client_sealed(recording):
    """Nothing is added or taken away behind the outer layer."""
    key = recording.gateway_key()
    sealed = {ohttp_decoder.read_binary_http(ohttp_decoder.open_request(exchange.request.body, key).message).content[451:]
              for exchange in recording.exchanges("gateway", "POST")}
    assert {exchange.request.body for exchange in recording.exchanges("node", "POST")} == sealed


def test_the_question_is_readable_at_the_engine_alone(recording):
    capture = recording.folder / "capture"
    for hop in recording.hops:
        data = captures.raw(capture, hop)
        if party(hop) != "engine":
            assert MARKER.encode() not in data and b"chat.completion" not in data, hop
    asked = [exchange for exchange in recording.exchanges("engine", "POST") if MARKER.encode() in exchange.request.body]
    assert len(asked) == 4


@pytest.mark.parametrize("word", ["sk-the-users-own-key", "org-of-the-user", "id-of-the-application", "session=the-users", "name-of-the-user",
                                  "of-the-user", "openai", "stainless"])
def test_what_names_the_user_reaches_nobody(recording, word):
    for hop in recording.hops:
        assert word.encode() not in captures.raw(recording.folder / "capture", hop).lower(), hop


def test_the_engine_sees_no_more_of_the_body_than_the_question(recording):
    assert len(recording.questions()) == 5
    for exchange in recording.questions():
        assert set(json.loads(exchange.request.body)) <= {"model", "cache_salt", "cache_prompt", "messages", "stream", "temperature"}
    salts = [json.loads(exchange.request.body)["cache_salt"] for exchange in recording.questions()]
    assert len(set(salts)) == len(salts), "a salt was used twice"


@pytest.mark.parametrize("hop", ["relay", "gateway", "node"])
def test_questions_of_a_bucket_have_one_size(recording, hop):
    """Five questions of different lengths, all below 1 KiB."""
    assert len({len(exchange.request.body) for exchange in recording.exchanges(hop, "POST")}) == 1


def test_answers_come_in_frames(recording):
    for exchange in recording.exchanges("node", "POST"):
        body = exchange.answer.body[33:]
        frames = list(envelope_decoder.read_chunks(body, 1 << 20, "chunk", "truncated"))
        assert all((len(sealed) - envelope_decoder.TAG) % 512 == 0 for sealed, _ in frames)
        assert len(exchange.answer.chunks) <= len(frames) + 1, "one flush a frame"


def test_logs_name_no_request(recording):
    for log in pathlib.Path(recording.folder).glob("log/*.log"):
        text = log.read_text()
        assert MARKER not in text and "127.0.0.1:" not in re.sub(r"endpoint=\S+|\"endpoint\":\"[^\"]*\"", "", text), log.name
