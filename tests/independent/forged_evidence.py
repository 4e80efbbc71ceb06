"""Evidence made from genuine evidence under keys of our own, for what no genuine sample shows. Names, extensions and fields are those of the
vendors' until a test changes one; the roots are trusted only where a test hands their digests to the verifier."""

import copy
import functools
import hashlib
import json

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from evidence_corpus import collateral, read, snp_parts, with_id
from evidence_regions import pem
from quote_format import HEADER, read_quote
from quote_verifier import Collateral
from snp_format import SIGNED, SIZE
from strict_der import read_only, read_pem

ISSUER, VALIDITY, SUBJECT, SPKI, EXTENSIONS = 3, 4, 5, 6, 7  # places in the signed part of a certificate
REVOKED = 5  # in that of a revocation list
COMMON_NAME = bytes.fromhex("0603550403")


# DER, written.


def tlv(tag, content):
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def sequence(*parts):
    return tlv(0x30, b"".join(parts))


def integer(value):
    return tlv(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def oid(text):
    first, second, *arcs = (int(arc) for arc in text.split("."))
    content = bytes([40 * first + second])
    for arc in arcs:
        digits = [arc & 0x7F]
        while arc := arc >> 7:
            digits.insert(0, arc & 0x7F | 0x80)
        content += bytes(digits)
    return tlv(6, content)


def utc(text):
    return tlv(23, text.encode("ascii"))


def renamed(name, common_name):
    """A distinguished name with another common name."""
    groups = []
    for group in read_only(name).children():
        attribute = group.children()[0]
        kind, value = attribute.children()
        if kind.whole == COMMON_NAME:
            attribute_der = sequence(kind.whole, tlv(value.tag, common_name.encode("ascii")))
            groups.append(tlv(0x31, attribute_der))
        else:
            groups.append(group.whole)
    return sequence(*groups)


def with_extension(field, name, value, critical=False):
    """The extensions of a certificate with one replaced, added, or left out where `value` is None."""
    found = [one.whole for one in read_only(field).children()[0].children() if one.children()[0].whole != oid(name)]
    if value is not None:
        found.append(sequence(oid(name), *([tlv(1, b"\xff")] if critical else []), tlv(4, value)))
    return tlv(0xA3, sequence(*found))


def extension_of(field, name):
    return next(one.children()[-1].content for one in read_only(field).children()[0].children() if one.children()[0].whole == oid(name))


# Keys and what they sign.


def sign(key, data):
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PSS(padding.MGF1(hashes.SHA384()), 48), hashes.SHA384())
    return key.sign(data, ec.ECDSA(hashes.SHA384() if key.curve.key_size == 384 else hashes.SHA256()))


def raw_signature(key, data):
    size = key.curve.key_size // 8
    r, s = utils.decode_dss_signature(sign(key, data))
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def spki(key):
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def digest_of(key):
    return hashlib.sha256(spki(key)).hexdigest()


def fields_of(der):
    return [field.whole for field in read_only(der).children()[0].children()]


def remade(der, signer, changes):
    """A certificate or revocation list with some fields of its signed part replaced, signed anew."""
    body, algorithm, _ = read_only(der).children()
    fields = [field.whole for field in body.children()]
    for index, change in changes.items():
        fields[index] = change(fields[index]) if callable(change) else change
    body = sequence(*fields)
    return sequence(body, algorithm.whole, tlv(3, b"\x00" + sign(signer, body)))


@functools.cache
def rsa_key(_name):
    return rsa.generate_private_key(65537, 4096)


@functools.cache
def ec_key(name):
    """A key that depends on its name alone."""
    curve = ec.SECP384R1() if name.startswith(("vek", "P-384 ")) else ec.SECP256R1()
    return ec.derive_private_key(int.from_bytes(hashlib.sha256(name.encode()).digest()[:31], "big"), curve)


class Amd:
    """A report with its certificates. What a test changes: `report` (before it is signed), fields of `root`, `issuer` and `vek`."""

    def __init__(self, sample_id):
        sample = with_id(sample_id)
        report, self._vek, self._issuer, self._root = snp_parts(sample)
        self.report = bytearray(report[:SIGNED])
        self.root = {SPKI: spki(rsa_key("ark"))}
        self.issuer = {SPKI: spki(rsa_key("ask"))}
        self.vek = {SPKI: spki(ec_key("vek"))}
        self.root_signer, self.issuer_signer, self.vek_signer = rsa_key("ark"), rsa_key("ark"), rsa_key("ask")
        self.roots = {digest_of(rsa_key("ark")): sample["product"].capitalize()}

    def signed_report(self):
        r, s = utils.decode_dss_signature(ec_key("vek").sign(bytes(self.report), ec.ECDSA(hashes.SHA384())))
        signature = r.to_bytes(72, "little") + s.to_bytes(72, "little")
        return (bytes(self.report) + signature).ljust(SIZE, b"\x00")

    def parts(self):
        return (
            self.signed_report(),
            remade(self._vek, self.vek_signer, self.vek),
            remade(self._issuer, self.issuer_signer, self.issuer),
            remade(self._root, self.root_signer, self.root),
        )

    def crl(self, changes, signer=None):
        product = next(iter(self.roots.values())).lower()
        return remade(read(f"snp/crl/{product}-2026-08-19.crl.der"), signer or rsa_key("ark"), changes)


class Intel:
    """A quote with its collateral. What a test changes: `body`, `qe_report`, `auth`, `info`, `identity`, and fields of the certificates."""

    def __init__(self, sample_id, set_name):
        data = read(with_id(sample_id)["files"][0])
        quote, parts = read_quote(data), collateral(set_name)
        self.header, self.auth = bytearray(data[:HEADER]), quote.auth
        self.descriptor = data[HEADER : HEADER + 6] if quote.version == 5 else b""
        self.body, self.qe_report = bytearray(quote.body), bytearray(quote.qe_report)
        self._chain = read_pem(quote.certificates.removesuffix(b"\x00"))
        self._signers = read_pem(parts.signing_chain.rstrip(b"\n"))
        self._crls = parts.pck_crl, parts.root_crl
        self.info, self.identity = json.loads(parts.tcb_info), json.loads(parts.identity)
        names = ("leaf", "intermediate", "root", "signer", "signer_root")
        keys = {"signer_root": "root"}
        self.changes = {name: {SPKI: spki(ec_key(keys.get(name, name)))} for name in names}
        self.signers = {"leaf": "intermediate", "intermediate": "root", "root": "root", "signer": "root", "signer_root": "root"}
        self.crl_changes, self.crl_signers = ({}, {}), ("intermediate", "root")
        self.qe_signer, self.document_signer, self.attestation_key, self.bind = "leaf", "signer", "attestation", True
        self.roots = {digest_of(ec_key("root"))}
        self.chain_text = self.signer_text = self.key_bytes = None

    def copy(self):
        return copy.deepcopy(self)

    def certificate(self, name, der):
        return remade(der, ec_key(self.signers[name]), self.changes[name])

    def chain(self):
        return [self.certificate(name, der) for name, der in zip(("leaf", "intermediate", "root"), self._chain, strict=True)]

    def quote(self):
        key = ec_key(self.attestation_key)
        point = key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)[1:]
        point = self.key_bytes or point
        qe_report = bytearray(self.qe_report)
        if self.bind:
            qe_report[320:384] = hashlib.sha256(point + self.auth).digest() + bytes(32)
        signed = bytes(self.header) + self.descriptor + bytes(self.body)
        chain = pem(self.chain()) if self.chain_text is None else self.chain_text
        inner = bytes(qe_report) + raw_signature(ec_key(self.qe_signer), bytes(qe_report))
        inner += len(self.auth).to_bytes(2, "little") + self.auth
        inner += (5).to_bytes(2, "little") + len(chain).to_bytes(4, "little") + chain
        data = raw_signature(key, signed) + point + (6).to_bytes(2, "little") + len(inner).to_bytes(4, "little") + inner
        return signed + len(data).to_bytes(4, "little") + data

    def crl(self, index):
        return remade(self._crls[index], ec_key(self.crl_signers[index]), self.crl_changes[index])

    def collateral(self, **replaced):
        signer = ec_key(self.document_signer)
        info, identity = (one if isinstance(one, bytes) else json.dumps(one).encode() for one in (self.info, self.identity))
        signers = [self.certificate(name, der) for name, der in zip(("signer", "signer_root"), self._signers, strict=True)]
        parts = {
            "tcb_info": info,
            "tcb_info_signature": raw_signature(signer, info),
            "identity": identity,
            "identity_signature": raw_signature(signer, identity),
            "signing_chain": pem(signers) if self.signer_text is None else self.signer_text,
            "pck_crl": self.crl(0),
            "root_crl": self.crl(1),
        }
        return Collateral(**(parts | replaced))
