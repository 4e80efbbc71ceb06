"""The bytes of Intel's quotes: TDX versions 4 and 5, SGX version 3. Sizes must nest exactly; after the signature data only zeros may follow."""

import dataclasses
import struct

from judgement import Malformed

TDX, SGX = 0x81, 0
INTEL_QE = bytes.fromhex("939a7233f79c4ca9940a0db3957f0607")
HEADER = 48
SGX_BODY, TD10_BODY, TD15_BODY = 384, 584, 648
BODY_SIZES = {2: TD10_BODY, 3: TD15_BODY}
QE_REPORT = 384
PCK_PEM_CHAIN, QE_CERTIFICATION = 5, 6


@dataclasses.dataclass
class Quote:
    version: int
    tee: int
    signed: bytes
    body: bytes
    signature: bytes
    attestation_key: bytes
    qe_report: bytes
    qe_signature: bytes
    auth: bytes
    certificates_type: int
    certificates: bytes

    def field(self, at, size):
        return self.body[at : at + size]

    tcb_svn = property(lambda self: self.field(0, 16))
    mrseam = property(lambda self: self.field(16, 48))
    mrsignerseam = property(lambda self: self.field(64, 48))
    seam_attributes = property(lambda self: self.field(112, 8))
    attributes = property(lambda self: int.from_bytes(self.field(120, 8), "little"))
    xfam = property(lambda self: int.from_bytes(self.field(128, 8), "little"))
    mrtd = property(lambda self: self.field(136, 48))
    mrconfigid = property(lambda self: self.field(184, 48))
    mrowner = property(lambda self: self.field(232, 48))
    mrownerconfig = property(lambda self: self.field(280, 48))
    rtmrs = property(lambda self: tuple(self.field(328 + 48 * i, 48) for i in range(4)))
    report_data = property(lambda self: self.field(520, 64) if self.tee == TDX else self.field(320, 64))
    tcb_svn_2 = property(lambda self: self.field(584, 16))  # empty before TD 1.5, as the next
    mrservicetd = property(lambda self: self.field(600, 48))
    sgx_attributes = property(lambda self: self.field(48, 16))


class Cursor:
    def __init__(self, data):
        self._data, self._at = data, 0

    def take(self, n):
        if len(self._data) - self._at < n:
            raise Malformed("tdx.size", f"{n} bytes at {self._at}")
        self._at += n
        return self._data[self._at - n : self._at]

    def number(self, n):
        return int.from_bytes(self.take(n), "little")

    def rest(self):
        return self.take(len(self._data) - self._at)

    def end(self):
        if self._at != len(self._data):
            raise Malformed("tdx.size", f"{len(self._data) - self._at} bytes left over")


def read_header(cursor, tee):
    version, key_type, kind = struct.unpack("<HHI", cursor.take(8))
    if version not in ((4, 5) if tee == TDX else (3,)):
        raise Malformed("tdx.version", str(version))
    if key_type != 2:
        raise Malformed("tdx.key_type", str(key_type))
    if kind != tee:
        raise Malformed("tdx.tee_type", f"{kind:#x}")
    cursor.take(4)
    if cursor.take(16) != INTEL_QE:
        raise Malformed("tdx.qe_vendor")
    cursor.take(20)
    return version


def read_body_size(cursor, version):
    if version != 5:
        return SGX_BODY if version == 3 else TD10_BODY
    kind, size = struct.unpack("<HI", cursor.take(6))
    if kind not in BODY_SIZES:
        raise Malformed("tdx.body_type", str(kind))
    if size != BODY_SIZES[kind]:
        raise Malformed("tdx.body_size", str(size))
    return size


def read_certification(cursor):
    """The part of the signature data from the QE report on."""
    parts = cursor.take(QE_REPORT), cursor.take(64)
    auth = cursor.take(cursor.number(2))
    kind = cursor.number(2)
    if kind != PCK_PEM_CHAIN:
        raise Malformed("tdx.cert_type", str(kind))
    certificates = cursor.take(cursor.number(4))
    cursor.end()
    return *parts, auth, kind, certificates


def read_quote(data, tee=TDX):
    cursor = Cursor(bytes(data))
    version = read_header(cursor, tee)
    size = read_body_size(cursor, version)
    body = cursor.take(size)
    signed = data[: HEADER + (6 if version == 5 else 0) + size]
    inner = Cursor(cursor.take(cursor.number(4)))
    padding = cursor.rest()
    signature, key = inner.take(64), inner.take(64)
    if version > 3:
        kind = inner.number(2)
        if kind != QE_CERTIFICATION:
            raise Malformed("tdx.cert_type", str(kind))
        nested = Cursor(inner.take(inner.number(4)))
        inner.end()
        inner = nested
    certification = read_certification(inner)
    if any(padding):
        raise Malformed("tdx.trailing", f"{len(padding)} bytes")
    return Quote(version, tee, signed, body, signature, key, *certification)
