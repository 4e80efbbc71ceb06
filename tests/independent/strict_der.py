"""A reader of DER (X.690) that takes one form of everything: definite minimal lengths, low tag numbers, minimal integers, no bytes left over.
Certificates and revocation lists (RFC 5280) on top of it, and their signatures; only the arithmetic comes from `cryptography`, whose own X.509
parser refuses serial number 0 and says little about why."""

import base64
import binascii
import dataclasses
import datetime
import functools
import re

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OID, ENUMERATED, IA5_STRING = 1, 2, 3, 4, 5, 6, 10, 22
UTC_TIME, GENERALIZED_TIME, SEQUENCE, SET = 23, 24, 0x30, 0x31
BYTES_MAX = 1 << 20

RSASSA_PSS, MGF1, SHA384 = "1.2.840.113549.1.1.10", "1.2.840.113549.1.1.8", "2.16.840.1.101.3.4.2.2"
ECDSA_SHA256, ECDSA_SHA384 = "1.2.840.10045.4.3.2", "1.2.840.10045.4.3.3"
RSA_SHA256, RSA_SHA384 = "1.2.840.113549.1.1.11", "1.2.840.113549.1.1.12"
CPU_ALGORITHMS = (RSASSA_PSS, ECDSA_SHA256)
COMMON_NAME, BASIC_CONSTRAINTS, KEY_USAGE = "2.5.4.3", "2.5.29.19", "2.5.29.15"
KEY_CERT_SIGN, CRL_SIGN, DIGITAL_SIGNATURE = 5, 6, 0


class BadDer(ValueError):
    pass


def need(condition, what):
    if not condition:
        raise BadDer(what)


@dataclasses.dataclass(frozen=True)
class Element:
    tag: int
    content: bytes
    whole: bytes

    def of(self, tag):
        need(self.tag == tag, f"tag {self.tag:#x} instead of {tag:#x}")
        return self.content

    def children(self, tag=None):
        rest, found = self.content if tag is None else self.of(tag), []
        while rest:
            element, rest = read(rest)
            found.append(element)
        return found

    def integer(self, tag=INTEGER):
        content = self.of(tag)
        need(len(content) > 0, "empty integer")
        need(len(content) == 1 or not (content[0] in (0, 255) and content[0] >> 7 == content[1] >> 7), "integer not minimal")
        return int.from_bytes(content, "big", signed=True)

    def boolean(self):
        need(self.of(BOOLEAN) in (b"\x00", b"\xff"), "boolean")
        return self.content == b"\xff"

    def oid(self):
        numbers, value, fresh = [], 0, True
        for byte in self.of(OID):
            need(not (fresh and byte == 0x80), "arc not minimal")
            value, fresh = value << 7 | byte & 0x7F, byte < 0x80
            if fresh:
                numbers, value = [*numbers, value], 0
        need(fresh and numbers, "identifier cut short")
        first = min(numbers[0] // 40, 2)
        return ".".join(map(str, [first, numbers[0] - 40 * first, *numbers[1:]]))

    def bits(self):
        """The bytes of a bit string of whole bytes."""
        content = self.of(BIT_STRING)
        need(len(content) > 0 and content[0] == 0, "bit string not of whole bytes")
        return content[1:]

    def time(self):
        need(self.tag in (UTC_TIME, GENERALIZED_TIME), "no time")
        digits = 12 if self.tag == UTC_TIME else 14
        need(re.fullmatch(rb"[0-9]{%d}Z" % digits, self.content), "time not in whole seconds of UTC")
        text = self.content[:-1].decode()
        if self.tag == UTC_TIME:
            text = ("19" if text >= "50" else "20") + text
        try:
            return datetime.datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=datetime.timezone.utc)
        except ValueError as error:
            raise BadDer(f"time: {error}") from None


def read(data):
    """Returns the first element of `data` and what follows it."""
    need(2 <= len(data) <= BYTES_MAX, "cut short")
    tag, length, at = data[0], data[1], 2
    need(tag & 0x1F != 0x1F, "high tag number")
    if length >= 0x80:
        at = 2 + (length & 0x7F)
        need(0x81 <= length <= 0x84 and len(data) >= at, "length")
        length = int.from_bytes(data[2:at], "big")
        need(length >= 0x80 and data[2] != 0, "length not minimal")
    need(len(data) >= at + length, "cut short")
    return Element(tag, data[at : at + length], data[: at + length]), data[at + length :]


def read_only(data):
    element, rest = read(data)
    need(not rest, "bytes left over")
    return element


def exactly(elements, n):
    need(len(elements) == n, f"{len(elements)} elements instead of {n}")
    return elements


def read_algorithm(element, algorithms):
    """Returns the identifier of a signature algorithm, one of `algorithms`; for RSASSA-PSS only SHA-384, MGF1 with SHA-384 and salt 48 pass."""
    parts = element.children(SEQUENCE)
    need(len(parts) in (1, 2), "algorithm")
    name = parts[0].oid()
    need(name in algorithms, f"algorithm {name}")
    if name == RSASSA_PSS:
        read_pss_parameters(exactly(parts, 2)[1])
    elif name in (RSA_SHA256, RSA_SHA384):
        need(exactly(parts, 2)[1].of(NULL) == b"", "algorithm's parameters")
    else:
        exactly(parts, 1)
    return name


def read_pss_parameters(element):
    parts = element.children(SEQUENCE)
    # The default of the trailer field is left out, or spelled out: both are found in the vendor's certificates.
    need([part.tag for part in parts] in ([0xA0, 0xA1, 0xA2], [0xA0, 0xA1, 0xA2, 0xA3]), "PSS parameters")
    values = [exactly(part.children(), 1)[0] for part in parts]
    mask = exactly(values[1].children(SEQUENCE), 2)
    need(read_digest(values[0]) == SHA384 and mask[0].oid() == MGF1 and read_digest(mask[1]) == SHA384, "PSS digest")
    need(values[2].integer() == 48 and all(value.integer() == 1 for value in values[3:]), "PSS salt")


def read_digest(element):
    parts = element.children(SEQUENCE)
    need(len(parts) == 1 or (len(parts) == 2 and parts[1].of(NULL) == b""), "digest")
    return parts[0].oid()


def read_name(element):
    """Returns the common name of a distinguished name, which has exactly one."""
    found = []
    for group in element.children(SEQUENCE):
        for attribute in group.children(SET):
            kind, value = exactly(attribute.children(SEQUENCE), 2)
            if kind.oid() == COMMON_NAME:
                found.append(value.content.decode("ascii", "replace"))
    return exactly(found, 1)[0]


def read_extensions(element):
    """Returns {identifier: (critical, value)}."""
    found = {}
    for extension in exactly(element.children(), 1)[0].children(SEQUENCE):
        parts = extension.children(SEQUENCE)
        need(len(parts) in (2, 3), "extension")
        name = parts[0].oid()
        critical = len(parts) == 3 and parts[1].boolean()
        need(len(parts) == 2 or critical, "default spelled out")
        need(name not in found, f"extension {name} twice")
        found[name] = (critical, parts[-1].of(OCTET_STRING))
    return found


@dataclasses.dataclass(frozen=True)
class Signed:
    body: bytes
    algorithm: str
    signature: bytes


def read_signed(data, algorithms):
    """Returns the elements of the signed part of a certificate or list, and what is needed to check its signature."""
    body, algorithm, signature = exactly(read_only(data).children(SEQUENCE), 3)
    return body.children(SEQUENCE), algorithm.whole, Signed(body.whole, read_algorithm(algorithm, algorithms), signature.bits())


@dataclasses.dataclass(frozen=True)
class Certificate:
    der: bytes
    serial: int
    issuer: bytes
    issuer_name: str
    subject: bytes
    subject_name: str
    not_before: datetime.datetime
    not_after: datetime.datetime
    spki: bytes
    extensions: dict
    signed: Signed

    def public_key(self):
        return read_key(self.spki)

    def authority(self):
        """(is a certificate authority, its path length or None, its key usage bits)."""
        authority, length = False, None
        if BASIC_CONSTRAINTS in self.extensions:
            parts = read_only(self.extensions[BASIC_CONSTRAINTS][1]).children(SEQUENCE)
            need(len(parts) <= 2, "basic constraints")
            authority = bool(parts) and parts[0].boolean()
            length = parts[1].integer() if len(parts) == 2 else None
        usage = set()
        if KEY_USAGE in self.extensions:
            content = read_only(self.extensions[KEY_USAGE][1]).of(BIT_STRING)
            need(2 <= len(content) <= 3 and content[0] < 8, "key usage")
            usage = {8 * i + j for i, byte in enumerate(content[1:]) for j in range(8) if byte >> (7 - j) & 1}
        return authority, length, usage


@functools.lru_cache(1024)
def read_certificate(data, algorithms=CPU_ALGORITHMS):
    parts, algorithm, signed = read_signed(data, algorithms)
    exactly(parts, 8)
    need(exactly(parts[0].children(0xA0), 1)[0].integer() == 2, "version")
    need(parts[2].whole == algorithm, "two algorithms")
    not_before, not_after = (time.time() for time in exactly(parts[4].children(SEQUENCE), 2))
    parts[6].of(SEQUENCE)
    need(parts[7].tag == 0xA3, "extensions")
    return Certificate(
        data, parts[1].integer(), parts[3].whole, read_name(parts[3]), parts[5].whole, read_name(parts[5]),
        not_before, not_after, parts[6].whole, read_extensions(parts[7]), signed,
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class RevocationList:
    issuer: bytes
    this_update: datetime.datetime
    next_update: datetime.datetime
    serials: frozenset
    signed: Signed


@functools.lru_cache(64)
def read_revocation_list(data, algorithms=CPU_ALGORITHMS):
    parts, algorithm, signed = read_signed(data, algorithms)
    need(6 <= len(parts) <= 7 and parts[0].integer() == 1, "version")
    need(parts[1].whole == algorithm, "two algorithms")
    serials = set()
    if len(parts) == 7:
        for entry in parts[5].children(SEQUENCE):
            serial = entry.children(SEQUENCE)
            need(len(serial) in (2, 3), "entry")
            serial[1].time()
            serials.add(serial[0].integer())
    extensions = read_extensions(parts[-1]) if parts[-1].tag == 0xA0 else None
    need(extensions is not None and not any(critical for critical, _ in extensions.values()), "extensions")
    read_name(parts[2])
    return RevocationList(parts[2].whole, parts[3].time(), parts[4].time(), frozenset(serials), signed)


def read_key(spki):
    try:
        return serialization.load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadDer(f"key: {error}") from None


EC_SCHEMES = {("secp256r1", ECDSA_SHA256): hashes.SHA256(), ("secp384r1", ECDSA_SHA384): hashes.SHA384()}


@functools.lru_cache(4096)
def signed_by(signed, spki):
    """True when the key of a SubjectPublicKeyInfo made the signature, with the one scheme of its kind of key."""
    try:
        public_key = read_key(spki)
        if isinstance(public_key, rsa.RSAPublicKey) and public_key.key_size == 4096 and signed.algorithm == RSASSA_PSS:
            scheme = padding.PSS(padding.MGF1(hashes.SHA384()), 48)
            public_key.verify(signed.signature, signed.body, scheme, hashes.SHA384())
            return True
        if isinstance(public_key, rsa.RSAPublicKey) and public_key.key_size >= 2048 and signed.algorithm in (RSA_SHA256, RSA_SHA384):
            digest = hashes.SHA256() if signed.algorithm == RSA_SHA256 else hashes.SHA384()
            public_key.verify(signed.signature, signed.body, padding.PKCS1v15(), digest)
            return True
        if isinstance(public_key, ec.EllipticCurvePublicKey) and (public_key.curve.name, signed.algorithm) in EC_SCHEMES:
            r, s = (number.integer() for number in exactly(read_only(signed.signature).children(SEQUENCE), 2))
            need(r > 0 and s > 0, "signature")
            public_key.verify(signed.signature, signed.body, ec.ECDSA(EC_SCHEMES[public_key.curve.name, signed.algorithm]))
            return True
    except (InvalidSignature, BadDer):
        pass
    return False


PEM = re.compile(rb"-----BEGIN CERTIFICATE-----\n((?:[A-Za-z0-9+/]{64}\n)*[A-Za-z0-9+/]{1,64}={0,2}\n)-----END CERTIFICATE-----(\n|\Z)")


def read_pem(text):
    """Returns the DER of certificates that follow each other with nothing before, between or after them."""
    found, at = [], 0
    while at < len(text):
        match = PEM.match(text, at)
        need(match, "PEM")
        coded = match.group(1).replace(b"\n", b"")
        try:
            der = base64.b64decode(coded, validate=True)
        except binascii.Error as error:
            raise BadDer(f"PEM: {error}") from None
        need(base64.b64encode(der) == coded, "PEM: not canonical")
        found.append(der)
        at = match.end()
    return found
