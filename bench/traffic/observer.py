"""What somebody who watches a connection sees: the size and the time of each piece, in both directions, and no byte of it.

A forwarder on a real socket. TLS names the length of each of its records in the clear, and a program's write becomes one (22 bytes longer, in
TLS 1.3), so a piece is what was written at once: a head, a chunk of HTTP, or all of an answer whose length was announced.
"""

import asyncio
import dataclasses
import re
import time
import urllib.parse

READ_BYTES_MAX = 65536


@dataclasses.dataclass
class Seen:
    """One exchange: bytes sent, and [(seconds since the first byte was sent, bytes)] of the pieces that came back."""

    sent_bytes: int
    pieces: list


class Observer:
    """Stands before `target`, http://host:port. It keeps one exchange at a time: the last POST that began."""

    def __init__(self, target):
        parts = urllib.parse.urlsplit(target)
        self.target = parts.hostname, parts.port
        self.seen, self.began = None, 0.0
        self.connections = set()

    async def start(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        return self

    def take(self):
        """The exchange since the last call."""
        seen, self.seen = self.seen, None
        return seen

    def close(self):
        self.server.close()
        for connection in list(self.connections):
            connection.cancel()

    async def _serve(self, near_reader, near_writer):
        task = asyncio.current_task()
        self.connections.add(task)
        try:
            far_reader, far_writer = await asyncio.open_connection(*self.target)
            link = _Link(self)
            await asyncio.gather(_pump(near_reader, far_writer, link.sent), _pump(far_reader, near_writer, link.received))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self.connections.discard(task)
            near_writer.close()


class Pieces:
    """Tells the pieces of one answer apart."""

    def __init__(self):
        self.rest, self.announced = b"", None  # announced: bytes of the body; 0: chunks

    def add(self, data):
        """The sizes of the pieces that `data` completes."""
        self.rest += data
        out = []
        while size := self._next():
            self.rest = self.rest[size:]
            out.append(size)
        return out

    def _next(self):
        """The size of the piece that `rest` begins with; 0: it has not come whole."""
        if self.announced is None:
            end = self.rest.find(b"\r\n\r\n") + 4
            if end < 4:
                return 0
            length = re.search(rb"(?i)\r\ncontent-length: (\d+)", self.rest[:end])
            self.announced = int(length[1]) if length else 0
            return end
        if self.announced:
            return self.announced if len(self.rest) >= self.announced else 0
        line = self.rest.find(b"\r\n")
        size = line + 2 + int(self.rest[:line], 16) + 2 if line > 0 else 0
        return size if len(self.rest) >= size else 0


class _Link:
    """One connection. A client also fetches what is the same for all, with GET: that is not what is looked for."""

    def __init__(self, observer):
        self.observer, self.counts, self.pieces = observer, False, Pieces()

    def sent(self, data):
        if data.startswith((b"GET ", b"POST ")):
            self.counts, self.pieces = data.startswith(b"POST "), Pieces()
            if self.counts:
                self.observer.seen, self.observer.began = Seen(0, []), time.perf_counter()
        if self.counts:
            self.observer.seen.sent_bytes += len(data)

    def received(self, data):
        if self.counts and self.observer.seen:
            seconds = time.perf_counter() - self.observer.began
            self.observer.seen.pieces += [(seconds, size) for size in self.pieces.add(data)]


async def _pump(reader, writer, note):
    while data := await reader.read(READ_BYTES_MAX):
        note(data)
        writer.write(data)
    writer.close()
