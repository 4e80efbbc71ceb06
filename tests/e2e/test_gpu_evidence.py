"""`openpcc verify` and `openpcc inspect` on real GPUs' and switches' reports, manifests and tokens, as the shared corpus expects."""

import json
import re
import subprocess
import sys

import pytest

from harness import BIN, ROOT, tripped

sys.path.insert(0, str(ROOT / "tests/independent"))
import evidence_bundle  # noqa: E402: these stand beside the independent verifiers
import recorded_gpus  # noqa: E402
from evidence_corpus import EVIDENCE, each, of_kind, with_id  # noqa: E402

pytestmark = pytest.mark.once

NVIDIA = EVIDENCE / "nvidia"
FULL = [NVIDIA / "gpu/hopper-545-full-match/report.bin", NVIDIA / "gpu/hopper-545-full-match/cert_chain.pem"]
FULL_MANIFESTS = [NVIDIA / "rim/Driver_RIM_test_no_gpu.swidtag", NVIDIA / "rim/1010_0200_882_96005E0001_test_no_gpu.swidtag"]
FULL_TIME = "2024-06-01T00:00:00Z"
MANIFESTS = {sample["files"][0]: sample for sample in of_kind("nvidia-rim")}
REASONS = {
    "report signature invalid": "nvgpu.signature",
    "FWID in opaque data differs from leaf certificate DICE extension": "nvgpu.fwid",
    "certificate chain does not lead to the NVIDIA RIM signing root": "rim.chain.root",
    "XML-DSig signature value invalid": "rim.signature",
    "XML-DSig reference digest mismatch (document modified after signing)": "rim.digest",
}


def run(*arguments):
    return subprocess.run([BIN / "openpcc", *map(str, arguments)], capture_output=True, text=True, timeout=60)


def judged(*arguments):
    done = run("verify", *arguments, "-o", "json")
    assert done.stdout, done.stderr
    verdict = json.loads(done.stdout)
    assert done.returncode == verdict["exit_code"]
    return verdict


def failures(verdict):
    return {finding["rule"] for finding in verdict["findings"] if finding["state"] == "failed"}


def states(verdict, aspect):
    return {finding["state"] for finding in verdict["findings"] if finding["aspect"] == aspect}


def evidence_of(sample):
    return [EVIDENCE / name for name in sample["files"] if "/roots/" not in name and "/rim/" not in name and not name.endswith("nonce.hex")]


@each(of_kind("nvidia-report"))
@pytest.mark.verdict
def test_a_report_is_judged_as_expected(sample):
    verdict = judged(*evidence_of(sample), "--at", sample["evaluate_at"])
    assert verdict["genuine"] == (sample["verdict"] == "valid")
    if sample["verdict"] != "valid":
        assert verdict["exit_code"] == 10 and failures(verdict) >= {REASONS[reason] for reason in sample["reasons"]}
        return
    assert verdict["exit_code"] == 0 and not failures(verdict)
    # What no report shows is never passed.
    assert states(verdict, "debug") == {"not_provable"}
    assert states(verdict, "software") == states(verdict, "revocation") == {"not_checked"}


NONCES = [sample for sample in of_kind("nvidia-report") if any(name.endswith("nonce.hex") for name in sample["files"])]


@each(NONCES)
def test_a_nonce_is_compared(sample):
    nonce = next((EVIDENCE / name).read_text().strip() for name in sample["files"] if name.endswith("nonce.hex"))
    verdict = judged(*evidence_of(sample), "--at", sample["evaluate_at"], "--nonce", nonce)
    assert verdict["exit_code"] == 0 and states(verdict, "bound_data") == {"passed"}
    other = ("0" if nonce[0] != "0" else "1") + nonce[1:]
    assert failures(judged(*evidence_of(sample), "--at", sample["evaluate_at"], "--nonce", other)) == {"nvgpu.nonce"}


PAIRS = [(sample, name, outcome) for sample in of_kind("nvidia-report") for name, outcome in sample["measurement_comparison"].items()]


@pytest.mark.parametrize("sample, name, outcome", PAIRS, ids=[f"{sample['id']}-{name}" for sample, name, _ in PAIRS])
@pytest.mark.verdict
def test_measurements_are_compared_as_expected(sample, name, outcome):
    manifest = MANIFESTS[f"nvidia/rim/{name}"]
    verdict = judged(*evidence_of(sample), NVIDIA / "rim" / name, "--at", manifest["evaluate_at"])
    assert verdict["genuine"]
    if manifest["verdict"] != "valid":
        assert failures(verdict) == {REASONS[reason] for reason in manifest["reasons"]}
    elif outcome["mismatched_indices"]:
        assert failures(verdict) == {"rim.measurement.mismatch"}
        seen = next(finding["seen"] for finding in verdict["findings"] if finding["state"] == "failed")
        assert seen.endswith("index " + ", ".join(map(str, outcome["mismatched_indices"])))
    else:
        assert not failures(verdict)
        # The corpus compares decoder 0's entry too, where that is off.
        compared = outcome["compared"] - (sample["parsed"]["nvdec0"] == "55" and 35 in manifest["parsed"]["indices"])
        assert any(f"{compared} measurements as in the manifest" in finding["seen"] for finding in verdict["findings"])


@each(of_kind("nvidia-rim"))
@pytest.mark.verdict
def test_a_manifest_is_judged_as_expected(sample):
    """Beside a report that it is not of, so that a good one is refused for nothing but that."""
    manifest = EVIDENCE / sample["files"][0]
    verdict = judged(NVIDIA / "gpu/blackwell-575/report.bin", NVIDIA / "gpu/blackwell-575/cert_chain.pem", manifest, "--at", sample["evaluate_at"])
    assert verdict["exit_code"] == 10
    if sample["verdict"] == "valid":
        assert failures(verdict) == {"rim.product"}
    else:
        assert failures(verdict) >= {REASONS[reason] for reason in sample["reasons"]}


@each(of_kind("nvidia-chain"))
@pytest.mark.verdict
def test_a_chain_is_judged_as_expected(sample):
    """Beside a report of another device, so that a good one is refused for nothing but its signature and firmware id."""
    verdict = judged(NVIDIA / "gpu/hopper-590-single/report.bin", EVIDENCE / sample["files"][0], "--at", "2026-06-01T00:00:00Z")
    if sample["verdict"] == "valid":
        assert verdict["exit_code"] == 10 and not verdict["genuine"]
        assert failures(verdict) - {"nvgpu.fwid"} == {"nvgpu.signature"}
    else:
        assert failures(verdict) == {"nvgpu.chain.count"}


@each(of_kind("nvidia-eat"))
@pytest.mark.verdict
def test_a_token_is_refused(sample):
    verdict = judged(EVIDENCE / sample["files"][0])
    assert verdict["exit_code"] == 10 and not verdict["genuine"] and failures(verdict) == {"nvgpu.eat.alg_none"}


def test_a_services_token_is_refused_with_the_reason():
    done = run("verify", NVIDIA / "eat/hopperClaimsv3_detached_eat.json")
    assert done.returncode == 10 and "nvgpu.eat.key" in done.stdout and "give the report" in done.stdout


def test_a_whole_gpu_in_any_order_of_files():
    files = FULL + FULL_MANIFESTS
    verdict = judged(*reversed(files), "--at", FULL_TIME)
    assert verdict["exit_code"] == 0 and states(verdict, "software") == {"passed"}
    assert verdict["kind"] == "NVIDIA GPU report, GH100"
    late = judged(*files, "--at", "2025-07-01T00:00:00Z")
    assert failures(late) == {"rim.chain.expired"} and late["genuine"]
    done = run("verify", *files, "--at", "2025-07-01T00:00:00Z")
    for word in ("rim.chain.expired", "remedy", "--at"):
        assert word in done.stdout


def test_a_machines_gpus_together():
    folders = [NVIDIA / f"gpu/hopper-590-ppcie-hgx8-{n}" for n in range(4)]
    files = [folder / name for folder in folders for name in ("cert_chain.pem", "report.bin")]
    verdict = judged(*files, "--at", "2026-06-01T00:00:00Z")
    assert verdict["genuine"] and failures(verdict) == {"nvgpu.set.topology"}, "protected PCIe, and its switches are not shown"
    twice = judged(*files, folders[0] / "report.bin", folders[0] / "cert_chain.pem", "--at", "2026-06-01T00:00:00Z")
    assert failures(twice) == {"nvgpu.set.topology", "nvgpu.set.duplicate"}
    other = NVIDIA / "gpu/hopper-590-single"
    mixed = judged(*files, other / "report.bin", other / "cert_chain.pem", "--at", "2026-06-01T00:00:00Z")
    assert failures(mixed) == {"nvgpu.set.topology", "nvgpu.set.nonce"}


def test_one_device_that_is_refused_is_not_made_better_by_another(tmp_path):
    forged, cut = tmp_path / "forged.bin", tmp_path / "cut.bin"
    report = FULL[0].read_bytes()
    forged.write_bytes(report[:-1] + bytes([report[-1] ^ 1]))
    cut.write_bytes(report[:-1])
    codes = {name: judged(one, FULL[1], "--at", FULL_TIME)["exit_code"] for name, one in (("forged", forged), ("cut", cut))}
    assert codes == {"forged": 10, "cut": 30}
    for pair in ((forged, cut), (cut, forged)):
        assert judged(*pair, FULL[1], "--at", FULL_TIME)["exit_code"] == 10


def test_what_is_not_one_machines():
    done = run("verify", *FULL, EVIDENCE / "snp/reports/v5-turin-microsoft/report.bin")
    assert done.returncode != 0 and "platform.several" in done.stderr
    done = run("verify", *FULL, "--nonce", "00")
    assert done.returncode != 0 and "app.verify.hex" in done.stderr
    tripped("app.verify.hex")


def test_a_report_without_its_chain_says_what_is_missing():
    done = run("verify", FULL[0])
    assert done.returncode == 10 and "nvgpu.chain.pem" in done.stdout and "chain of five certificates" in done.stdout


def test_inspect_shows_every_field():
    sample = with_id("nvidia-hopper-580")
    fields = {field["name"]: field for field in json.loads(run("inspect", EVIDENCE / sample["files"][0], "-o", "json").stdout)}
    assert fields["DRIVER_VERSION"]["meaning"] == sample["parsed"]["driver_version"]
    assert fields["VBIOS_VERSION"]["meaning"] == sample["parsed"]["vbios_version"]
    assert fields["request NONCE"]["value"] == sample["parsed"]["request_nonce"]
    for index, value in sample["parsed"]["measurement_1_to_5"].items():
        assert fields[f"measurement {index}"]["value"] == value
    assert set(sample["parsed"]["opaque_fields"]) <= set(fields)


def test_how_many_devices_there_must_be():
    """A host may leave some out of what it shows."""
    alone = [*FULL, *FULL_MANIFESTS, "--at", FULL_TIME]
    assert judged(*alone, "--gpus", "1", "--switches", "0")["exit_code"] == 0
    assert failures(judged(*alone, "--gpus", "8")) == {"nvgpu.set.count"}
    other = of_kind("snp-report")[0]
    assert "platform.demand" in failures(judged(*(EVIDENCE / name for name in other["files"]), "--gpus", "1"))


@pytest.fixture
def policy(tmp_path):
    """One that takes H100s, whose placeholders are replaced."""
    example = (ROOT / "examples/policies/gcp-tdx-h100.toml").read_text()
    path = tmp_path / "policy.toml"
    path.write_text(re.sub(r'(?<=")0+(?=")', lambda zeros: "1" * len(zeros.group()), example))
    return path


def of_a_node(tmp_path, policy, bundle):
    file = tmp_path / "evidence.json"
    file.write_bytes(bundle)
    done = run("verify", file, "--policy", policy, "--at", recorded_gpus.AT, "-o", "json")
    assert done.stdout, done.stderr
    (entry,) = json.loads(done.stdout)
    return done.returncode, entry["verdict"]


def test_eight_gpus_of_a_node_whose_manifests_stand_once(tmp_path, policy):
    """Written by another hand. Eight times one device, so that its binding is refused, and each is judged."""
    bundle = evidence_bundle.write_bundle(recorded_gpus.bundle(8, {}), recorded_gpus.MANIFESTS)
    code, verdict = of_a_node(tmp_path, policy, bundle)
    rows = {row["property"]: row for row in verdict["rows"]}
    assert code == 10 and rows["format"]["state"] == "passed" and rows["gpu"]["state"] == "passed"
    assert rows["gpu_binding"]["rule"] == "attest.gpu.duplicate"
    assert len(verdict["gpus"]) == 8
    for gpu in verdict["gpus"]:
        seen = {finding["aspect"]: finding for finding in gpu["findings"]}
        assert seen["software"]["state"] == "passed"
        assert seen["tcb"]["seen"] == "545.00" and seen["debug"]["state"] == "not_provable"
    done = run("verify", tmp_path / "evidence.json", "--policy", policy, "--at", recorded_gpus.AT)
    assert f"GPU 7, {verdict['gpus'][7]['device_id']}\n" in done.stdout
    own = evidence_bundle.write_bundle(recorded_gpus.bundle(8, recorded_gpus.MANIFESTS))
    code, verdict = of_a_node(tmp_path, policy, own)
    assert code == 30 and verdict["rows"][0]["rule"] == "attest.cmw.too_large"


SPOILT = recorded_gpus.spoilt()


@pytest.mark.parametrize("what", SPOILT)
def test_what_is_no_bundle_is_refused_by_both_readers(what, tmp_path, policy):
    rule, data = SPOILT[what]
    code, verdict = of_a_node(tmp_path, policy, data)
    (row,) = verdict["rows"]
    assert row["rule"] == rule and code == (20 if rule in ("attest.cmw.member", "attest.cmw.keys_type") else 30)
