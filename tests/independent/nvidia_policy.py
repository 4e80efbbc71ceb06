"""Whether what genuine NVIDIA devices say is acceptable to a relying party: spec/evidence_regions/nvgpu.toml, the rules after "Appraisal"."""

import dataclasses
import re

from judgement import Judgement

SINGLE, MULTIPLE, PROTECTED_PCIE = 0, 1, 2


def comparable(version):
    """A version as a tuple of numbers: decimal those of drivers, hexadecimal those of VBIOSes, which have five of two digits."""
    if version is None:
        return None
    if re.fullmatch(r"[0-9A-Fa-f]{2}(\.[0-9A-Fa-f]{2}){4}", version):
        return tuple(int(part, 16) for part in version.split("."))
    return tuple(map(int, version.split("."))) if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6}){1,3}", version) else None


def enough(version, minimum):
    found, wanted = comparable(version), comparable(minimum)
    return minimum is None or (found is not None and wanted is not None and found >= wanted)


@dataclasses.dataclass(frozen=True)
class Policy:
    nonce: bytes
    chips: frozenset = frozenset({"GH100", "GB100", "LS_10"})
    fwids: frozenset | None = None  # of leaves
    feature_flags: frozenset | None = None
    min_driver: str | None = None
    min_vbios: str | None = None
    boards: dict = dataclasses.field(default_factory=dict)  # board -> its own minimum of the VBIOS; without the other, of these alone
    require_fwid: bool = False
    require_ocsp: bool = False
    require_manifests: bool = False


def appraise(judgement, policy, driver=None, vbios=None):
    """Returns the rules by which a relying party refuses a genuine device. `driver`, `vbios`: judgements of manifests that it was compared with."""
    result, report, gpu = Judgement(), judgement.report, judgement.kind == "gpu"
    result.check(len(policy.nonce) == 32 and report.nonce == policy.nonce, "nvgpu.nonce")
    said = [one.revocation for one in (judgement, driver, vbios) if one is not None]
    result.check(set(said) == {"checked"} or not policy.require_ocsp, "nvgpu.ocsp.missing")
    result.check(report.fwid is not None or not policy.require_fwid, "nvgpu.fwid.missing")
    result.check(policy.fwids is None or judgement.fwid in policy.fwids, "nvgpu.fwid.value", str(judgement.fwid))
    result.check(judgement.chip in policy.chips, "nvgpu.chip.excluded", str(judgement.chip))
    result.check(not gpu or enough(report.driver_version, policy.min_driver), "nvgpu.driver.minimum", str(report.driver_version))
    minimum = policy.boards.get(report.board, policy.min_vbios)
    named = minimum is not None or not policy.boards
    result.check(named and enough(report.vbios_version, minimum), "nvgpu.vbios.minimum", f"{report.vbios_version} of {report.board}")
    flags = policy.feature_flags
    result.check(not gpu or flags is None or report.feature_flag in flags, "nvgpu.feature_flag", str(report.feature_flag))
    there = vbios is not None and (driver is not None or not gpu)
    result.check(there or not policy.require_manifests, "rim.missing")
    return result


@dataclasses.dataclass(frozen=True)
class SetPolicy:
    gpus: int
    switches: int = 0
    topology: bool = False


def appraise_set(gpus, switches, policy):
    """The rules about genuine devices together."""
    result, devices = Judgement(), [*gpus, *switches]
    result.check((len(gpus), len(switches)) == (policy.gpus, policy.switches), "nvgpu.set.count", f"{len(gpus)}, {len(switches)}")
    kinds = [one.kind for one in gpus] == ["gpu"] * len(gpus) and [one.kind for one in switches] == ["switch"] * len(switches)
    result.check(kinds and len({one.chip for one in gpus}) <= 1, "nvgpu.set.kind")
    for values in ([one.key for one in devices], [one.device_id for one in devices]):
        result.check(len(set(values)) == len(values), "nvgpu.set.duplicate")
    result.check(len({one.report.nonce for one in devices}) <= 1, "nvgpu.set.nonce")
    if policy.topology:
        check_topology(gpus, switches, result)
    return result


def check_topology(gpus, switches, result):
    gpu_ids, switch_ids = {one.device_id for one in gpus}, {one.device_id for one in switches}
    for one in gpus:
        result.check(one.report.switches == switch_ids, "nvgpu.set.topology", f"switches of {one.device_id.hex()}")
    for one in switches:
        result.check(one.report.gpus == gpu_ids, "nvgpu.set.topology", f"GPUs of {one.device_id.hex()}")
