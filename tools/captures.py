"""What `openpcc up --record` kept of each hop, read back as HTTP exchanges.

A tap between two parties writes <folder>/<hop>-<number>.sent and .received for each connection, as the one who connects sees it. The hop is
named after the party that is reached: `relay-1`, `gateway-from-relay-1`, `node-2`, `engine-2`.
"""

import dataclasses
import pathlib
import re


@dataclasses.dataclass
class Message:
    """One request or answer. `chunks`: the sizes of its chunks, None where its length was announced. `complete`: it ended as it should."""

    start: str
    fields: list  # (name, value) as on the wire, in order
    body: bytes
    chunks: list | None
    complete: bool

    def field(self, name):
        return next((value for given, value in self.fields if given.lower() == name), None)


@dataclasses.dataclass
class Exchange:
    hop: str
    request: Message
    answer: Message | None


def read_message(data, at, length_until_end=False):
    """Returns (message, where the next one begins), or (None, at) where no whole head is left."""
    end = data.find(b"\r\n\r\n", at)
    if end < 0:
        return None, at
    start, *lines = data[at:end].decode("latin-1").split("\r\n")
    fields = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    message = Message(start, fields, b"", None, True)
    at = end + 4
    if (message.field("transfer-encoding") or "").lower() == "chunked":
        return message, read_chunks(message, data, at)
    length = message.field("content-length")
    if length is None:
        body_end = len(data) if length_until_end else at
    else:
        body_end = at + int(length)
    message.body = data[at:body_end]
    message.complete = len(message.body) == body_end - at
    return message, min(body_end, len(data))


def read_chunks(message, data, at):
    message.chunks = []
    while True:
        end = data.find(b"\r\n", at)
        size = int(data[at:end].split(b";")[0], 16) if end >= 0 else None
        if size is None or end + 2 + size + 2 > len(data):
            message.complete = False
            return len(data)
        if size == 0:
            return end + 4
        message.body += data[end + 2 : end + 2 + size]
        message.chunks.append(size)
        at = end + 2 + size + 2


def read_messages(data):
    """Every message of one direction; interim answers (1xx) are left out."""
    messages, at = [], 0
    while at < len(data):
        message, at = read_message(data, at)
        if message is None:
            break
        if not message.start.startswith("HTTP/1.1 1"):
            messages.append(message)
    return messages


def read(folder):
    """Returns {hop: [Exchange]} of a capture folder, in the order of the connections."""
    hops = {}
    for sent in sorted(pathlib.Path(folder).glob("*.sent")):
        hop = re.sub(r"-\d+\Z", "", sent.stem)
        requests = read_messages(sent.read_bytes())
        answers = read_messages(sent.with_suffix(".received").read_bytes())
        answers += [None] * (len(requests) - len(answers))
        hops.setdefault(hop, []).extend(Exchange(hop, request, answer) for request, answer in zip(requests, answers))
    return hops


def raw(folder, hop):
    """All bytes of a hop, both ways: where a text must not occur, it must not occur here, framing and all."""
    return b"".join(path.read_bytes() for path in sorted(pathlib.Path(folder).glob(f"{hop}-*")) if re.fullmatch(r".*-\d+", path.stem))
