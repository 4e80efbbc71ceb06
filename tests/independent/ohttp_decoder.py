"""What a gateway reads of a chunked Oblivious HTTP exchange (draft-ietf-ohai-chunked-ohttp-08) with its X-Wing key, and Binary HTTP of
indeterminate length (RFC 9292), sharing no code with the C++ implementation. For tests that look at what a hop carried."""

import dataclasses
import hashlib

from envelope_decoder import HpkeContext, XWingPrivateKey, ChunkOpener, hkdf_expand, hkdf_extract, read_chunks, require, u16

ENC = 1120
HEADER = bytes([1]) + u16(0x647A) + u16(0x0001) + u16(0x0002)  # key 1: X-Wing, HKDF-SHA256, AES-256-GCM
CHUNK_MAX = 1 << 20


def gateway_key(seed):
    """The X-Wing key that a gateway derives from its key file (draft-ietf-hpke-pq: SHAKE256.LabeledDerive)."""
    ikm = seed + b"openpcc gateway x-wing v1"
    label = b"DeriveKeyPair"
    derived = hashlib.shake_256(ikm + b"HPKE-v1" + b"KEM" + u16(0x647A) + u16(len(label)) + label + u16(32)).digest(32)
    return XWingPrivateKey(derived)


def open_all(opener, stream):
    return b"".join(opener.open(sealed, final, "ohttp.open") for sealed, final in read_chunks(stream, CHUNK_MAX, "ohttp.chunk", "ohttp.truncated"))


@dataclasses.dataclass
class Encapsulation:
    """One request opened by the gateway's key, and what opens the answer to it."""

    message: bytes
    _enc: bytes
    _context: HpkeContext

    def open_answer(self, answer):
        nonce, stream = answer[:32], answer[32:]
        prk = hkdf_extract(self._enc + nonce, self._context.export(b"message/bhttp chunked response", 32))
        return open_all(ChunkOpener(hkdf_expand(prk, b"key", 32), hkdf_expand(prk, b"nonce", 12)), stream)


def open_request(body, private_key):
    require(body[: len(HEADER)] == HEADER, "ohttp.header")
    enc = body[len(HEADER) : len(HEADER) + ENC]
    context = HpkeContext(private_key, enc, b"message/bhttp chunked request\x00" + HEADER)
    stream = body[len(HEADER) + ENC :]
    return Encapsulation(open_all(ChunkOpener(context.key, context.base_nonce), stream), enc, context)


class Reader:
    def __init__(self, data):
        self._data, self._at = data, 0

    def varint(self):
        width = 1 << (self._data[self._at] >> 6)
        value = int.from_bytes(self.take(width), "big")
        return value & ((1 << (8 * width - 2)) - 1)

    def take(self, n):
        require(self._at + n <= len(self._data), "bhttp.truncated")
        self._at += n
        return self._data[self._at - n : self._at]

    def text(self):
        return self.take(self.varint()).decode("ascii")

    def rest(self):
        return self._data[self._at :]


@dataclasses.dataclass
class BinaryMessage:
    control: list  # method, scheme, authority, path; or the status
    fields: list
    content: bytes


def read_fields(reader):
    fields = []
    while (length := reader.varint()) > 0:
        name = reader.take(length).decode("ascii")
        fields.append((name, reader.text()))
    return fields


def read_binary_http(message):
    reader = Reader(message)
    framing = reader.varint()
    require(framing in (2, 3), "bhttp.framing")
    control = [reader.text() for _ in range(4)] if framing == 2 else [str(reader.varint())]
    fields = read_fields(reader)
    content = b""
    while (length := reader.varint()) > 0:
        content += reader.take(length)
    trailers = read_fields(reader) if reader.rest() else []
    require(not trailers and not reader.rest().strip(b"\0"), "bhttp.rest")
    return BinaryMessage(control, fields, content)
