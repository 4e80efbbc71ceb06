"""What loads a deployment and reads its clocks: connections, sealed envelopes, CPU times.

Raw sockets, because an HTTP client in Python costs more than what is measured. All ways are timed by the same loop, and nothing is parsed
before the time is taken.
"""

import base64
import concurrent.futures
import contextlib
import itertools
import json
import os
import pathlib
import re
import selectors
import socket
import subprocess
import sys
import time
import typing
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path += [str(ROOT / "tests/e2e"), str(ROOT / "tests/independent")]

import envelope_decoder  # noqa: E402  (the two folders must be on the path first)
import harness  # noqa: E402

PROMPT = "The night train leaves the harbour at ten and reaches the mountains before the sun does. " * 20
AUTHORISATION_BYTES = 451  # spec/envelope.md section 7: what the gateway takes off before the node sees an envelope
ENC_BYTES, SECRET_BYTES, NODE_ID_BYTES = 1120, 32, 32
FIRST_TOKEN = re.compile(rb'"content":"[^"]')  # the event that names the role has an empty content
GOOD = b"HTTP/1.1 200"
LAST_CHUNK = b"\r\n0\r\n\r\n"


def chat(tokens):
    """A streamed chat completion of exactly so many tokens."""
    return json.dumps(harness.chat_body(PROMPT, stream=True, max_tokens=tokens, ignore_eos=True)).encode()


def post(address, path, body, content_type, *fields):
    host = "localhost" if address.startswith("unix:") else urllib.parse.urlsplit(address).netloc
    lines = [f"POST {path} HTTP/1.1", f"host: {host}", f"content-type: {content_type}", f"content-length: {len(body)}", *fields]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def connect(address):
    """address: unix:/path or http://host:port, as in the deployment's state.json."""
    if address.startswith("unix:"):
        out = socket.socket(socket.AF_UNIX)
        out.settimeout(30)
        out.connect(address.removeprefix("unix:"))
        return out
    parts = urllib.parse.urlsplit(address)
    out = socket.create_connection((parts.hostname, parts.port), timeout=30)
    out.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return out


# ---- answers


def exchange(connection, request):
    """Returns [(seconds since the request was handed over, bytes read)] up to the last chunk."""
    pieces, tail = [], b""
    start = time.perf_counter()
    connection.sendall(request)
    while not tail.endswith(LAST_CHUNK):
        piece = connection.recv(65536)
        pieces.append((time.perf_counter() - start, piece))
        if not piece or not pieces[0][1].startswith(GOOD):
            raise RuntimeError(f"no answer, or a cut one: {pieces[0][1][:500]!r}")
        tail = (tail + piece)[-len(LAST_CHUNK) :]
    return pieces


def body_of(pieces):
    """The body in these pieces of a chunked answer, as far as it has come."""
    raw = b"".join(piece for _, piece in pieces)
    rest, out = raw.partition(b"\r\n\r\n")[2], []
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        bytes_left = int(size or b"0", 16)
        out.append(rest[:bytes_left])
        rest = rest[bytes_left + 2 :]
    return b"".join(out)


def first_token_s(pieces, open_body=lambda body: body):
    """When the first token's text had come; open_body: what makes a body readable, as far as it has come."""
    for n in range(1, len(pieces) + 1):
        if FIRST_TOKEN.search(open_body(body_of(pieces[:n]))):
            return pieces[n - 1][0]
    raise RuntimeError(f"no token in the answer: {pieces[0][1][:200]!r}")


def check_whole(body, tokens):
    """An answer that is not what was asked for must not count as a quick one."""
    seen = len(FIRST_TOKEN.findall(body))
    if seen != tokens or b"data: [DONE]" not in body:
        raise RuntimeError(f"{seen} of {tokens} tokens came: {body[:200]!r}")


# ---- sealed to the node, without relay and gateway


def recipients_of(state):
    """(enc, secret) of each recipient from the state that `openpcc seal` leaves."""
    size = NODE_ID_BYTES + ENC_BYTES + SECRET_BYTES
    entries = [state[at : at + size] for at in range(0, len(state), size)]
    return [(entry[NODE_ID_BYTES:-SECRET_BYTES], entry[-SECRET_BYTES:]) for entry in entries]


def open_frames(answer, recipients):
    """The message in the frames of an answer that have come whole."""
    if len(answer) < 33:
        return b""
    enc, secret = recipients[answer[0]]
    prk = envelope_decoder.hkdf_extract(enc + answer[1:33], secret)
    opener = envelope_decoder.ChunkOpener(envelope_decoder.hkdf_expand(prk, b"key", 32), envelope_decoder.hkdf_expand(prk, b"nonce", 12))
    message = b""
    try:
        for sealed, final in envelope_decoder.read_chunks(answer[33:], envelope_decoder.FRAME_MAX + envelope_decoder.TAG, "size", "cut"):
            frame = opener.open(sealed, final, "tag")
            message += frame[2 : 2 + int.from_bytes(frame[:2], "big")]
    except envelope_decoder.Refused:
        pass  # the last one has not come whole
    return message


class Sealer:
    """Envelopes made by `openpcc seal`, each for one use."""

    def __init__(self, deployment):
        self.deployment = deployment
        self.folder = deployment.folder / "sealed"
        self.folder.mkdir()
        self.numbers = itertools.count()

    def seal(self, tokens, count):
        """[(envelope, recipients)]. They are good for 300 s, so they are made shortly before their use."""
        request = self.folder / "request.json"
        request.write_bytes(chat(tokens))
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(lambda _: self._one(request), range(count)))

    def _one(self, request):
        out = self.folder / str(next(self.numbers))
        state = out.with_suffix(".state")
        subprocess.run([str(harness.BIN / "openpcc"), "seal", str(request), "--bundle", str(self.deployment.folder / "bundle/bundle"),
                        "--policy", self.deployment.state["policy"], "--profile", "low-latency", "--out", str(out), "--state", str(state)],
                       check=True)
        envelope, recipients = out.read_bytes()[AUTHORISATION_BYTES:], recipients_of(base64.b64decode(state.read_bytes()))
        out.unlink()
        state.unlink()
        return envelope, recipients


# ---- engines


@contextlib.contextmanager
def demo_engine(folder, *options):
    """A demo engine with options that `openpcc up` does not hand on. Yields its address."""
    address = f"unix:{folder}/engine.sock"
    command = [str(harness.BIN / "openpcc-demo-engine"), "--listen", address, "--admin-listen", "http://127.0.0.1:0", *options]
    with open(f"{folder}/engine.log", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield address
    finally:
        process.terminate()
        process.wait()


# ---- the ways to ask


class Way:
    """One way to reach the engines, over warm connections, to each of `addresses` in turn."""

    def __init__(self, name, addresses):
        self.name = name
        self.addresses = addresses
        self.connections = [connect(address) for address in addresses]
        self.turns = itertools.cycle(self.connections)

    def prepare(self, tokens, count):
        """Makes what `count` requests for `tokens` tokens need, outside of what is timed."""

    def request(self, tokens):
        raise NotImplementedError

    def ask(self, tokens, then=lambda: None):
        """One request, and `then` before its answer is looked at. Returns (seconds to the first token, seconds to the end)."""
        pieces = exchange(next(self.turns), self.request(tokens))
        then()
        check_whole(body_of(pieces), tokens)
        return first_token_s(pieces), pieces[-1][0]

    def close(self):
        for connection in self.connections:
            connection.close()


class Direct(Way):
    def request(self, tokens):
        return post(self.addresses[0], "/v1/chat/completions", chat(tokens), "application/json")


class WholeChain(Way):
    def __init__(self, name, addresses, profile):
        super().__init__(name, addresses)
        self.profile = profile

    def request(self, tokens):
        return post(self.addresses[0], "/v1/chat/completions", chat(tokens), "application/json", f"openpcc-profile: {self.profile}")


class BehindTheNode(Way):
    def __init__(self, name, addresses, sealer):
        super().__init__(name, addresses)
        self.sealer = sealer
        self.ready = {}

    def prepare(self, tokens, count):
        self.ready[tokens] = self.sealer.seal(tokens, count)

    def ask(self, tokens, then=lambda: None):
        envelope, recipients = self.ready[tokens].pop()
        pieces = exchange(next(self.turns), post(self.addresses[0], "/v1/envelope", envelope, "application/vnd.openpcc.envelope"))
        then()

        def opened(body):
            return open_frames(body, recipients)

        check_whole(opened(body_of(pieces)), tokens)
        return first_token_s(pieces, opened), pieces[-1][0]


class Run(typing.NamedTuple):
    """Many requests at once: seconds from the first one's start to the last one's end, of each to its first token and to its end, and the
    CPU seconds that the load itself took."""

    seconds: float
    first_s: list
    whole_s: list
    own_cpu_s: float


def streams(way, count, tokens):
    """`count` requests at once, each on a connection of its own."""
    request = way.request(tokens)
    connections = [connect(address) for address in itertools.islice(itertools.cycle(way.addresses), count)]
    answers = [[] for _ in connections]
    with selectors.EpollSelector() as selector:
        for connection, pieces in zip(connections, answers):
            selector.register(connection, selectors.EVENT_READ, pieces)
        running = count
        start, own = time.perf_counter(), time.process_time()
        for connection in connections:
            connection.sendall(request)
        while running:
            for key, _ in selector.select():
                piece = key.fileobj.recv(65536)
                key.data.append((time.perf_counter() - start, piece))
                if piece.endswith(LAST_CHUNK) or piece == LAST_CHUNK[2:]:
                    running -= 1
                    selector.unregister(key.fileobj)
                elif not piece:
                    raise RuntimeError("an answer was cut")
        seconds, own_s = time.perf_counter() - start, time.process_time() - own
    for connection, pieces in zip(connections, answers):
        connection.close()
        check_whole(body_of(pieces), tokens)
    return Run(seconds, [first_token_s(pieces) for pieces in answers], [pieces[-1][0] for pieces in answers], own_s)


# ---- CPU times


class Cpu:
    """CPU time of processes by role, from the scheduler's own count in nanoseconds: /proc/<pid>/stat counts in ticks of 10 ms."""

    def __init__(self, pids_by_role):
        self.files = {
            role: [os.open(path, os.O_RDONLY) for pid in pids for path in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")]
            for role, pids in pids_by_role.items()
        }

    def read(self):
        """{role: seconds}"""
        return {role: sum(int(os.pread(file, 64, 0).split()[0]) for file in files) / 1e9 for role, files in self.files.items()}

    def close(self):
        for file in itertools.chain(*self.files.values()):
            os.close(file)


class Others:
    """How many cores others kept busy meanwhile: a measurement beside a compiler must be seen to be one."""

    def __init__(self, cpu):
        self.cpu = cpu
        self.began, self.before = time.perf_counter(), self._busy_s()

    def cores(self):
        return max(0.0, (self._busy_s() - self.before) / (time.perf_counter() - self.began))

    def _busy_s(self):
        with open("/proc/stat") as file:
            user, nice, system, _, _, irq, softirq, steal = map(int, file.readline().split()[1:9])
        machine = (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
        own = os.times()
        return machine - sum(self.cpu.read().values()) - sum(own[:4])
