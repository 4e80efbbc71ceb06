"""Every TPM quote and event log of the shared corpus through the independent verifier: verdict, fields, replayed values, and what the log says of the
boot. Then what other verifiers got wrong."""

import dataclasses

import event_log
import pytest
import tpm_format
import tpm_verifier
from cryptography.hazmat.primitives import serialization
from device_corpus import CCELS, GCE, LOGS, PARSE_ONLY, RUNTIME_LOGS, SWTPM, gce_quote, kinvolk_quote, rtmrs, swtpm_quote
from evidence_corpus import each, of_kind, read, with_id
from forged_devices import TpmQuote, rsa_2048
from judgement import Judgement, Malformed
from strict_der import CPU_ALGORITHMS, RSA_SHA256, read_signed

pytestmark = pytest.mark.once

KINVOLK = "azure-kinvolk-quote"
BANKS = ("sha1", "sha256", "sha384")


def attest_of(quote):
    return {
        "qualified_signer": quote.signer.hex(), "extra_data": quote.extra.hex(), "clock": quote.clock, "reset_count": quote.resets,
        "restart_count": quote.restarts, "safe": quote.safe, "firmware_version": f"0x{quote.firmware:016x}",
        "pcr_select": [[bank, pcrs] for bank, pcrs in quote.selection], "pcr_digest": quote.digest.hex(), "magic": "0xff544347", "type": "0x8018",
        "trailing": 0,
    }  # fmt: skip


def test_corpus_has_no_other_quotes():
    assert {sample["id"] for sample in of_kind("tpm-quote")} == {GCE, SWTPM, PARSE_ONLY, KINVOLK}


@pytest.mark.verdict
@pytest.mark.parametrize(("sample", "bank"), [pytest.param(with_id(GCE), bank, id=f"{GCE}-{bank}") for bank in BANKS])
def test_quote_of_gce_is_judged_as_expected(sample, bank):
    quote, signature, pcrs, public = gce_quote(bank)
    judgement = tpm_verifier.verify(quote, signature, pcrs, public=public)
    assert judgement.rules == [] and sample["checks"][f"{bank}_signature_by_ak_cert"] and sample["checks"][f"{bank}_pcr_digest"]
    expected = sample["parsed"]["quotes"][bank]
    assert (judgement.quote.extra.hex(), judgement.quote.selection) == (expected["nonce"], [(bank, expected["select"])])
    assert tpm_format.read_signature(signature).hash == expected["hash"]
    log = event_log.read_log(read("tpm/quotes/gce-cos-85-no-nonce/eventlog.bin"))
    replayed = event_log.replay(log, bank)
    assert sample["checks"][f"{bank}_eventlog_replay"] and all(pcrs[bank][index] == value for index, value in replayed.items())


def test_certificate_of_gce_s_key_is_for_that_key():
    # Its issuer is not in the corpus, and its subject is empty: only the key is compared.
    fields, _, _ = read_signed(read("tpm/quotes/gce-cos-85-no-nonce/ak_cert.der"), (*CPU_ALGORITHMS, RSA_SHA256))
    judgement = tpm_verifier.verify(*gce_quote("sha256")[:3], public=gce_quote("sha256")[3])
    assert fields[6].whole == judgement.key


@each([with_id(SWTPM)])
@pytest.mark.verdict
def test_quote_of_swtpm_is_judged_as_expected(sample):
    quote, signature, pcrs, spki = swtpm_quote()
    judgement = tpm_verifier.verify(quote, signature, pcrs, spki=spki)
    assert judgement.rules == [] and attest_of(judgement.quote) == sample["parsed"]["attest"]


@each([with_id(KINVOLK)])
@pytest.mark.verdict
def test_quote_of_an_azure_vm_is_judged_as_expected(sample):
    assert sample["verdict"] == "valid"
    quote, signature, pcrs, text = kinvolk_quote()
    spki = tpm_verifier.spki_of(serialization.load_pem_public_key(text))
    judgement = tpm_verifier.verify(quote, signature, pcrs, spki=spki, raw_rsa=True)
    assert (judgement.rules, judgement.quote.extra) == ([], b"challenge")
    assert tpm_verifier.verify(quote, signature[::-1], pcrs, spki=spki, raw_rsa=True).rules == ["tpm.signature"]


@each([with_id(PARSE_ONLY)])
@pytest.mark.verdict
def test_quote_without_signature_is_read_as_expected(sample):
    quote = read(sample["files"][0])
    assert attest_of(tpm_format.read_quote(quote)) == sample["parsed"]["attest"]
    assert tpm_verifier.verify(quote, b"", {}, spki=swtpm_quote()[3]).rules == ["tpm.signature.syntax"]


# What the logs say of the boot, beyond their replay. The corpus has logs of machines that had not left the boot services, and cut ones.

NOT_LEFT, ALONE = {"eventlog.boot_services"}, {"eventlog.boot_services", "eventlog.separator"}
BOOT = {
    "tpm-eventlog-debian-10": NOT_LEFT, "tpm-eventlog-arch-linux-workstation": NOT_LEFT, "tpm-eventlog-legacy-crypto_agile_eventlog": NOT_LEFT,
    "tpm-eventlog-legacy-ebs_event_missing_eventlog": NOT_LEFT, "tpm-eventlog-legacy-sb_cert_eventlog": ALONE,
    "tpm-eventlog-legacy-short_no_action_eventlog": ALONE, "ccel-cos113-dupe-separator": {"eventlog.separator"},
    # The same defect of that firmware, of which the corpus says nothing.
    "ccel-trustee-grub": {"eventlog.separator"}, "ccel-trustee-ovmf": {"eventlog.separator"},
}  # fmt: skip


def boot_of(log, td):
    judgement = Judgement()
    event_log.check_boot(log, judgement, td)
    return set(judgement.rules)


@each(LOGS)
@pytest.mark.verdict
def test_log_replays_as_expected(sample):
    log, parsed = event_log.read_log(read(sample["files"][0])), sample["parsed"]
    assert (log.banks, len(log.events)) == (parsed["banks"], parsed["events"])
    for bank in parsed["banks"]:
        assert {str(register): value.hex() for register, value in event_log.replay(log, bank).items()} == parsed["pcrs"][bank]
    assert boot_of(log, False) == BOOT.get(sample["id"], set())


@each(CCELS)
@pytest.mark.verdict
def test_log_of_a_td_replays_as_expected(sample):
    log, parsed = event_log.read_log(read(sample["files"][0]), td=True), sample["parsed"]
    replayed = event_log.replay(log, "sha384")
    assert len(log.events) == parsed["events"]
    assert {f"rtmr{register - 1}": value.hex() for register, value in replayed.items()} == parsed["replayed"]
    assert boot_of(log, True) == BOOT.get(sample["id"], set())
    if len(sample["files"]) > 1:
        judgement = Judgement()
        event_log.check_replay(log, "sha384", dict(enumerate(rtmrs(sample["files"][1]), 1)), judgement)
        assert judgement.findings == ([] if sample["verdict"] == "valid" else [("eventlog.replay", "3")])


@each(RUNTIME_LOGS)
@pytest.mark.verdict
def test_runtime_log_is_judged_as_expected(sample):
    assert event_log.verify_runtime_log(read(sample["files"][0]), rtmrs(sample["files"][1])).rules == []
    other = rtmrs(sample["files"][1])
    other[3] = bytes(48)
    assert event_log.verify_runtime_log(read(sample["files"][0]), other).rules == ["eventlog.replay"]


# What other verifiers got wrong.


def test_pcr_outside_the_signed_selection_is_no_evidence():
    """A verifier read PCR 8 from beside a quote over PCRs 0 to 7 (attestation-rs#69)."""
    made = TpmQuote()
    beside = {"sha256": made.pcrs["sha256"] | {8: b"\x08" * 32}}
    assert tpm_verifier.verify(made.quote(), made.signature(), beside, public=made.public()).rules == ["tpm.pcrs"]
    with pytest.raises(ValueError):
        tpm_verifier.Policy(made.extra, {8: frozenset({b"\x08" * 32})}, selection=tuple(range(8)))


def test_data_with_another_magic_is_no_quote():
    """An unrestricted key signs anything, a quote-like structure too (CVE-2024-29038)."""
    made = TpmQuote()
    made.magic = 0
    judgement = tpm_verifier.verify(made.quote(), made.signature(), made.pcrs, public=made.public(attributes=0x00040072))
    assert judgement.rules == ["tpm.magic"]
    genuine = TpmQuote()
    unrestricted = tpm_verifier.verify(genuine.quote(), genuine.signature(), genuine.pcrs, public=genuine.public(attributes=0x00040072))
    assert unrestricted.rules == ["tpm.ak.attributes"]


def test_selection_of_another_bank_is_refused():
    """A verifier compared digests without their selection (CVE-2024-29039)."""
    made = TpmQuote()
    made.selection, made.pcrs = [(0x04, b"\xff\x00\x00")], {"sha1": {i: bytes([i]) * 20 for i in range(8)}}
    judgement = tpm_verifier.verify(made.quote(), made.signature(), made.pcrs, public=made.public())
    assert judgement.rules == []
    accepted = {0: frozenset({bytes(32)})}
    policy = tpm_verifier.Policy(made.extra, accepted, selection=tuple(range(8)), keys=frozenset({judgement.key}))
    assert tpm_verifier.appraise(judgement, policy, made.pcrs).rules == ["tpm.selection.unexpected"]


def test_bank_a_thousand_times_is_refused_before_its_signature():
    """A verifier walked doubled selections before it checked the signature (dstack#1267)."""
    made = TpmQuote()
    made.selection = [(0x0B, b"\xff\x00\x00")] * 120
    assert tpm_verifier.verify(made.quote(), b"", {}, public=made.public()).rules == ["tpm.selection"]
    made.selection = made.selection * 9
    assert tpm_verifier.verify(made.quote(), b"", {}, public=made.public()).rules == ["tpm.size"]


def test_pcrs_that_differ_from_the_reference_are_refused():
    """A verifier printed wrong PCRs and passed all the same (safeboot#53)."""
    made = TpmQuote()
    judgement = tpm_verifier.verify(made.quote(), made.signature(), made.pcrs, public=made.public())
    keys = frozenset({judgement.key})
    for index in range(8):
        policy = tpm_verifier.Policy(made.extra, {index: frozenset({b"\xee" * 32})}, selection=tuple(range(8)), keys=keys)
        assert tpm_verifier.appraise(judgement, policy, made.pcrs).findings == [("tpm.pcr", str(index))]


@each([with_id("tpm-eventlog-neg-type-tamper")])
@pytest.mark.verdict
def test_event_type_is_not_covered_by_the_replay(sample):
    """What CVE-2022-0317 is about: secure boot looks off, and the replay holds. So a claim must not rest on an event's absence."""
    data = bytearray(read(sample["files"][0]))
    before = event_log.read_log(bytes(data))
    event = next(one for one in before.events if one.kind == event_log.VARIABLE_CONFIG)
    data[event.places["event"] + 4 : event.places["event"] + 8] = (0x0D).to_bytes(4, "little")
    after = event_log.read_log(bytes(data))
    for bank in before.banks:
        assert event_log.replay(before, bank) == event_log.replay(after, bank)
    assert len(secure_boot_events(after)) == len(secure_boot_events(before)) - 1
    # The other way round: another event declared to be one is noticed, since its digest is not that of its data.
    other = next(one for one in before.events if one.kind == 0x80000003)
    data[other.places["event"] + 4 : other.places["event"] + 8] = event_log.VARIABLE_CONFIG.to_bytes(4, "little")
    assert "eventlog.digest" in boot_of(event_log.read_log(bytes(data)), False)


def secure_boot_events(log):
    return [one for one in log.events if one.kind == event_log.VARIABLE_CONFIG]


def test_quote_of_another_session_is_refused():
    """Evidence of one session shown in another (CVE-2026-33697)."""
    made = TpmQuote()
    judgement = tpm_verifier.verify(made.quote(), made.signature(), made.pcrs, public=made.public())
    policy = tpm_verifier.Policy(b"another session", {0: frozenset({bytes(32)})}, selection=tuple(range(8)), keys=frozenset({judgement.key}))
    assert tpm_verifier.appraise(judgement, policy, made.pcrs).rules == ["tpm.nonce"]
    assert tpm_verifier.appraise(judgement, dataclasses.replace(policy, nonce=made.extra), made.pcrs).rules == []


def test_key_of_our_own_is_no_attestation_key_of_a_policy():
    with pytest.raises(Malformed, match="tpm.ak.syntax"):
        tpm_verifier.load_spki(b"")
    assert tpm_verifier.spki_of(tpm_verifier.load_spki(tpm_verifier.spki_of(rsa_2048("ak").public_key()))) == tpm_verifier.spki_of(
        rsa_2048("ak").public_key()
    )
