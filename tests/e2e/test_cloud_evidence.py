"""`openpcc verify` and `openpcc inspect` on evidence of clouds, as the shared corpus expects; what has no verifier is named."""

import json
import subprocess
import sys

import pytest

from harness import BIN, ROOT, tripped

sys.path.insert(0, str(ROOT / "tests/independent"))
from evidence_corpus import EVIDENCE, each, of_kind, with_id  # noqa: E402: its module stands beside the independent verifiers

pytestmark = pytest.mark.once

NITRO_STRICT = {"debug enclave: PCR0..2 all zero": "nitro.debug"}


def run(*arguments):
    return subprocess.run([BIN / "openpcc", *map(str, arguments)], capture_output=True, text=True, timeout=60)


def judge(files, at, *more):
    done = run("verify", *[EVIDENCE / name for name in files], "--at", at, "-o", "json", *more)
    verdict = json.loads(done.stdout)
    assert done.returncode == verdict["exit_code"]
    return verdict


def failures(verdict):
    return {finding["rule"] for finding in verdict["findings"] if finding["state"] == "failed"}


@each(of_kind("nitro"))
@pytest.mark.verdict
def test_a_nitro_document_is_judged_as_expected(sample):
    verdict = judge(sample["files"], sample["evaluate_at"])
    assert verdict["genuine"] == (sample["verdict"] == "valid")
    if sample["verdict"] == "valid":
        assert failures(verdict) == {NITRO_STRICT[reason] for reason in sample["strict_policy"]["reasons"]}
        assert verdict["exit_code"] == (10 if failures(verdict) else 0)
    else:
        assert verdict["exit_code"] == 10 and failures(verdict) == {"nitro.signature"}
    for also in sample["also"]:
        late = judge(sample["files"], also["evaluate_at"])
        assert also["verdict"] == "invalid" and late["exit_code"] == 10 and failures(late) == {"nitro.chain.expired"}


NITRO = with_id("nitro-sparsity-2")


def test_an_old_document_teaches():
    done = run("verify", EVIDENCE / NITRO["files"][0], "--at", "2026-01-01T00:00:00Z")
    assert done.returncode == 10 and done.stdout.startswith("NOT SHOWN TO BE GENUINE")
    assert "signatures" in done.stdout and "three hours" in done.stdout and "--at" in done.stdout


def test_what_is_expected_of_a_document_can_be_said():
    image = NITRO["parsed"]["pcrs"]["0"]
    assert judge(NITRO["files"], NITRO["evaluate_at"], "--measurement", "00" * 48, "--measurement", image)["exit_code"] == 0
    assert failures(judge(NITRO["files"], NITRO["evaluate_at"], "--measurement", image[:64])) == {"nitro.pcr"}
    assert failures(judge(NITRO["files"], NITRO["evaluate_at"], "--report-data", "00" * 64)) == {"nitro.user_data"}
    assert failures(judge(NITRO["files"], NITRO["evaluate_at"], "--public-key", "00" * 90)) == {"nitro.public_key"}
    with_key = with_id("nitro-sparsity-1-debug")
    assert failures(judge(with_key["files"], with_key["evaluate_at"], "--public-key", with_key["parsed"]["public_key"])) == {"nitro.debug"}
    assert "platform.demand" in failures(judge(VMS[0]["files"], VMS[0]["evaluate_at"], "--public-key", "00"))
    assert "--public-key" in run("verify", EVIDENCE / NITRO["files"][0], "--public-key", "0").stderr


def test_documents_of_instances_are_taken_where_that_is_said():
    def sources(*options):
        verdict = judge(NITRO["files"], NITRO["evaluate_at"], *options)
        return next(finding["expected"] for finding in verdict["findings"] if finding["rule"] == "nitro.source" and finding["aspect"] == "product")

    assert sources() == "Nitro enclave" and sources("--nitro-tpm") == "Nitro enclave, NitroTPM"


def test_inspect_shows_a_document():
    fields = {field["name"]: field for field in json.loads(run("inspect", EVIDENCE / NITRO["files"][0], "-o", "json").stdout)}
    assert fields["PCR0"]["value"] == NITRO["parsed"]["pcrs"]["0"] and fields["module_id"]["value"] == NITRO["parsed"]["module_id"]
    debug = run("inspect", EVIDENCE / with_id("nitro-dstack-debug")["files"][0])
    assert debug.returncode == 0 and "a debug enclave" in debug.stdout


# What the machine below a VM is judged by besides: its chip's issuer and root, or a set of collateral that fits its TD's quote.


def line_of(vcek):
    product = next(field["meaning"] for field in json.loads(run("inspect", EVIDENCE / vcek, "-o", "json").stdout) if field["name"] == "product")
    return product.lower()


def snp_files(sample):
    line = line_of(next(name for name in sample["files"] if name.endswith("vcek.der")))
    return [*sample["files"], f"snp/roots/{line}/ask.der", f"snp/roots/{line}/ark.der"]


def strict_rules(sample):
    if not any(name.endswith("tpm_quote.msg") for name in sample["files"]):
        return {"azure.quote.missing"}
    return {"tpm.nonce" for reason in sample["strict_policy"]["reasons"] if reason == "empty qualifying data: no freshness"}


VMS = of_kind("azure-hcl")


@each([sample for sample in VMS if any(name.endswith("vcek.der") for name in sample["files"])])
@pytest.mark.verdict
def test_a_vm_on_snp_is_judged_as_expected(sample):
    verdict = judge(snp_files(sample), sample["evaluate_at"])
    assert verdict["genuine"] and sample["verdict"] == "valid"
    assert failures(verdict) == strict_rules(sample) and verdict["exit_code"] == (10 if failures(verdict) else 0)


def test_the_key_of_a_vm_can_be_named():
    sample = with_id("azure-snp-trustee-v2-userdata")
    of_another = judge(snp_files(sample), sample["evaluate_at"], "--attestation-key", "11" * 32)
    (refusal,) = [finding for finding in of_another["findings"] if finding["rule"] == "tpm.ak.unlisted"]
    assert refusal["state"] == "failed" and of_another["exit_code"] == 10
    own = judge(snp_files(sample), sample["evaluate_at"], "--attestation-key", refusal["seen"].removeprefix("key "))
    assert "tpm.ak.unlisted" not in failures(own)
    snp = with_id("snp-v3-milan-microsoft")
    assert "platform.demand" in failures(judge(snp["files"], snp["evaluate_at"], "--attestation-key", "11" * 32))


def quote_of(sample):
    return (EVIDENCE / next(name for name in sample["files"] if name.endswith("quote.bin"))).read_bytes()


def bare(sample):
    """The corpus' entry of the TD's quote alone."""
    return next(quote for quote in of_kind("tdx-quote") if quote_of(quote) == quote_of(sample))


TDS = [sample for sample in VMS if any(name.endswith("quote.bin") for name in sample["files"])]
SETS = [(sample, evaluation) for sample in TDS for evaluation in bare(sample)["evaluations"] if evaluation["common_window"]]


@pytest.mark.parametrize("sample, evaluation", SETS, ids=[f"{sample['id']}-{evaluation['collateral']}" for sample, evaluation in SETS])
@pytest.mark.verdict
def test_a_vm_on_tdx_is_judged_as_its_quote_and_its_vtpm_are(sample, evaluation):
    folder = EVIDENCE / "tdx/collateral" / evaluation["collateral"]
    collateral = [path.relative_to(EVIDENCE) for path in sorted(folder.iterdir())]
    at = evaluation["common_window"][0]
    quote = judge([next(name for name in sample["files"] if name.endswith("quote.bin")), *collateral], at)
    verdict = judge([*sample["files"], *collateral], at)
    assert sample["verdict"] == "valid"
    # What a set of collateral does not cover is refused; with one that covers it the VM is genuine, as expected.
    assert verdict["genuine"] == (quote["genuine"] and "tdx.tcb.unsupported" not in failures(quote))
    assert verdict["genuine"] or {"tdx.tcb.unsupported", "tdx.crl.missing", "tdx.collateral.missing"} & failures(quote)
    if verdict["genuine"]:
        assert failures(verdict) == failures(quote) | strict_rules(sample)
    else:
        assert failures(verdict) and failures(verdict) <= failures(quote)


@each(TDS)
def test_a_td_without_collateral_is_not_shown_to_be_genuine(sample):
    verdict = judge(sample["files"], sample.get("evaluate_at", "2025-09-01T00:00:00Z"))
    assert verdict["exit_code"] == 10 and failures(verdict) == {"tdx.collateral.missing"}


GENOA = with_id("azure-snp-trustee-genoa")


def test_a_vm_with_parts_of_another():
    other = with_id("azure-snp-trustee-v1")
    for part, rules in {"tpm_quote.msg": {"tpm.signature", "tpm.digest"}, "tpm_quote.sig": {"tpm.signature"}, "pcrs.json": {"tpm.digest"}}.items():
        swapped = [next(o for o in other["files"] if o.endswith(part)) if name.endswith(part) else name for name in snp_files(GENOA)]
        assert failures(judge(swapped, GENOA["evaluate_at"])) == rules


def test_inspect_shows_a_vm():
    fields = {field["name"]: field for field in json.loads(run("inspect", EVIDENCE / GENOA["files"][0], "-o", "json").stdout)}
    assert fields["SNP.MEASUREMENT"]["value"] == GENOA["parsed"]["hw_report"]["measurement"]
    assert fields["secure-boot"]["value"] == "true" and fields["runtime data"]["meaning"] == "REPORT_DATA is its hash"
    certificate = run("inspect", EVIDENCE / "azure/tdx-azure-flashbots-a/ak_cert.pem")
    assert certificate.returncode == 0 and "ConfidentialVM.Azure.windows.net" in certificate.stdout


NAMES = {"cca-token": "Arm CCA token", "sigstore-bundle": "Sigstore bundle"}


def evidence_in(sample):
    return next(EVIDENCE / name for name in sample["files"] if name.endswith((".cbor", ".sigstore.json", "bundle-provenance.json")))


@each(of_kind("cca-token", "sigstore-bundle"))
@pytest.mark.verdict
def test_what_has_no_verifier_is_named(sample):
    verdict = judge([evidence_in(sample)], "2026-01-01T00:00:00Z")
    assert verdict["exit_code"] == 20 and not verdict["genuine"] and verdict["kind"] == NAMES[sample["kind"]]
    assert failures(verdict) == {"platform.unsupported"}
    tripped("platform.unsupported")


def test_a_nitro_document_answers_a_nonce():
    asked, silent = with_id("nitro-veracruz"), with_id("nitro-dstack")
    nonce = asked["parsed"]["nonce"]
    assert "nitro.nonce" not in failures(judge(asked["files"], asked["evaluate_at"], "--nonce", nonce))
    assert "nitro.nonce" in failures(judge(asked["files"], asked["evaluate_at"], "--nonce", nonce[:-2]))
    assert "nitro.nonce" in failures(judge(silent["files"], silent["evaluate_at"], "--nonce", "00")), "it answers none"
