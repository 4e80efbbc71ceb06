"""What somebody who watches a connection sees: the size and the time of each piece, in both directions, and no byte of it.

A forwarder on a real socket. What one read returns counts as one piece: with TLS it would be a record, 22 bytes longer (TLS 1.3).
"""

import asyncio
import dataclasses
import time
import urllib.parse

READ_BYTES_MAX = 65536


@dataclasses.dataclass
class Seen:
    """One exchange: bytes sent, and [(seconds since the first byte was sent, bytes)] of what came back. data: all of that, if asked for."""

    sent_bytes: int
    pieces: list
    data: bytes = b""


class Observer:
    """Stands before `target`, http://host:port. It keeps one exchange at a time: the last POST that began. keep_data: for tests."""

    def __init__(self, target, keep_data=False):
        self.keep_data = keep_data
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


class _Link:
    """One connection. A client also fetches what is the same for all, with GET: that is not what is looked for."""

    def __init__(self, observer):
        self.observer, self.counts = observer, False

    def sent(self, data):
        if data.startswith((b"GET ", b"POST ")):
            self.counts = data.startswith(b"POST ")
            if self.counts:
                self.observer.seen, self.observer.began = Seen(0, []), time.perf_counter()
        if self.counts:
            self.observer.seen.sent_bytes += len(data)

    def received(self, data):
        if self.counts and self.observer.seen:
            self.observer.seen.pieces.append((time.perf_counter() - self.observer.began, len(data)))
            if self.observer.keep_data:
                self.observer.seen.data += data


async def _pump(reader, writer, note):
    while data := await reader.read(READ_BYTES_MAX):
        note(data)
        writer.write(data)
    writer.close()
