"""Evidence of NVIDIA's devices, TPMs, Azure's VMs and Nitro enclaves made from genuine evidence under keys of our own, for what no genuine sample
shows. Names, extensions and fields are those of the vendors' until a test changes one."""

import base64
import functools
import hashlib
import json
import re

import azure_format
import nitro_format
import nvidia_format
import nvidia_manifest
import nvidia_verifier
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from device_corpus import azure
from evidence_corpus import read, with_id
from evidence_regions import pem
from forged_evidence import SPKI, Amd, digest_of, ec_key, raw_signature, remade, spki
from lxml import etree
from strict_cbor import ARRAY, BYTES, MAP, NEGATIVE, TEXT, UNSIGNED

# Chains.


class Chain:
    """A chain remade under keys of our own: `changes` of the certificates' fields and `signers`, by place from the leaf."""

    def __init__(self, ders, label):
        self.label, self.ders = label, ders
        self.changes = [{SPKI: spki(self.key(i))} for i in range(len(ders))]
        self.signers = [self.key(min(i + 1, len(ders) - 1)) for i in range(len(ders))]
        self.roots = {digest_of(self.key(len(ders) - 1))}

    def key(self, place):
        return ec_key(f"P-384 {self.label} {place}")

    def made(self):
        return [remade(der, signer, changes) for der, signer, changes in zip(self.ders, self.signers, self.changes, strict=True)]


# NVIDIA.


class Device:
    """A report with its chain. What a test changes: `nonce`, `measurements`, `fields` (pairs, in order), and the `chain`."""

    def __init__(self, sample_id):
        sample = with_id(sample_id)
        report = nvidia_format.read_report(read(sample["files"][0]))
        self.nonce, self.measurements, self.fields = report.nonce, list(report.measurements), list(report.fields.items())
        self.chain = Chain(nvidia_verifier.read_chain(read(sample["files"][1]), "nvgpu.chain"), f"device {sample_id}")
        self.signer = self.chain.key(0)

    def set(self, kind, value):
        """Sets a field, or takes it out where `value` is None."""
        if value is None:
            self.fields = [pair for pair in self.fields if pair[0] != kind]
        elif kind in dict(self.fields):
            self.fields = [(other, value if other == kind else old) for other, old in self.fields]
        else:
            self.fields.append((kind, value))

    def report(self):
        blocks = b"".join(bytes([i, 1, 51, 0, 1, 48, 0]) + value for i, value in enumerate(self.measurements, 1))
        opaque = b"".join(kind.to_bytes(2, "little") + len(value).to_bytes(2, "little") + value for kind, value in self.fields)
        request = b"\x11\xe0\x01\xff" + self.nonce + b"\x00"
        response = b"\x11\x60\x00\x00" + bytes([len(self.measurements)]) + len(blocks).to_bytes(3, "little") + blocks
        signed = request + response + bytes(32) + len(opaque).to_bytes(2, "little") + opaque
        return signed + raw_signature(self.signer, signed)

    def judge(self, at, **options):
        return nvidia_verifier.verify(self.report(), pem(self.chain.made()), at, **({"roots": self.chain.roots} | options))


class Manifest:
    """A manifest. What a test changes: `text` (before it is signed), `chain`, `signer`."""

    def __init__(self, path):
        data = read(path)
        root = nvidia_manifest.parse(data)
        ders = [base64.b64decode(one.text) for one in nvidia_manifest.read_signature(root).certificates]
        self.text, self.chain = data.decode(), Chain(ders, f"manifest {path}")
        self.signer = self.chain.key(0)

    def put(self, name, value):
        pattern = rf"(<ds:{name}>)[^<]*(</ds:{name}>)"
        self.text = re.sub(pattern, lambda match: match[1] + value + match[2], self.text)

    def made(self):
        certificates = iter(base64.b64encode(der).decode() for der in self.chain.made())
        pattern = r"(<ds:X509Certificate>)[^<]*(</ds:X509Certificate>)"
        self.text = re.sub(pattern, lambda match: match[1] + next(certificates) + match[2], self.text)
        root = etree.fromstring(self.text.encode())
        signature = next(root.iter(nvidia_manifest.ds("Signature")))
        signature.getparent().remove(signature)
        self.put("DigestValue", base64.b64encode(hashlib.sha384(nvidia_manifest.canonical(root)).digest()).decode())
        signed_info = next(etree.fromstring(self.text.encode()).iter(nvidia_manifest.ds("SignedInfo")))
        self.put("SignatureValue", base64.b64encode(raw_signature(self.signer, nvidia_manifest.canonical(signed_info))).decode())
        return self.text.encode()

    def judge(self, at, after=lambda data: data, **options):
        return nvidia_manifest.verify(after(self.made()), at, **({"roots": self.chain.roots} | options))


# TPM.


@functools.cache
def rsa_2048(_name):
    return rsa.generate_private_key(65537, 2048)


def sized(data):
    return len(data).to_bytes(2, "big") + data


class TpmQuote:
    """A quote under a key of our own. What a test changes: `magic`, `kind`, `extra`, `safe`, `selection` (pairs of a bank's code and a bitmap),
    `pcrs`, `digest`, `tail`, `hash`."""

    def __init__(self, key=None):
        self.key = key or rsa_2048("ak")
        self.magic, self.kind, self.extra, self.safe, self.tail = 0xFF544347, 0x8018, b"nonce of this session", 1, b""
        self.selection = [(0x0B, b"\xff\x00\x00")]
        self.pcrs = {"sha256": {i: bytes([i]) * 32 for i in range(8)}}
        self.digest, self.hash = None, hashes.SHA256()

    def quote(self):
        joined = b"".join(value for values in self.pcrs.values() for _, value in sorted(values.items()))
        digest = hashlib.new(self.hash.name, joined).digest() if self.digest is None else self.digest
        banks = b"".join(bank.to_bytes(2, "big") + bytes([len(bitmap)]) + bitmap for bank, bitmap in self.selection)
        head = self.magic.to_bytes(4, "big") + self.kind.to_bytes(2, "big") + sized(b"\x00\x0b" + bytes(32)) + sized(self.extra)
        clock = bytes(16) + bytes([self.safe]) + bytes(8)
        return head + clock + len(self.selection).to_bytes(4, "big") + banks + sized(digest) + self.tail

    def signature(self, scheme=0x14, code=0x0B):
        value = self.key.sign(self.quote(), padding.PKCS1v15(), self.hash)
        return scheme.to_bytes(2, "big") + code.to_bytes(2, "big") + sized(value)

    def public(self, attributes=0x00050072, exponent=0, bits=2048):
        modulus = self.key.public_key().public_numbers().n.to_bytes(bits // 8, "big")
        head = b"\x00\x01\x00\x0b" + attributes.to_bytes(4, "big") + b"\x00\x00" + b"\x00\x10\x00\x14\x00\x0b"
        return head + bits.to_bytes(2, "big") + exponent.to_bytes(4, "big") + sized(modulus)


# Azure, on SEV-SNP.


class AzureVm:
    """A VM's evidence with the vTPM's key, the report and its chain of our own. What a test changes: `runtime`, or `json` in its place, `header`
    (offset -> bytes), `report_data`, `tpm`."""

    def __init__(self, sample_id="azure-snp-trustee-genoa"):
        evidence, self.at = azure(with_id(sample_id))
        self.hcl, self.runtime = bytearray(evidence.hcl), json.loads(azure_format.read_hcl(evidence.hcl).json)
        self.amd = Amd("snp-v3-genoa-veraison")
        self.tpm = TpmQuote(rsa_2048("vTPM"))
        number = self.tpm.key.public_key().public_numbers().n.to_bytes(256, "big")
        self.runtime["keys"][0]["n"] = base64.urlsafe_b64encode(number).rstrip(b"=").decode()
        self.header, self.json, self.report_data = {}, None, None

    def made(self):
        text = json.dumps(self.runtime, separators=(",", ":")).encode() if self.json is None else self.json
        self.amd.report[0x50:0x90] = hashlib.sha256(text).digest() + bytes(32) if self.report_data is None else self.report_data
        report, *certificates = self.amd.parts()
        size = len(text)
        self.hcl[8:12] = (azure_format.JSON + size).to_bytes(4, "little")
        self.hcl[1216:1220], self.hcl[1232:1236] = (20 + size).to_bytes(4, "little"), size.to_bytes(4, "little")
        self.hcl[32:1216], self.hcl[1236:] = report, text.ljust(azure_format.SIZE - 1236, b"\x00")
        for at, value in self.header.items():
            self.hcl[at : at + len(value)] = value
        return bytes(self.hcl), certificates


# Nitro.


def cbor(value):
    if value is None:
        return b"\xf6"
    if isinstance(value, int):
        return nitro_format.head(UNSIGNED, value) if value >= 0 else nitro_format.head(NEGATIVE, -1 - value)
    if isinstance(value, (bytes, bytearray)):
        return nitro_format.head(BYTES, len(value)) + value
    if isinstance(value, str):
        return nitro_format.head(TEXT, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return nitro_format.head(ARRAY, len(value)) + b"".join(map(cbor, value))
    return nitro_format.head(MAP, len(value)) + b"".join(cbor(key) + cbor(one) for key, one in value.items())


class Enclave:
    """A document. What a test changes: `members`, `chain`, `protected`, `signer`, and `payload`, a function of the members."""

    def __init__(self, sample_id="nitro-sparsity-2"):
        document = nitro_format.read_document(read(with_id(sample_id)["files"][0]))
        self.members = {
            "module_id": document.module_id, "digest": "SHA384", "timestamp": document.timestamp, "pcrs": dict(document.pcrs), "certificate": b"",
            "cabundle": [], "public_key": document.public_key, "user_data": document.user_data, "nonce": document.nonce,
        }  # fmt: skip
        self.chain = Chain([document.certificate, *reversed(document.cabundle)], "enclave")
        self.protected, self.payload, self.signer = nitro_format.ES384, None, self.chain.key(0)

    def made(self):
        leaf, *uppers = self.chain.made()
        self.members = self.members | {"certificate": leaf, "cabundle": uppers[::-1]}
        payload = cbor(self.members) if self.payload is None else self.payload(self.members)
        signature = raw_signature(self.signer, nitro_format.signed_bytes(self.protected, payload))
        return cbor([self.protected, {}, payload, signature])
