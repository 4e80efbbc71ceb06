"""Each rule of TPM quotes in spec/evidence_regions/tpm.toml is tripped, and by cases that trip nothing else unless they say so. Where no
genuine sample shows a case, a quote is made under a key of our own, which the verifier is told to trust."""

import dataclasses
import hashlib

import pytest
import tpm_verifier
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from device_corpus import AZURE_TPM_ROOT, azure_certificate
from evidence_corpus import time
from forged_devices import TpmQuote, rsa_2048, sized
from forged_evidence import EXTENSIONS, ISSUER, SPKI, VALIDITY, ec_key, renamed, sequence, sign, spki, tlv, utc, with_extension
from rule_cases import Cases
from strict_der import BASIC_CONSTRAINTS, read_only

pytestmark = pytest.mark.once

case = Cases("tpm.")


def forged(change=lambda made: None, *, signature=None, pcrs=None, **options):
    made = TpmQuote()
    change(made)
    options = options or {"public": made.public()}
    return tpm_verifier.verify(
        made.quote(), made.signature() if signature is None else signature(made), made.pcrs if pcrs is None else pcrs, **options
    )


def setting(**values):
    def change(made):
        for name, value in values.items():
            setattr(made, name, value)

    return change


def test_forged_quotes_hold():
    assert forged().rules == []
    assert forged(setting(extra=b"")).rules == []
    both = {"sha256": {0: bytes(32)}, "sha384": {3: bytes(48), 20: bytes(48)}}
    assert forged(setting(selection=[(0x0B, b"\x01\x00\x00"), (0x0C, b"\x08\x00\x10")], pcrs=both)).rules == []
    assert forged(public=TpmQuote().public(attributes=0x00050472)).rules == []
    assert forged(spki=spki(rsa_2048("ak"))).rules == []


# The quote's form.

case("tpm.size")(lambda: forged(setting(tail=bytes(1024))))
case("tpm.magic")(lambda: forged(setting(magic=0x00544347)))
case("tpm.type")(lambda: forged(setting(kind=0x8017)))
case("tpm.syntax")(lambda: forged(setting(safe=2)))
case("tpm.syntax")(lambda: forged(setting(extra=bytes(65))))
case("tpm.syntax")(lambda: tpm_verifier.verify(TpmQuote().quote()[:-1], TpmQuote().signature(), {}, public=TpmQuote().public()))
case("tpm.syntax")(lambda: tpm_verifier.verify(b"", TpmQuote().signature(), {}, public=TpmQuote().public()))
case("tpm.selection")(lambda: forged(setting(selection=[])))
case("tpm.selection")(lambda: forged(setting(selection=[(0x0B, b"\x00\x00\x00")])))
case("tpm.selection")(lambda: forged(setting(selection=[(0x0B, b"\x01\x00\x00\x01")])))
case("tpm.selection")(lambda: forged(setting(selection=[(0x27, b"\x01\x00\x00")])))
case("tpm.selection")(lambda: forged(setting(selection=[(0x0B, b"\x01")] * 17)))
case("tpm.selection.duplicate")(lambda: forged(setting(selection=[(0x0B, b"\xff\x00\x00")] * 2)))
case("tpm.trailing")(lambda: forged(setting(tail=b"\x00")))

# Signature and key.

case("tpm.signature.syntax")(lambda: forged(signature=lambda made: made.signature()[:-1]))
case("tpm.signature.syntax")(lambda: forged(signature=lambda made: made.signature() + b"\x00"))
case("tpm.signature.syntax")(lambda: forged(signature=lambda made: b"\x00\x14\x00\x0b" + sized(bytes(255))))
case("tpm.signature.syntax")(lambda: forged(signature=lambda made: b""))
case("tpm.scheme")(lambda: forged(signature=lambda made: made.signature(code=0x04)))
case("tpm.scheme")(lambda: forged(signature=lambda made: made.signature(scheme=0x16)))
case("tpm.scheme")(lambda: forged(signature=lambda made: made.signature(code=0x0C)))
for scheme, code in ((0x14, 0x04), (0x15, 0x0B), (0x14, 0x27)):
    changes = {"signature": lambda made, scheme=scheme, code=code: made.signature(scheme, code), "spki": spki(rsa_2048("ak"))}
    case("tpm.scheme")(lambda changes=changes: forged(**changes))
case("tpm.scheme")(lambda: forged(signature=lambda made: b"\x00\x18\x00\x0b" + sized(bytes(32)) * 2, spki=spki(rsa_2048("ak"))))
case("tpm.ak.syntax")(lambda: forged(public=TpmQuote().public()[:-1]))
case("tpm.ak.syntax")(lambda: forged(public=TpmQuote().public() + b"\x00"))
case("tpm.ak.syntax")(lambda: forged(spki=spki(rsa_2048("ak"))[:-1]))
case("tpm.ak.syntax")(lambda: forged(public=b"\x00\x08" + TpmQuote().public()[2:]))
case("tpm.ak.syntax")(lambda: forged(public=ecc(curve=5)))
case("tpm.ak.syntax")(lambda: forged(public=ecc(derivation=b"\x00\x20\x00\x0b")))
case("tpm.ak.syntax")(lambda: forged(public=ecc(size=31)))
for at, value in (
    (2, b"\x00\x12"),
    (10, b"\x00\x06"),
    (12, b"\x00\x15"),
    (14, b"\x00\x27"),
    (16, b"\x0c\x00"),
):  # name, symmetric, scheme, hash, bits
    case("tpm.ak.syntax")(lambda at=at, value=value: forged(public=TpmQuote().public()[:at] + value + TpmQuote().public()[at + len(value) :]))
for attributes in (0x00050070, 0x00050062, 0x00050052, 0x00040072, 0x00010072, 0x00070072, 0x000D0072, 0x80050072):
    case("tpm.ak.attributes")(lambda attributes=attributes: forged(public=TpmQuote().public(attributes)))
case("tpm.ak.key")(lambda: forged(public=TpmQuote().public(exponent=3)))
case("tpm.ak.key")(lambda: forged(public=TpmQuote().public()[:24] + b"\x00" + TpmQuote().public()[25:]))
case("tpm.ak.key")(lambda: forged(public=TpmQuote().public()[:-1] + b"\x00"))


@case("tpm.ak.key")
def a_key_of_1024_bits():
    made = TpmQuote(rsa.generate_private_key(65537, 1024))
    return tpm_verifier.verify(made.quote(), made.signature(), made.pcrs, public=made.public(bits=1024))


case("tpm.ak.key")(lambda: forged(spki=spki(rsa.generate_private_key(65537, 1024))))
case("tpm.ak.key")(lambda: forged(spki=spki(ec.generate_private_key(ec.SECP521R1()))))
case("tpm.ak.key")(lambda: forged(spki=spki(rsa.generate_private_key(3, 2048))))


def ecc(curve=3, derivation=b"\x00\x10", size=32):
    """A TPMT_PUBLIC of a point that is on no curve."""
    head = b"\x00\x23\x00\x0b\x00\x05\x00\x72\x00\x00\x00\x10\x00\x18\x00\x0b"
    return head + curve.to_bytes(2, "big") + derivation + sized(b"\x01" * size) * 2


@case("tpm.ak.key")
def a_point_that_is_not_on_its_curve():
    return forged(public=ecc(), signature=lambda made: b"\x00\x18\x00\x0b" + sized(b"\x01" * 32) * 2)


def test_quotes_of_other_schemes_hold():
    for name, code, curve, size in (("P-256 ak", 0x0B, 3, 32), ("P-384 ak", 0x0C, 4, 48)):
        key, made = ec_key(name), TpmQuote()
        made.hash = hashes.SHA256() if size == 32 else hashes.SHA384()
        point = key.public_key().public_numbers()
        public = b"\x00\x23\x00\x0b\x00\x05\x00\x72\x00\x00\x00\x10\x00\x18" + code.to_bytes(2, "big") + curve.to_bytes(2, "big") + b"\x00\x10"
        public += sized(point.x.to_bytes(size, "big")) + sized(point.y.to_bytes(size, "big"))
        r, s = ec_signature(key, made.quote())
        signature = b"\x00\x18" + code.to_bytes(2, "big") + sized(r.to_bytes(size, "big")) + sized(s.to_bytes(size, "big"))
        assert tpm_verifier.verify(made.quote(), signature, made.pcrs, public=public).rules == []


def ec_signature(key, data):
    return utils.decode_dss_signature(sign(key, data))


# The key's certificate: that of an Azure VM, remade.

NOW = time("2026-06-15T00:00:00Z")
AK_FILES = ("azure/tdx-azure-flashbots-a/ak_cert.pem", "azure/roots/azure_tpm_intermediate_03.pem", AZURE_TPM_ROOT)
AK_CHAIN = [azure_certificate(path) for path in AK_FILES]
RSA_SHA256 = bytes.fromhex("300d06092a864886f70d01010b0500")


class AkChain:
    def __init__(self):
        self.keys = [rsa_2048("ak"), rsa_2048("AK CA"), rsa_2048("AK root")]
        self.changes = [{SPKI: spki(key)} for key in self.keys]
        self.signers = [self.keys[1], self.keys[2], self.keys[2]]
        self.roots = {hashlib.sha256(spki(self.keys[2])).hexdigest()}

    def made(self):
        return [self.remade(*parts) for parts in zip(AK_CHAIN, self.signers, self.changes, strict=True)]

    @staticmethod
    def remade(der, signer, changes):
        # The shared remade() signs by PSS or ECDSA; these certificates are of RSASSA-PKCS1-v1_5.
        fields = [field.whole for field in read_only(der).children()[0].children()]
        fields[2] = RSA_SHA256
        for index, change in changes.items():
            fields[index] = change(fields[index]) if callable(change) else change
        body = sequence(*fields)
        return sequence(body, RSA_SHA256, tlv(3, b"\x00" + signer.sign(body, padding.PKCS1v15(), hashes.SHA256())))


def certified(change=lambda chain: None, at=NOW, after=lambda ders: ders, roots=None):
    chain = AkChain()
    change(chain)
    return forged(public=TpmQuote().public(), chain=after(chain.made()), roots=chain.roots if roots is None else roots, at=at)


def with_certificate(place, changes):
    return certified(lambda chain: chain.changes[place].update(changes))


def test_certified_key_holds_under_its_own_root_alone():
    judgement = certified()
    assert (judgement.rules, judgement.certified) == ([], True)
    assert not forged().certified


case("tpm.chain.syntax")(lambda: certified(after=lambda ders: [ders[0][:-1], *ders[1:]]))
case("tpm.chain.root")(lambda: certified(roots=frozenset()))
case("tpm.chain.issuer")(lambda: with_certificate(0, {ISSUER: lambda name: renamed(name, "Global Virtual TPM CA - 01")}))
case("tpm.chain.signature")(lambda: certified(lambda chain: chain.signers.__setitem__(0, rsa_2048("somebody"))))
case("tpm.chain.ca")(lambda: with_certificate(1, {EXTENSIONS: lambda old: with_extension(old, BASIC_CONSTRAINTS, None)}))
case("tpm.chain.early")(lambda: with_certificate(0, {VALIDITY: sequence(utc("260615000001Z"), utc("270101000000Z"))}))
case("tpm.chain.expired")(lambda: with_certificate(1, {VALIDITY: sequence(utc("250101000000Z"), utc("260614235959Z"))}))
case("tpm.ak.certificate")(lambda: with_certificate(0, {SPKI: spki(rsa_2048("another ak"))}))

# What the key vouches for.

case("tpm.signature")(lambda: forged(signature=lambda made: made.signature()[:-1] + bytes([made.signature()[-1] ^ 1])))
case("tpm.signature")(lambda: forged(public=TpmQuote(rsa_2048("another ak")).public()))
case("tpm.signature")(lambda: forged(signature=lambda made: made.signature()[6:][::-1], spki=spki(rsa_2048("ak")), raw_rsa=True))
case("tpm.pcrs")(lambda: forged(pcrs={"sha256": {i: bytes([i]) * 32 for i in range(9)}}))
case("tpm.pcrs")(lambda: forged(pcrs={"sha256": {i: bytes([i]) * 32 for i in range(7)}}))
case("tpm.pcrs")(lambda: forged(pcrs={"sha384": {i: bytes([i]) * 48 for i in range(8)}}))
case("tpm.pcrs")(lambda: forged(pcrs={"sha256": {i: bytes([i]) * (33 if i == 0 else 32) for i in range(8)}}))
case("tpm.digest")(lambda: forged(pcrs={"sha256": {i: bytes([7 - i]) * 32 for i in range(8)}}))
case("tpm.digest")(lambda: forged(setting(digest=bytes(32))))

# Appraisal.


def appraised(change=lambda made: None, **demands):
    made = TpmQuote()
    policy = tpm_verifier.Policy(made.extra, {4: frozenset({bytes([4]) * 32})}, selection=tuple(range(8)), keys=frozenset({spki(made.key)}))
    change(made)
    judgement = tpm_verifier.verify(made.quote(), made.signature(), made.pcrs, public=made.public())
    assert judgement.rules == []
    return tpm_verifier.appraise(judgement, dataclasses.replace(policy, **demands), made.pcrs)


def test_policies_that_fit_refuse_nothing():
    assert appraised().rules == []
    for pcrs in ({}, {4: frozenset()}, {9: frozenset({bytes(32)})}):
        with pytest.raises(ValueError):
            appraised(pcrs=pcrs)


case("tpm.ak.unlisted")(lambda: appraised(keys=frozenset()))
case("tpm.nonce")(lambda: appraised(nonce=b"nonce of another session"))
case("tpm.nonce")(lambda: appraised(nonce=TpmQuote().extra[:-1]))
case("tpm.nonce")(lambda: appraised(setting(extra=b""), nonce=b""))
case("tpm.selection.unexpected")(lambda: appraised(selection=tuple(range(9))))
case("tpm.selection.unexpected")(lambda: appraised(selection=tuple(range(7))))
case("tpm.selection.unexpected")(lambda: appraised(bank="sha384"))
case("tpm.pcr")(lambda: appraised(pcrs={4: frozenset({bytes(32)})}))


@case.parametrize()
def test_rule_is_tripped_alone(rule):
    case.check(rule)
