"""NVIDIA's GPU and NVSwitch reports judged in Python, sharing neither code nor tables with the C++ verifier. `verify` says whether a genuine device
made the report, nvidia_manifest.py whether its measurements are the published ones, nvidia_policy.py whether what it says is acceptable. Every
refusal is collected in the order of the checks, by the rule ids that spec/evidence_regions/nvgpu.toml explains. Nothing here reads a clock or a
file."""

import dataclasses
import datetime
import hashlib

from certificate_chain import check_chain, p384_key
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from judgement import Judgement, Malformed
from nvidia_format import GPU_FIELDS, SWITCH_FIELDS, SWITCH_PDI, VBIOS_VERSION, Report, read_report
from ocsp_response import check_answer
from strict_der import CRL_SIGN, ECDSA_SHA384, BadDer, exactly, need, read_certificate, read_only, read_pem, read_revocation_list, signed_by

# SHA-256 of the SubjectPublicKeyInfo of NVIDIA Device Identity CA.
ROOTS = {"a90c4eb5acfd3e3d03a25db6a26b84f720ad0503196c627c21ddd48dd85b06a4"}

COUNT = 5
REVOCATION_AGE = datetime.timedelta(days=7)
CHIPS = {"GH100": "gpu", "GB100": "gpu", "LS_10": "switch"}
DICE, DICE_TCB_INFO = "2.23.133.5.4.1", "2.23.133.5.4.1.1"
AUTHORITY_INFORMATION = "1.3.6.1.5.5.7.1.1"
SHA384 = "2.16.840.1.101.3.4.2.2"
SERIAL_NUMBER = "2.5.4.5"
FWIDS = 0xA6


@dataclasses.dataclass
class NvidiaJudgement(Judgement):
    report: Report | None = None
    chip: str | None = None
    kind: str | None = None  # gpu or switch
    serial: int | None = None  # of the leaf's certificate
    key: bytes | None = None  # the leaf's SubjectPublicKeyInfo
    device_id: bytes = b""
    fwid: bytes | None = None  # of the firmware that the leaf is of
    revocation: str = "not checked"


def read_chain(text, prefix):
    """Reads a chain in PEM; newlines may stand between and after its certificates."""
    lines = [line for line in text.split(b"\n") if line]
    try:
        found = read_pem(b"\n".join(lines) + b"\n") if text.startswith(b"-") else []
    except BadDer as error:
        raise Malformed(f"{prefix}.pem", str(error)) from None
    if not found:
        raise Malformed(f"{prefix}.pem", "no certificate")
    return found


def read_certificates(ders, prefix):
    try:
        return [read_certificate(der, (ECDSA_SHA384,)) for der in ders]
    except BadDer as error:
        raise Malformed(f"{prefix}.syntax", str(error)) from None


def subject_serial(certificate):
    """The attribute serialNumber of a subject, in hexadecimal there."""
    for group in read_only(certificate.subject).children():
        for attribute in group.children():
            kind, value = attribute.children()
            if kind.oid() == SERIAL_NUMBER:
                return bytes.fromhex(value.content.decode("ascii"))
    return None


def fwid_of(leaf):
    """The digest of the firmware that DICE certified: the second digest of Hopper's composite device id, the first of Blackwell's TcbInfo."""
    old, new = leaf.extensions.get(DICE), leaf.extensions.get(DICE_TCB_INFO)
    need((old is None) != (new is None), "one DICE extension")
    if new is not None:
        found = [one for one in read_only(new[1]).children(0x30) if one.tag == FWIDS]
        fwid = exactly(found, 1)[0].children()[0]
    else:
        fwid = exactly(read_only(old[1]).children(0x30), 3)[2]
    algorithm, digest = exactly(fwid.children(0x30), 2)
    need(algorithm.oid() == SHA384 and len(digest.of(4)) == 48, "digest")
    return digest.content


def check_chip(chain, report, judgement):
    """The chip is what the chain says, never what the host does."""
    words = [chain[0].subject_name.split(" ")[0], chain[1].subject_name.split(" ")[0], (chain[2].subject_name.split(" ") + [""])[1]]
    judgement.chip, judgement.kind = words[0], CHIPS.get(words[0])
    judgement.check(judgement.kind, "nvgpu.chip.unknown", words[0])
    binary = len(report.fields[VBIOS_VERSION]) == 8
    gpu = GPU_FIELDS <= set(report.fields) and binary
    switch = SWITCH_FIELDS <= set(report.fields) and len(report.fields[SWITCH_PDI]) == 8 and not binary
    fits = {"gpu": gpu, "switch": switch, None: True}[judgement.kind]
    judgement.check(len(set(words)) == 1 and fits, "nvgpu.chip.mismatch", " ".join(words))


def check_list(data, chain, at, judgement, age_max):
    """Returns the places of certificates that their issuer's list leaves out."""
    try:
        crl = read_revocation_list(data, (ECDSA_SHA384,))
    except BadDer as error:
        raise Malformed("nvgpu.crl.syntax", str(error)) from None
    places = [place for place, issuer in enumerate(chain[1:]) if issuer.subject == crl.issuer]
    judgement.check(places, "nvgpu.crl.issuer")
    before = len(judgement.findings)
    for place in places:
        issuer = chain[place + 1]
        judgement.check(signed_by(crl.signed, issuer.spki) and CRL_SIGN in issuer.authority()[2], "nvgpu.crl.signature", issuer.subject_name)
        judgement.window(crl.this_update, crl.next_update, at, "nvgpu.crl", "CRL", end_included=False)
        judgement.age(crl.this_update, age_max, at, "nvgpu.crl")
        judgement.check(chain[place].serial not in crl.serials, "nvgpu.crl.revoked", chain[place].subject_name)
    return places if len(judgement.findings) == before else []


def check_revocation(chain, ocsp, crls, at, judgement, age_max):
    good = {check_answer(data, chain, at, "nvgpu.ocsp", judgement, age_max) for data in ocsp}
    good.update(place for data in crls for place in check_list(data, chain, at, judgement, age_max))
    answered_for = {place for place, one in enumerate(chain[:-1]) if place > 0 or AUTHORITY_INFORMATION in one.extensions}
    if answered_for <= good and good:
        judgement.revocation = "checked"


def check_signature(report, leaf, judgement):
    try:
        key = p384_key(leaf)
    except BadDer as error:
        judgement.check(False, "nvgpu.chain.key", str(error))
        return
    r, s = (int.from_bytes(half, "big") for half in (report.signature[:48], report.signature[48:]))
    try:
        key.verify(utils.encode_dss_signature(r, s), report.signed, ec.ECDSA(hashes.SHA384()))
    except InvalidSignature:
        judgement.check(False, "nvgpu.signature")


def check_identity(chain, report, judgement):
    try:
        judgement.fwid = fwid_of(chain[0])
        judgement.check(report.fwid in (None, judgement.fwid), "nvgpu.fwid", judgement.fwid.hex())
    except (BadDer, IndexError) as error:
        judgement.check(False, "nvgpu.fwid.syntax", str(error))
    if judgement.kind == "switch" and SWITCH_PDI in report.fields:
        judgement.check(report.fields[SWITCH_PDI] == judgement.device_id, "nvgpu.switch.pdi", report.fields[SWITCH_PDI].hex())


def device_id(certificate):
    """The id that a boot ROM's certificate has after the first byte of its subject's serial number; empty where it has none."""
    try:
        serial = subject_serial(certificate)
        return serial[1:] if serial and len(serial) == 9 else b""
    except (BadDer, ValueError):
        return b""


def verify(data, chain_pem, at, *, ocsp=(), crls=(), age_max=REVOCATION_AGE, roots=None):
    """Judges whether a genuine device made the report. `at`: the time; `ocsp` and `crls`: what says that the chain is not revoked, for `age_max`."""
    judgement = NvidiaJudgement()
    try:
        report = judgement.report = read_report(data)
        chain = verify_chain(chain_pem, at, roots, judgement)
        check_chip(chain, report, judgement)
        check_revocation(chain, ocsp, crls, at, judgement, age_max)
    except Malformed as error:
        judgement.check(False, error.rule, error.detail)
        return judgement
    judgement.serial, judgement.key, judgement.device_id = chain[0].serial, chain[0].spki, device_id(chain[1])
    check_signature(report, chain[0], judgement)
    check_identity(chain, report, judgement)
    return judgement


def verify_chain(chain_pem, at, roots, judgement):
    ders = read_chain(chain_pem, "nvgpu.chain")
    if len(ders) != COUNT:
        raise Malformed("nvgpu.chain.count", str(len(ders)))
    chain = read_certificates(ders, "nvgpu.chain")
    check_chain(chain, ROOTS if roots is None else roots, at, "nvgpu.chain", judgement)
    return chain


def digest_of(certificate):
    return hashlib.sha256(certificate.spki).hexdigest()
