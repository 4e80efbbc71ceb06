"""No byte of evidence of NVIDIA's devices, TPMs, Azure's VMs and Nitro enclaves may change: in every valid sample of the shared corpus bits of each
region of spec/evidence_regions flip, and the first refusal is the one that stands there."""

import base64
import collections
import dataclasses

import azure_verifier
import event_log
import evidence_places as places
import evidence_regions as table
import nitro_verifier
import nvidia_manifest
import nvidia_verifier
import pytest
import tpm_verifier
from device_corpus import AZURE, CCELS, GENUINE, LOGS, MANIFESTS, NITRO, azure, device, evaluated_at, gce_quote, swtpm_quote
from evidence_corpus import each, read
from judgement import Judgement, Malformed
from test_evidence_regions import unexpected

pytestmark = pytest.mark.once


def through(regions, least=256):
    """Large regions flipped all over, not at three places alone."""
    return [dataclasses.replace(one, everywhere=one.everywhere or one.size >= least) for one in regions]


def covered(data, regions):
    seen = collections.Counter()
    for one in regions:
        seen.update((at, bit) for at in range(one.start, one.start + one.size) for bit in range(8) if one.mask >> bit & 1)
    return seen


# NVIDIA's devices.


@each(GENUINE)
def test_no_bit_of_a_device_s_report_may_change(sample):
    report, chain, at = device(sample)
    assert nvidia_verifier.verify(report, chain, at).rules == []
    regions = table.placed_regions("nvgpu_report", places.nvidia_report(report))
    assert unexpected(table.mutations(report, regions), lambda mutated: nvidia_verifier.verify(mutated, chain, at)) == []


@each(GENUINE)
def test_every_bit_of_a_device_s_report_is_in_one_region(sample):
    report = device(sample)[0]
    found = places.nvidia_report(report)
    record = found["response"][0][1]
    found["block"] = [(at, at + 55) for at in range(record, found["nonce"][0][0], 55)]
    expected = collections.Counter((at, bit) for at in range(len(report)) for bit in range(8))
    assert covered(report, table.placed_regions("nvgpu_report", found)) == expected


@pytest.mark.parametrize(("place", "name"), [(0, "nvgpu_leaf"), *((i, "nvgpu_issuer") for i in (1, 2, 3)), (4, "nvgpu_root")])
@each(GENUINE)
def test_no_bit_of_a_device_s_certificates_may_change(sample, place, name):
    report, text, at = device(sample)
    chain = nvidia_verifier.read_chain(text, "nvgpu.chain")

    def judge(mutated):
        return nvidia_verifier.verify(report, table.pem([*chain[:place], mutated, *chain[place + 1 :]]), at)

    assert judge(chain[place]).rules == []
    assert unexpected(table.mutations(chain[place], table.der_regions(name, chain[place])), judge) == []


@each(GENUINE[:4])
def test_no_bit_of_a_device_s_chain_as_text_may_change(sample):
    report, text, at = device(sample)
    text = text.rstrip(b"\n")
    mutations = table.mutations(text, through(table.whole_regions("nvgpu_chain", len(text))))
    assert unexpected(mutations, lambda mutated: nvidia_verifier.verify(report, mutated, at)) == []


@each(GENUINE)
def test_no_report_of_a_device_of_another_length(sample):
    report, chain, at = device(sample)
    for size in (0, 1, 36, 37, 44, 45, 100, len(report) - 97, len(report) - 1):
        assert nvidia_verifier.verify(report[:size], chain, at).rules == ["nvgpu.size"], size
    assert nvidia_verifier.verify(report + b"\x00", chain, at).rules == ["nvgpu.trailing"]


# NVIDIA's manifests.

GOOD_MANIFESTS = [sample for sample in MANIFESTS if sample["verdict"] == "valid"]


@each(GOOD_MANIFESTS)
def test_no_bit_of_a_manifest_s_parts_may_change(sample):
    data, at = read(sample["files"][0]), evaluated_at(sample)
    assert nvidia_manifest.verify(data, at).rules == []
    found = places.nvidia_manifest(data)
    assert all(found.values()) and len(found["certificates"]) in nvidia_manifest.CHAIN
    regions = table.placed_regions("nvgpu_rim", found)
    assert unexpected(table.mutations(data, regions), lambda mutated: nvidia_manifest.verify(mutated, at)) == []


@each(GOOD_MANIFESTS[:2])
def test_no_bit_of_a_manifest_may_change(sample):
    data, at = read(sample["files"][0]), evaluated_at(sample)
    regions = through(table.placed_regions("nvgpu_rim", {"document": places.nvidia_manifest(data)["document"]}))
    assert unexpected(table.mutations(data, regions), lambda mutated: nvidia_manifest.verify(mutated, at)) == []


@pytest.mark.parametrize(("place", "name"), [(0, "rim_leaf"), (1, "rim_issuer"), (2, "rim_issuer"), (3, "rim_root")])
@each(GOOD_MANIFESTS)
def test_no_bit_of_a_manifest_s_certificates_may_change(sample, place, name):
    data, at = read(sample["files"][0]), evaluated_at(sample)
    start, end = places.nvidia_manifest(data)["certificates"][place]
    der = base64.b64decode(data[start:end])

    def judge(mutated):
        return nvidia_manifest.verify(data[:start] + base64.b64encode(mutated) + data[end:], at)

    assert judge(der).rules == []
    assert unexpected(table.mutations(der, table.der_regions(name, der)), judge) == []


# TPM quotes.


def quotes():
    for bank in ("sha1", "sha256", "sha384"):
        *parts, public = gce_quote(bank)
        yield pytest.param(*parts, {"public": public}, id=f"gce-{bank}")
    *parts, spki = swtpm_quote()
    yield pytest.param(*parts, {"spki": spki}, id="swtpm")


QUOTES = list(quotes())


@pytest.mark.parametrize(("quote", "signature", "pcrs", "key"), QUOTES)
def test_no_bit_of_a_tpm_s_quote_may_change(quote, signature, pcrs, key):
    assert tpm_verifier.verify(quote, signature, pcrs, **key).rules == []
    regions = list(table.placed_regions("tpm_quote", places.tpm_quote(quote)))
    assert covered(quote, regions) == collections.Counter((at, bit) for at in range(len(quote)) for bit in range(8))
    assert unexpected(table.mutations(quote, regions), lambda mutated: tpm_verifier.verify(mutated, signature, pcrs, **key)) == []


@pytest.mark.parametrize(("quote", "signature", "pcrs", "key"), QUOTES)
def test_no_bit_of_a_tpm_s_signature_may_change(quote, signature, pcrs, key):
    regions = table.whole_regions("tpm_signature", len(signature))
    assert unexpected(table.mutations(signature, regions), lambda mutated: tpm_verifier.verify(quote, mutated, pcrs, **key)) == []


def test_no_bit_of_a_tpm_s_key_may_change():
    quote, signature, pcrs, public = gce_quote("sha256")
    regions = table.whole_regions("tpm_ak", len(public))
    assert unexpected(table.mutations(public, regions), lambda mutated: tpm_verifier.verify(quote, signature, pcrs, public=mutated)) == []


# Event logs.


def judge_log(td, values):
    def judge(mutated):
        judgement = Judgement()
        try:
            event_log.check_replay(event_log.read_log(mutated, td), bank, quoted, judgement)
        except Malformed as error:
            judgement.check(False, error.rule, error.detail)
        return judgement

    bank, quoted = values
    return judge


@each([sample for sample in LOGS if len(sample["parsed"]["pcrs"]) > 0 and sample["parsed"]["events"] > 1] + CCELS)
def test_no_covered_bit_of_an_event_log_may_change(sample):
    data, td = read(sample["files"][0]), sample["kind"] == "tdx-ccel"
    log = event_log.read_log(data, td)
    bank = log.banks[0]
    judge = judge_log(td, (bank, event_log.replay(log, bank)))
    assert judge(data).rules == []
    if not td and data[32:48] != event_log.SPEC_ID:
        return  # of SHA-1 alone: the table is of the agile form
    found = places.event_log_of(data, td)
    for name in ("event", "digests", "size"):
        found[name] = found[name][:: max(1, len(found[name]) // 8)]
    assert unexpected(table.mutations(data, table.placed_regions("eventlog", found)), judge) == []


# Azure.


@each(AZURE)
def test_no_bit_of_azure_s_report_may_change(sample):
    evidence, at = azure(sample)
    evidence = dataclasses.replace(evidence, quote=None)
    judgement = azure_verifier.verify(evidence, at)
    assert judgement.rules == []
    regions = table.placed_regions("azure_hcl", places.azure_hcl(evidence.hcl), judgement.report.kind)
    mutations = table.mutations(evidence.hcl, through(regions, 600))
    assert unexpected(mutations, lambda mutated: azure_verifier.verify(dataclasses.replace(evidence, hcl=mutated), at)) == []


@each([sample for sample in AZURE if "snp" in sample["id"]])
def test_no_bit_of_the_report_inside_azure_s_may_change(sample):
    evidence, at = azure(sample)
    evidence = dataclasses.replace(evidence, quote=None)
    start = places.azure_hcl(evidence.hcl)["report"][0][0]
    regions = [dataclasses.replace(one, start=one.start + start) for one in table.report_regions(3) if one.field != "REPORT_DATA"]
    mutations = table.mutations(evidence.hcl, regions)
    assert unexpected(mutations, lambda mutated: azure_verifier.verify(dataclasses.replace(evidence, hcl=mutated), at)) == []


# Nitro.

GOOD_NITRO = [sample for sample in NITRO if sample["verdict"] == "valid"]


@each(GOOD_NITRO)
def test_no_bit_of_a_nitro_document_may_change(sample):
    data, at = read(sample["files"][0]), evaluated_at(sample)
    assert nitro_verifier.verify(data, at).rules == []
    regions = table.placed_regions("nitro_document", places.nitro_document(data))
    assert unexpected(table.mutations(data, through(regions)), lambda mutated: nitro_verifier.verify(mutated, at)) == []


@each(GOOD_NITRO)
def test_no_bit_of_a_nitro_document_s_certificates_may_change(sample):
    data, at = read(sample["files"][0]), evaluated_at(sample)
    found = places.nitro_document(data)
    spans = [("nitro_leaf", found["certificate"][0]), ("nitro_root", found["cabundle"][0]), *(("nitro_issuer", one) for one in found["cabundle"][1:])]
    for name, (start, end) in spans:
        mutations = table.mutations(data[start:end], table.der_regions(name, data[start:end]))
        assert unexpected(mutations, lambda mutated, s=start, e=end: nitro_verifier.verify(data[:s] + mutated + data[e:], at)) == []


@each(GOOD_NITRO)
def test_no_nitro_document_of_another_length(sample):
    data, at = read(sample["files"][0]), evaluated_at(sample)
    assert nitro_verifier.verify(b"", at).rules == ["nitro.size"]
    for size in (1, 2, 8, 9, 100, 1000, len(data) - 97, len(data) - 1):
        assert nitro_verifier.verify(data[:size], at).rules == ["nitro.cbor.syntax"], size
    assert nitro_verifier.verify(data + b"\x00", at).rules == ["nitro.trailing"]
    assert nitro_verifier.verify(b"\xd2" + data, at).rules == []
