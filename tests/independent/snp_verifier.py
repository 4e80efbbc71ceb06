"""AMD SEV-SNP attestation reports (SEV-SNP Firmware ABI, table "ATTESTATION_REPORT") judged in Python, sharing neither code nor tables with the
C++ verifier. `verify` says whether genuine silicon made the report, `appraise` whether what it says is acceptable; both collect every refusal,
in the order of the checks, by the rule ids that spec/evidence_regions.toml explains. Nothing here reads a clock or a file."""

import dataclasses
import hashlib
import uuid

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from judgement import Judgement, Malformed
from strict_der import (
    CRL_SIGN, IA5_STRING, KEY_CERT_SIGN, RSASSA_PSS, BadDer, need, read_certificate, read_only, read_revocation_list, signed_by,
)  # fmt: skip

SIZE = 0x4A0
SIGNED = 0x2A0
P384_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973

# SHA-256 of the SubjectPublicKeyInfo of AMD's root keys.
ROOTS = {
    "9f056bee44377e29308cb5ffa895bdfb62d18881fa6bed8d6f075b0204089cb9": "Milan",
    "429a69c9422aa258ee4d8db5fcda9c6470ef15f8cd5a9cebd6cbc7d90b863831": "Genoa",
    "4f125410563a2ab9a50356f9243f6fe0b6f73de98603f53f90339c70e9d7ad08": "Turin",
}

VCEK, VLEK = 0, 1
ARC = "1.3.6.1.4.1.3704.1."
STRUCT_VERSION, PRODUCT_NAME, HARDWARE_ID, CSP_ID = ARC + "1", ARC + "2", ARC + "4", ARC + "5"
# Which security patch level stands in which byte of a TCB_VERSION: the suffix of its extension, by byte.
EARLIER_LEVELS = {0: "3.1", 1: "3.2", 2: "3.4", 3: "3.5", 4: "3.6", 5: "3.7", 6: "3.3", 7: "3.8"}
TURIN_LEVELS = {0: "3.9", 1: "3.1", 2: "3.2", 3: "3.3", 4: "3.5", 5: "3.6", 6: "3.7", 7: "3.8"}
SPARE_BYTES = {"Milan": (2, 3, 4, 5), "Genoa": (2, 3, 4, 5), "Turin": (4, 5, 6)}


def little(data):
    return int.from_bytes(data, "little")


def product_of_cpuid(family, model):
    if family == 0x19 and model <= 0x0F:
        return "Milan"
    if family == 0x19 and (0x10 <= model <= 0x1F or 0xA0 <= model <= 0xAF):
        return "Genoa"
    if family == 0x1A and model <= 0x11:
        return "Turin"
    return None


@dataclasses.dataclass
class Report:
    data: bytes

    def field(self, at, size):
        return self.data[at : at + size]

    def number(self, at, size):
        return little(self.field(at, size))

    version = property(lambda self: self.number(0x000, 4))
    guest_svn = property(lambda self: self.number(0x004, 4))
    policy = property(lambda self: self.number(0x008, 8))
    vmpl = property(lambda self: self.number(0x030, 4))
    current_tcb = property(lambda self: self.field(0x038, 8))
    platform_info = property(lambda self: self.number(0x040, 8))
    flags = property(lambda self: self.number(0x048, 4))
    report_data = property(lambda self: self.field(0x050, 64))
    measurement = property(lambda self: self.field(0x090, 48))
    host_data = property(lambda self: self.field(0x0C0, 32))
    id_key_digest = property(lambda self: self.field(0x0E0, 48))
    author_key_digest = property(lambda self: self.field(0x110, 48))
    reported_tcb = property(lambda self: self.field(0x180, 8))
    cpuid = property(lambda self: (self.data[0x188], self.data[0x189]))
    chip_id = property(lambda self: self.field(0x1A0, 64))
    committed_tcb = property(lambda self: self.field(0x1E0, 8))
    current_version = property(lambda self: tuple(reversed(self.field(0x1E8, 3))))
    committed_version = property(lambda self: tuple(reversed(self.field(0x1EC, 3))))
    launch_tcb = property(lambda self: self.field(0x1F0, 8))
    launch_mitigations = property(lambda self: self.number(0x1F8, 8))
    current_mitigations = property(lambda self: self.number(0x200, 8))
    masked_chip = property(lambda self: bool(self.flags & 2))
    signing_key = property(lambda self: self.flags >> 2 & 7)


def reserved_ranges(version):
    yield from ((0x4C, 0x50), (0x18B, 0x1A0), (0x1EB, 0x1EC), (0x1EF, 0x1F0), (0x208, 0x2A0), (0x330, SIZE))
    if version == 2:
        yield 0x188, 0x18B
    if version < 5:
        yield 0x1F8, 0x208


def read_report(data):
    if len(data) != SIZE:
        raise Malformed("snp.length", str(len(data)))
    report = Report(bytes(data))
    if report.version not in (2, 3, 4, 5):
        raise Malformed("snp.version", str(report.version))
    if report.number(0x34, 4) != 1:
        raise Malformed("snp.signature_algo")
    for start, end in reserved_ranges(report.version):
        if any(data[start:end]):
            raise Malformed("snp.reserved", f"{start:#x}")
    if report.flags >> 5:
        raise Malformed("snp.reserved", "flags")
    for at in (0x2A0, 0x2E8):
        if not 0 < report.number(at, 72) < P384_ORDER:
            raise Malformed("snp.signature_encoding", f"{at:#x}")
    return report


# The certificate table: entries of GUID, offset and length, ended by a zero one, then the certificates.

TABLE_NAMES = {
    "63da758d-e664-4564-adc5-f4b93be8accd": "vcek",
    "a8074bc2-a25a-483e-aae6-39c045a0b8a1": "vlek",
    "4ab7b379-bbac-4fe4-a02f-05aef327c782": "ask",
    "c0b406a4-a803-4952-9743-3fb6014cd0ae": "ark",
}


def read_table(data):
    """Returns {name: certificate}; entries of other names are left out."""
    entries, at = [], 0
    while True:
        entry = data[at : at + 24]
        if len(entry) < 24:
            raise Malformed("snp.table.syntax", "no end")
        at += 24
        if not any(entry):
            break
        entries.append((str(uuid.UUID(bytes=entry[:16])), little(entry[16:20]), little(entry[20:24])))
    if len({name for name, _, _ in entries}) != len(entries):
        raise Malformed("snp.table.syntax", "an entry twice")
    for name, offset, length in entries:
        if offset < at or offset + length > len(data) or length == 0:
            raise Malformed("snp.table.syntax", name)
    return {TABLE_NAMES[name]: data[offset : offset + length] for name, offset, length in entries if name in TABLE_NAMES}


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
        return authority and (length is None or length >= 0) and set(usage) <= found
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
    if report.version > 2:
        named = product_of_cpuid(*report.cpuid)
        judgement.check(named, "snp.product.unknown", str(report.cpuid))
        judgement.check(named is None or named == vek.product, "snp.product.mismatch", f"CPUID {named}, certificate {vek.product}")
    judgement.check(vek.product in roots.values(), "snp.product.unknown", vek.product)
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


def at_most(lower, upper):
    return all(a <= b for a, b in zip(lower, upper, strict=True))


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


# Appraisal.


@dataclasses.dataclass(frozen=True)
class Policy:
    """What a relying party demands. The lists that name what is accepted accept nothing while they are empty."""

    measurements: frozenset
    report_data: bytes
    products: frozenset = frozenset({"Milan", "Genoa", "Turin"})
    vmpl: int = 0
    allow_debug: bool = False
    allow_migration: bool = False
    allow_smt: bool = True
    allow_cxl: bool = False
    restrictions: int = 0  # bits of POLICY that must be set
    min_abi: tuple = (0, 0)  # major, minor
    alias_check: bool = True
    allow_masked_chip: bool = False
    allow_provisional: bool = False
    require_crl: bool = False
    csp_ids: frozenset = frozenset()
    chips: frozenset | None = None
    min_tcb: bytes = bytes(8)  # in the layout of the product
    min_launch_tcb: bytes = bytes(8)
    min_version: tuple = (0, 0, 0)
    mitigations: int = 0
    host_data: frozenset | None = None
    id_keys: frozenset | None = None
    author_keys: frozenset | None = None
    family_and_image: frozenset | None = None
    min_guest_svn: int = 0


RESTRICTIONS = 1 << 20 | 1 << 22 | 1 << 23 | 1 << 24 | 1 << 25


def appraise(judgement, policy):
    """Returns the rules by which a relying party refuses an authentic report."""
    report, result = judgement.report, Judgement()
    result.check(judgement.revocation == "checked" or not policy.require_crl, "snp.crl.missing")
    result.check(judgement.product in policy.products, "snp.product.excluded", str(judgement.product))
    appraise_chip(report, judgement.csp_id, policy, result)
    appraise_tcb(report, policy, result)
    appraise_guest_policy(report, policy, result)
    result.check(report.vmpl == policy.vmpl, "snp.vmpl", str(report.vmpl))
    result.check(report.version == 2 or not policy.alias_check or report.platform_info >> 5 & 1, "snp.platform.alias_check")
    appraise_identity(report, policy, result)
    return result


def appraise_chip(report, csp_id, policy, result):
    if report.signing_key == VLEK:
        result.check(csp_id in policy.csp_ids, "snp.csp_id", str(csp_id))
    else:
        result.check(policy.allow_masked_chip or not report.masked_chip, "snp.chip_id.masked")
    result.check(policy.chips is None or report.chip_id in policy.chips, "snp.chip_id.unlisted")


def appraise_tcb(report, policy, result):
    settled = (report.committed_tcb, report.committed_version) == (report.current_tcb, report.current_version)
    result.check(policy.allow_provisional or settled, "snp.tcb.provisional")
    enough = at_most(policy.min_tcb, report.reported_tcb) and at_most(policy.min_tcb, report.committed_tcb)
    result.check(enough, "snp.tcb.minimum")
    result.check(at_most(policy.min_launch_tcb, report.launch_tcb), "snp.tcb.launch_minimum")
    result.check(report.committed_version >= policy.min_version, "snp.tcb.version")
    missing = policy.mitigations & ~(report.current_mitigations & report.launch_mitigations)
    result.check(report.version < 5 or not missing, "snp.tcb.mitigations", f"{missing:#x}")


def appraise_guest_policy(report, policy, result):
    bits = report.policy
    result.check(bits >> 17 & 1 and not bits >> 26, "snp.policy.reserved")
    result.check((bits >> 8 & 0xFF, bits & 0xFF) >= policy.min_abi, "snp.policy.abi")
    result.check(policy.allow_debug or not bits >> 19 & 1, "snp.policy.debug")
    result.check(policy.allow_migration or not bits >> 18 & 1, "snp.policy.migration")
    result.check(policy.allow_smt or not bits >> 16 & 1, "snp.policy.smt")
    result.check(policy.allow_cxl or not bits >> 21 & 1, "snp.policy.cxl")
    result.check(not policy.restrictions & RESTRICTIONS & ~bits, "snp.policy.restriction")


def appraise_identity(report, policy, result):
    result.check(report.measurement in policy.measurements, "snp.measurement")
    result.check(report.report_data == policy.report_data, "snp.report_data")
    result.check(policy.host_data is None or report.host_data in policy.host_data, "snp.host_data")
    result.check(policy.id_keys is None or report.id_key_digest in policy.id_keys, "snp.id_key")
    result.check(policy.author_keys is None or report.author_key_digest in policy.author_keys, "snp.author_key")
    # FAMILY_ID, IMAGE_ID and GUEST_SVN are the host's word unless an expected ID key signed them.
    vouched = policy.id_keys is not None and report.id_key_digest in policy.id_keys and any(report.id_key_digest)
    wanted = policy.family_and_image
    result.check(wanted is None or (vouched and report.field(0x10, 32) in wanted), "snp.id_block")
    result.check(policy.min_guest_svn == 0 or (vouched and report.guest_svn >= policy.min_guest_svn), "snp.guest_svn")
