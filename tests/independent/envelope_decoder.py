"""A decoder of the envelope that follows spec/envelope.md and shares no code with the C++ implementation. It is strict, not fast.

Primitives (X25519, ML-KEM-768, AES-256-GCM) come from the package `cryptography`, hashes from the standard library; everything that the
specification composes from them is here: HKDF, HPKE's key schedule, X-Wing, framing, derivations, and the order of the checks.
"""

import dataclasses
import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

TAG = 16
ENC = 1120
WRAP = ENC + 32 + 32 + 32 + TAG
CHUNK_PLAINTEXT = 16320
FRAME_MAX = 15872
FRAME_UNIT = 256
REQUEST_MAX = 32 << 20


class Refused(Exception):
    """Raised with the rule id of the first check that failed."""

    def __init__(self, rule):
        super().__init__(rule)
        self.rule = rule


def require(condition, rule):
    if not condition:
        raise Refused(rule)


# Section 1.


def u16(n):
    return n.to_bytes(2, "big")


def label(x):
    return b"openpcc envelope v1 " + x.encode("ascii") + b"\x00"


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def hkdf_extract(salt, ikm):
    return hmac.digest(salt or bytes(32), ikm, "sha256")


def hkdf_expand(prk, info, n):
    out, block = b"", b""
    for counter in range(1, 256):
        if len(out) >= n:
            break
        block = hmac.digest(prk, block + info + bytes([counter]), "sha256")
        out += block
    return out[:n]


# Appendix: HPKE with X-Wing.

SUITE_ID = b"HPKE" + u16(0x647A) + u16(0x0001) + u16(0x0002)


class XWingPrivateKey:
    def __init__(self, seed):
        expanded = hashlib.shake_256(seed).digest(96)
        self._mlkem = MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
        self._x25519 = X25519PrivateKey.from_private_bytes(expanded[64:])

    @property
    def _pk_x(self):
        return self._x25519.public_key().public_bytes_raw()

    @property
    def public_key(self):
        return self._mlkem.public_key().public_bytes_raw() + self._pk_x

    def decapsulate(self, enc):
        ct_m, ct_x = enc[:1088], enc[1088:]
        ss_m = self._mlkem.decapsulate(ct_m)
        ss_x = self._x25519.exchange(X25519PublicKey.from_public_bytes(ct_x))  # ValueError: all zeros
        return hashlib.sha3_256(ss_m + ss_x + ct_x + self._pk_x + bytes.fromhex("5c2e2f2f5e5c")).digest()


class HpkeContext:
    """The recipient's context for the one message that it opens."""

    def __init__(self, private_key, enc, info):
        shared_secret = private_key.decapsulate(enc)
        context = (
            b"\x00" + self._labeled_extract(b"", b"psk_id_hash", b"") + self._labeled_extract(b"", b"info_hash", info)
        )
        secret = self._labeled_extract(shared_secret, b"secret", b"")
        self.key = self._labeled_expand(secret, b"key", context, 32)
        self.base_nonce = self._labeled_expand(secret, b"base_nonce", context, 12)
        self._exporter = self._labeled_expand(secret, b"exp", context, 32)

    def open_first(self, sealed):
        return AESGCM(self.key).decrypt(self.base_nonce, sealed, b"")

    def export(self, exporter_context, n):
        return self._labeled_expand(self._exporter, b"sec", exporter_context, n)

    @staticmethod
    def _labeled_extract(salt, name, ikm):
        return hkdf_extract(salt, b"HPKE-v1" + SUITE_ID + name + ikm)

    @staticmethod
    def _labeled_expand(prk, name, info, n):
        return hkdf_expand(prk, u16(n) + b"HPKE-v1" + SUITE_ID + name + info, n)


# Section 2: framing, padding.


def read_chunks(stream, sealed_max, bad_chunk, truncated):
    """Yields (sealed, is final). Chunks hold at least one byte besides the tag; what is less than a tag at the end is no final chunk."""
    at = 0
    while True:
        require(at < len(stream), truncated)
        width = 1 << (stream[at] >> 6)
        require(at + width <= len(stream), truncated)
        n = int.from_bytes(stream[at : at + width], "big") & ((1 << (8 * width - 2)) - 1)
        at += width
        if n == 0:
            sealed = stream[at:]
            require(len(sealed) >= TAG, truncated)
            require(TAG < len(sealed) <= sealed_max, bad_chunk)
            yield sealed, True
            return
        require(TAG < n <= sealed_max, bad_chunk)
        require(at + n <= len(stream), truncated)
        yield stream[at : at + n], False
        at += n


class ChunkOpener:
    def __init__(self, key, nonce):
        self._aead = AESGCM(key)
        self._nonce = int.from_bytes(nonce, "big")
        self._next = 0

    def open(self, sealed, final, rule):
        nonce = (self._nonce ^ self._next).to_bytes(12, "big")
        self._next += 1
        try:
            return self._aead.decrypt(nonce, sealed, b"final" if final else b"")
        except InvalidTag:
            raise Refused(rule) from None


def padded_size(length):
    if length <= 1024:
        return 1024
    e = length.bit_length() - 1
    s = e.bit_length()
    step = 1 << (e - s)
    return -(-length // step) * step


# Section 3.


@dataclasses.dataclass
class OpenedRequest:
    message: bytes  # P, with its padding
    dek: bytes
    body_hash: bytes
    salt: bytes
    hh: bytes
    th: bytes
    rh: bytes
    index: int
    enc: bytes
    context: HpkeContext

    @property
    def answer_secret(self):
        return self.context.export(label("response") + self.rh, 32)


@dataclasses.dataclass
class Front:
    commit: bytes
    node_ids: list
    wraps: bytes
    hh: bytes
    th: bytes
    size: int


def read_front(envelope):
    require(len(envelope) > 0, "envelope.1.header")
    require(envelope[0] == 1, "envelope.1.version")
    require(len(envelope) >= 3, "envelope.1.header")
    require(envelope[1:3] == u16(1), "envelope.1.suite")
    require(len(envelope) >= 4 and 1 <= envelope[3] <= 4, "envelope.1.header")
    k = envelope[3]
    header_size, size = 36 + 32 * k, 36 + (32 + WRAP) * k
    require(len(envelope) >= header_size, "envelope.1.header")
    header = envelope[:header_size]
    node_ids = [header[36 + 32 * i : 68 + 32 * i] for i in range(k)]
    require(all(a < b for a, b in zip(node_ids, node_ids[1:])), "envelope.1.header")
    require(len(envelope) >= size, "envelope.1.header")
    wraps = envelope[header_size:size]
    hh = sha256(label("header"), header)
    return Front(header[4:36], node_ids, wraps, hh, sha256(label("wraps"), hh, wraps), size)


def open_wrap(front, index, private_key):
    wrap = front.wraps[WRAP * index : WRAP * (index + 1)]
    enc, sealed = wrap[:ENC], wrap[ENC:]
    try:
        context = HpkeContext(private_key, enc, label("wrap") + front.hh + front.node_ids[index])
        plaintext = context.open_first(sealed)
    except (InvalidTag, ValueError):
        raise Refused("envelope.1.wrap") from None
    return enc, context, plaintext[:32], plaintext[32:64], plaintext[64:]


def open_body(body, dek, th):
    """Returns P and rh."""
    key = hkdf_expand(dek, label("request key") + th, 32)
    opener = ChunkOpener(key, hkdf_expand(dek, label("request nonce") + th, 12))
    rh = hashlib.sha256(label("request") + th)
    message = b""
    for sealed, final in read_chunks(body, CHUNK_PLAINTEXT + TAG, "envelope.1.chunk", "envelope.1.truncated"):
        require(final or len(sealed) == CHUNK_PLAINTEXT + TAG, "envelope.1.chunk")
        require(len(message) + len(sealed) - TAG <= REQUEST_MAX, "envelope.1.too_large")
        message += opener.open(sealed, final, "envelope.1.open")
        rh.update(len(sealed).to_bytes(4, "big") + sealed)
    return message, rh.digest()


def open_request(envelope, node_id, private_key):
    front = read_front(envelope)
    require(node_id in front.node_ids, "envelope.1.recipient")
    index = front.node_ids.index(node_id)
    enc, context, dek, body_hash, salt = open_wrap(front, index, private_key)
    require(hkdf_expand(dek, label("commit"), 32) == front.commit, "envelope.1.commit")
    message, rh = open_body(envelope[front.size :], dek, front.th)
    require(sha256(label("body"), message) == body_hash, "envelope.1.body_hash")
    require(padded_size(len(message)) == len(message), "envelope.1.padding")
    return OpenedRequest(message, dek, body_hash, salt, front.hh, front.th, rh, index, enc, context)


# Section 4.


def open_answer(answer, recipients):
    """Returns (index, message, sizes of the frames). `recipients`: (enc, secret) of each recipient, in the header's order."""
    require(len(answer) >= 1, "envelope.answer.truncated")
    index = answer[0]
    require(index < len(recipients), "envelope.answer.index")
    require(len(answer) >= 33, "envelope.answer.truncated")
    enc, secret = recipients[index]
    prk = hkdf_extract(enc + answer[1:33], secret)
    opener = ChunkOpener(hkdf_expand(prk, b"key", 32), hkdf_expand(prk, b"nonce", 12))
    message, sizes = b"", []
    for sealed, final in read_chunks(answer[33:], FRAME_MAX + TAG, "envelope.answer.chunk", "envelope.answer.truncated"):
        require((len(sealed) - TAG) % FRAME_UNIT == 0, "envelope.answer.chunk")
        frame = opener.open(sealed, final, "envelope.answer.open")
        n = int.from_bytes(frame[:2], "big")
        require(n <= len(frame) - 2 and not any(frame[2 + n :]), "envelope.answer.frame")
        message += frame[2 : 2 + n]
        sizes.append(len(frame))
    return index, message, sizes
