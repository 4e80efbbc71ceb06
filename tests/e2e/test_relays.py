"""What a relay must do, asked of ours and of nginx and HAProxy with the configurations that we ship in deploy/relay."""

import contextlib
import datetime
import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse

import openai
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from harness import BIN, MODEL, ROOT, SLOW, Deployment, Stream, chat_body, free_port, get, running, wait_answering, wait_until

SHIPPED = ROOT / "deploy/relay"
RELAYS = ["ours", "nginx", "haproxy"]
FOREIGN = ["nginx", "haproxy"]
LONG = "Tell me something long. " * 30

CHUNKED, WHOLE = "message/ohttp-chunked-req", "message/ohttp-req"

# The client's address in tests that look for it: all of 127/8 is this machine, and nothing else here uses this one.
CLIENT = "127.0.0.2"


# -- relays ------------------------------------------------------------------------------------------------------------------------------


def replaced(text, changes):
    for old, new in changes.items():
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the shipped configuration"
        text = text.replace(old, new)
    return text


def uncommented(text, mark, instead_of=None):
    """Brings in the lines that a configuration has ready under `mark`, and leaves out the one that ends in `instead_of`."""
    lines = text.split("\n")
    kept = [line for line in lines if not (instead_of and line.endswith(instead_of))]
    assert len(lines) - len(kept) == bool(instead_of)
    return "\n".join(kept).replace(f"#{mark} ", "")


def program(variable):
    name = os.environ.get(variable)
    assert name, f"{variable} names the program; ./dev test sets it"
    return name


def command_of(kind, folder, port, gateway_port, client_tls=None, gateway_tls=None):
    """How a relay is started. `client_tls`: the files (certificate, key) that it shows; `gateway_tls`: the roots for the gateway's."""
    if kind == "ours":
        return [BIN / "openpcc-relay", "--listen", f"http://127.0.0.1:{port}", "--gateway", f"http://127.0.0.1:{gateway_port}",
                "--drain-timeout", "2s"]
    name = {"nginx": "nginx.conf", "haproxy": "haproxy.cfg"}[kind]
    text = replaced((SHIPPED / name).read_text(), {"127.0.0.1:8443": f"127.0.0.1:{port}", "127.0.0.1:8444": f"127.0.0.1:{gateway_port}"})
    if client_tls:
        certificate, key = client_tls
        text = uncommented(text, "tls", "# where clients come")
        if kind == "nginx":
            text = replaced(text, {"listen 443 ssl": f"listen 127.0.0.1:{port} ssl", " certificate.pem;": f" {certificate};", " key.pem;": f" {key};"})
        else:
            both = folder / "both.pem"
            both.write_bytes(certificate.read_bytes() + key.read_bytes())
            text = replaced(text, {"bind :443": f"bind 127.0.0.1:{port}", "certificate-and-key.pem": str(both)})
    if gateway_tls:
        if kind == "nginx":
            text = replaced(uncommented(text, "gateway-tls"), {"/etc/ssl/certs/ca-certificates.crt": str(gateway_tls)})
        else:
            text = uncommented(text, "gateway-tls", "# the gateway")
            text = replaced(text, {"gateway.invalid:443": f"127.0.0.1:{gateway_port}", "@system-ca": str(gateway_tls)})
    config = folder / name
    config.write_text(text)
    if kind == "haproxy":
        return [program("OPENPCC_HAPROXY"), "-f", config]
    prefix = folder / "prefix"
    prefix.mkdir()
    # As root nginx gives its work to another user, who may not enter a test's folder.
    user = " user root;" if os.geteuid() == 0 else ""
    return [program("OPENPCC_NGINX"), "-p", f"{prefix}/", "-c", config, "-e", "stderr", "-g", f"daemon off;{user}"]


class Relay:
    def __init__(self, kind, port, tls):
        self.kind, self.port = kind, port
        self.url = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def relay_to(kind, folder, gateway_port, **tls):
    folder.mkdir()
    with free_port() as port:
        log = folder / "relay.log"
        with running(command_of(kind, folder, port, gateway_port, **tls), log) as process:
            def listens():
                with socket.create_connection(("127.0.0.1", port), timeout=5):
                    return True

            wait_answering(process, log, listens, kind)
            yield Relay(kind, port, "client_tls" in tls)


# -- a deployment behind each relay ------------------------------------------------------------------------------------------------------


def port_of(url):
    return urllib.parse.urlsplit(url).port


@contextlib.contextmanager
def proxy_through(relay, service, folder, ca_file=None):
    """The deployment's proxy once more, with one relay and a port of its own. Yields its URL."""
    folder.mkdir()
    with free_port() as port, free_port() as admin:
        text = (service.folder / "config/proxy.toml").read_text()
        relays = re.search(r"^relays = .*$", text, re.MULTILINE).group()
        changes = {relays: f'relays = ["{relay.url}"]',
                   f'listen = "{service.url}"': f'listen = "http://127.0.0.1:{port}"',
                   f'listen = "{service.state["parties"]["proxy"]["admin"]}"': f'listen = "http://127.0.0.1:{admin}"'}
        config, log = folder / "proxy.toml", folder / "proxy.log"
        config.write_text(replaced(text, changes) + (f'\n[tls]\nca_file = "{ca_file}"\n' if ca_file else ""))
        with running([BIN / "openpcc", "proxy", "--config", config], log) as process:
            wait_answering(process, log, lambda: get(f"http://127.0.0.1:{admin}/readyz")[0] == 200, f"the proxy behind {relay.kind}")
            yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module", params=RELAYS)
def proxy(request, service, tmp_path_factory):
    """The URL of a proxy whose one relay is the one that the test is about."""
    folder = tmp_path_factory.mktemp(request.param)
    with relay_to(request.param, folder / "relay", port_of(service.state["parties"]["gateway"]["listen"])) as relay, \
            proxy_through(relay, service, folder / "proxy") as url:
        yield url


def wait_for_an_answer(url):
    def answered():
        stream = Stream(url, chat_body(max_tokens=1))
        good = stream.status == 200 and stream.read_to_end()
        stream.close()
        return good

    wait_until(answered, 30, "a question is answered again")


def deltas(data):
    """The pieces of text in the events of a stream, whole ones only."""
    events = [event.removeprefix(b"data: ") for event in data.split(b"\n\n")[:-1]]
    chunks = [json.loads(event) for event in events if event.startswith(b"{")]
    return [text for chunk in chunks for choice in chunk.get("choices", []) if (text := choice["delta"].get("content"))]


def test_answer_and_stream_arrive_complete(proxy):
    client = openai.OpenAI(base_url=proxy + "/v1", api_key="unused", max_retries=0)
    question = {"model": MODEL, "messages": [{"role": "user", "content": "Who can read this?"}]}
    answer = client.chat.completions.create(**question)
    assert answer.choices[0].finish_reason == "stop"
    assert "demo engine" in answer.choices[0].message.content
    chunks = list(client.chat.completions.create(**question, stream=True))
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert "demo engine" in text
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"


def test_a_long_question_arrives(proxy):
    """Longer than a relay's buffers."""
    stream = Stream(proxy, chat_body("x" * 1_000_000, max_tokens=1))
    body = stream.read_to_end() and stream.data
    assert stream.status in (200, 400), body  # 400: the engine says that it is too long for its model
    assert b"openpcc_error" not in body
    stream.close()


def test_first_token_arrives_before_the_second_is_made(proxy, engine):
    with engine.fault("hold@2"):
        stream = Stream(proxy, chat_body(stream=True), headers={"openpcc-profile": "low-latency"})
        assert stream.status == 200
        # Nothing but what the engine wrote before it stopped: a relay that gathers lets this read run into its timeout.
        assert stream.read_until(lambda data: len(deltas(data)) == 1)
        assert engine.metric("requests_running") == 1
        engine.release()
        assert stream.read_to_end()
        assert stream.data.endswith(b"data: [DONE]\n\n")
        assert len(deltas(stream.data)) > 1
        stream.close()


def test_client_that_leaves_in_mid_stream_cancels_the_engines_work(proxy, engine):
    before = engine.metric("cancelled_total")
    stream = Stream(proxy, chat_body(LONG, stream=True, max_tokens=400))
    assert stream.read_until(lambda data: len(deltas(data)) > 1)
    stream.close()
    wait_until(lambda: engine.metric("cancelled_total") == before + 1, 5, "the engine stops")


def test_client_that_leaves_before_the_first_token_cancels_the_engines_work(proxy, engine):
    """While nothing is sent in either direction, only the closed connection itself can tell a relay."""
    before = engine.metric("cancelled_total")
    with engine.fault("hold@1"):
        parts = urllib.parse.urlsplit(proxy)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30 * SLOW)
        connection.request("POST", "/v1/chat/completions", json.dumps(chat_body(stream=True)), {"content-type": "application/json"})
        wait_until(lambda: engine.metric("requests_running") == 1, 10, "the engine has the question")
        connection.close()
        wait_until(lambda: engine.metric("cancelled_total") == before + 1, 5, "the engine stops")


@pytest.mark.parametrize("offset", [1, 3000])
def test_gateway_killed_in_mid_stream_is_an_error(proxy, service, offset):
    stream = Stream(proxy, chat_body(LONG, stream=True, max_tokens=400))
    assert stream.status == 200
    assert stream.read_until(lambda data: len(data) >= offset), f"the answer ended after {len(stream.data)} bytes"
    service.kill("gateway")
    assert not stream.read_to_end(), "the connection ended as if the answer were whole"
    assert b"[DONE]" not in stream.data
    assert b"event: error" in stream.data
    stream.close()
    service.wait_ready()
    wait_for_an_answer(proxy)


def test_gateway_killed_before_an_answer_is_an_error(proxy, engine, service):
    with engine.fault("hold@1"):
        parts = urllib.parse.urlsplit(proxy)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30 * SLOW)
        connection.request("POST", "/v1/chat/completions", json.dumps(chat_body()), {"content-type": "application/json"})
        wait_until(lambda: engine.metric("requests_running") == 1, 10, "the engine has the question")
        service.kill("gateway")
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status >= 500, body
        assert json.loads(body)["error"]["type"] == "openpcc_error"
        connection.close()
    service.wait_ready()
    wait_for_an_answer(proxy)


# -- what travels on: a recorder in the gateway's place --------------------------------------------------------------------------------------

# What a gateway could try to set at a client. The last one nobody could have foreseen.
ANSWER_FIELDS = """\
content-type: message/ohttp-chunked-res
incremental: ?1
x-accel-buffering: yes
x-accel-redirect: /bundle
cache-control: public, max-age=31536000
set-cookie: tracked=1
etag: "tracked"
last-modified: Thu, 01 Jan 2026 00:00:00 GMT
location: https://elsewhere.invalid/
link: <https://elsewhere.invalid/>; rel=preload
via: 1.1 somewhere
alt-svc: h3=":443"
server: gateway/1
date: Thu, 01 Jan 2026 00:00:00 GMT
x-unforeseen: tracked
"""


class Recorder:
    """Listens where the gateway would, keeps what arrives as it arrived, and answers everything with 200.

    `pieces` are the chunks of its answer; when `paced`, each after the first waits for next_piece.release().
    """

    def __init__(self, tls=None, pieces=(b"sealed",), paced=False):
        self.requests = []  # (head, body), bytes
        self.connections = self.heads = 0
        self.tls, self.pieces, self.paced = tls, pieces, paced
        self.next_piece = threading.Semaphore(1)
        self.sent = 0  # pieces
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                self.connections += 1
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with contextlib.suppress(OSError), connection:
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            data = bytearray()
            while True:
                while b"\r\n\r\n" not in data:
                    if not (piece := connection.recv(65536)):
                        return
                    data += piece
                head, data = data.split(b"\r\n\r\n", 1)
                self.heads += 1
                chunked = b"transfer-encoding: chunked" in head.lower()
                length = re.search(rb"\r\ncontent-length: (\d+)", head, re.IGNORECASE)
                wanted = int(length.group(1)) if length else 0
                while not data.endswith(b"\r\n\r\n") if chunked else len(data) < wanted:
                    if not (piece := connection.recv(65536)):
                        return
                    data += piece
                self.requests.append((bytes(head), bytes(data)))
                data = bytearray()
                fields = ANSWER_FIELDS.replace("\n", "\r\n").encode()
                connection.sendall(b"HTTP/1.1 200 OK\r\n" + fields + b"transfer-encoding: chunked\r\n\r\n")
                for piece in self.pieces:
                    if self.paced and not self.next_piece.acquire(timeout=20 * SLOW):
                        return
                    connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
                    self.sent += 1
                connection.sendall(b"0\r\n\r\n")


@pytest.fixture
def recorder():
    with Recorder() as recorder:
        yield recorder


@pytest.fixture(params=RELAYS)
def relay(request, recorder, tmp_path):
    with relay_to(request.param, tmp_path / "relay", recorder.port) as relay:
        yield relay


@pytest.fixture(params=FOREIGN)
def foreign_relay(request, recorder, tmp_path):
    with relay_to(request.param, tmp_path / "relay", recorder.port) as relay:
        yield relay


def ask(relay, method, target, fields=None, body=None, chunked=False):
    """One request from CLIENT's address. Returns status, the answer's fields and its body."""
    connection = http.client.HTTPConnection("127.0.0.1", relay.port, timeout=20 * SLOW, source_address=(CLIENT, 0))
    try:
        connection.request(method, target, iter(body) if chunked else body, fields or {}, encode_chunked=chunked)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


TELLING = {
    "User-Agent": "client/1.2 (telling)",
    "Accept": "text/telling",
    "Accept-Encoding": "gzip, br",
    "Accept-Language": "de-CH",
    "Authorization": "Bearer telling",
    "Proxy-Authorization": "Basic dGVsbGluZw==",
    "Cookie": "session=telling",
    "Referer": "https://telling.example/",
    "Origin": "https://telling.example",
    "From": "telling@example.org",
    "Via": "1.1 telling",
    "Forwarded": "for=203.0.113.7;proto=https",
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Host": "telling.example",
    "X-Real-IP": "203.0.113.7",
    "True-Client-IP": "203.0.113.7",
    "Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "Priority": "u=1",
    "DNT": "1",
    "If-None-Match": '"telling"',
    "Range": "bytes=0-99",
    "Incremental": "?0",
    "X-Accel-Buffering": "yes",
    "X-Unforeseen": "telling",
    "X_Under_Score": "telling",
}


def arrived(recorder):
    """The one request that arrived: its lines, fields' names in lower case."""
    (head, body), = recorder.requests
    request_line, *fields = head.decode().split("\r\n")
    return [request_line, *sorted(re.sub(r"^[^:]+", lambda name: name.group().lower(), line) for line in fields)], body


def host_line(relay, recorder):
    return f"host: 127.0.0.1:{recorder.port}" if relay.kind == "ours" else "host: gateway.invalid"


@pytest.mark.parametrize("media_type", [CHUNKED, WHOLE])
def test_nothing_of_the_client_reaches_the_gateway(relay, recorder, media_type):
    chunked = media_type == CHUNKED
    status, _, body = ask(relay, "POST", "/ohttp", TELLING | {"Content-Type": media_type}, [b"opaque"] if chunked else b"opaque", chunked)
    assert (status, body) == (200, b"sealed")
    lines, body = arrived(recorder)
    # nginx declares the length of a chunked body that has arrived whole before it begins to send.
    in_chunks = "transfer-encoding: chunked" in lines
    assert in_chunks == chunked or relay.kind == "nginx"
    expected = [host_line(relay, recorder), f"content-type: {media_type}"]
    expected += ["incremental: ?1"] if chunked else []
    expected += ["transfer-encoding: chunked"] if in_chunks else ["content-length: 6"]
    assert lines == ["POST /.well-known/ohttp-gateway HTTP/1.1", *sorted(expected)]
    assert body == (b"6\r\nopaque\r\n0\r\n\r\n" if in_chunks else b"opaque")


@pytest.mark.parametrize("target", ["/ohttp-keys", "/bundle", "/bundle.sig"])
def test_nothing_of_the_client_reaches_the_gateway_with_a_get(relay, recorder, target):
    # nginx keeps copies, of which it would answer a part; that has nothing to do with what it asks for.
    telling = {name: value for name, value in TELLING.items() if name != "Range"}
    status, _, body = ask(relay, "GET", target, telling | {"Content-Type": CHUNKED})
    assert (status, body) == (200, b"sealed")
    assert arrived(recorder) == ([f"GET {target} HTTP/1.1", host_line(relay, recorder)], b"")


def test_the_target_of_a_proxy_request_does_not_travel_on(foreign_relay, recorder):
    """An absolute target names the relay as the client knows it. Ours refuses the form."""
    status, _, _ = ask(foreign_relay, "GET", "http://telling.example/bundle", {"Host": "telling.example"})
    assert status == 200
    assert arrived(recorder) == (["GET /bundle HTTP/1.1", "host: gateway.invalid"], b"")


def test_an_old_version_does_not_travel_on(foreign_relay, recorder):
    """Ours refuses it."""
    assert re.match(rb"HTTP/1\.[01] (200|400) ", send_raw(foreign_relay, b"GET /bundle HTTP/1.0\r\nhost: relay\r\n\r\n"))
    assert all(head.startswith(b"GET /bundle HTTP/1.1\r\n") for head, _ in recorder.requests)


def test_the_gateway_sets_nothing_at_the_client(relay):
    status, fields, _ = ask(relay, "POST", "/ohttp", {"Content-Type": CHUNKED}, [b"opaque"], chunked=True)
    assert status == 200
    for name in ("transfer-encoding", "connection"):
        fields.pop(name, None)
    # nginx signs and dates its answers, and can only take away fields whose names it is told.
    own = {"nginx": {"server": "nginx", "date": fields.get("date"), "x-unforeseen": "tracked"}}.get(relay.kind, {})
    assert fields.get("date") != "Thu, 01 Jan 2026 00:00:00 GMT"
    assert fields == own | {"content-type": "message/ohttp-chunked-res", "incremental": "?1", "x-accel-buffering": "no", "cache-control": "no-store"}


def test_a_request_goes_on_before_it_is_complete(relay, recorder):
    with socket.create_connection(("127.0.0.1", relay.port), timeout=20 * SLOW) as client:
        client.sendall(f"POST /ohttp HTTP/1.1\r\nhost: relay\r\ncontent-type: {CHUNKED}\r\ntransfer-encoding: chunked\r\n\r\n6\r\nopaque\r\n".encode())
        wait_until(lambda: recorder.heads == 1, 10, "the first piece arrives")
        client.sendall(b"4\r\nmore\r\n0\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
    lines, body = arrived(recorder)
    assert "transfer-encoding: chunked" in lines
    assert body == b"6\r\nopaque\r\n4\r\nmore\r\n0\r\n\r\n"


@pytest.mark.parametrize("kind", RELAYS)
def test_each_piece_of_an_answer_goes_on_before_the_next_is_made(kind, tmp_path):
    """However small it is."""
    pieces = [b"%d" % n for n in range(10)]
    with Recorder(pieces=pieces, paced=True) as recorder, relay_to(kind, tmp_path / "relay", recorder.port) as relay:
        connection = http.client.HTTPConnection("127.0.0.1", relay.port, timeout=20 * SLOW)
        connection.request("POST", "/ohttp", b"opaque", {"Content-Type": WHOLE})
        answer = connection.getresponse()
        for piece in pieces:
            assert answer.read1() == piece
            recorder.next_piece.release()
        assert answer.read() == b""
        connection.close()


@pytest.mark.parametrize("kind", RELAYS)
def test_an_answer_is_not_kept_for_a_client_that_does_not_read(kind, tmp_path):
    """Neither in memory nor in a file: who reads slowly slows the gateway down."""
    pieces = [bytes(1 << 20)] * 64  # more than the sockets between us hold
    with Recorder(pieces=pieces) as recorder, relay_to(kind, tmp_path / "relay", recorder.port) as relay:
        connection = http.client.HTTPConnection("127.0.0.1", relay.port, timeout=20 * SLOW)
        connection.request("POST", "/ohttp", b"opaque", {"Content-Type": WHOLE})
        answer = connection.getresponse()
        before = -1
        while recorder.sent != before:  # until nothing moves any more
            before = recorder.sent
            time.sleep(0.5 * SLOW)
        assert recorder.sent < len(pieces)
        assert len(answer.read()) == sum(map(len, pieces))
        connection.close()


def send_raw(relay, *pieces):
    """Sends the pieces, each after the first when the relay has said something. Returns all that it said."""
    said = b""
    with socket.create_connection(("127.0.0.1", relay.port), timeout=20 * SLOW) as client:
        for piece in pieces:
            client.sendall(piece)
            said += client.recv(65536)
    return said


def test_a_client_that_asks_before_it_sends_is_told_to_go_on(foreign_relay, recorder):
    head = f"POST /ohttp HTTP/1.1\r\nhost: relay\r\nexpect: 100-continue\r\ncontent-type: {WHOLE}\r\ncontent-length: 6\r\n\r\n"
    said = send_raw(foreign_relay, head.encode(), b"opaque")
    assert re.match(rb"HTTP/1\.1 100 Continue\r\n\r\nHTTP/1\.1 200 ", said, re.IGNORECASE)
    lines, body = arrived(recorder)
    assert body == b"opaque"
    assert not any("expect" in line for line in lines)


def test_fields_after_a_body_do_not_travel_on(relay, recorder):
    head = f"POST /ohttp HTTP/1.1\r\nhost: relay\r\ncontent-type: {CHUNKED}\r\ntransfer-encoding: chunked\r\n\r\n"
    assert b" 200 " in send_raw(relay, head.encode() + b"6\r\nopaque\r\n0\r\nx-trailer: telling\r\n\r\n")
    (_, body), = recorder.requests
    assert b"telling" not in body or (relay.kind == "haproxy" and haproxy_version() < (3, 2))


def haproxy_version():
    text = subprocess.run([program("OPENPCC_HAPROXY"), "-v"], capture_output=True, text=True, check=True).stdout
    return tuple(int(part) for part in re.search(r"version (\d+)\.(\d+)", text).groups())


def test_clients_share_connections_to_the_gateway(relay, recorder):
    """A connection for each client would tell the gateway which requests are one client's."""
    requests = max(8, os.cpu_count() + 1)  # nginx has a pool for each of its workers, which are as many as processors
    for _ in range(requests):
        assert ask(relay, "POST", "/ohttp", {"Content-Type": WHOLE}, b"opaque")[0] == 200
    assert len(recorder.requests) == requests
    assert recorder.connections < requests


REFUSED = [
    (415, "POST", "/ohttp", {"Content-Type": "application/json"}),
    (415, "POST", "/ohttp", {"Content-Type": "message/ohttp-chunked-req; x=telling"}),
    (415, "POST", "/ohttp", {"Content-Type": "message/ohttp-chunked-res"}),
    (415, "POST", "/ohttp", {}),
    (405, "GET", "/ohttp", {}),
    (405, "PUT", "/ohttp", {"Content-Type": CHUNKED}),
    (405, "POST", "/bundle", {}),
    (405, "HEAD", "/bundle", {}),
    (405, "DELETE", "/ohttp-keys", {}),
    (404, "GET", "/", {}),
    (404, "POST", "/", {"Content-Type": CHUNKED}),
    (404, "POST", "/.well-known/ohttp-gateway", {"Content-Type": CHUNKED}),
    (404, "POST", "/ohttp?telling", {"Content-Type": CHUNKED}),
    (404, "POST", "/ohttp?", {"Content-Type": CHUNKED}),
    (404, "POST", "/ohttp/", {"Content-Type": CHUNKED}),
    (404, "POST", "/OHTTP", {"Content-Type": CHUNKED}),
    (404, "POST", "//ohttp", {"Content-Type": CHUNKED}),
    (404, "POST", "/bundle/../ohttp", {"Content-Type": CHUNKED}),
    (404, "POST", "/%6fhttp", {"Content-Type": CHUNKED}),
    (404, "GET", "/bundle?telling", {}),
    (404, "GET", "/bundle%0a", {}),
    (404, "GET", "/bundle.sig/", {}),
    (404, "GET", "/v1/models", {}),
]


def test_what_is_no_relays_business_is_refused(relay, recorder):
    for status, method, target, fields in REFUSED:
        body = b"opaque" if method in ("POST", "PUT") else None
        assert ask(relay, method, target, fields, body)[0] == status, (method, target, fields)
    assert recorder.requests == []


def test_too_large_a_request_is_refused_by_its_length(relay, recorder):
    assert ask(relay, "POST", "/ohttp", {"Content-Type": WHOLE, "Content-Length": str(64 << 20)})[0] == 413
    assert recorder.requests == []


@pytest.mark.parametrize("kind", ["ours", "nginx"])  # HAProxy cannot count what it does not keep: there the gateway refuses
def test_too_large_a_request_is_refused_while_it_streams(kind, recorder, tmp_path):
    with relay_to(kind, tmp_path / "relay", recorder.port) as relay:
        with contextlib.suppress(OSError):  # the relay may close before it has read everything
            status, _, _ = ask(relay, "POST", "/ohttp", {"Content-Type": CHUNKED}, [bytes(1 << 20)] * 48, chunked=True)
            assert status == 413
    assert recorder.requests == []


def test_a_copy_is_asked_for_without_a_body(foreign_relay, recorder):
    status, _, _ = ask(foreign_relay, "GET", "/bundle", {}, b"telling")
    assert status in (200, 400)
    assert all(b"telling" not in head + body for head, body in recorder.requests)


@pytest.mark.parametrize("kind", FOREIGN)
def test_no_log_names_a_client(kind, tmp_path):
    """Answers, refusals, broken requests, a gateway that is not there: nothing of them is written down."""
    with free_port() as nobody, Recorder() as recorder:
        with relay_to(kind, tmp_path / "with-gateway", recorder.port) as relay:
            disturb(relay)
            assert ask(relay, "GET", "/bundle")[0] == 200
        with relay_to(kind, tmp_path / "without-gateway", nobody) as relay:
            disturb(relay)
            assert ask(relay, "POST", "/ohttp", {"Content-Type": WHOLE}, b"opaque")[0] in (502, 503)
            assert ask(relay, "GET", "/bundle")[0] in (502, 503)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name == "relay.log" for path in files)
    for path in files:
        assert CLIENT.encode() not in path.read_bytes(), path
        assert path.name != "relay.log" or b"ohttp" not in path.read_bytes().replace(str(tmp_path).encode(), b""), path.read_text()


def disturb(relay):
    ask(relay, "POST", "/ohttp", {"Content-Type": CHUNKED}, [b"opaque"], chunked=True)
    ask(relay, "POST", "/ohttp", {"Content-Type": WHOLE, "Content-Length": str(64 << 20)})
    for broken in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET /bundle\r\n\r\n", b"POST /ohttp HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
                   b"POST /ohttp HTTP/1.1\r\nhost: a\r\ncontent-type: message/ohttp-req\r\ncontent-length: 100\r\n\r\ncut"):
        with socket.create_connection(("127.0.0.1", relay.port), timeout=20 * SLOW, source_address=(CLIENT, 0)) as connection:
            connection.sendall(broken)
            connection.shutdown(socket.SHUT_WR)
            with contextlib.suppress(OSError):
                while connection.recv(65536):
                    pass


# -- TLS: the lines that the configurations have ready -----------------------------------------------------------------------------------------


class Authority:
    """Certificates for as long as a test runs."""

    def __init__(self, folder):
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.roots = folder / "roots.pem"
        self.roots.write_bytes(self.sign("test root", self.key.public_key(), []))

    def sign(self, name, key, hosts):
        """Returns a certificate in PEM: of a root where it is for no host."""
        now = datetime.datetime.now(datetime.timezone.utc)
        day = datetime.timedelta(days=1)
        builder = (x509.CertificateBuilder(self.name("test root"), self.name(name), key, x509.random_serial_number(), now - day, now + day)
                   .add_extension(x509.BasicConstraints(ca=not hosts, path_length=None), critical=True)
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False))
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    @staticmethod
    def name(text):
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    def certify(self, host):
        """Returns the files of a certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate, key_file = self.folder / f"{host}.pem", self.folder / f"{host}.key"
        certificate.write_bytes(self.sign(host, key.public_key(), [host]))
        key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return certificate, key_file


@pytest.mark.parametrize("kind", FOREIGN)
def test_clients_come_over_tls(kind, service, tmp_path):
    authority = Authority(tmp_path)
    gateway = port_of(service.state["parties"]["gateway"]["listen"])
    with relay_to(kind, tmp_path / "relay", gateway, client_tls=authority.certify("localhost")) as relay, \
            proxy_through(relay, service, tmp_path / "proxy", ca_file=authority.roots) as url:
        stream = Stream(url, chat_body(stream=True))
        assert stream.read_to_end()
        assert stream.data.endswith(b"data: [DONE]\n\n")
        stream.close()


@pytest.mark.parametrize("kind", FOREIGN)
@pytest.mark.parametrize("name", ["gateway.invalid", "someone-else.invalid"])
def test_the_gateway_must_prove_its_name(kind, name, tmp_path):
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.certify(name))
    with Recorder(context) as recorder, relay_to(kind, tmp_path / "relay", recorder.port, gateway_tls=authority.roots) as relay:
        status, _, _ = ask(relay, "POST", "/ohttp", {"Content-Type": WHOLE}, b"opaque")
        copy_status, _, _ = ask(relay, "GET", "/bundle")
        if name == "gateway.invalid":
            assert (status, copy_status) == (200, 200)
            assert len(recorder.requests) == 2
        else:
            assert status in (502, 503) and copy_status in (502, 503)
            assert recorder.requests == []
