"""AMD SEV-SNP attestation reports judged in Python, sharing neither code nor tables with the C++ verifier. `verify` says whether genuine silicon made
the report, snp_policy.py whether what it says is acceptable; every refusal is collected in the order of the checks, by the rule ids that
spec/evidence_regions/snp.toml explains. Nothing here reads a clock or a file."""

import dataclasses
import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from judgement import Judgement, Malformed
from snp_format import SIGNED, VCEK, VLEK, Report, product_of_cpuid, read_report
from snp_policy import at_most
from strict_der import (
    BASIC_CONSTRAINTS, CRL_SIGN, IA5_STRING, KEY_CERT_SIGN, KEY_USAGE, RSASSA_PSS,
    BadDer, need, read_certificate, read_only, read_revocation_list, signed_by,
)  # fmt: skip

# SHA-256 of the SubjectPublicKeyInfo of AMD's root keys.
ROOTS = {
    "9f056bee44377e29308cb5ffa895bdfb62d18881fa6bed8d6f075b0204089cb9": "Milan",
    "429a69c9422aa258ee4d8db5fcda9c6470ef15f8cd5a9cebd6cbc7d90b863831": "Genoa",
    "4f125410563a2ab9a50356f9243f6fe0b6f73de98603f53f90339c70e9d7ad08": "Turin",
}

ARC = "1.3.6.1.4.1.3704.1."
STRUCT_VERSION, PRODUCT_NAME, HARDWARE_ID, CSP_ID = ARC + "1", ARC + "2", ARC + "4", ARC + "5"
# Which security patch level stands in which byte of a TCB_VERSION: the suffix of its extension, by byte.
EARLIER_LEVELS = {0: "3.1", 1: "3.2", 2: "3.4", 3: "3.5", 4: "3.6", 5: "3.7", 6: "3.3", 7: "3.8"}
TURIN_LEVELS = {0: "3.9", 1: "3.1", 2: "3.2", 3: "3.3", 4: "3.5", 5: "3.6", 6: "3.7", 7: "3.8"}
SPARE_BYTES = {"Milan": (2, 3, 4, 5), "Genoa": (2, 3, 4, 5), "Turin": (4, 5, 6)}


# Certificates.


@dataclasses.dataclass
class Vek:
    certificate: object
    struct_version: int
    product: str
    levels: dict  # extension suffix -> level
    hardware_id: bytes | None
    csp_id: str | None

    def tcb(self, product):
        """The eight bytes of the TCB that this key belongs to."""
        layout = TURIN_LEVELS if product == "Turin" else EARLIER_LEVELS
        return bytes(self.levels.get(layout[i], 0) for i in range(8))


def text_of(value):
    return read_only(value).of(IA5_STRING).decode("ascii")


def read_level(value):
    level = read_only(value).integer()
    need(0 <= level <= 255, "level")
    return level


def read_vek(der, judgement):
    try:
        certificate = read_certificate(der)
        need(certificate.signed.algorithm == RSASSA_PSS, "algorithm")
    except BadDer as error:
        raise Malformed("snp.vek.syntax", str(error)) from None
    values = {name: value for name, (_, value) in certificate.extensions.items() if name.startswith(ARC)}
    hardware_id = values.get(HARDWARE_ID)
    try:
        vek = Vek(
            certificate,
            read_only(values[STRUCT_VERSION]).integer(),
            text_of(values[PRODUCT_NAME]).partition("-")[0],
            {name.removeprefix(ARC): read_level(value) for name, value in values.items() if name.startswith(ARC + "3.")},
            hardware_id,
            text_of(values[CSP_ID]) if CSP_ID in values else None,
        )
        turin = vek.product == "Turin"
        need(set(vek.levels) == set((TURIN_LEVELS if turin else EARLIER_LEVELS).values()), "levels")
        need(vek.struct_version == int(turin), "structVersion")
        need(not any(critical for critical, _ in certificate.extensions.values()), "critical extension")
    except (BadDer, KeyError, UnicodeDecodeError) as error:
        raise Malformed("snp.vek.extension", str(error)) from None
    if hardware_id is not None:
        judgement.check(len(hardware_id) == (8 if turin else 64), "snp.vek.extension", f"hwID of {len(hardware_id)} bytes")
    return vek


def read_authority(der):
    try:
        return read_certificate(der)
    except BadDer as error:
        raise Malformed("snp.chain.syntax", str(error)) from None


def is_authority(certificate, *usage):
    try:
        authority, length, found = certificate.authority()
        critical = {name for name, (critical, _) in certificate.extensions.items() if critical}
        fits = (length is None or length >= 0) and critical <= {BASIC_CONSTRAINTS, KEY_USAGE}
        return authority and fits and set(usage) <= found
    except BadDer:
        return False


def check_kind(report, vek, intermediate, judgement):
    vlek = report.signing_key == VLEK
    own = (vek.certificate.subject_name, vek.hardware_id is not None, vek.csp_id is not None)
    judgement.check(own == (("SEV-VLEK", False, True) if vlek else ("SEV-VCEK", True, False)), "snp.vek.kind", str(own))
    for name in (vek.certificate.issuer_name, intermediate.subject_name):
        fits = name.startswith("SEV-VLEK-") if vlek else name.startswith("SEV-") and not name.startswith("SEV-VLEK-")
        judgement.check(fits, "snp.vek.kind", name)


def check_product(report, vek, root, roots, judgement):
    """Returns the product, by the chain where that is pinned."""
    chain = roots.get(hashlib.sha256(root.spki).hexdigest())
    named = product_of_cpuid(*report.cpuid) if report.version > 2 else vek.product
    judgement.check(named, "snp.product.unknown", str(report.cpuid))
    judgement.check(vek.product in SPARE_BYTES, "snp.product.unknown", vek.product)
    judgement.check(named in (None, vek.product), "snp.product.mismatch", f"CPUID {named}, certificate {vek.product}")
    judgement.check(chain in (None, vek.product), "snp.product.mismatch", f"chain {chain}, certificate {vek.product}")
    return chain or vek.product


def check_chain(vek, intermediate, root, at, roots, judgement):
    certificate = vek.certificate
    judgement.check(hashlib.sha256(root.spki).hexdigest() in roots, "snp.chain.root", root.subject_name)
    judgement.check(root.issuer == root.subject == intermediate.issuer, "snp.chain.issuer", "root")
    judgement.check(intermediate.subject == certificate.issuer, "snp.chain.issuer", certificate.issuer_name)
    judgement.check(signed_by(root.signed, root.spki), "snp.chain.signature", root.subject_name)
    judgement.check(signed_by(intermediate.signed, root.spki), "snp.chain.signature", intermediate.subject_name)
    judgement.check(is_authority(root, KEY_CERT_SIGN) and is_authority(intermediate, KEY_CERT_SIGN), "snp.chain.ca")
    judgement.check(signed_by(certificate.signed, intermediate.spki), "snp.vek.signature")
    for one in (root, intermediate):
        judgement.window(one.not_before, one.not_after, at, "snp.chain", one.subject_name)
    judgement.window(certificate.not_before, certificate.not_after, at, "snp.vek", certificate.subject_name)


def check_crl(der, root, intermediate, at, judgement):
    """A revocation list under the root's key. `intermediate` may be None: then nothing is looked up in the list."""
    try:
        crl = read_revocation_list(der)
    except BadDer as error:
        judgement.check(False, "snp.crl.syntax", str(error))
        return
    judgement.check(crl.issuer == root.subject, "snp.crl.issuer")
    judgement.check(signed_by(crl.signed, root.spki) and is_authority(root, CRL_SIGN), "snp.crl.signature")
    judgement.window(crl.this_update, crl.next_update, at, "snp.crl", "CRL", end_included=False)
    if intermediate is not None:
        judgement.check(intermediate.serial not in crl.serials, "snp.crl.revoked", f"{intermediate.serial:#x}")


# The report itself.


def check_signature(report, vek, judgement):
    r, s = report.number(0x2A0, 72), report.number(0x2E8, 72)
    try:
        key = vek.certificate.public_key()
        need(isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp384r1", "not a P-384 key")
        key.verify(utils.encode_dss_signature(r, s), report.data[:SIGNED], ec.ECDSA(hashes.SHA384()))
    except BadDer as error:
        judgement.check(False, "snp.vek.key", str(error))
    except InvalidSignature:
        judgement.check(False, "snp.signature")


def check_chip(report, vek, judgement):
    if report.signing_key == VLEK:
        judgement.check(not any(report.chip_id), "snp.chip_id.mismatch", "not zero under a VLEK")
    elif report.masked_chip:
        judgement.check(not any(report.chip_id), "snp.chip_id.mismatch", "not zero although masked")
    else:
        judgement.check(vek.hardware_id is not None and report.chip_id == vek.hardware_id.ljust(64, b"\x00"), "snp.chip_id.mismatch")


def check_tcbs(report, vek, product, judgement):
    judgement.check(vek.tcb(product) == report.reported_tcb, "snp.tcb.certificate", f"{vek.tcb(product).hex()}, {report.reported_tcb.hex()}")
    check_chip(report, vek, judgement)
    for tcb in (report.current_tcb, report.reported_tcb, report.committed_tcb, report.launch_tcb):
        judgement.check(not any(tcb[i] for i in SPARE_BYTES[product]), "snp.tcb.reserved", tcb.hex())
    ordered = at_most(report.reported_tcb, report.committed_tcb) and at_most(report.committed_tcb, report.current_tcb)
    judgement.check(ordered and report.committed_version <= report.current_version, "snp.tcb.order")


@dataclasses.dataclass
class SnpJudgement(Judgement):
    report: Report | None = None
    product: str | None = None
    csp_id: str | None = None
    revocation: str = "not checked"


def verify(data, vek_der, intermediate_der, root_der, at, *, crl=None, roots=None):
    """Judges whether genuine silicon made the report. `at`: the time; `crl`: the root's list, else `revocation` says that none was looked at."""
    judgement, roots = SnpJudgement(), ROOTS if roots is None else roots
    try:
        report = judgement.report = read_report(data)
        if report.signing_key not in (VCEK, VLEK):
            raise Malformed("snp.signing_key", str(report.signing_key))
        if None in (vek_der, intermediate_der, root_der):
            raise Malformed("snp.chain.missing")
        intermediate, root = read_authority(intermediate_der), read_authority(root_der)
        vek = read_vek(vek_der, judgement)
    except Malformed as error:
        judgement.check(False, error.rule, error.detail)
        return judgement
    judgement.csp_id = vek.csp_id
    check_kind(report, vek, intermediate, judgement)
    judgement.product = check_product(report, vek, root, roots, judgement)
    check_chain(vek, intermediate, root, at, roots, judgement)
    if crl is not None:
        judgement.revocation = "checked"
        check_crl(crl, root, intermediate, at, judgement)
    check_signature(report, vek, judgement)
    if judgement.product in SPARE_BYTES:
        check_tcbs(report, vek, judgement.product, judgement)
    return judgement


def verify_crl(der, root_der, at):
    judgement = Judgement()
    check_crl(der, read_authority(root_der), None, at, judgement)
    return judgement
