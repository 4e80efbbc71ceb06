"""Every AMD sample of the shared corpus through the independent verifier: verdict, reason, fields, and windows one second inside and outside."""

import hashlib

import pytest
import snp_format
import snp_policy
import snp_verifier as verifier
from evidence_corpus import SECOND, each, of_kind, read, snp_parts, snp_root, time, with_id
from judgement import Judgement, Malformed
from strict_der import read_certificate, read_pem, signed_by

pytestmark = pytest.mark.once

REPORTS = of_kind("snp-report")
VALID = [sample for sample in REPORTS if sample["verdict"] == "valid"]
# The corpus says why in words; these are the rules that they mean.
RULES = {
    "report_signature failed": ["snp.signature"],
    "vek_signed_by_ask failed": ["snp.vek.signature"],
    "cert_tcb_equals_reported_tcb failed": ["snp.tcb.certificate"],
    "chip_id_equals_hwid failed": ["snp.chip_id.mismatch"],
    "report signature does not verify under another chip's VCEK; chip_id != hwID; TCB differs": [
        "snp.signature", "snp.tcb.certificate", "snp.chip_id.mismatch",
    ],
    "VCEK of a different Turin chip: signature fails, hwID 1e550a8ee5cf9f4d != chip_id, TCB differs": [
        "snp.signature", "snp.tcb.certificate", "snp.chip_id.mismatch",
    ],
    "Turin VCEK is not signed by the Genoa ASK": ["snp.vek.signature"],
    "VLEK must chain to ASVK (SEV-VLEK-Milan), not to the ASK": ["snp.vek.signature"],
    "no endorsement certificate available for this chip in the corpus": ["snp.chain.missing"],
    "VCEK certificate expired": ["snp.vek.expired"],
    "VLEK certificate expired": ["snp.vek.expired"],
    "CRL nextUpdate passed": ["snp.crl.expired"],
    "guest policy allows DEBUG": ["snp.policy.debug"],
    "VMPL 1 (only accept when a VMPL0 SVSM/paravisor is expected)": ["snp.vmpl"],
    "provisional firmware: committed != current": ["snp.tcb.provisional"],
}  # fmt: skip
# What else is wrong with a sample, besides the reasons that the corpus gives.
FURTHER = {
    "snp-vcek-invalid-new": ["snp.vek.extension"],  # hwID wrapped in an OCTET STRING
    "snp-neg-wrong-product-chain": ["snp.product.mismatch", "snp.chain.issuer", "snp.tcb.certificate", "snp.tcb.reserved"],
    "snp-neg-vlek-under-ask": ["snp.vek.kind", "snp.chain.issuer"],
}
CHECKS = {
    "report_signature": "snp.signature",
    "vek_signed_by_ask": "snp.vek.signature",
    "vek_signed_by_asvk": "snp.vek.signature",
    "signing_key_field_matches_cert": "snp.vek.kind",
    "cert_tcb_equals_reported_tcb": "snp.tcb.certificate",
    "chip_id_equals_hwid": "snp.chip_id.mismatch",
    "chip_id_zero_for_vlek": "snp.chip_id.mismatch",
    "product_cpuid_matches_chain": "snp.product.mismatch",
    "policy_reserved_bit17_set": "snp.policy.reserved",
}


def rules_of(reasons):
    return {rule for reason in reasons for rule in RULES[reason]}


def verify(sample, at, **options):
    certificate = sample["files"][1] if len(sample["files"]) > 1 else None
    product = verifier.read_vek(read(certificate), Judgement()).product if certificate else None
    return verifier.verify(*snp_parts(sample, product), at, **options)


def evaluated_at(sample):
    return time(sample.get("evaluate_at", "2026-01-01T00:00:00Z"))


@each(REPORTS)
@pytest.mark.verdict
def test_report_is_judged_as_expected(sample):
    judgement = verify(sample, evaluated_at(sample))
    assert set(judgement.rules) == rules_of(sample["reasons"]) | set(FURTHER.get(sample["id"], []))
    assert bool(judgement.rules) == (sample["verdict"] != "valid")
    for name, holds in sample.get("checks", {}).items():
        strict = snp_policy.appraise(judgement, lenient(judgement))
        assert (CHECKS[name] not in judgement.rules + strict.rules) == holds, name


def lenient(judgement):
    """A policy that takes what the report says of its guest, and is strict for the rest."""
    report = judgement.report
    return snp_policy.Policy(frozenset({report.measurement}), report.report_data, csp_ids=frozenset({judgement.csp_id}))


@each([sample for sample in REPORTS if "strict_policy" in sample])
@pytest.mark.verdict
def test_report_is_appraised_as_expected(sample):
    judgement = verify(sample, evaluated_at(sample))
    refused = set(judgement.rules + snp_policy.appraise(judgement, lenient(judgement)).rules)
    assert refused == rules_of(sample["strict_policy"]["reasons"]) | set(FURTHER.get(sample["id"], []))
    assert (sample["strict_policy"]["verdict"] == "accept") == (not refused)


@each([sample for sample in REPORTS if "valid_from" in sample])
def test_report_holds_within_its_window_alone(sample):
    start, end = time(sample["valid_from"]), time(sample["valid_to"])
    inside = set(verify(sample, evaluated_at(sample)).rules)
    for at, further in ((start - SECOND, {"snp.vek.early"}), (start, set()), (end, set()), (end + SECOND, {"snp.vek.expired"})):
        judgement = verify(sample, at)
        assert set(judgement.rules) == inside | further, at
        assert (judgement.valid_from, judgement.valid_to) == (start, end)
    for other in sample["also"]:
        assert set(verify(sample, time(other["evaluate_at"])).rules) == inside | rules_of([other["reason"]])


FIELDS = {
    "version": lambda report: report.version,
    "guest_svn": lambda report: report.guest_svn,
    "policy": lambda report: f"{report.policy:#018x}",
    "family_id": lambda report: report.field(0x10, 16).hex(),
    "image_id": lambda report: report.field(0x20, 16).hex(),
    "vmpl": lambda report: report.vmpl,
    "platform_info": lambda report: f"{report.platform_info:#018x}",
    "mask_chip_key": lambda report: int(report.masked_chip),
    "signing_key": lambda report: {0: "VCEK", 1: "VLEK"}[report.signing_key],
    "report_data": lambda report: report.report_data.hex(),
    "measurement": lambda report: report.measurement.hex(),
    "host_data": lambda report: report.host_data.hex(),
    "id_key_digest": lambda report: report.id_key_digest.hex(),
    "author_key_digest": lambda report: report.author_key_digest.hex(),
    "chip_id": lambda report: report.chip_id.hex(),
    "current_version": lambda report: ".".join(map(str, report.current_version)),
    "committed_version": lambda report: ".".join(map(str, report.committed_version)),
    "current_tcb": lambda report: report.current_tcb.hex(),
    "reported_tcb": lambda report: report.reported_tcb.hex(),
    "committed_tcb": lambda report: report.committed_tcb.hex(),
    "launch_tcb": lambda report: report.launch_tcb.hex(),
    "launch_mit_vector": lambda report: f"{report.launch_mitigations:#018x}",
    "current_mit_vector": lambda report: f"{report.current_mitigations:#018x}",
    "product_from_cpuid": lambda report: snp_format.product_of_cpuid(*report.cpuid),
}


@each([sample for sample in REPORTS if "parsed" in sample])
def test_report_is_read_as_expected(sample):
    report, parsed = snp_format.read_report(read(sample["files"][0])), sample["parsed"]
    for name in set(FIELDS) & set(parsed):
        expected = parsed[name]["raw"] if name.endswith("_tcb") else parsed[name]
        assert FIELDS[name](report) == expected, name


@each([sample for sample in REPORTS if "vek_extensions" in sample and sample["id"] not in FURTHER])
def test_certificate_is_read_as_expected(sample):
    vek, expected = verifier.read_vek(read(sample["files"][1]), Judgement()), dict(sample["vek_extensions"])
    levels = ("blSPL", "teeSPL", "snpSPL", "spl4", "spl5", "spl6", "spl7", "ucodeSPL", "fmcSPL")
    names = {name: f"3.{i}" for i, name in enumerate(levels, 1)}
    assert vek.levels == {names[name]: level for name, level in expected.items() if name in names}
    assert vek.struct_version == expected["structVersion"]
    assert vek.product == expected["productName1"].partition("-")[0]
    assert (vek.hardware_id or b"").hex() == expected.get("hwID", "")
    assert vek.csp_id == expected.get("cspID")


@each(of_kind("snp-roots"))
def test_roots_are_the_pinned_ones(sample):
    ark, *issuers = (read_certificate(read(path)) for path in sample["files"])
    for certificate, name in zip((ark, *issuers), ("ark", "ask", "asvk"), strict=True):
        parsed = sample["parsed"][name]
        assert hashlib.sha256(certificate.der).hexdigest() == parsed["sha256"]
        assert (certificate.not_before, certificate.not_after) == (time(parsed["not_before"]), time(parsed["not_after"]))
        assert certificate.serial == int(parsed["serial_hex"], 16)
        assert signed_by(certificate.signed, ark.spki)
    assert verifier.ROOTS[hashlib.sha256(ark.spki).hexdigest()] == sample["id"].removeprefix("snp-roots-").capitalize()


# Reports inside Azure's reports of its paravisor.


@each([sample for sample in of_kind("azure-hcl") if "snp_signature" in sample["checks"]])
def test_report_inside_azure_s_is_genuine(sample):
    assert sample["checks"]["snp_signature"] and sample["checks"]["vcek_chain"]
    report, certificate = read(sample["files"][0])[32 : 32 + snp_format.SIZE], read(sample["files"][-1])
    product = verifier.read_vek(certificate, Judgement()).product
    judgement = verifier.verify(report, certificate, snp_root(product, "ask"), snp_root(product, "ark"), time(sample["evaluate_at"]))
    assert judgement.rules == []
    assert judgement.report.vmpl == 0 and not any(judgement.report.report_data[32:])


# Revocation lists.

CRLS = of_kind("snp-crl")


def product_of_crl(sample):
    return sample["id"].split("-")[2]


@each(CRLS)
@pytest.mark.verdict
def test_revocation_list_holds_within_its_window_alone(sample):
    der, root = read(sample["files"][0]), snp_root(product_of_crl(sample), "ark")
    start, end = time(sample["parsed"]["this_update"]), time(sample["parsed"]["next_update"])

    def rules_at(at):
        return verifier.verify_crl(der, root, at).rules

    assert rules_at(time(sample["evaluate_at"])) == []
    assert (rules_at(start - SECOND), rules_at(start)) == (["snp.crl.early"], [])
    assert (rules_at(end - SECOND), rules_at(end), rules_at(end + SECOND)) == ([], ["snp.crl.expired"], ["snp.crl.expired"])
    for other in sample.get("also", []):
        assert set(rules_at(time(other["evaluate_at"]))) == rules_of([other["reason"]])


@each(CRLS)
def test_revocation_list_is_no_other_root_s(sample):
    for product in {"milan", "genoa", "turin"} - {product_of_crl(sample)}:
        rules = verifier.verify_crl(read(sample["files"][0]), snp_root(product, "ark"), time(sample["evaluate_at"])).rules
        assert rules == ["snp.crl.issuer", "snp.crl.signature"]


@each([sample for sample in VALID if time(sample["valid_to"]) > time("2026-10-04T00:00:00Z")])
def test_report_with_a_revocation_list_holds_no_longer_than_the_list(sample):
    crl = with_id(f"snp-crl-{sample['product']}-2026-08-19")
    der, end = read(crl["files"][0]), time(crl["parsed"]["next_update"])
    judgement = verify(sample, end - SECOND, crl=der)
    assert (judgement.rules, judgement.revocation, judgement.valid_to) == ([], "checked", end)
    assert verify(sample, end + SECOND, crl=der).rules == ["snp.crl.expired"]


def test_report_without_a_revocation_list_says_so():
    judgement = verify(with_id("snp-v5-genoa-live"), time("2026-09-01T00:00:00Z"))
    assert (judgement.rules, judgement.revocation) == ([], "not checked")
    policy = lenient(judgement)
    assert snp_policy.appraise(judgement, policy).rules == []


# The certificate table that comes with a report through the kernel's interface.


def cbor_byte_strings(data):
    """The byte strings of at least 1000 bytes in a CBOR document, found by their two-byte heads."""
    found, at = [], 0
    while (at := data.find(b"\x59", at)) >= 0:
        size = int.from_bytes(data[at + 1 : at + 3], "big")
        if size >= 1000 and at + 3 + size <= len(data):
            found.append(data[at + 3 : at + 3 + size])
            at += size
        at += 1
    return found


def test_certificate_table_holds_the_chain():
    sample = with_id("snp-v3-genoa-veraison")
    table, report = cbor_byte_strings(read("snp/reports/v3-genoa-veraison/sevsnp-tsm-report.cbor"))
    assert report == read(sample["files"][0])
    found = snp_format.read_table(table)
    # This table's certificates stand in PEM.
    assert [read_pem(found[name]) for name in ("vcek", "ask", "ark")] == [[read(path)] for path in sample["files"][1:]]
    for broken in (table[:-1], table[:16] + b"\xff" * 8 + table[24:], table[:24]):
        with pytest.raises(Malformed, match="snp.table.syntax"):
            snp_format.read_table(broken)
