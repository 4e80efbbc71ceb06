"""Every AWS Nitro document of the shared corpus through the independent verifier: verdict, reason, fields, and windows one second inside and outside.
Then what other verifiers got wrong."""

import datetime
import hashlib

import nitro_format
import nitro_verifier
import pytest
from device_corpus import NITRO, evaluated_at
from evidence_corpus import SECOND, each, read, time, with_id
from strict_der import ECDSA_SHA384, read_certificate

pytestmark = pytest.mark.once

# The corpus says why in words; these are the rules that they mean.
RULES = {
    "sig_ok": ["nitro.signature"],
    "debug enclave: PCR0..2 all zero": ["nitro.debug"],
    "leaf certificate (3 h) expired": ["nitro.chain.expired"],
}


def rules_of(reasons):
    return [rule for reason in reasons for rule in RULES[reason]]


def judge(sample, at):
    return nitro_verifier.verify(read(sample["files"][0]), at)


@each(NITRO)
@pytest.mark.verdict
def test_document_is_judged_as_expected(sample):
    judgement = judge(sample, evaluated_at(sample))
    assert judgement.rules == rules_of(sample["reasons"])
    assert bool(judgement.rules) == (sample["verdict"] != "valid")
    for other in sample["also"]:
        # Certificates between root and leaf live for days: they may have expired with it.
        refused = set(judge(sample, time(other["evaluate_at"])).rules)
        assert refused == set(judgement.rules) | set(rules_of([other["reason"]]))


@each(NITRO)
def test_document_is_read_as_expected(sample):
    document, parsed = nitro_format.read_document(read(sample["files"][0])), sample["parsed"]
    assert (document.protected.hex(), document.module_id, document.timestamp) == (parsed["protected"], parsed["module_id"], parsed["timestamp_ms"])
    assert {str(index): value.hex() for index, value in document.pcrs.items()} == parsed["pcrs"]
    for name in ("public_key", "user_data", "nonce"):
        value = getattr(document, name)
        assert (None if value is None else value.hex()) == parsed[name]
    assert len(document.cabundle) == parsed["cabundle_len"]


@each(NITRO)
def test_document_holds_within_its_window_alone(sample):
    start, end = time(sample["valid_from"]), time(sample["valid_to"])
    inside = rules_of(sample["reasons"])
    for at, further in ((start - SECOND, {"nitro.chain.early"}), (start, set()), (end, set()), (end + SECOND, {"nitro.chain.expired"})):
        judgement = judge(sample, at)
        assert set(judgement.rules) == set(inside) | further, at
        assert (judgement.valid_from, judgement.valid_to) == (start, end)


def policy_for(document, **demands):
    return nitro_verifier.Policy({i: frozenset({document.pcrs[i]}) for i in (0, 1, 2)}, **demands)


@each(NITRO)
@pytest.mark.verdict
def test_document_is_appraised_as_expected(sample):
    judgement = judge(sample, evaluated_at(sample))
    policy = policy_for(judgement.document, age_max=datetime.timedelta(hours=3))
    assert nitro_verifier.appraise(judgement, policy).rules == rules_of(sample["strict_policy"]["reasons"])


def test_root_is_the_pinned_one():
    root = read_certificate(read("nitro/roots/aws_nitro_root_g1.der"), (ECDSA_SHA384,))
    assert nitro_verifier.ROOTS == {hashlib.sha256(root.spki).hexdigest()}
    for sample in NITRO:
        assert nitro_format.read_document(read(sample["files"][0])).cabundle[0] == root.der


# What other verifiers got wrong.

GOOD = "nitro-sparsity-2"


def appraised(name, policy):
    sample = with_id(name)
    judgement = judge(sample, evaluated_at(sample))
    assert judgement.rules == []
    return nitro_verifier.appraise(judgement, policy).rules


def document_of(name):
    return nitro_format.read_document(read(with_id(name)["files"][0]))


@each([sample for sample in NITRO if sample["strict_policy"]["reasons"]])
def test_debug_enclave_is_refused_though_its_zeros_are_expected(sample):
    """A verifier took enclaves whose PCRs are zero (base#4042)."""
    document = document_of(sample["id"])
    assert not any(any(document.pcrs[i]) for i in (0, 1, 2))
    wide = datetime.timedelta(hours=3)
    assert appraised(sample["id"], policy_for(document, age_max=wide)) == ["nitro.debug"]


def test_policy_without_pcrs_cannot_be_made():
    """Verifiers skipped the comparison where nothing was expected (keep#577, pontifex#30)."""
    for pcrs in ({}, {0: frozenset()}, {0: frozenset({bytes(48)}), 1: frozenset()}):
        with pytest.raises(ValueError):
            nitro_verifier.Policy(pcrs)


def test_document_of_another_image_is_refused():
    """A verifier had its comparison commented out (attestor-core#52)."""
    policy = policy_for(document_of("nitro-veracruz"), age_max=datetime.timedelta(hours=3))
    assert set(appraised(GOOD, policy)) == {"nitro.pcr"}


def test_pcr_that_the_document_lacks_is_refused():
    """A verifier passed over PCRs that were not there (CVE-2025-64186)."""
    document = document_of(GOOD)
    assert 16 not in document.pcrs
    policy = nitro_verifier.Policy({0: frozenset({document.pcrs[0]}), 16: frozenset({bytes(48)})}, age_max=datetime.timedelta(hours=3))
    assert appraised(GOOD, policy) == ["nitro.pcr.missing"]


def test_document_of_another_session_is_refused():
    document = document_of(GOOD)
    policy = policy_for(document, nonce=document.nonce[::-1], age_max=datetime.timedelta(hours=3))
    assert appraised(GOOD, policy) == ["nitro.nonce"]
