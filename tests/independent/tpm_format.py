"""The bytes of TPM 2.0 quotes (TPM 2.0 Library, Part 2): TPMS_ATTEST, TPMT_SIGNATURE and TPMT_PUBLIC, big endian."""

import dataclasses

from judgement import Malformed

QUOTE_MAX, NAME_MAX, EXTRA_MAX, DIGEST_MAX, SELECTIONS, PCRS = 1024, 68, 64, 64, range(1, 17), 24
MAGIC, QUOTE = 0xFF544347, 0x8018
RSASSA, RSAPSS, ECDSA, NONE = 0x14, 0x16, 0x18, 0x10
HASHES = {0x0004: ("sha1", 20), 0x000B: ("sha256", 32), 0x000C: ("sha384", 48), 0x000D: ("sha512", 64)}
RSA, ECC = 0x0001, 0x0023
CURVES = {0x0003: 32, 0x0004: 48}


class Short(Exception):
    pass


class Reader:
    def __init__(self, data):
        self.data, self.at = bytes(data), 0

    def take(self, size):
        if self.at + size > len(self.data):
            raise Short
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, size):
        return int.from_bytes(self.take(size), "big")

    def sized(self, most):
        size = self.number(2)
        if size > most:
            raise Short
        return self.take(size)

    def rest(self):
        return len(self.data) - self.at


@dataclasses.dataclass
class Quote:
    data: bytes
    signer: bytes
    extra: bytes
    clock: int
    resets: int
    restarts: int
    safe: int
    firmware: int
    selection: list  # (name of the bank, PCRs in ascending order)
    digest: bytes
    places: dict  # of the parts that the regions table names


def read_selection(reader):
    found, n = [], reader.number(4)
    if n not in SELECTIONS:
        raise Malformed("tpm.selection", f"{n} banks")
    for _ in range(n):
        bank, bitmap = reader.number(2), reader.take(reader.number(1))
        pcrs = [8 * i + j for i, byte in enumerate(bitmap) for j in range(8) if byte >> j & 1]
        if bank not in HASHES or not pcrs or pcrs[-1] >= PCRS:
            raise Malformed("tpm.selection", f"bank {bank:#x}")
        found.append((HASHES[bank][0], pcrs))
    if len({bank for bank, _ in found}) != len(found):
        raise Malformed("tpm.selection.duplicate")
    return found


def read_quote(data):
    if len(data) > QUOTE_MAX:
        raise Malformed("tpm.size", str(len(data)))
    reader = Reader(data)
    try:
        quote = read_parts(reader)
    except Short:
        raise Malformed("tpm.syntax", f"at {reader.at}") from None
    if reader.rest():
        raise Malformed("tpm.trailing", str(reader.rest()))
    return quote


def read_parts(reader):
    if reader.number(4) != MAGIC:
        raise Malformed("tpm.magic")
    if reader.number(2) != QUOTE:
        raise Malformed("tpm.type")
    signer = reader.sized(NAME_MAX)
    places = {"signer": 6, "extra": reader.at}
    extra = reader.sized(EXTRA_MAX)
    places["clock"] = reader.at
    clock, resets, restarts, safe, firmware = (reader.number(size) for size in (8, 4, 4, 1, 8))
    if safe > 1:
        raise Malformed("tpm.syntax", "safe")
    places["selection"] = reader.at
    selection = read_selection(reader)
    places["digest"] = reader.at
    digest = reader.sized(DIGEST_MAX)
    return Quote(reader.data, signer, extra, clock, resets, restarts, safe, firmware, selection, digest, places)


@dataclasses.dataclass
class Signature:
    scheme: int
    hash: str
    value: object  # bytes by RSA, (r, s) by ECDSA


def read_signature(data):
    reader = Reader(data)
    try:
        scheme, code = reader.number(2), reader.number(2)
        if scheme not in (RSASSA, RSAPSS, ECDSA) or code not in HASHES or HASHES[code][0] == "sha1":
            raise Malformed("tpm.scheme", f"{scheme:#x} {code:#x}")
        value = (reader.sized(66), reader.sized(66)) if scheme == ECDSA else reader.sized(512)
    except Short:
        raise Malformed("tpm.signature.syntax") from None
    if reader.rest():
        raise Malformed("tpm.signature.syntax", "bytes left over")
    return Signature(scheme, HASHES[code][0], value)


@dataclasses.dataclass
class Public:
    attributes: int
    scheme: tuple | None  # (scheme, hash) that the key is bound to
    rsa: tuple | None  # (bits, exponent, modulus)
    ecc: tuple | None  # (size, x, y)


def read_public(data):
    """TPMT_PUBLIC of a signing key: without symmetric algorithm, its own policy of any size."""
    reader = Reader(data)
    try:
        kind, name = reader.number(2), reader.number(2)
        attributes = reader.number(4)
        reader.sized(DIGEST_MAX)
        symmetric, scheme = reader.number(2), reader.number(2)
        code = None if scheme == NONE else reader.number(2)
        if (
            kind not in (RSA, ECC)
            or name not in HASHES
            or symmetric != NONE
            or scheme not in (NONE, RSASSA, RSAPSS, ECDSA)
            or (code and code not in HASHES)
        ):
            raise Malformed("tpm.ak.syntax")
        bound = None if code is None else (scheme, HASHES[code][0])
        public = Public(attributes, bound, *read_key(reader, kind))
    except Short:
        raise Malformed("tpm.ak.syntax") from None
    if reader.rest():
        raise Malformed("tpm.ak.syntax", "bytes left over")
    return public


def read_key(reader, kind):
    if kind == RSA:
        bits, exponent = reader.number(2), reader.number(4) or 65537
        modulus = reader.sized(512)
        if len(modulus) * 8 != bits:
            raise Malformed("tpm.ak.syntax", "size")
        return (bits, exponent, int.from_bytes(modulus, "big")), None
    curve, derivation = reader.number(2), reader.number(2)
    if curve not in CURVES or derivation != NONE:
        raise Malformed("tpm.ak.syntax", "curve")
    x, y = reader.sized(66), reader.sized(66)
    if not len(x) == len(y) == CURVES[curve]:
        raise Malformed("tpm.ak.syntax", "point")
    return None, (CURVES[curve], x, y)
