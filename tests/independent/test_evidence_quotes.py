"""Every Intel sample of the shared corpus through the independent verifier, under every set of collateral: verdict, status, fields, and windows one
second inside and outside."""

import dataclasses
import hashlib

import pytest
import quote_policy
import quote_verifier as verifier
import tcb_collateral
from evidence_corpus import (
    IDENTITY_LENDER, SECOND, WITH_TRAILER, collateral, each, issuers, missing_rules, of_kind, quote_of, read, tee_of, time, with_id,
)  # fmt: skip
from quote_format import HEADER, SGX, TDX, read_quote
from strict_der import read_certificate

pytestmark = pytest.mark.once

ALL = of_kind("tdx-quote", "sgx-quote")
QUOTES = [sample for sample in ALL if sample["verdict"] == "valid"]
SETS = of_kind("tdx-collateral")
RULES = {
    "TD DEBUG attribute set": "tdx.attributes.debug",
    "SGX DEBUG attribute set": "tdx.attributes.debug",
    "SEPT_VE_DISABLE clear (reject unless policy allows, e.g. paravisor)": "tdx.attributes.sept_ve_disable",
    "MRSERVICETD non-zero (a service or migration TD is bound; reject unless the policy lists it)": "tdx.mrservicetd",
}
NO_LEVEL = "NotSupported(no matching TCB level)"

PAIRS = [
    pytest.param(sample, evaluation, id=f"{sample['id']}-{evaluation['collateral']}")
    for sample in QUOTES
    for evaluation in sample.get("evaluations", [])
]
each_pair = pytest.mark.parametrize(("sample", "evaluation"), PAIRS)


def verify(sample, parts, at):
    return verifier.verify(quote_of(sample), parts, at, tee=tee_of(sample))


@each(QUOTES)
@pytest.mark.verdict
def test_quote_is_authentic(sample):
    """Without collateral nothing is wrong but that it is missing."""
    start, end = time(sample["chain_valid_from"]), time(sample["chain_valid_to"])
    missing = ["tdx.crl.missing"] * 2 + ["tdx.collateral.missing"] * 3
    for at, expected in ((start - SECOND, ["tdx.pck.early"]), (start, []), (end, []), (end + SECOND, ["tdx.pck.expired"])):
        judgement = verify(sample, verifier.Collateral(), at)
        assert judgement.rules == expected + missing, at
        assert (judgement.chain_from, judgement.chain_to) == (start, end)
    assert all(sample["checks"].values())
    platform, expected = judgement.platform, sample["pck"]
    assert (platform.ppid.hex(), platform.pcesvn, list(platform.components)) == (expected["ppid"], expected["pcesvn"], expected["comps"])
    assert (platform.pceid.hex(), platform.fmspc.hex()) == (expected["pceid"], expected["fmspc"])
    assert (platform.instance_id or b"").hex() == (expected.get("platformInstanceId") or "")


BODY = {
    "tee_tcb_svn": "tcb_svn", "mrseam": "mrseam", "mrsignerseam": "mrsignerseam", "seam_attributes": "seam_attributes", "mr_td": "mrtd",
    "mr_config_id": "mrconfigid", "mr_owner": "mrowner", "mr_owner_config": "mrownerconfig", "report_data": "report_data",
    "tee_tcb_svn_2": "tcb_svn_2", "mr_service_td": "mrservicetd",
}  # fmt: skip


@each([sample for sample in QUOTES if sample["kind"] == "tdx-quote"])
def test_quote_is_read_as_expected(sample):
    quote, body = read_quote(quote_of(sample)), sample["parsed"]["body"]
    assert quote.version == sample["parsed"]["version"]
    for name in set(BODY) & set(body):
        assert getattr(quote, BODY[name]).hex() == body[name], name
    assert [rtmr.hex() for rtmr in quote.rtmrs] == [body[f"rtmr{i}"] for i in range(4)]
    assert quote.attributes.to_bytes(8, "little").hex() == body["td_attributes"]
    assert quote.xfam.to_bytes(8, "little").hex() == body["xfam"]
    report = sample["parsed"]["qe_report"]
    assert quote.qe_report[128:160].hex() == report["mrsigner"]
    assert int.from_bytes(quote.qe_report[258:260], "little") == report["isvsvn"]


@each_pair
@pytest.mark.verdict
def test_quote_has_the_expected_status(sample, evaluation):
    parts = collateral(evaluation["collateral"])
    if parts.identity is None:
        lender = collateral(IDENTITY_LENDER)
        parts = dataclasses.replace(parts, identity=lender.identity, identity_signature=lender.identity_signature)
    judgement = verify(sample, parts, time(evaluation["collateral_window"][0]))
    expected = None if evaluation["status"] == NO_LEVEL else evaluation["status"]
    assert judgement.status == expected
    assert ("tdx.tcb.unsupported" in judgement.rules) == (expected is None)
    if evaluation["tdx_module"] is not None:
        assert (judgement.module, judgement.module_status) == (evaluation["tdx_module"], evaluation["tdx_module_status"])
    if evaluation["qe_status"] is not None:
        assert judgement.qe_status == evaluation["qe_status"]
    assert judgement.pck_revoked == evaluation["pck_revoked"]
    if evaluation["tcb_date"] is not None:
        assert judgement.level.date == time(evaluation["tcb_date"])
        assert list(judgement.level.advisories) == evaluation["advisoryIDs"]
    assert all(evaluation["identity_checks"].values())
    wrong = ("tdx.collateral.fmspc", "tdx.collateral.id", "tdx.module.", "tdx.qe.")
    assert not [rule for rule in judgement.rules if rule.startswith(wrong)]


@each_pair
def test_quote_and_collateral_hold_together_within_their_window_alone(sample, evaluation):
    parts = collateral(evaluation["collateral"])
    inside = sorted(missing_rules(parts) + ["tdx.tcb.unsupported"] * (evaluation["status"] == NO_LEVEL))
    if evaluation["common_window"] is None:
        ends = [time(text) for text in (*evaluation["collateral_window"], sample["chain_valid_from"], sample["chain_valid_to"])]
        for at in ends:
            for moment in (at - SECOND, at, at + SECOND):
                assert any(rule.endswith((".early", ".expired")) for rule in verify(sample, parts, moment).rules), moment
        return
    start, end = (time(text) for text in evaluation["common_window"])
    for at in (start, start + SECOND, end - SECOND):
        judgement = verify(sample, parts, at)
        assert sorted(judgement.rules) == inside, at
        assert (judgement.valid_from, judgement.valid_to) == (start, end)
    for at, word in ((start - SECOND, ".early"), (end + SECOND, ".expired")):
        further = list(verify(sample, parts, at).rules)
        for rule in inside:
            further.remove(rule)
        assert further and all(rule.endswith(word) for rule in further), at


def policy_for(judgement, **demands):
    """A policy that takes what the quote says of its guest, and is strict for the rest."""
    quote = judgement.quote
    return quote_policy.Policy(
        frozenset({quote.mrtd}), frozenset({quote.rtmrs}), quote.report_data, mrconfigids=frozenset({quote.mrconfigid}), **demands
    )


@each([sample for sample in QUOTES if sample.get("evaluations")])
@pytest.mark.verdict
def test_quote_is_appraised_as_expected(sample):
    refused, accepted, never = set(), [], []
    for evaluation in sample["evaluations"]:
        window = evaluation["common_window"] or evaluation["collateral_window"]
        judgement = verify(sample, collateral(evaluation["collateral"]), time(window[0]))
        rules = set(quote_policy.appraise(judgement, policy_for(judgement), time(window[0])).rules)
        assert ("tdx.tcb.status" in rules) == (evaluation["status"] != "UpToDate")
        refused |= rules - {"tdx.tcb.status"}
        if not rules:
            (accepted if evaluation["common_window"] else never).append(evaluation["collateral"])
    strict = sample["strict_policy"]
    assert refused == {RULES[reason] for reason in strict["reasons"]}
    assert accepted == strict["accept_with"]
    assert never == strict.get("acceptable_but_never_valid_together", [])


@each([sample for sample in of_kind("azure-hcl") if sample["id"].startswith("azure-tdx-")])
def test_quote_beside_azure_s_report_is_genuine(sample):
    (path,) = (path for path in sample["files"] if path.endswith("quote.bin"))
    at = time(sample.get("evaluate_at", "2026-06-15T00:00:00Z"))
    judgement = verifier.verify(read(path), verifier.Collateral(), at)
    assert judgement.rules == ["tdx.crl.missing"] * 2 + ["tdx.collateral.missing"] * 3
    assert not any(judgement.quote.report_data[32:]) and not any(b"".join(judgement.quote.rtmrs))


# Collateral on its own.


@each(SETS)
@pytest.mark.verdict
def test_collateral_holds_within_its_window_alone(sample):
    name, tee = sample["id"].removeprefix("tdx-collateral-"), TDX if sample["parsed"]["id"] == "TDX" else SGX
    parts = collateral(name)
    inside = missing_rules(parts)

    def judge(at):
        return verifier.verify_collateral(parts, issuers(name), tee, at)

    start, end = time(sample["valid_from"]), time(sample["valid_to"])
    for at in (time(sample["evaluate_at"]), start, end - SECOND):
        judgement = judge(at)
        assert judgement.rules == inside, at
        assert (judgement.valid_from, judgement.valid_to) == (start, end)
    for at, word in ((start - SECOND, ".early"), (end + SECOND, ".expired")):
        further = list(judge(at).rules)
        for rule in inside:
            further.remove(rule)
        assert further and all(rule.endswith(word) for rule in further), at


@each(SETS)
def test_collateral_is_read_as_expected(sample):
    parts, parsed = collateral(sample["id"].removeprefix("tdx-collateral-")), sample["parsed"]
    info = tcb_collateral.read_tcb_info(parts.tcb_info)
    assert (info.id, info.fmspc, info.evaluation) == (parsed["id"], bytes.fromhex(parsed["fmspc"]), parsed["tcbEvaluationDataNumber"])
    assert (info.issued, info.next_update) == (time(parsed["tcb_issue"]), time(parsed["tcb_next"]))
    if parts.identity is not None:
        identity = tcb_collateral.read_identity(parts.identity)
        assert (identity.id, identity.issued, identity.next_update) == (parsed["qe_id"], time(parsed["qe_issue"]), time(parsed["qe_next"]))


def test_collateral_of_the_other_kind_is_refused():
    sgx, tdx = collateral("phala-sgx-00A067"), collateral("flashbots-gcp-00806F")
    crossed = dataclasses.replace(tdx, identity=sgx.identity, identity_signature=sgx.identity_signature)
    sample = with_id("tdx-v4-oak")
    rules = verify(sample, crossed, time("2026-07-01T00:00:00Z")).rules
    assert "tdx.collateral.id" in rules and "tdx.qe.isvprodid" in rules
    whole = dataclasses.replace(sgx, pck_crl=tdx.pck_crl, root_crl=tdx.root_crl)
    assert "tdx.collateral.fmspc" in verify(sample, whole, time("2026-07-01T00:00:00Z")).rules


def test_root_is_the_pinned_one():
    sample = with_id("tdx-root")
    certificate = read_certificate(read(sample["files"][0]))
    assert hashlib.sha256(certificate.der).hexdigest() == sample["parsed"]["sha256"]
    assert frozenset({hashlib.sha256(certificate.spki).hexdigest()}) == verifier.ROOTS


# Samples that need words of their own.


def test_text_after_the_signature_data_is_refused():
    sample = with_id(WITH_TRAILER)
    data = read(sample["files"][0])
    assert verifier.verify(data, verifier.Collateral(), time("2023-06-20T00:00:00Z")).rules == ["tdx.trailing"]
    for padding, expected in ((bytes(39), None), (bytes(38) + b"\x01", "tdx.trailing")):
        rules = verifier.verify(quote_of(sample) + padding, collateral("google-2023-50806f"), time("2023-06-20T00:00:00Z")).rules
        assert rules == ([expected] if expected else ["tdx.tcb.unsupported"])


def test_sgx_quotes_are_no_tdx_quotes():
    for sample in of_kind("sgx-quote"):
        assert verifier.verify(read(sample["files"][0]), verifier.Collateral(), time("2025-07-01T00:00:00Z")).rules == ["tdx.version"]


def intel_sample():
    sample = with_id("tdx-intel-sample")
    return sample, {path.rpartition("/")[2]: read(path) for path in sample["files"]}


def test_intel_s_own_sample_is_under_another_root():
    sample, files = intel_sample()
    at, quote = time(sample["also"][0]["evaluate_at"]), files["quote.dat"]
    # The certification data is DER although its type says PEM: the chain is handed in.
    assert verifier.verify(quote, verifier.Collateral(), at).rules == ["tdx.pck.pem"]
    issuers_text = files["pckSignChain.pem"].replace(b"\r\n", b"\n")
    root, intermediate, rest = issuers_text.split(b"-----END CERTIFICATE-----\n")
    assert not rest
    end = b"-----END CERTIFICATE-----\n"
    chain = files["pckCert.pem"].strip() + b"\n" + intermediate + end + root + end
    lists = verifier.Collateral(pck_crl=files["intermediateCaCrl.der"], root_crl=files["rootCaCrl.der"])
    missing = ["tdx.collateral.missing"] * 3
    assert verifier.verify(quote, lists, at, pck_chain=chain).rules == ["tdx.pck.root", *missing]
    anchor = hashlib.sha256(read_certificate(verifier.read_pem(files["trustedRootCaCert.pem"].strip())[0]).spki).hexdigest()
    assert sample["reasons"] == ["signed by Intel SAMPLE keys: root is not the production Intel SGX Root CA"]
    judgement = verifier.verify(quote, lists, at, pck_chain=chain, roots={anchor})
    assert judgement.rules == missing
    assert judgement.platform.fmspc.hex() == sample["parsed"]["pck"]["fmspc"]
    assert judgement.platform.components == tuple(sample["parsed"]["pck"]["comps"])
    identity, _ = tcb_collateral.cut(files["qeIdentity.json"], "enclaveIdentity")
    found = verifier.Judgement()
    assert verifier.check_identity(judgement.quote, tcb_collateral.read_identity(identity), found) is not None
    # Its MISCSELECT is not zero, which shows the order of its bytes; the identity beside it has another signer.
    assert found.rules == ["tdx.qe.mrsigner"]
    assert len(judgement.quote.signed) == HEADER + 584
