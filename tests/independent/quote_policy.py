"""Whether what a genuine quote says is acceptable to a relying party: spec/evidence_regions/tdx.toml, the rules of TDX after "Appraisal"."""

import dataclasses

from judgement import Judgement
from quote_format import TD15_BODY, TDX

ZERO = bytes(48)
TUD = 0xFF
SEPT_VE_DISABLE, MIGRATABLE, PERFMON = 1 << 28, 1 << 29, 1 << 63
SGX_DEBUG = 2


@dataclasses.dataclass(frozen=True)
class Policy:
    """What a relying party demands. The lists that name what is accepted accept nothing while they are empty; None leaves a list out."""

    mrtds: frozenset
    rtmrs: frozenset  # of tuples of four
    report_data: bytes
    exceptions: dict = dataclasses.field(default_factory=dict)  # status: (advisories, end)
    allow_relaunch: bool = False
    min_evaluation: int = 0
    seen_evaluation: dict = dataclasses.field(default_factory=dict)  # fmspc: number
    platforms: frozenset | None = None  # PPIDs or platform instance ids
    mrseams: frozenset | None = None
    require_sept_ve_disable: bool = True
    attributes_mask: int = SEPT_VE_DISABLE | 1 << 30 | 1 << 31  # PKS and KL
    xfam_mask: int = 0x65AE7  # what genuine quotes use: AVX-512, PKRU, CET, UINTR and AMX besides x87, SSE and AVX
    mrconfigids: frozenset = frozenset({ZERO})
    mrowners: frozenset = frozenset({ZERO})
    mrownerconfigs: frozenset = frozenset({ZERO})
    mrservicetds: frozenset = frozenset()


def appraise(judgement, policy, at):
    """Returns the rules by which a relying party refuses an authentic quote."""
    result = Judgement()
    appraise_collateral(judgement, policy, result)
    appraise_status(judgement, policy, at, result)
    platform = judgement.platform
    listed = policy.platforms is None or {platform.ppid, platform.instance_id} & policy.platforms
    result.check(listed, "tdx.platform.unlisted", platform.ppid.hex())
    if judgement.quote.tee == TDX:
        appraise_module(judgement.quote, policy, result)
        appraise_attributes(judgement.quote, policy, result)
        appraise_guest(judgement.quote, policy, result)
    else:
        result.check(not judgement.quote.sgx_attributes[0] & SGX_DEBUG, "tdx.attributes.debug")
    result.check(judgement.quote.report_data == policy.report_data, "tdx.report_data")
    return result


def appraise_collateral(judgement, policy, result):
    number = judgement.evaluation
    result.check(number >= policy.min_evaluation, "tdx.collateral.minimum", str(number))
    result.check(number >= policy.seen_evaluation.get(judgement.platform.fmspc, 0), "tdx.collateral.rollback", str(number))


def appraise_status(judgement, policy, at, result):
    if judgement.relaunch:
        result.check(policy.allow_relaunch, "tdx.tcb.relaunch")
        return
    advisories, end = policy.exceptions.get(judgement.status, (frozenset(), None))
    excepted = judgement.status != "Revoked" and end is not None and at < end and judgement.advisories <= advisories
    result.check(judgement.status == "UpToDate" or excepted, "tdx.tcb.status", str(judgement.status))


def appraise_module(quote, policy, result):
    result.check(quote.mrsignerseam == ZERO, "tdx.seam.mrsigner")
    result.check(quote.seam_attributes == bytes(8), "tdx.seam.attributes")
    result.check(policy.mrseams is None or quote.mrseam in policy.mrseams, "tdx.seam.mrseam", quote.mrseam.hex())


def appraise_attributes(quote, policy, result):
    bits = quote.attributes
    result.check(not bits & TUD, "tdx.attributes.debug")
    result.check(bits & SEPT_VE_DISABLE or not policy.require_sept_ve_disable, "tdx.attributes.sept_ve_disable")
    bound = any(quote.mrservicetd) and quote.mrservicetd in policy.mrservicetds
    result.check(not bits & MIGRATABLE or bound, "tdx.attributes.migratable")
    result.check(not bits & PERFMON, "tdx.attributes.perfmon")
    result.check(not bits & ~(policy.attributes_mask | TUD | MIGRATABLE | PERFMON), "tdx.attributes.reserved", f"{bits:#x}")
    result.check(quote.xfam & 3 == 3 and not quote.xfam & ~policy.xfam_mask, "tdx.xfam", f"{quote.xfam:#x}")


def appraise_guest(quote, policy, result):
    result.check(quote.mrtd in policy.mrtds, "tdx.mrtd")
    result.check(quote.rtmrs in policy.rtmrs, "tdx.rtmr")
    result.check(quote.mrconfigid in policy.mrconfigids, "tdx.mrconfigid")
    result.check(quote.mrowner in policy.mrowners, "tdx.mrowner")
    result.check(quote.mrownerconfig in policy.mrownerconfigs, "tdx.mrownerconfig")
    bound = len(quote.body) == TD15_BODY and any(quote.mrservicetd)
    result.check(not bound or quote.mrservicetd in policy.mrservicetds, "tdx.mrservicetd")
