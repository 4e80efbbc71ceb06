"""Each rule of AWS Nitro documents in spec/evidence_regions/nitro.toml is tripped, and by cases that trip nothing else unless they say so. Where no
genuine sample shows a case, a document is made under keys of our own, which the verifier is told to trust."""

import dataclasses
import datetime

import nitro_format
import nitro_verifier
import pytest
from device_corpus import evaluated_at
from evidence_corpus import SECOND, read, with_id
from forged_devices import Enclave, cbor
from forged_evidence import EXTENSIONS, ISSUER, SPKI, VALIDITY, ec_key, raw_signature, renamed, sequence, spki, utc, with_extension
from rule_cases import Cases
from strict_der import BASIC_CONSTRAINTS

pytestmark = pytest.mark.once

case = Cases("nitro.")

SAMPLE, DEBUG, OPEN = "nitro-sparsity-2", "nitro-sparsity-1-debug", "nitro-dstack"
NOW = evaluated_at(with_id(SAMPLE))


def genuine(change=lambda data: data, sample=SAMPLE):
    return nitro_verifier.verify(change(read(with_id(sample)["files"][0])), evaluated_at(with_id(sample)))


def forged(change=lambda made: None, after=lambda data: data, **options):
    made = Enclave()
    change(made)
    return nitro_verifier.verify(after(made.made()), NOW, **({"roots": made.chain.roots} | options))


def with_member(**members):
    return forged(lambda made: made.members.update(members))


def with_certificate(place, changes):
    return forged(lambda made: made.chain.changes[place].update(changes))


def with_payload(payload):
    """A document whose payload is made of its members by a function."""
    return forged(lambda made: setattr(made, "payload", payload))


def without(name):
    return with_payload(lambda members: cbor({key: value for key, value in members.items() if key != name}))


def items(*parts):
    return b"\x84" + b"".join(parts)


def test_forged_documents_hold_under_their_own_roots_alone():
    assert forged().rules == []
    assert forged(after=lambda data: b"\xd2" + data).rules == []
    assert forged(roots=nitro_verifier.ROOTS).rules == ["nitro.chain.root"]
    assert with_payload(lambda members: b"\xbf" + cbor(members)[1:] + b"\xff").rules == []


# COSE and CBOR.

case("nitro.size")(lambda: genuine(lambda data: b""))
case("nitro.size")(lambda: genuine(lambda data: bytes(nitro_format.SIZE_MAX + 1)))
case("nitro.cbor.syntax")(lambda: genuine(lambda data: data[:-1]))
case("nitro.cbor.syntax")(lambda: genuine(lambda data: b"\x98\x04" + data[1:]))  # a head that is not minimal
case("nitro.cbor.syntax")(lambda: genuine(lambda data: b"\x9f" + data[1:] + b"\xff"))
case("nitro.cbor.syntax")(lambda: genuine(lambda data: b"\xd3" + data))
case("nitro.cbor.syntax")(lambda: genuine(lambda data: b"\xd2\xd2" + data))
case("nitro.cbor.syntax")(lambda: genuine(lambda data: b"\x81" * 5 + b"\x00"))
case("nitro.cbor.syntax")(lambda: genuine(lambda data: b"\x9a\xff\xff\xff\xff"))
case("nitro.cbor.syntax")(lambda: genuine(lambda data: b"\xfb" + bytes(8)))
case("nitro.cbor.syntax")(lambda: with_payload(lambda members: b"\xbf" + cbor(members)[1:]))
case("nitro.cbor.syntax")(lambda: with_payload(lambda members: cbor(members).replace(b"\x64pcrs\xb0", b"\x64pcrs\xbf", 1)))
case("nitro.cbor.syntax")(lambda: with_payload(lambda members: cbor(members).replace(b"\x66digest\x66SHA384", b"\x66digest\x7f\x66SHA384\xff", 1)))
case("nitro.cbor.syntax")(lambda: with_payload(lambda members: cbor(members).replace(b"\x66digest", b"\x66dig\xffst", 1)))
case("nitro.cbor.duplicate")(lambda: with_payload(lambda members: b"\xaa" + cbor(members)[1:] + cbor("nonce") + cbor(b"mine")))
case("nitro.cbor.duplicate")(lambda: with_payload(lambda members: cbor(members).replace(b"\x64pcrs\xb0\x00", b"\x64pcrs\xb0\x01", 1)))
case("nitro.trailing")(lambda: genuine(lambda data: data + b"\x00"))
case("nitro.trailing")(lambda: with_payload(lambda members: cbor(members) + b"\xf6"))
case("nitro.cose.shape")(lambda: genuine(lambda data: b"\xf6"))
case("nitro.cose.shape")(lambda: genuine(lambda data: b"\x83" + data[1:-98]))
case("nitro.cose.shape")(lambda: genuine(lambda data: data.replace(b"\xa1\x01\x38\x22\xa0", b"\xa1\x01\x38\x22\xa1\x04\x40", 1)))
case("nitro.cose.shape")(lambda: genuine(lambda data: data[:-98] + cbor(data[-96:-1])))
case("nitro.cose.alg")(lambda: forged(lambda made: setattr(made, "protected", bytes.fromhex("a10126"))))  # ES256, -7
case("nitro.cose.alg")(lambda: forged(lambda made: setattr(made, "protected", b"")))
case("nitro.cose.alg")(lambda: forged(lambda made: setattr(made, "protected", bytes.fromhex("a20138220400"))))

# The payload.

for name in ("module_id", "digest", "timestamp", "pcrs", "certificate", "cabundle", "public_key", "user_data", "nonce"):
    case("nitro.payload.member")(lambda name=name: without(name))
case("nitro.payload.member")(lambda: with_payload(lambda members: cbor([])))
case("nitro.payload.member")(lambda: with_payload(lambda members: cbor(7)))
case("nitro.payload.member")(lambda: with_payload(lambda members: cbor(members | {"certificate": b""})))
case("nitro.payload.member")(lambda: with_payload(lambda members: cbor(members | {"certificate": None})))
case("nitro.payload.member")(lambda: with_member(nitrotpm_pcrs={}))
case("nitro.payload.member")(lambda: with_member(timestamp=-1))
case("nitro.payload.member")(lambda: with_member(module_id=""))
case("nitro.payload.member")(lambda: with_member(nonce=bytes(513)))
case("nitro.payload.member")(lambda: with_member(user_data=bytes(513)))
case("nitro.payload.member")(lambda: with_member(public_key=bytes(1025)))
case("nitro.payload.member")(lambda: with_member(nonce="text"))
case("nitro.payload.member")(lambda: with_payload(lambda members: cbor(members | {"cabundle": ["text"]})))
case("nitro.payload.digest")(lambda: with_member(digest="SHA256"))
case("nitro.payload.pcrs")(lambda: with_member(pcrs={}))
case("nitro.payload.pcrs")(lambda: with_member(pcrs={32: bytes(48)}))
case("nitro.payload.pcrs")(lambda: with_member(pcrs={0: bytes(32)}))
case("nitro.payload.pcrs")(lambda: with_member(pcrs={"0": bytes(48)}))
case("nitro.payload.pcrs")(lambda: with_member(pcrs={0: "0" * 48}))

# The chain.

case("nitro.chain.count")(lambda: with_payload(lambda members: cbor(members | {"cabundle": []})))
case("nitro.chain.count")(lambda: with_payload(lambda members: cbor(members | {"cabundle": members["cabundle"] * 3})))
case("nitro.chain.syntax")(lambda: with_payload(lambda members: cbor(members | {"certificate": members["certificate"][:-1]})))
case("nitro.chain.root")(lambda: forged(roots=nitro_verifier.ROOTS))
case("nitro.chain.issuer")(lambda: with_certificate(0, {ISSUER: lambda name: renamed(name, "somebody")}))
case("nitro.chain.signature")(lambda: forged(lambda made: made.chain.signers.__setitem__(2, made.chain.key(4))))
case("nitro.chain.ca")(lambda: with_certificate(1, {EXTENSIONS: lambda old: with_extension(old, BASIC_CONSTRAINTS, sequence(), True)}))
case("nitro.chain.ca")(lambda: with_certificate(0, {EXTENSIONS: lambda old: with_extension(old, "1.2.3", b"\x05\x00", True)}))
WINDOW = sequence(utc("230928110824Z"), utc("230928110926Z"))  # ends a second before NOW
case("nitro.chain.expired")(lambda: with_certificate(0, {VALIDITY: WINDOW}))
case("nitro.chain.early")(lambda: with_certificate(2, {VALIDITY: sequence(utc("230928110928Z"), utc("330928110928Z"))}))
case("nitro.chain.key")(lambda: with_certificate(0, {SPKI: spki(ec_key("of P-256"))}))


@case("nitro.chain.root", "nitro.chain.issuer", "nitro.chain.signature", "nitro.chain.ca")
def chain_in_the_other_order():
    return with_payload(lambda members: cbor(members | {"cabundle": members["cabundle"][::-1]}))


@case("nitro.chain.issuer", "nitro.chain.signature")
def a_certificate_is_missing():
    return with_payload(lambda members: cbor(members | {"cabundle": [members["cabundle"][0], *members["cabundle"][2:]]}))


# What the leaf vouches for.

case("nitro.signature")(lambda: genuine(lambda data: data[:-96] + data[-48:] + data[-96:-48]))
case("nitro.signature")(lambda: genuine(lambda data: data[:-96] + bytes(96)))
case("nitro.signature")(lambda: forged(lambda made: setattr(made, "signer", ec_key("P-384 somebody"))))


@case("nitro.signature")
def signature_over_the_payload_alone():
    made = Enclave()
    data = made.made()
    payload = nitro_format.read_document(data).payload
    return nitro_verifier.verify(data[:-96] + raw_signature(made.signer, payload), NOW, roots=made.chain.roots)


# Appraisal.


def appraised(sample=SAMPLE, late=datetime.timedelta(0), **demands):
    document = nitro_format.read_document(read(with_id(sample)["files"][0]))
    judgement = genuine(sample=sample)
    assert judgement.rules == []
    judgement.at = datetime.datetime.fromtimestamp(document.timestamp / 1000, datetime.timezone.utc) + late
    policy = nitro_verifier.Policy({i: frozenset({document.pcrs[i]}) for i in (0, 1, 2)})
    return nitro_verifier.appraise(judgement, dataclasses.replace(policy, **demands))


def test_policies_that_fit_refuse_nothing():
    document = nitro_format.read_document(read(with_id(SAMPLE)["files"][0]))
    assert appraised().rules == []
    assert appraised(nonce=document.nonce, user_data=document.user_data).rules == []
    assert appraised(DEBUG, allow_debug=True).rules == []
    assert appraised(late=datetime.timedelta(minutes=5)).rules == appraised(late=datetime.timedelta(minutes=-5)).rules == []


FIVE = datetime.timedelta(minutes=5)
case("nitro.source")(lambda: appraised(sources=frozenset({"nitrotpm"})))
case("nitro.time")(lambda: appraised(late=FIVE + SECOND))
case("nitro.time")(lambda: appraised(late=-FIVE - SECOND))
case("nitro.debug")(lambda: appraised(DEBUG))
case("nitro.pcr.missing")(lambda: appraised(pcrs={16: frozenset({bytes(48)})}))
case("nitro.pcr")(lambda: appraised(pcrs={0: frozenset({bytes(48)})}))
case("nitro.nonce")(lambda: appraised(nonce=b"another"))
case("nitro.nonce")(lambda: appraised(OPEN, nonce=b""))
case("nitro.public_key")(lambda: appraised(public_key=b"a key"))
case("nitro.user_data")(lambda: appraised(user_data=b""))


@case.parametrize()
def test_rule_is_tripped_alone(rule):
    case.check(rule)
