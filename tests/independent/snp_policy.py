"""Whether what a genuine SEV-SNP report says is acceptable to a relying party: spec/evidence_regions/snp.toml, the rules of SNP after "Appraisal"."""

import dataclasses

from judgement import Judgement
from snp_format import VLEK

RESTRICTIONS = 1 << 20 | 1 << 22 | 1 << 23 | 1 << 24 | 1 << 25


def at_most(lower, upper):
    return all(a <= b for a, b in zip(lower, upper, strict=True))


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
    min_tcb: bytes = bytes(8)  # in the layout of the product
    min_launch_tcb: bytes = bytes(8)
    min_version: tuple = (0, 0, 0)
    mitigations: int = 0
    platform_set: int = 0  # bits of PLATFORM_INFO
    platform_clear: int = 0
    host_data: frozenset | None = None
    id_keys: frozenset | None = None
    author_keys: frozenset | None = None
    family_ids: frozenset | None = None
    image_ids: frozenset | None = None
    min_guest_svn: int = 0


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
    as_set = report.platform_info & policy.platform_set == policy.platform_set and not report.platform_info & policy.platform_clear
    result.check(as_set, "snp.platform.setting", f"{report.platform_info:#x}")
    appraise_identity(report, policy, result)
    return result


def appraise_chip(report, csp_id, policy, result):
    if report.signing_key == VLEK:
        result.check(csp_id in policy.csp_ids, "snp.csp_id", str(csp_id))
    else:
        result.check(policy.allow_masked_chip or not report.masked_chip, "snp.chip_id.masked")


def appraise_tcb(report, policy, result):
    settled = (report.committed_tcb, report.committed_version) == (report.current_tcb, report.current_version)
    result.check(policy.allow_provisional or settled, "snp.tcb.provisional")
    enough = at_most(policy.min_tcb, report.reported_tcb) and at_most(policy.min_tcb, report.committed_tcb)
    result.check(enough, "snp.tcb.minimum")
    result.check(at_most(policy.min_launch_tcb, report.launch_tcb), "snp.tcb.launch_minimum")
    result.check(report.committed_version >= policy.min_version, "snp.tcb.version")
    missing = policy.mitigations & ~(report.current_mitigations & report.launch_mitigations)
    result.check(not missing, "snp.tcb.mitigations", f"{missing:#x}")


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
    author = report.flags & 1 and report.author_key_digest in (policy.author_keys or ())
    result.check(policy.author_keys is None or author, "snp.author_key")
    # FAMILY_ID, IMAGE_ID and GUEST_SVN are the host's word unless an expected ID key signed them.
    vouched = policy.id_keys is not None and report.id_key_digest in policy.id_keys and any(report.id_key_digest)
    for wanted, identity in ((policy.family_ids, report.field(0x10, 16)), (policy.image_ids, report.field(0x20, 16))):
        result.check(wanted is None or (vouched and identity in wanted), "snp.id_block", identity.hex())
    result.check(policy.min_guest_svn == 0 or (vouched and report.guest_svn >= policy.min_guest_svn), "snp.guest_svn")
