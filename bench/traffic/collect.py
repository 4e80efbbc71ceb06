"""Asks every question in every way, and keeps what an observer saw of it and what it cost.

Each client has a proxy and a watched connection of its own, as a user has. All ways and topics take turns in one shuffled order, so that
whatever else the machine does hits all alike and tells no topic.
"""

import asyncio
import contextlib
import dataclasses
import json
import pathlib
import random
import re
import subprocess
import sys
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE), str(HERE.parents[1] / "tests/e2e")]

import chain  # noqa: E402  (the folders must be on the path first)
import harness  # noqa: E402
import observer  # noqa: E402

NODES = 2
ANSWER_S = 60
LAST_CHUNK = b"\r\n0\r\n\r\n"
FIRST_TOKEN = re.compile(rb'"content":"[^"]')


@dataclasses.dataclass(frozen=True)
class Way:
    """profile None: the engine is asked directly."""

    name: str
    profile: str | None
    streamed: bool


DIRECT = Way("unpadded", None, True)
WHOLE_DIRECT = Way("unpadded, whole", None, False)
LOW_LATENCY, BALANCED, STRICT = (Way(name, name, True) for name in ("low-latency", "balanced", "strict"))
WHOLE = Way("balanced, whole", "balanced", False)
WAYS = [DIRECT, LOW_LATENCY, BALANCED, STRICT, WHOLE_DIRECT, WHOLE]


@dataclasses.dataclass(frozen=True)
class Job:
    way: Way
    topic: str
    prompt: str
    seed: int


@dataclasses.dataclass
class Trace:
    way: str
    topic: str
    prompt: str
    seed: int
    sent_bytes: int
    pieces: list  # [(seconds since the request, bytes)]
    first_s: float  # the application's: to the first token's text, or to the whole answer
    whole_s: float
    body_bytes: int  # what the application read

    @property
    def received_bytes(self):
        return sum(size for _, size in self.pieces)


def jobs(prompts, target, repeats, target_repeats, ways):
    """Every question so many times in every way, shuffled, always in the same order."""
    out = [Job(way, topic, prompt, seed) for topic, lines in prompts.items() for prompt in lines
           for seed in range(target_repeats if topic == target else repeats) for way in ways]
    random.Random(1).shuffle(out)
    return out


# ---- one question


def request_of(job, url, model, max_tokens):
    body = {"model": model, "messages": [{"role": "user", "content": job.prompt}], "stream": job.way.streamed, "seed": job.seed}
    if max_tokens:
        body["max_tokens"] = max_tokens
    text = json.dumps(body).encode()
    fields = ["POST /v1/chat/completions HTTP/1.1", f"host: {urllib.parse.urlsplit(url).netloc}", "content-type: application/json",
              f"content-length: {len(text)}"]
    if job.way.profile:
        fields.append(f"openpcc-profile: {job.way.profile}")
    return "\r\n".join(fields).encode() + b"\r\n\r\n" + text


def is_whole(answer):
    head, end, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    return bool(end) and (len(body) == int(length[1]) if length else answer.endswith(LAST_CHUNK))


def body_bytes(answer):
    """Without head and chunk framing."""
    body = answer.partition(b"\r\n\r\n")[2]
    chunks = re.search(rb"(?i)\r\ntransfer-encoding: chunked", answer[: len(answer) - len(body)])
    total = 0 if chunks else len(body)
    while chunks and body:
        size, _, body = body.partition(b"\r\n")
        total += int(size, 16)
        body = body[int(size, 16) + 2 :]
    return total


async def ask(url, request):
    """Returns (seconds to the first token or None, seconds to the end, the answer's bytes)."""
    parts = urllib.parse.urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    start, first, answer = time.perf_counter(), None, b""
    writer.write(request)
    while not is_whole(answer):
        piece = await asyncio.wait_for(reader.read(65536), ANSWER_S)
        if not piece or not (answer or piece).startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"no answer, or a cut one: {(answer + piece)[:300]!r}")
        answer += piece
        if first is None and FIRST_TOKEN.search(answer):
            first = time.perf_counter() - start
    whole = time.perf_counter() - start
    writer.close()
    return first, whole, answer


class Client:
    """Asks one question at a time: directly, or through a proxy of its own; watched on its way to the engine or to the relay."""

    def __init__(self, direct, relay, proxy_url):
        self.direct, self.relay, self.proxy_url = direct, relay, proxy_url

    def close(self):
        self.direct.close()
        self.relay.close()

    async def ask(self, job, model, max_tokens=None):
        """Returns (seconds to the first token, seconds to the end, the answer's bytes, what was seen of it)."""
        watch, url = (self.relay, self.proxy_url) if job.way.profile else (self.direct, self.direct.url)
        first, whole, answer = await ask(url, request_of(job, url, model, max_tokens))
        if job.way.streamed and b"data: [DONE]" not in answer:
            raise RuntimeError(f"an answer without its end: {answer[-300:]!r}")
        return first or whole, whole, answer, watch.take()

    async def trace(self, job, model, max_tokens=None):
        first, whole, answer, seen = await self.ask(job, model, max_tokens)
        return Trace(job.way.name, job.topic, job.prompt, job.seed, seen.sent_bytes, seen.pieces, first, whole, body_bytes(answer))


# ---- the deployment


@contextlib.contextmanager
def engine(address, texts, prompts, model, draft, one_length):
    """Yields `address`, or where there is none that of engine.py in a process of its own."""
    if address:
        yield address
        return
    command = [sys.executable, str(HERE / "engine.py"), "--texts", str(texts), "--prompts", str(prompts), "--model", model, "--draft", str(draft)]
    command += ["--one-length"] if one_length else []
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        listening = process.stdout.readline().strip()
        if not listening:
            raise RuntimeError("the engine did not start")
        yield listening
    finally:
        process.terminate()
        process.wait()


class Service:
    """A deployment before an engine, and `clients` with their proxies."""

    def __init__(self, folder, engine_url, model, engine_kind="openai"):
        self.folder, self.engine_url = pathlib.Path(folder), engine_url
        self.deployment = harness.Deployment(self.folder / "up", nodes=NODES, engines=[engine_url], engine_kind=engine_kind, model=model)

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.deployment)
            self.deployment.wait_ready("gateway", "proxy")
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *error):
        return self.stack.__exit__(*error)

    async def client(self, number):
        """A client whose proxy ends with the service; its observers end with close()."""
        relay = self.deployment.state["parties"][f"relay-{1 + number % 2}"]["listen"]
        direct, watched = await observer.Observer(self.engine_url).start(), await observer.Observer(relay).start()
        folder = self.folder / f"client-{number}"
        folder.mkdir()
        port = self.stack.enter_context(harness.free_port())
        await asyncio.to_thread(chain.copied_party, self.stack, folder, self.deployment, "proxy", "openpcc proxy", port, {"relays": [watched.url]})
        return Client(direct, watched, f"http://127.0.0.1:{port}")


async def collect(service, work, model, streams, max_tokens=None, progress=lambda done, total: None):
    """The traces of `work`, `streams` questions at a time."""
    clients = [await service.client(number) for number in range(streams)]
    waiting, traces = iter(work), []

    async def go_on(client):
        for job in waiting:
            traces.append(await client.trace(job, model, max_tokens))
            progress(len(traces), len(work))

    try:
        async with asyncio.TaskGroup() as group:
            for client in clients:
                group.create_task(go_on(client))
    finally:
        for client in clients:
            client.close()
    return traces


def save(path, traces):
    with open(path, "w") as out:
        for trace in traces:
            out.write(json.dumps(dataclasses.asdict(trace)) + "\n")


def load(path):
    with open(path) as lines:
        return [Trace(**json.loads(line)) for line in lines]


# ---- what larger frames would do

AROUND_FRAMES = 46  # at most, of a chunk: HTTP's framing of it, lengths and tags (tests/e2e/test_traffic.py)
FRAME_BYTES_MIN = 256


def rounded(traces, name, way, unit):
    """The traces of a way as they were if its flushes were rounded up further. What has no frame stays as it is."""

    def up(size):
        return size if size < FRAME_BYTES_MIN else AROUND_FRAMES - (AROUND_FRAMES - size) // unit * unit

    return [dataclasses.replace(trace, way=name, pieces=[(seconds, up(size)) for seconds, size in trace.pieces])
            for trace in traces if trace.way == way.name]
