"""`openpcc verify` and `openpcc inspect` on real machines' reports, as the shared corpus expects."""

import json
import re
import subprocess
import sys

import pytest

from harness import BIN, ROOT, tripped

sys.path.insert(0, str(ROOT / "tests/independent"))
from evidence_corpus import EVIDENCE, each, of_kind, with_id  # noqa: E402: its module stands beside the independent verifiers

pytestmark = pytest.mark.once

STRICT = {
    "guest policy allows DEBUG": "snp.policy.debug",
    "provisional firmware: committed != current": "snp.tcb.provisional",
    "VMPL 1 (only accept when a VMPL0 SVSM/paravisor is expected)": "snp.vmpl",
}
# By their ids, since the corpus says it in sentences. A certificate that is another chip's vouches for nothing: of the chain then a part is missing.
OTHER_CHIP = {"snp.signature", "snp.chip_id.mismatch", "snp.tcb.certificate", "snp.chain.missing"}
REFUSED = {
    "snp-v4-milan-gce": {"snp.chain.missing"},
    "snp-v2-milan-aci-novcek": {"snp.chain.missing"},
    "snp-vcek-invalid-legacy": {"snp.signature", "snp.vek.signature", "snp.tcb.certificate", "snp.chip_id.mismatch"},
    "snp-vcek-invalid-new": {"snp.signature", "snp.vek.signature", "snp.vek.extension"},  # its hwID is wrapped, so that chip and TCB are not read
    "snp-neg-wrong-vcek": OTHER_CHIP,
    "snp-neg-turin-vcek-for-other-chip": OTHER_CHIP,
    "snp-neg-wrong-product-chain": {"snp.product.mismatch", "snp.chain.issuer"},
    "snp-neg-vlek-under-ask": {"snp.vek.kind", "snp.chain.issuer"},
}


def run(*arguments):
    return subprocess.run([BIN / "openpcc", *map(str, arguments)], capture_output=True, text=True, timeout=60)


def files_of(sample):
    return [EVIDENCE / name for name in sample["files"]]


@each(of_kind("snp-report"))
@pytest.mark.verdict
def test_a_report_is_judged_as_expected(sample):
    done = run("verify", *files_of(sample), "--at", sample.get("evaluate_at", "2026-01-01T00:00:00Z"), "-o", "json")
    verdict = json.loads(done.stdout)
    assert done.returncode == verdict["exit_code"]
    assert verdict["genuine"] == (sample["verdict"] == "valid")
    failed = {finding["rule"] for finding in verdict["findings"] if finding["state"] == "failed"}
    if sample["verdict"] == "valid":
        assert failed == {STRICT[reason] for reason in sample["strict_policy"]["reasons"]}
        assert done.returncode == (10 if failed else 0)
    else:
        assert done.returncode == 10 and failed == REFUSED[sample["id"]]


def test_every_refusal_teaches():
    files = files_of(with_id("snp-v3-milan-aws-vlek-vmpl1"))
    done = run("verify", *files, "--at", "2025-01-01T00:00:00Z")
    assert done.stdout.startswith("GENUINE, BUT NOT ACCEPTABLE\n") and done.returncode == 10
    for word in ("snp.vmpl", "snp.tcb.provisional", "remedy", "2025-12-10T22:14:21Z"):
        assert word in done.stdout
    late = run("verify", *files, "--at", "2026-01-01T00:00:00Z")
    assert "snp.vek.expired" in late.stdout and "--at" in late.stdout and late.returncode == 10


def test_inspect_shows_every_field(tmp_path):
    folder = EVIDENCE / "snp/reports/v5-turin-microsoft"
    fields = {field["name"]: field for field in json.loads(run("inspect", folder / "report.bin", "-o", "json").stdout)}
    assert fields["CHIP_ID"]["value"].startswith("59790fb1c39f35c1") and len(fields) == 31
    assert "59790fb1c39f35c1" in run("inspect", folder / "vcek.der").stdout
    assert "2026-10-04T00:00:00Z" in run("inspect", EVIDENCE / "snp/crl/turin-2026-08-19.crl.der").stdout
    other = tmp_path / "other"
    other.write_bytes(b"neither")
    done = run("inspect", other)
    assert done.returncode == 20 and "app.inspect.unknown" in done.stderr
    tripped("app.inspect.unknown")


def test_what_needs_a_policy_says_so(tmp_path):
    other = tmp_path / "other"
    other.write_bytes(b"neither")
    done = run("verify", other)
    assert done.returncode == 2 and "--policy" in done.stderr and "app.verify.policy" in done.stderr
    tripped("app.verify.policy")


PARTS = {"tcb_info.json", "tcb_info.sig.hex", "qe_identity.json", "qe_identity.sig.hex", "tcb_signing_chain.pem", "pck_crl.der", "root_ca_crl.der"}
QUOTES = [sample for sample in of_kind("tdx-quote", "sgx-quote") if sample["verdict"] == "valid"]
TRAILING = "tdx-v4-spr-google-2023"  # text stands after its signature
PAIRS = [(sample, evaluation) for sample in QUOTES for evaluation in sample["evaluations"] if evaluation["common_window"]]


def judge_quote(sample, evaluation):
    folder = EVIDENCE / "tdx/collateral" / evaluation["collateral"]
    done = run("verify", *files_of(sample), *sorted(folder.iterdir()), "--at", evaluation["common_window"][0], "-o", "json")
    verdict = json.loads(done.stdout)
    assert done.returncode == verdict["exit_code"]
    return {path.name for path in folder.iterdir()} >= PARTS, verdict


def failures(verdict, aspect=None):
    return {finding["rule"] for finding in verdict["findings"] if finding["state"] == "failed" and aspect in (None, finding["aspect"])}


@pytest.mark.parametrize("sample, evaluation", PAIRS, ids=[f"{sample['id']}-{evaluation['collateral']}" for sample, evaluation in PAIRS])
@pytest.mark.verdict
def test_a_quote_is_judged_as_expected(sample, evaluation):
    complete, verdict = judge_quote(sample, evaluation)
    if sample["id"] == TRAILING:
        assert verdict["exit_code"] == 30 and failures(verdict) == {"tdx.trailing"}
        return
    assert verdict["genuine"] == complete and verdict["findings"][0]["aspect"] == "signatures"
    acceptable = evaluation["collateral"] in sample["strict_policy"]["accept_with"]
    if not complete:
        assert verdict["exit_code"] == 10 and failures(verdict) & {"tdx.crl.missing", "tdx.collateral.missing"}
    elif evaluation["status"].startswith("NotSupported"):
        assert failures(verdict, "tcb") == {"tdx.tcb.unsupported"}
    else:
        seen = next(finding["seen"] for finding in verdict["findings"] if finding["aspect"] == "tcb")
        assert seen.startswith(evaluation["status"] + ","), seen
        assert (verdict["exit_code"] == 0) == acceptable


@each([sample for sample in of_kind("tdx-quote") if sample["verdict"] != "valid"])
@pytest.mark.verdict
def test_a_quote_that_is_not_genuine(sample):
    verdict = json.loads(run("verify", EVIDENCE / sample["files"][0], "-o", "json").stdout)
    assert verdict["exit_code"] == 10 and not verdict["genuine"]
    assert failures(verdict) == {"tdx.pck.pem"}, "its sample certificates lie beside it, and are nobody's"


def test_a_bare_quote_says_what_is_missing():
    done = run("verify", *files_of(with_id("tdx-v4-phala")))
    assert done.returncode == 10 and "tdx.collateral.missing" in done.stdout and done.stdout.startswith("NOT SHOWN TO BE GENUINE")


MILAN = with_id("snp-v3-milan-microsoft")


GENOA = with_id("snp-v3-genoa-microsoft")


def policy_for(tmp_path, sample, **changes):
    """The example for machines of one's own, for a recorded machine of Genoa's."""
    text = (ROOT / "examples/policies/bare-metal-snp.toml").read_text()
    values = {"releases": f'["{sample["parsed"]["measurement"]}"]', "chips": f'["{sample["parsed"]["chip_id"]}"]', "id_keys": None,
              "min_guest_svn": None, "restrictions": None} | changes
    for name, value in values.items():
        text, count = re.subn(rf"^{name} = .*$", "" if value is None else f"{name} = {value}", text, flags=re.MULTILINE)
        assert count == 1, name
    text = text[: text.index("[snp.min_tcb.Turin]")] + "[snp.min_tcb.Genoa]\nboot_loader = 10\ntee = 0\nsnp = 23\nmicrocode = 84\n"
    path = tmp_path / "policy.toml"
    path.write_text(text)
    return path


def judge_by(policy, sample=GENOA, *more):
    crl = EVIDENCE / "snp/crl/genoa-2026-08-19.crl.der"
    return run("verify", *files_of(sample), crl, "--at", "2026-09-01T00:00:00Z", "--policy", policy, *more)


def test_a_policy_judges_a_bare_report_as_a_platform(tmp_path):
    done = judge_by(policy_for(tmp_path, GENOA))
    assert done.returncode == 4, done.stdout + done.stderr
    assert "IT SPEAKS OF NO NODE" in done.stdout and "one_root_owner" in done.stdout
    for row in ("key binding", "freshness", "models", "root owners"):
        assert f"not checked   {row}" in done.stdout
    verdict = json.loads(judge_by(policy_for(tmp_path, GENOA), GENOA, "-o", "json").stdout)
    assert (verdict["outcome"], verdict["exit_code"], verdict["exceptions"]) == ("accept_platform", 4, ["one_root_owner"])
    states = {finding["aspect"]: finding["state"] for finding in verdict["findings"]}
    assert states["software"] == states["identity"] == states["revocation"] == "passed"


@pytest.mark.parametrize("changes, rule", [
    ({"releases": f'["{"1" * 96}"]'}, "attest.release.unknown"),
    ({"chips": '["aa"]'}, "attest.ledger.unknown"),
    ({"id_keys": f'["{"1" * 96}"]'}, "snp.id_key"),
    ({"restrictions": '["ciphertext_hiding"]'}, "snp.policy.restriction"),
    ({"platform": '["no_smt"]'}, "snp.platform.setting"),
    ({"vmpl": "1"}, "snp.vmpl"),
])
def test_what_the_policy_does_not_take_is_refused(tmp_path, changes, rule):
    done = judge_by(policy_for(tmp_path, GENOA, **changes), GENOA, "-o", "json")
    assert done.returncode == 10 and failures(json.loads(done.stdout)) == {rule}


def test_what_a_report_was_made_for_can_be_said_beside_a_policy(tmp_path):
    policy = policy_for(tmp_path, GENOA)
    assert judge_by(policy, GENOA, "--report-data", GENOA["parsed"]["report_data"]).returncode == 4
    assert judge_by(policy, GENOA, "--report-data", "11" * 64).returncode == 10


def test_a_bare_report_never_stands_in_for_a_nodes_evidence(tmp_path):
    """What is said of nodes alone is a mistake beside a bare report, and a policy of simulated machines says nothing to it."""
    policy = policy_for(tmp_path, GENOA)
    demands = (["--measurement", "00" * 48], ["--nonce", "00" * 32], ["--pcr", "sha256:0=00"], ["--pcr-selection", "all"], ["--public-key", "00"],
               ["--nitro-tpm"], ["--gpus", 1], ["--switches", 1], ["--attestation-key", "00" * 32])  # fmt: skip
    for wrong in (["--beacon", policy], *(["--policy", policy, *demand] for demand in demands)):
        done = run("verify", *files_of(GENOA), *wrong)
        assert done.returncode == 2 and "app.verify.bare" in done.stderr
    tripped("app.verify.bare")
    done = run("verify", *files_of(GENOA), "--policy", ROOT / "examples/policies/development.toml")
    assert done.returncode == 2 and "app.verify.simulated" in done.stderr
    tripped("app.verify.simulated")
    policy.write_text("kind =")
    assert run("verify", *files_of(GENOA), "--policy", policy).returncode == 30


def test_every_file_counts(tmp_path):
    other = tmp_path / "other"
    other.write_bytes(b"neither")
    done = run("verify", *files_of(MILAN), other, "--at", MILAN["evaluate_at"])
    assert done.returncode == 30 and "platform.unknown_item" in done.stderr


@pytest.mark.parametrize("crl, rule", [("genoa-2026-08-19", "snp.crl.issuer"), ("milan-2025-05-06", "snp.crl.expired")])
def test_a_revocation_list_that_does_not_fit_is_a_refusal(crl, rule):
    done = run("verify", *files_of(MILAN), EVIDENCE / f"snp/crl/{crl}.crl.der", "--at", "2026-05-12T00:00:00Z", "-o", "json")
    assert done.returncode == 10 and rule in failures(json.loads(done.stdout))


def test_the_newest_list_counts_in_any_order():
    lists = [EVIDENCE / f"snp/crl/milan-{day}.crl.der" for day in ("2025-05-06", "2026-08-19")]
    for order in (lists, lists[::-1]):
        done = run("verify", *files_of(MILAN), *order, "--at", "2026-09-01T00:00:00Z", "-o", "json")
        findings = {finding["aspect"]: finding["state"] for finding in json.loads(done.stdout)["findings"]}
        assert done.returncode == 0 and findings["revocation"] == "passed"


def test_what_is_expected_can_be_said():
    parsed = MILAN["parsed"]
    good = ["--measurement", parsed["measurement"], "--report-data", parsed["report_data"]]
    done = run("verify", *files_of(MILAN), "--at", MILAN["evaluate_at"], *good, "-o", "json")
    findings = {finding["aspect"]: finding["state"] for finding in json.loads(done.stdout)["findings"]}
    assert done.returncode == 0 and findings["software"] == findings["bound_data"] == "passed"
    for wrong in (["--measurement", "00" * 48], ["--report-data", "00" * 63 + "01"]):
        assert run("verify", *files_of(MILAN), "--at", MILAN["evaluate_at"], *wrong).returncode == 10
    for bad in (["--measurement", "xyz"], ["--report-data", "00"]):
        done = run("verify", *files_of(MILAN), *bad)
        assert done.returncode == 2 and "app.verify.hex" in done.stderr
    tripped("app.verify.hex")
    assert run("verify", *files_of(MILAN), "--at", "2026-02-30T00:00:00Z").returncode == 2


def test_one_report_at_a_time():
    done = run("verify", *files_of(MILAN), *files_of(with_id("tdx-v4-phala")))
    assert done.returncode == 10 and "platform.several" in done.stderr
