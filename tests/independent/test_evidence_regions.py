"""No byte of evidence may change: in every valid sample of the shared corpus bits of each region of spec/evidence_regions flip, and the
first refusal is the one that stands there."""

import collections
import dataclasses

import evidence_regions as table
import pytest
import quote_verifier
import snp_format
import snp_verifier
from evidence_corpus import collateral, each, missing_rules, of_kind, quote_of, read, snp_parts, snp_root, time
from quote_format import read_quote

pytestmark = pytest.mark.once

REPORTS = [sample for sample in of_kind("snp-report") if sample["verdict"] == "valid"]


def unexpected(mutations, judge):
    """Judges every mutation; returns those that were accepted, or refused by another rule first. There is at least one mutation."""
    wrong, n = [], 0
    for words, mutated, rules in mutations:
        n += 1
        first = judge(mutated).first
        if first not in rules:
            wrong.append(f"{words}: {first} instead of {', '.join(sorted(rules))}")
    assert n > 0
    return wrong


def test_regions_name_rules_alone():
    for rows in table.REGIONS.values():
        for row in rows:
            assert set(row["reason"]) | set(row.get("bits", [])) <= set(table.RULES)


@pytest.mark.parametrize("version", [2, 3, 4, 5])
def test_every_bit_of_a_report_is_in_one_region(version):
    seen = collections.Counter()
    for one in table.report_regions(version):
        seen.update((at, bit) for at in range(one.start, one.start + one.size) for bit in range(8) if one.mask >> bit & 1)
    assert seen == collections.Counter((at, bit) for at in range(snp_format.SIZE) for bit in range(8))


# AMD.


def judge_parts(parts, at, place, crl=None):
    def judge(mutated):
        return snp_verifier.verify(*parts[:place], mutated, *parts[place + 1 :], at, crl=crl)

    return judge


@each(REPORTS)
def test_no_bit_of_a_report_may_change(sample):
    parts, at = snp_parts(sample), time(sample["evaluate_at"])
    assert snp_verifier.verify(*parts, at).first is None
    regions = table.report_regions(int.from_bytes(parts[0][:4], "little"))
    assert unexpected(table.mutations(parts[0], regions), judge_parts(parts, at, 0)) == []


@pytest.mark.parametrize(("place", "name"), [(1, "snp_vek"), (2, "snp_issuer"), (3, "snp_root")])
@each(REPORTS)
def test_no_bit_of_a_report_s_certificates_may_change(sample, place, name):
    parts, at = snp_parts(sample), time(sample["evaluate_at"])
    mutations = table.mutations(parts[place], table.der_regions(name, parts[place]))
    assert unexpected(mutations, judge_parts(parts, at, place)) == []


@each(of_kind("snp-crl"))
def test_no_bit_of_amd_s_revocation_lists_may_change(sample):
    der, root = read(sample["files"][0]), snp_root(sample["id"].split("-")[2], "ark")
    at = time(sample["evaluate_at"])
    mutations = table.mutations(der, table.der_regions("snp_crl", der))
    assert unexpected(mutations, lambda mutated: snp_verifier.verify_crl(mutated, root, at)) == []


@each(REPORTS)
def test_no_report_of_another_length(sample):
    parts, at = snp_parts(sample), time(sample["evaluate_at"])
    for data in (b"", parts[0][:-1], parts[0] + b"\x00", bytes(32) + parts[0], parts[0][: snp_format.SIGNED]):
        assert snp_verifier.verify(data, *parts[1:], at).rules == ["snp.length"]


@each(REPORTS)
def test_signature_s_other_forms_are_refused(sample):
    """R and S swapped, big-endian, and zero."""
    parts, at = snp_parts(sample), time(sample["evaluate_at"])
    data = parts[0]
    r, s, rest = data[0x2A0:0x2E8], data[0x2E8:0x330], data[0x330:]
    big = (number[47::-1] + bytes(24) for number in (r, s))
    for first, second, rule in ((s, r, "snp.signature"), (*big, "snp.signature"), (bytes(72), s, "snp.signature_encoding")):
        mutated = data[:0x2A0] + first + second + rest
        assert snp_verifier.verify(mutated, *parts[1:], at).first == rule


# Intel.


def whole_set(sample):
    """(collateral, time) of a set with all its parts under which the quote holds, but for its TCB level; None where the corpus has none."""
    for evaluation in sample.get("evaluations", []):
        parts = collateral(evaluation["collateral"])
        if evaluation["common_window"] and not missing_rules(parts):
            return parts, time(evaluation["common_window"][0])
    return None


QUOTES = [sample for sample in of_kind("tdx-quote") if sample["verdict"] == "valid" and whole_set(sample)]


@each(QUOTES)
def test_no_bit_of_a_quote_may_change(sample):
    data, (parts, at) = quote_of(sample), whole_set(sample)
    assert quote_verifier.verify(data, parts, at).rules in ([], ["tdx.tcb.unsupported"])
    mutations = table.mutations(data, table.quote_regions(data))
    assert unexpected(mutations, lambda mutated: quote_verifier.verify(mutated, parts, at)) == []


@each(QUOTES)
def test_every_byte_of_a_quote_is_in_a_region(sample):
    data = quote_of(sample)
    seen = collections.Counter()
    for one in table.quote_regions(data):
        seen.update((at, bit) for at in range(one.start, one.start + one.size) for bit in range(8) if one.mask >> bit & 1)
    assert seen == collections.Counter((at, bit) for at in range(len(data)) for bit in range(8))


@pytest.mark.parametrize(("place", "name"), [(0, "tdx_pck"), (1, "tdx_pck_issuer"), (2, "tdx_pck_root")])
@each(QUOTES)
def test_no_bit_of_the_pck_chain_may_change(sample, place, name):
    data, (parts, at) = quote_of(sample), whole_set(sample)
    chain = quote_verifier.read_pem(read_quote(data).certificates.removesuffix(b"\x00"))
    assert quote_verifier.verify(data, parts, at, pck_chain=table.pem(chain)).rules in ([], ["tdx.tcb.unsupported"])

    def judge(mutated):
        return quote_verifier.verify(data, parts, at, pck_chain=table.pem([*chain[:place], mutated, *chain[place + 1 :]]))

    assert unexpected(table.mutations(chain[place], table.der_regions(name, chain[place])), judge) == []


@each(QUOTES)
def test_no_quote_of_another_length(sample):
    data, (parts, at) = quote_of(sample), whole_set(sample)
    end = table.quote_parts(data)["padding"][0]
    for size in (0, 1, 47, 48, 100, 631, 632, 636, 700, 1000, end - 1):
        assert quote_verifier.verify(data[:size], parts, at).rules == ["tdx.size"], size
    assert quote_verifier.verify(data[:end] + bytes(4096), parts, at).rules in ([], ["tdx.tcb.unsupported"])
    assert quote_verifier.verify(data[:end] + bytes(100) + b"\n", parts, at).rules == ["tdx.trailing"]


# One quote for each whole set: the set's own parts.
SETS = {}
for one in QUOTES:
    for found in one["evaluations"]:
        if found["common_window"] and found["status"] == "UpToDate" and not missing_rules(collateral(found["collateral"])):
            SETS.setdefault(found["collateral"], (one, time(found["common_window"][0])))

PARTS = {
    "tcb_info": "tdx_document",
    "tcb_info_signature": "tdx_document_signature",
    "identity": "tdx_document",
    "identity_signature": "tdx_document_signature",
    "pck_crl": "tdx_crl",
    "root_crl": "tdx_crl",
}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("name", SETS)
def test_no_bit_of_collateral_may_change(name, part):
    (sample, at), parts = SETS[name], collateral(name)
    data, value, rows = quote_of(sample), getattr(parts, part), PARTS[part]
    assert quote_verifier.verify(data, parts, at).rules == []

    def judge(mutated):
        return quote_verifier.verify(data, dataclasses.replace(parts, **{part: mutated}), at)

    regions = table.der_regions(rows, value) if rows == "tdx_crl" else table.whole_regions(rows, len(value))
    assert unexpected(table.mutations(value, regions), judge) == []
