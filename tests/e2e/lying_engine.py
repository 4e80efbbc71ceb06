"""An engine over raw sockets that lies on demand. Whoever asks with "lie:<name>:<marker>" somewhere in the request's body gets exactly the bytes
that the function of that name writes; everybody else gets an honest answer with the marker in it."""

import contextlib
import dataclasses
import json
import re
import socket
import struct
import threading
import time

FIN, RST, HOLD = "FIN", "RST", "HOLD"  # besides bytes, what a lie does; HOLD waits until the peer leaves
PAUSE_S = 0.05


@dataclasses.dataclass
class Ask:
    path: str
    stream: bool
    marker: str

    @property
    def type(self):
        if self.path == "/v1/audio/speech":
            return b"audio/wav"
        return b"text/event-stream" if self.stream else b"application/json"

    def events(self):
        """The honest stream, event by event."""
        if self.path == "/v1/messages":
            data = [{"type": "message_start", "message": {"id": self.marker, "role": "assistant", "content": []}},
                    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": self.marker}}, {"type": "message_stop"}]
            return [f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in data]
        chunks = [{"id": self.marker, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": word}}]}
                  for word in ("Für ", self.marker, "!")]
        return [b"data: " + json.dumps(one, ensure_ascii=False).encode() + b"\n\n" for one in chunks] + [b"data: [DONE]\n\n"]

    def body(self):
        """The honest answer's body."""
        if self.path == "/v1/audio/speech":
            return b"RIFF\0\0\0\0WAVE" + self.marker.encode() * 20
        if self.stream:
            return b"".join(self.events())
        if self.path == "/v1/messages":
            return json.dumps({"id": self.marker, "type": "message", "role": "assistant", "content": [{"type": "text", "text": self.marker}]}).encode()
        if self.path == "/v1/embeddings":
            return json.dumps({"object": "list", "id": self.marker, "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}]}).encode()
        message = {"role": "assistant", "content": self.marker}
        return json.dumps({"id": self.marker, "object": "chat.completion", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}).encode()


# ---- bytes

def head(ask, *fields, first=b"HTTP/1.1 200 OK"):
    return b"\r\n".join([first, b"content-type: " + ask.type, *fields]) + b"\r\n\r\n"


def length(n):
    return b"content-length: %d" % n


def whole(ask, body=None, *fields, first=b"HTTP/1.1 200 OK"):
    """An answer that is as long as it says."""
    body = ask.body() if body is None else body
    return head(ask, length(len(body)), *fields, first=first) + body


CHUNKED = b"transfer-encoding: chunked"
END = b"0\r\n\r\n"


def chunk(data, extension=b""):
    return b"%x%s\r\n%s\r\n" % (len(data), extension, data)


def chunked(ask, body=None, end=END):
    return head(ask, CHUNKED) + chunk(ask.body() if body is None else body) + end


LIES = {}


def lie(function):
    LIES[function.__name__] = function
    return function


def simple(name, bytes_of, *then):
    """A lie of one piece of bytes."""
    def tell(ask):
        yield bytes_of(ask)
        yield from then
    LIES[name] = tell


# ---- lengths

simple("body_short", lambda ask: head(ask, length(len(ask.body()) + 10)) + ask.body(), FIN)
simple("body_short_held", lambda ask: head(ask, length(len(ask.body()) + 10)) + ask.body(), HOLD)
simple("body_long", lambda ask: whole(ask) + b"more than was announced")
simple("body_none", lambda ask: head(ask, length(len(ask.body()))), FIN)
simple("lengths_differ", lambda ask: head(ask, length(len(ask.body())), length(5)) + ask.body())
simple("lengths_equal", lambda ask: head(ask, length(len(ask.body())), length(len(ask.body()))) + ask.body())
simple("length_list", lambda ask: head(ask, b"content-length: %d, %d" % ((len(ask.body()),) * 2)) + ask.body())
simple("length_and_chunks", lambda ask: head(ask, length(len(ask.body())), CHUNKED) + chunk(ask.body()) + END)
simple("length_negative", lambda ask: head(ask, b"content-length: -1") + ask.body(), FIN)
simple("length_plus", lambda ask: head(ask, b"content-length: +%d" % len(ask.body())) + ask.body(), FIN)
simple("length_hex", lambda ask: head(ask, b"content-length: 0x%x" % len(ask.body())) + ask.body(), FIN)
simple("length_empty", lambda ask: head(ask, b"content-length: ") + ask.body(), FIN)
simple("length_huge", lambda ask: head(ask, b"content-length: " + b"9" * 17) + ask.body(), FIN)
simple("length_overflow", lambda ask: head(ask, length(2**64 + len(ask.body()))) + ask.body(), FIN)
simple("length_missing", lambda ask: head(ask) + ask.body(), FIN)
simple("length_missing_1_0", lambda ask: head(ask, first=b"HTTP/1.0 200 OK") + ask.body(), FIN)
simple("version_1_0", lambda ask: whole(ask, first=b"HTTP/1.0 200 OK"), FIN)

# ---- transfer codings and chunks

simple("coding_gzip", lambda ask: head(ask, b"transfer-encoding: gzip, chunked") + chunk(ask.body()) + END)
simple("coding_identity", lambda ask: head(ask, b"transfer-encoding: identity") + ask.body(), FIN)
simple("coding_twice", lambda ask: head(ask, CHUNKED, CHUNKED) + chunk(ask.body()) + END)
simple("coding_1_0", lambda ask: head(ask, CHUNKED, first=b"HTTP/1.0 200 OK") + chunk(ask.body()) + END, FIN)
simple("chunk_size_overflow", lambda ask: head(ask, CHUNKED) + b"1%016x\r\n%s\r\n" % (len(ask.body()), ask.body()) + END, FIN)
simple("chunk_size_negative", lambda ask: head(ask, CHUNKED) + b"-5\r\nhello\r\n" + END, FIN)
simple("chunk_size_spaced", lambda ask: head(ask, CHUNKED) + b"%x \r\n%s\r\n" % (len(ask.body()), ask.body()) + END)
simple("chunk_size_prefixed", lambda ask: head(ask, CHUNKED) + b"0x%x\r\n%s\r\n" % (len(ask.body()), ask.body()) + END, FIN)
simple("chunk_extension", lambda ask: head(ask, CHUNKED) + chunk(ask.body(), b";a=b;c") + END)
simple("chunk_extension_long", lambda ask: head(ask, CHUNKED) + chunk(ask.body(), b";" + b"a" * 300) + END)
simple("chunk_extension_quoted", lambda ask: head(ask, CHUNKED) + chunk(ask.body(), b';a="\\"b"') + END)
simple("chunk_bare_lf", lambda ask: head(ask, CHUNKED) + b"%x\n%s\n0\n\n" % (len(ask.body()), ask.body()), FIN)
simple("chunk_without_end", lambda ask: head(ask, CHUNKED) + b"%x\r\n%s5\r\nhello\r\n" % (len(ask.body()), ask.body()) + END)
simple("chunk_longer", lambda ask: head(ask, CHUNKED) + b"%x\r\n%s\r\n" % (len(ask.body()) - 1, ask.body()) + END)
simple("chunk_shorter", lambda ask: head(ask, CHUNKED) + b"%x\r\n%s" % (len(ask.body()) + 9, ask.body()), FIN)
simple("chunks_without_last", lambda ask: chunked(ask, end=b""), FIN)
simple("chunks_without_last_lf", lambda ask: chunked(ask, end=b"0\r\n\r"), FIN)
simple("trailer", lambda ask: chunked(ask, end=b"0\r\nx-checksum: 1\r\n\r\n"))
simple("trailer_length", lambda ask: chunked(ask, end=b"0\r\ncontent-length: 5\r\n\r\n"))
simple("trailer_malformed", lambda ask: chunked(ask, end=b"0\r\nno colon\r\n\r\n"))
simple("trailer_flood", lambda ask: chunked(ask, end=b"0\r\n" + b"x: y\r\n" * 10_000 + b"\r\n"))


@lie
def chunk_extension_flood(ask):
    yield head(ask, CHUNKED) + b"5;"
    for _ in range(256):
        yield b"a" * 4096
    yield b"\r\nhello\r\n" + END


@lie
def chunks_of_one_byte(ask):
    yield head(ask, CHUNKED)
    for at in range(len(ask.body())):
        yield chunk(ask.body()[at : at + 1])
    yield END


# ---- heads

def first_line(name, line, *then):
    simple(name, lambda ask: line + b"\r\n" + length(len(ask.body())) + b"\r\n\r\n" + ask.body(), *then)


first_line("status_garbage", b"hello")
first_line("status_reason_missing", b"HTTP/1.1 200")
first_line("status_two_digits", b"HTTP/1.1 99 Low")
first_line("status_four_digits", b"HTTP/1.1 1000 High")
first_line("status_zero", b"HTTP/1.1 099 Low")
first_line("status_letters", b"HTTP/1.1 2oo OK")
first_line("status_600", b"HTTP/1.1 600 Beyond")
first_line("status_lower_case", b"http/1.1 200 OK")
first_line("status_version", b"HTTP/3.0 200 OK")
first_line("status_empty_line_before", b"\r\nHTTP/1.1 200 OK")
first_line("status_302", b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/")
first_line("status_304", b"HTTP/1.1 304 Not Modified", FIN)
simple("status_204", lambda ask: head(ask, first=b"HTTP/1.1 204 No Content") + ask.body())
simple("status_101", lambda ask: b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n" + ask.body(), FIN)
simple("http_0_9", lambda ask: ask.body() + b"\r\n\r\n", FIN)
simple("http_2", lambda ask: b"\0\0\x12\4\0\0\0\0\0\0\3\0\0\0\x80\0\4\0\1\0\0\0\5\0\xff\xff\xff", FIN)
simple("tls_alert", lambda ask: b"\x15\3\3\0\2\2\x46", FIN)
simple("nothing", lambda ask: b"", FIN)
simple("head_cut", lambda ask: head(ask, length(5))[:-2], FIN)
simple("head_bare_lf", lambda ask: head(ask, length(len(ask.body()))).replace(b"\r\n", b"\n") + ask.body())
simple("head_bare_cr", lambda ask: head(ask, b"x: a\rb", length(len(ask.body()))) + ask.body())
simple("field_folded", lambda ask: head(ask, b"x: a\r\n b", length(len(ask.body()))) + ask.body())
simple("field_nul", lambda ask: head(ask, b"x: a\0b", length(len(ask.body()))) + ask.body())
simple("field_without_colon", lambda ask: head(ask, b"no colon", length(len(ask.body()))) + ask.body())
simple("field_space_before_colon", lambda ask: head(ask, b"x : a", length(len(ask.body()))) + ask.body())
simple("field_without_name", lambda ask: head(ask, b": a", length(len(ask.body()))) + ask.body())
simple("field_latin_1", lambda ask: whole(ask, None, b"x: caf\xe9"))
simple("fields_129", lambda ask: whole(ask, None, *[b"x: y"] * 127))
simple("fields_10000", lambda ask: whole(ask, None, *[b"x-%d: y" % n for n in range(10_000)]))
simple("field_1_mb", lambda ask: whole(ask, None, b"x: " + b"y" * 1_000_000))
simple("connection_list", lambda ask: whole(ask, None, b"connection: close; x"), FIN)
simple("interim_100", lambda ask: b"HTTP/1.1 100 Continue\r\n\r\n" + whole(ask))
simple("interim_103", lambda ask: b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + whole(ask))
simple("interim_1000", lambda ask: b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * 1000 + whole(ask))
simple("interim_alone", lambda ask: b"HTTP/1.1 103 Early Hints\r\n\r\n", FIN)
simple("interim_with_length", lambda ask: b"HTTP/1.1 103 Early Hints\r\ncontent-length: 5\r\n\r\n" + whole(ask))

# ---- content

simple("encoded_gzip", lambda ask: whole(ask, b"\x1f\x8b\x08\0\0\0\0\0\0\3" + ask.body(), b"content-encoding: gzip"))
simple("encoded_br", lambda ask: whole(ask, None, b"content-encoding: br"))
simple("encoded_identity", lambda ask: whole(ask, None, b"content-encoding: identity"))
simple("type_html", lambda ask: whole(ask).replace(ask.type, b"text/html", 1))
simple("type_json", lambda ask: whole(ask).replace(ask.type, b"application/json", 1))
simple("type_event_stream", lambda ask: whole(ask).replace(ask.type, b"text/event-stream", 1))
simple("type_missing", lambda ask: whole(ask).replace(b"content-type: " + ask.type + b"\r\n", b"", 1))
simple("type_twice", lambda ask: whole(ask, None, b"content-type: text/html"))
simple("json_cut", lambda ask: whole(ask, ask.body()[:-5]))
simple("json_deep", lambda ask: whole(ask, b"[" * 10_000 + b"]" * 10_000))
simple("json_twice_the_key", lambda ask: whole(ask, b'{"id":"a","id":"b"}'))
simple("json_none", lambda ask: whole(ask, b""))
simple("utf_8_invalid", lambda ask: whole(ask, ask.body().replace(b"id", b"\xff\xc0")))
simple("done_missing", lambda ask: chunked(ask, b"".join(ask.events()[:-1])))
simple("done_twice", lambda ask: chunked(ask, ask.body() + ask.events()[-1]))
simple("done_and_more", lambda ask: chunked(ask, ask.body() + ask.events()[0]))
simple("events_crlf", lambda ask: chunked(ask, ask.body().replace(b"\n", b"\r\n")))
simple("events_cr", lambda ask: chunked(ask, ask.body().replace(b"\n", b"\r")))
simple("events_marked", lambda ask: chunked(ask, b"\xef\xbb\xbf" + ask.body()))
simple("event_unfinished", lambda ask: chunked(ask, ask.body()[:-1]))
simple("event_of_1_mb", lambda ask: chunked(ask, b"data: " + b"x" * 1_000_000 + b"\n\n" + ask.body()))


@lie
def utf_8_between_chunks(ask):
    """Each chunk ends inside a character where there is one."""
    yield head(ask, CHUNKED)
    rest = ask.body()
    while rest:
        cut = next((at for at, byte in enumerate(rest) if at > 0 and byte & 0xC0 == 0x80), len(rest))
        yield chunk(rest[:cut])
        rest = rest[cut:]
    yield END


# ---- more answers than requests

simple("answer_twice", lambda ask: whole(ask) + whole(ask, b'{"smuggled":true}'))
simple("answer_and_head", lambda ask: whole(ask) + b"HTTP/1.1 200 OK\r\ncontent-")
simple("chunked_answer_twice", lambda ask: chunked(ask) + whole(ask, b'{"smuggled":true}'))


@lie
def answer_late(ask):
    """The second answer comes once the connection is idle."""
    yield whole(ask)
    yield PAUSE_S
    yield whole(ask, b'{"smuggled":true}')


# ---- resets

simple("reset_before", lambda ask: b"", RST)
simple("reset_in_head", lambda ask: head(ask, length(5))[:-2], RST)
simple("reset_after_head", lambda ask: head(ask, length(5)), RST)
simple("reset_in_body", lambda ask: head(ask, length(len(ask.body()) + 1)) + ask.body(), RST)
simple("reset_between_chunks", lambda ask: chunked(ask, end=b""), RST)
simple("reset_after", lambda ask: whole(ask), RST)
simple("reset_after_chunks", lambda ask: chunked(ask), RST)


# ---- no end

@lie
def drip_head(ask):
    yield b"HTTP/1.1 200 OK\r\nx: "
    while True:
        yield b"y"
        yield PAUSE_S


@lie
def drip_interim(ask):
    for _ in range(8):
        yield b"HTTP/1.1 103 Early Hints\r\n\r\n"
        yield PAUSE_S
    yield HOLD


@lie
def drip_body(ask):
    yield head(ask, CHUNKED)
    while True:
        yield chunk(ask.events()[0] if ask.stream else b" ")
        yield PAUSE_S


@lie
def endless(ask):
    yield head(ask, CHUNKED)
    piece = chunk(ask.events()[0] * 100 if ask.stream else b" " * 10_000)
    while True:
        yield piece


@lie
def event_of_64_mb(ask):
    yield head(ask, CHUNKED) + chunk(ask.events()[0] + b"data: ")
    piece = chunk(b"x" * 65536)
    for _ in range(1024):
        yield piece
    yield FIN


simple("silent", lambda ask: b"", HOLD)


@lie
def unread(ask):
    """Answers before it has read the request, and leaves."""
    yield whole(ask)
    yield FIN


LIES["unread"].early = True


class LyingEngine:
    """Serves on `url`, for as long as the block lasts. `requests`: what it was asked, in order, as (marker, number of the connection); `told`:
    the markers of lies that were told to their end; `left`: of those whose client left meanwhile; `extra`: further lies, a test's own."""

    def __init__(self, path=None):
        if path:
            self.listener, self.url = socket.socket(socket.AF_UNIX), f"unix:{path}"
            self.listener.bind(str(path))
            self.listener.listen(64)
        else:
            self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
            self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.requests, self.told, self.left, self.extra, self.connections = [], set(), set(), {}, 0

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *error):
        self.listener.close()

    def times_asked(self, marker):
        return sum(marker == asked for asked, _ in self.requests)

    def connection_of(self, marker):
        return next(connection for asked, connection in self.requests if asked == marker)

    def _accept(self):
        while True:
            try:
                end, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(end, self.connections), daemon=True).start()

    def _serve(self, end, number):
        if end.family == socket.AF_INET:
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError), end:
            buffered = b""
            while buffered is not None:
                buffered = self._serve_one(end, number, buffered)

    def _serve_one(self, end, number, data):
        """One request and its answer; returns what was read beyond it, None: the connection is over."""
        while b"\r\n\r\n" not in data:
            piece = end.recv(65536)
            if not piece:
                return None
            data += piece
        about, _, body = data.partition(b"\r\n\r\n")
        found = re.search(rb"(?i)^content-length: *(\d+)", about, re.MULTILINE)
        size = int(found.group(1)) if found else 0
        wanted = None
        while wanted is None and len(body) < size:
            piece = end.recv(65536)
            if not piece:
                return None
            body += piece
            named = re.search(rb"lie:(\w+):(\w+)", body)
            wanted = named if named and getattr(LIES.get(named.group(1).decode()), "early", False) else None
        named = re.search(rb"(lie|honest):(\w*):(\w+)", body)
        path = about.split(b" ")[1].decode()
        ask = Ask(path, b'"stream":true' in body.replace(b" ", b""), named.group(3).decode() if named else "canary")
        self.requests.append((ask.marker, number))
        if path == "/v1/models":
            end.sendall(whole(ask, json.dumps({"object": "list", "data": [{"id": "openpcc-demo", "object": "model"}]}).encode()))
        elif path == "/health":
            end.sendall(whole(ask, b"{}"))
        elif named and named.group(1) == b"lie":
            return self._tell(end, ask, self.extra.get(named.group(2).decode()) or LIES[named.group(2).decode()], body[size:])
        else:
            end.sendall(whole(ask))
        return body[size:]

    def _tell(self, end, ask, tell, rest):
        try:
            for step in tell(ask):
                if isinstance(step, str):
                    self.told.add(ask.marker)
                if isinstance(step, bytes):
                    end.sendall(step)
                elif step == FIN:
                    end.shutdown(socket.SHUT_WR) if not getattr(tell, "early", False) else end.close()
                    while end.fileno() >= 0 and end.recv(65536):
                        pass
                    return None
                elif step == RST:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    end.close()
                    return None
                elif step == HOLD:
                    while end.recv(65536):
                        pass
                    raise ConnectionResetError
                else:
                    time.sleep(step)
            self.told.add(ask.marker)
        except OSError:
            self.left.add(ask.marker)
            raise
        return rest
