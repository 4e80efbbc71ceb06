"""Every sample of NVIDIA's devices in the shared corpus through the independent verifier: verdict, reason, fields, windows one second inside and
outside, and the comparison with manifests. Then what other verifiers got wrong."""

import hashlib
import json

import nvidia_manifest
import nvidia_policy
import nvidia_token
import nvidia_verifier
import pytest
from device_corpus import GENUINE, MANIFESTS, NVIDIA, device, evaluated_at, is_of_driver
from evidence_corpus import SECOND, each, of_kind, read, time, with_id
from judgement import Malformed
from nvidia_verifier import NvidiaJudgement, read_chain
from strict_der import read_pem

pytestmark = pytest.mark.once

# The corpus says why in words; these are the rules that they mean.
RULES = {
    "report signature invalid": {"nvgpu.signature"},
    "FWID in opaque data differs from leaf certificate DICE extension": {"nvgpu.fwid"},
    "certificate chain does not lead to the NVIDIA RIM signing root": {"rim.chain.root", "rim.chain.issuer", "rim.chain.signature"},
    "XML-DSig signature value invalid": {"rim.signature"},
    "XML-DSig reference digest mismatch (document modified after signing)": {"rim.digest"},
}
# What else is wrong with a sample, besides the reasons that the corpus gives.
FURTHER = {"nvidia-ls10-invalid-signature": {"nvgpu.switch.pdi"}}


def rules_of(sample):
    return set().union(*(RULES[reason] for reason in sample["reasons"])) | FURTHER.get(sample["id"], set())


@each(NVIDIA)
@pytest.mark.verdict
def test_device_is_judged_as_expected(sample):
    judgement = nvidia_verifier.verify(*device(sample))
    assert set(judgement.rules) == rules_of(sample)
    assert bool(judgement.rules) == (sample["verdict"] != "valid")
    assert judgement.revocation == "not checked"


@each(NVIDIA)
def test_device_is_read_as_expected(sample):
    report, chain, at = device(sample)
    judgement, parsed = nvidia_verifier.verify(report, chain, at), sample["parsed"]
    report = judgement.report
    assert {"HOPPER": "GH100", "BLACKWELL": "GB100", "LS10": "LS_10"}[parsed["arch"]] == judgement.chip
    assert report.nonce.hex() == parsed["request_nonce"]
    assert len(report.measurements) == parsed["n_blocks"]
    listed = json.dumps({str(index): value.hex() for index, value in enumerate(report.measurements, 1)})
    assert hashlib.sha256(listed.encode()).hexdigest() == parsed["measurements_sha256"]
    assert (report.driver_version, report.vbios_version) == (parsed["driver_version"], parsed["vbios_version"])
    assert report.feature_flag == parsed["feature_flag"]
    assert (parsed["nvdec0"] == "55") == report.nvdec0_disabled
    assert f"{judgement.serial:x}" == parsed["leaf_serial_hex"] and str(judgement.serial) == parsed["ueid_decimal"]
    nonces = [path for path in sample["files"] if path.endswith("nonce.hex")]
    assert all(read(path).decode().strip() == report.nonce.hex() for path in nonces)
    assert (report.fwid is not None) == (sample["checks"]["fwid_matches_leaf"] is not None)


@each(GENUINE)
def test_device_holds_within_its_chain_s_window_alone(sample):
    report, chain, _ = device(sample)
    start = time(sample["chain_valid_from"])
    judgement = nvidia_verifier.verify(report, chain, start)
    assert (judgement.rules, judgement.valid_from, judgement.valid_to) == ([], start, time(sample["chain_valid_to"]))
    assert set(nvidia_verifier.verify(report, chain, start - SECOND).rules) == {"nvgpu.chain.early"}


@each(of_kind("nvidia-chain"))
@pytest.mark.verdict
def test_chain_is_judged_as_expected(sample):
    judgement = NvidiaJudgement()
    try:
        nvidia_verifier.verify_chain(read(sample["files"][0]), time("2026-06-01T00:00:00Z"), None, judgement)
    except Malformed as error:
        judgement.check(False, error.rule)
    assert judgement.rules == ([] if sample["verdict"] == "valid" else ["nvgpu.chain.count"])
    assert len(read_chain(read(sample["files"][0]), "nvgpu.chain")) == sample["checks"]["count"]


def test_roots_are_the_pinned_ones():
    (sample,) = of_kind("nvidia-roots")
    for name, roots, path in (("device", nvidia_verifier.ROOTS, 0), ("rim", nvidia_manifest.ROOTS, 1)):
        (der,) = read_chain(read(sample["files"][path]), name)
        (root,) = nvidia_verifier.read_certificates([der], name)
        assert hashlib.sha256(der).hexdigest() == sample["parsed"][name]["sha256"]
        assert roots == {nvidia_verifier.digest_of(root)}


# Manifests.


@each(MANIFESTS)
@pytest.mark.verdict
def test_manifest_is_judged_as_expected(sample):
    judgement, parsed = nvidia_manifest.verify(read(sample["files"][0]), evaluated_at(sample)), sample["parsed"]
    assert set(judgement.rules) == rules_of(sample)
    assert bool(judgement.rules) == (sample["verdict"] != "valid")
    assert (judgement.version, judgement.edition, judgement.product) == (parsed["version"], parsed["edition"], parsed["product"])
    assert sorted(judgement.measurements) == parsed["indices"] and len(parsed["indices"]) == parsed["active_measurements"]


@each(MANIFESTS)
def test_manifest_holds_within_its_window_alone(sample):
    data, inside = read(sample["files"][0]), rules_of(sample)
    start, end = time(sample["chain_valid_from"]), time(sample["chain_valid_to"])
    for at, further in ((start - SECOND, {"rim.chain.early"}), (start, set()), (end, set()), (end + SECOND, {"rim.chain.expired"})):
        judgement = nvidia_manifest.verify(data, at)
        assert set(judgement.rules) == inside | further, at
        assert (judgement.valid_from, judgement.valid_to) == (start, end)


PAIRS = [(sample, name) for sample in NVIDIA for name in sample["measurement_comparison"]]


@pytest.mark.parametrize(("sample", "name"), PAIRS, ids=[f"{sample['id']}-{name}" for sample, name in PAIRS])
@pytest.mark.verdict
def test_device_is_compared_with_manifests_as_expected(sample, name):
    expected, path = sample["measurement_comparison"][name], next(path for path in sample["files"] if path.endswith(f"/{name}"))
    manifest = nvidia_manifest.verify(read(path), time("2025-01-01T00:00:00Z"))
    pair = (manifest, None) if is_of_driver(path) else (None, manifest)
    result = nvidia_manifest.compare(nvidia_verifier.verify(*device(sample)), *pair)
    assert [int(detail) for rule, detail in result.findings if rule == "rim.measurement.mismatch"] == expected["mismatched_indices"]
    assert ("rim.version" not in result.rules) == expected["rim_version_matches"]
    assert set(result.rules) <= {"rim.measurement.mismatch", "rim.version"} and len(manifest.measurements) == expected["compared"]


# What other verifiers got wrong.


def test_local_verifier_s_claims_are_nobody_s_word():
    (sample,) = of_kind("nvidia-eat")
    assert sample["verdict"] == "invalid"
    assert nvidia_token.verify(read(sample["files"][0])).rules == ["nvgpu.eat.alg_none"]


def test_service_s_token_has_a_key_that_nobody_vouches_for():
    assert nvidia_token.verify(read("nvidia/eat/hopperClaimsv3_detached_eat.json")).rules == ["nvgpu.eat.key"]


def multi(*numbers, set_name="multi4"):
    return [nvidia_verifier.verify(*device(with_id(f"nvidia-hopper-590-ppcie-{set_name}-{i}"))) for i in numbers]


def test_set_with_one_gpu_twice_is_refused():
    """A verifier counted reports, not devices (NVIDIA/nvtrust#38)."""
    policy = nvidia_policy.SetPolicy(gpus=4)
    assert nvidia_policy.appraise_set(multi(0, 1, 2, 3), [], policy).rules == []
    assert set(nvidia_policy.appraise_set(multi(0, 1, 2, 2), [], policy).rules) == {"nvgpu.set.duplicate"}


def test_set_with_another_nonce_is_refused():
    mixed = multi(0, 1, 2) + multi(3, set_name="hgx8")
    assert nvidia_policy.appraise_set(mixed, [], nvidia_policy.SetPolicy(gpus=4)).rules == ["nvgpu.set.nonce"]


def test_same_gpu_of_another_session_is_a_duplicate():
    judgement = nvidia_policy.appraise_set(multi(0) + multi(0, set_name="hgx8"), [], nvidia_policy.SetPolicy(gpus=2))
    assert set(judgement.rules) == {"nvgpu.set.duplicate", "nvgpu.set.nonce"}


def test_subset_of_a_baseboard_is_refused_where_topology_counts():
    """The corpus has four of eight GPUs and two of four switches of one baseboard."""
    gpus = multi(0, 1, 2, 3, set_name="hgx8")
    switches = [nvidia_verifier.verify(*device(with_id(f"nvidia-ls10-hgx4-{i}"))) for i in (0, 1)]
    assert nvidia_policy.appraise_set(gpus, switches, nvidia_policy.SetPolicy(4, 2)).rules == []
    assert {one.device_id for one in switches} < gpus[0].report.switches
    assert {one.device_id for one in gpus} < switches[0].report.gpus
    refused = nvidia_policy.appraise_set(gpus, switches, nvidia_policy.SetPolicy(4, 2, topology=True))
    assert set(refused.rules) == {"nvgpu.set.topology"}


def test_firmware_of_another_device_is_refused_by_name():
    """A verifier raised a type error here (local GPU verifier 2.7.3)."""
    judgement = nvidia_verifier.verify(*device(with_id("nvidia-hopper-invalid-signature")))
    assert "nvgpu.fwid" in judgement.rules


def test_switches_are_read_and_judged():
    for name in ("nvidia-ls10-9610550001", "nvidia-ls10-hgx4-0", "nvidia-ls10-hgx4-1"):
        judgement = nvidia_verifier.verify(*device(with_id(name)))
        assert (judgement.rules, judgement.kind) == ([], "switch")


def test_report_of_another_device_under_this_one_s_chain_is_refused():
    report, _, at = device(with_id("nvidia-hopper-580"))
    _, chain, _ = device(with_id("nvidia-hopper-535"))
    assert set(nvidia_verifier.verify(report, chain, at).rules) == {"nvgpu.signature", "nvgpu.fwid"}


def test_chain_s_text_is_what_the_corpus_has():
    for sample in GENUINE:
        text = read(sample["files"][1])
        assert read_chain(text, "nvgpu.chain") == read_pem(text.rstrip(b"\n") + b"\n")
