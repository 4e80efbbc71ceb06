"""Each rule of NVIDIA's devices in spec/evidence_regions/nvgpu.toml is tripped, and by cases that trip nothing else unless they say so. Where no
genuine sample shows a case, genuine evidence is changed and signed anew under roots of our own, which the verifier is told to trust."""

import base64
import dataclasses
import datetime
import json

import nvidia_format as f
import nvidia_manifest
import nvidia_policy
import nvidia_token
import nvidia_verifier
import pytest
import strict_der
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp
from device_corpus import device
from evidence_corpus import SECOND, read, time, with_id
from evidence_regions import pem
from forged_devices import Chain, Device, Manifest, rsa_2048
from forged_evidence import (
    EXTENSIONS,
    ISSUER,
    SPKI,
    SUBJECT,
    VALIDITY,
    digest_of,
    ec_key,
    extension_of,
    renamed,
    sequence,
    spki,
    tlv,
    utc,
    with_extension,
)  # fmt: skip
from rule_cases import Cases
from strict_der import BASIC_CONSTRAINTS, KEY_USAGE

pytestmark = pytest.mark.once

case = Cases("nvgpu.")

HOPPER, BLACKWELL, SWITCH = "nvidia-hopper-590-single", "nvidia-blackwell-575", "nvidia-ls10-hgx4-0"
OLD = "nvidia-hopper-535"  # without FWID and FEATURE_FLAG
NOW = time("2026-06-01T00:00:00Z")


def changed(data, at, value):
    return data[:at] + value + data[at + len(value) :]


def genuine(change=lambda report: report, chain=lambda text: text, sample=HOPPER, at=NOW):
    report, text, _ = device(with_id(sample))
    return nvidia_verifier.verify(change(report), chain(text), at)


def ders(sample=HOPPER):
    return nvidia_verifier.read_chain(device(with_id(sample))[1], "nvgpu.chain")


def forged(change=lambda device: None, sample=HOPPER, at=NOW, **options):
    made = Device(sample)
    change(made)
    return made.judge(at, **options)


def with_field(kind, value, sample=HOPPER):
    return forged(lambda made: made.set(kind, value), sample)


def with_certificate(place, changes, sample=HOPPER, at=NOW):
    return forged(lambda made: made.chain.changes[place].update(changes), sample, at)


def test_forged_devices_hold_under_their_own_roots_alone():
    for sample in (HOPPER, BLACKWELL, SWITCH, OLD):
        assert forged(sample=sample).rules == []
        assert forged(sample=sample, roots=nvidia_verifier.ROOTS).rules == ["nvgpu.chain.root"]


# The report's form.

case("nvgpu.size")(lambda: genuine(lambda report: report[:-1]))
case("nvgpu.size")(lambda: genuine(lambda report: report.ljust(f.SIZE_MAX + 1, b"\x00")))
case("nvgpu.size")(lambda: genuine(lambda report: changed(report, 42, b"\xff\xff\xff")))
for at, value in ((0, 0x10), (1, 0xE1), (2, 0x00), (3, 0x01)):
    case("nvgpu.request")(lambda at=at, value=value: genuine(lambda report: changed(report, at, bytes([value]))))
case("nvgpu.response")(lambda: genuine(lambda report: changed(report, 37, b"\x12")))
case("nvgpu.response")(lambda: genuine(lambda report: changed(report, 38, b"\x7f")))
case("nvgpu.block")(lambda: genuine(lambda report: changed(report, 41, b"\x3f")))
for at, value in ((45, 2), (46, 2), (47, 50), (49, 0x81), (50, 47)):
    case("nvgpu.block")(lambda at=at, value=value: genuine(lambda report: changed(report, at, bytes([value]))))


@case("nvgpu.block")
def a_measurement_twice():
    return genuine(lambda report: changed(report, 45 + f.BLOCK, report[45:46]))


@case("nvgpu.opaque")
def a_field_twice():
    def twice(made):
        made.fields.append(made.fields[0])

    return forged(twice)


case("nvgpu.opaque")(lambda: with_field(f.VBIOS_VERSION, None))
case("nvgpu.opaque")(lambda: with_field(f.DRIVER_VERSION, b"590.12"))  # no NUL
case("nvgpu.opaque")(lambda: with_field(f.DRIVER_VERSION, b"590\x00.12\x00"))
case("nvgpu.opaque")(lambda: with_field(f.DRIVER_VERSION, b"590.12\n\x00"))
case("nvgpu.opaque")(lambda: with_field(f.FWID, bytes(47)))
case("nvgpu.opaque")(lambda: with_field(f.FEATURE_FLAG, b"\x02"))
case("nvgpu.opaque")(lambda: with_field(f.SWITCH_PDI, bytes(9)))
case("nvgpu.opaque")(lambda: with_field(f.VBIOS_VERSION, b"96.10\x0055.00.01", SWITCH))
case("nvgpu.opaque")(lambda: genuine(lambda report: changed(report, len(report) - 96 - 4, b"\x03")))  # the last field goes beyond the end
case("nvgpu.trailing")(lambda: genuine(lambda report: report + b"\x00"))

# The chain.

case("nvgpu.chain.pem")(lambda: genuine(chain=lambda text: b""))
case("nvgpu.chain.pem")(lambda: genuine(chain=lambda text: b"\n" + text))
case("nvgpu.chain.pem")(lambda: genuine(chain=lambda text: text + b"#"))
case("nvgpu.chain.pem")(lambda: genuine(chain=lambda text: text.replace(b"CERTIFICATE", b"TRUSTED CERTIFICATE")))
case("nvgpu.chain.count")(lambda: genuine(chain=lambda _: pem(ders()[:4])))
case("nvgpu.chain.count")(lambda: genuine(chain=lambda _: pem([*ders(), ders()[-1]])))
case("nvgpu.chain.count")(lambda: genuine(chain=lambda _: pem([ders()[0], *ders()[2:]])))
case("nvgpu.chain.syntax")(lambda: genuine(chain=lambda _: pem([ders()[0][:-1], *ders()[1:]])))
case("nvgpu.chain.root")(lambda: forged(roots=nvidia_verifier.ROOTS))
case("nvgpu.chain.issuer")(lambda: with_certificate(2, {ISSUER: lambda name: renamed(name, "NVIDIA GB100 Identity")}))
case("nvgpu.chain.signature")(lambda: forged(lambda made: made.chain.signers.__setitem__(1, made.chain.key(3))))
case("nvgpu.chain.ca")(lambda: with_certificate(1, {EXTENSIONS: lambda old: with_extension(old, BASIC_CONSTRAINTS, None)}))
case("nvgpu.chain.ca")(lambda: with_certificate(2, {EXTENSIONS: lambda old: with_extension(old, KEY_USAGE, b"\x03\x02\x07\x80", True)}))
case("nvgpu.chain.ca")(lambda: with_certificate(0, {EXTENSIONS: lambda old: with_extension(old, BASIC_CONSTRAINTS, sequence(tlv(1, b"\xff")), True)}))
case("nvgpu.chain.ca")(lambda: with_certificate(3, {EXTENSIONS: lambda old: with_extension(old, "1.2.3", b"\x05\x00", True)}))
PATH_OF_NONE = sequence(tlv(1, b"\xff"), tlv(2, b"\x00"))
case("nvgpu.chain.ca")(lambda: with_certificate(3, {EXTENSIONS: lambda old: with_extension(old, BASIC_CONSTRAINTS, PATH_OF_NONE, True)}))
case("nvgpu.chain.early")(lambda: with_certificate(0, {VALIDITY: sequence(utc("260601000001Z"), utc("490101000000Z"))}))
case("nvgpu.chain.expired")(lambda: with_certificate(2, {VALIDITY: sequence(utc("220301000000Z"), utc("260531235959Z"))}))
case("nvgpu.chip.unknown")(lambda: forged(lambda made: rename_chip(made, "GZ100", "GZ100")))
case("nvgpu.chip.mismatch")(lambda: forged(lambda made: rename_chip(made, "GB100", "GH100")))
case("nvgpu.chip.mismatch")(lambda: with_field(f.DRIVER_VERSION, None))
case("nvgpu.chip.mismatch")(lambda: with_field(f.VBIOS_VERSION, b"96.00.A5.00.01"))
case("nvgpu.chip.mismatch")(lambda: with_field(f.SWITCH_PDI, None, SWITCH))
case("nvgpu.chip.mismatch", "nvgpu.switch.pdi")(lambda: with_field(f.SWITCH_PDI, bytes(16), SWITCH))
case("nvgpu.chip.mismatch")(lambda: with_field(f.VBIOS_VERSION, bytes(8), SWITCH))
case("nvgpu.chain.ca")(lambda: with_certificate(0, {EXTENSIONS: lambda old: with_extension(old, KEY_USAGE, b"\x03\x02\x02\x04", True)}))
case("nvgpu.chain.key")(lambda: with_certificate(0, {SPKI: spki(rsa_2048("leaf"))}))
case("nvgpu.chain.key")(lambda: with_certificate(0, {SPKI: spki(ec_key("of P-256"))}))


def rename_chip(made, leaf, rom):
    """Other chips in the names of leaf and boot ROM, with issuers to match."""
    made.chain.changes[0][SUBJECT] = lambda name: renamed(name, f"{leaf} A01 GSP FMC LF")
    made.chain.changes[0][ISSUER] = made.chain.changes[1][SUBJECT] = lambda name: renamed(name, f"{rom} A01 GSP BROM")
    made.chain.changes[1][ISSUER] = made.chain.changes[2][SUBJECT] = lambda name: renamed(name, f"NVIDIA {rom} Provisioner ICA 1")


# OCSP.

AIA = [1, 2, 3]  # places of Blackwell's chain with a responder


WEEK = datetime.timedelta(days=7)
USAGES = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign")


def usage_of(**usages):
    return x509.KeyUsage(**{name: usages.get(name, False) for name in (*USAGES, "encipher_only", "decipher_only")})


def signed_at(response, when, key):
    """A response as it would have been signed then: who made it took the time from the clock."""
    status, body = strict_der.read_only(response).children(0x30)
    kind, octets = body.children(0xA0)[0].children(0x30)
    parts = [one.whole for one in strict_der.read_only(octets.of(4)).children(0x30)]
    at = parts[0].index(b"\x18\x0f") + 2
    parts[0] = parts[0][:at] + when.strftime("%Y%m%d%H%M%SZ").encode() + parts[0][at + 15 :]
    parts[2] = tlv(3, b"\x00" + key.sign(parts[0], ec.ECDSA(hashes.SHA384())))
    return sequence(status.whole, tlv(0xA0, sequence(kind.whole, tlv(4, sequence(*parts)))))


class Responses:
    """Responses for a forged device's chain."""

    def __init__(self, made):
        self.certificates = [x509.load_der_x509_certificate(der) for der in made.chain.made()]
        self.keys = [made.chain.key(i) for i in range(len(self.certificates))]

    def response(
        self, place, status=ocsp.OCSPCertStatus.GOOD, signer=None, next_update=WEEK, about=None, critical=False, age=datetime.timedelta(), produced=None
    ):
        held = status is ocsp.OCSPCertStatus.REVOKED
        builder = ocsp.OCSPResponseBuilder().add_response(
            cert=self.certificates[place if about is None else about], issuer=self.certificates[place + 1 if about is None else about + 1],
            algorithm=hashes.SHA256(), cert_status=status, this_update=(NOW - age).replace(tzinfo=None),
            next_update=(NOW + next_update).replace(tzinfo=None) if next_update else None,
            revocation_time=NOW.replace(tzinfo=None) if held else None,
            revocation_reason=x509.ReasonFlags.certificate_hold if held else None,
        )  # fmt: skip
        certificate, key = (self.certificates[place + 1], self.keys[place + 1]) if signer is None else signer
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, certificate)
        if signer is not None:
            builder = builder.certificates([certificate])
        if critical:
            builder = builder.add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"\x05\x00"), critical=True)
        made = builder.sign(key, hashes.SHA384()).public_bytes(serialization.Encoding.DER)
        return signed_at(made, produced or NOW - age, key)

    def appointed(self, place, **changes):
        """A responder that the issuer of a certificate appoints."""
        key, issuer = ec_key("P-384 responder"), self.certificates[place + 1]
        builder = x509.CertificateBuilder().subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "responder")]))
        builder = builder.issuer_name(changes.get("issuer", issuer.subject)).public_key(key.public_key()).serial_number(7)
        start, end = changes.get("start", datetime.datetime(2020, 1, 1)), changes.get("end", NOW + datetime.timedelta(days=9))
        builder = builder.not_valid_before(start).not_valid_after(end)
        usage = changes.get("usage", x509.ExtendedKeyUsageOID.OCSP_SIGNING)
        extension = x509.ExtendedKeyUsage([usage]) if usage else x509.BasicConstraints(False, None)
        for more, critical in changes.get("more", ()):
            builder = builder.add_extension(more, critical)
        return builder.add_extension(extension, changes.get("critical", False)).sign(changes.get("key", self.keys[place + 1]), hashes.SHA384()), key


def answered(at=NOW, places=AIA, change=lambda responses, found: None):
    made = Device(BLACKWELL)
    responses = Responses(made)
    found = {place: responses.response(place) for place in places}
    change(responses, found)
    return made.judge(at, ocsp=list(found.values()))


def with_answer(**options):
    return answered(change=lambda responses, found: found.__setitem__(2, responses.response(2, **options)))


def with_responder(at=NOW, **changes):
    return answered(at, change=lambda responses, found: found.__setitem__(2, responses.response(2, signer=responses.appointed(2, **changes))))


def with_bytes(old, new):
    """A response with its first such bytes replaced."""

    def change(responses, found):
        assert old in found[2]
        found[2] = found[2].replace(old, new, 1)

    return answered(change=change)


def test_responses_hold():
    judgement = answered()
    assert (judgement.rules, judgement.revocation) == ([], "checked")
    assert judgement.valid_to == NOW + datetime.timedelta(days=7)
    assert answered(places=[1, 2]).revocation == "not checked"
    assert forged(sample=BLACKWELL).revocation == "not checked"
    assert with_responder().rules == []
    assert with_responder(critical=True, more=[(x509.OCSPNoCheck(), False), (usage_of(digital_signature=True), True)]).rules == []
    assert with_answer(age=WEEK).rules == []
    assert with_answer(age=WEEK).valid_to == NOW


def of_manifest(change=lambda responses, found: None):
    """A manifest of our own with an answer about each certificate of its chain."""
    made = Manifest("nvidia/rim/Driver_RIM_test_no_gpu.swidtag")
    for changes in made.chain.changes:
        changes[VALIDITY] = sequence(utc("230101000000Z"), utc("330101000000Z"))
    responses = Responses(made)
    found = {place: responses.response(place) for place in range(len(responses.keys) - 1)}
    change(responses, found)
    return made.judge(NOW, ocsp=list(found.values()))


def test_responses_about_a_manifest_s_signers_hold():
    judgement = of_manifest()
    assert (judgement.rules, judgement.revocation) == ([], "checked")
    assert of_manifest(lambda _, found: found.pop(0)).revocation == "not checked"  # its signer names a responder


case("nvgpu.ocsp.revoked")(
    lambda: of_manifest(lambda responses, found: found.__setitem__(0, responses.response(0, status=ocsp.OCSPCertStatus.REVOKED)))
)
case("nvgpu.ocsp.certificate")(lambda: of_manifest(lambda _, found: found.__setitem__(0, Responses(Device(HOPPER)).response(2))))
case("nvgpu.ocsp.syntax")(lambda: answered(change=lambda _, found: found.__setitem__(1, found[1] + b"\x00")))
case("nvgpu.ocsp.syntax")(lambda: answered(change=lambda _, found: found.__setitem__(1, sequence(tlv(10, b"\x03")))))
case("nvgpu.ocsp.syntax")(lambda: with_answer(next_update=None))
for old, new in (
    ("0a0100", "0a0101"),  # malformedRequest
    ("2b0601050507300101", "2b0601050507300102"),  # another type of response
    ("a2160414", "a3160414"),  # another kind of name
    ("608648016503040201", "60864801650304020a"),  # another hash
    ("6086480165030402010500", "6086480165030402010400"),  # another parameter of it
    ("8000180f", "8300180f"),  # another status
):
    case("nvgpu.ocsp.syntax")(lambda old=old, new=new: with_bytes(bytes.fromhex(old), bytes.fromhex(new)))
case("nvgpu.ocsp.syntax")(lambda: with_answer(critical=True))
case("nvgpu.ocsp.responder")(lambda: with_responder(usage=x509.ExtendedKeyUsageOID.SERVER_AUTH))
case("nvgpu.ocsp.responder")(lambda: with_responder(usage=None))
case("nvgpu.ocsp.responder")(lambda: with_responder(issuer=x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "somebody")])))
case("nvgpu.ocsp.responder")(lambda: with_responder(end=NOW - SECOND))
case("nvgpu.ocsp.responder")(lambda: with_responder(key=ec_key("P-384 somebody")))
case("nvgpu.ocsp.responder")(lambda: with_responder(more=[(usage_of(crl_sign=True), True)]))
case("nvgpu.ocsp.responder")(lambda: with_responder(more=[(usage_of(digital_signature=True), True), (x509.BasicConstraints(True, None), True)]))
case("nvgpu.ocsp.responder")(lambda: with_responder(more=[(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"\x05\x00"), True)]))
case("nvgpu.ocsp.responder")(lambda: with_responder(start=NOW + SECOND, at=NOW + 2 * SECOND))  # appointed after it signed
case("nvgpu.ocsp.signature")(lambda: answered(change=lambda _, found: found.__setitem__(1, found[1][:-1] + bytes([found[1][-1] ^ 1]))))
case("nvgpu.ocsp.certificate")(lambda: answered(change=lambda _, found: found.__setitem__(1, Responses(Device(HOPPER)).response(2))))
case("nvgpu.ocsp.signature")(lambda: with_answer(about=1))  # by an issuer further up
case("nvgpu.ocsp.early")(lambda: answered(NOW - SECOND))
case("nvgpu.ocsp.early")(lambda: with_answer(produced=NOW + SECOND))
case("nvgpu.ocsp.expired")(lambda: answered(NOW + datetime.timedelta(days=7)))
case("nvgpu.ocsp.age")(lambda: with_answer(age=WEEK + SECOND))
case("nvgpu.ocsp.revoked")(lambda: with_answer(status=ocsp.OCSPCertStatus.REVOKED))  # certificateHold
case("nvgpu.ocsp.revoked")(lambda: with_answer(status=ocsp.OCSPCertStatus.UNKNOWN))

# Revocation lists.


def crl(made, place, signer=None, revoked=(), days=7, critical=False, age=datetime.timedelta()):
    """A list of the issuer at a place of a forged device's chain."""
    issuer = x509.load_der_x509_certificate(made.chain.made()[place])
    builder = x509.CertificateRevocationListBuilder().issuer_name(issuer.subject)
    builder = builder.last_update(NOW - age).next_update(NOW + datetime.timedelta(days=days))
    for serial in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW).build()
        builder = builder.add_revoked_certificate(entry)
    builder = builder.add_extension(x509.CRLNumber(1), critical=critical)
    return builder.sign(signer or made.chain.key(place), hashes.SHA384()).public_bytes(serialization.Encoding.DER)


def listed(change, at=NOW):
    """A device with its root's list, its identity's, its provisioner's, and what `change` makes of them."""
    made = Device(HOPPER)
    lists = [crl(made, 4), crl(made, 3), crl(made, 2)]
    return made.judge(at, crls=change(made, lists) or lists)


def serial(made, place):
    return x509.load_der_x509_certificate(made.chain.made()[place]).serial_number


def test_lists_hold():
    judgement = listed(lambda made, lists: None)
    assert (judgement.rules, judgement.revocation) == ([], "checked")
    assert judgement.valid_to == NOW + datetime.timedelta(days=7)
    assert listed(lambda made, lists: lists[:1]).revocation == "not checked"
    assert listed(lambda made, lists: lists[:2]).revocation == "not checked"
    assert listed(lambda made, lists: [crl(made, 4, revoked=[1, 2, 3]), *lists[1:]]).revocation == "checked"


case("nvgpu.crl.syntax")(lambda: listed(lambda made, lists: [lists[0], lists[1] + b"\x00"]))
case("nvgpu.crl.syntax")(lambda: listed(lambda made, lists: [crl(made, 4, critical=True)]))
case("nvgpu.crl.issuer")(lambda: listed(lambda made, lists: [*lists, crl(made, 0)]))
case("nvgpu.crl.signature")(lambda: listed(lambda made, lists: [crl(made, 4, signer=made.chain.key(3)), lists[1]]))
case("nvgpu.crl.signature")(lambda: listed(lambda made, lists: [crl(made, 1)]))  # the boot ROM may sign certificates alone
case("nvgpu.crl.early")(lambda: listed(lambda made, lists: None, NOW - SECOND))
case("nvgpu.crl.expired")(lambda: listed(lambda made, lists: None, NOW + datetime.timedelta(days=7)))
case("nvgpu.crl.age")(lambda: listed(lambda made, lists: [lists[0], crl(made, 3, age=WEEK + SECOND)]))
case("nvgpu.crl.revoked")(lambda: listed(lambda made, lists: [lists[0], crl(made, 3, revoked=[serial(made, 2)])]))
case("nvgpu.crl.revoked")(lambda: listed(lambda made, lists: [crl(made, 4, revoked=[serial(made, 3)]), lists[1]]))

# What the leaf vouches for.

case("nvgpu.signature")(lambda: genuine(lambda report: changed(report, 4, bytes(32))))
case("nvgpu.signature")(lambda: genuine(lambda report: report[:-96] + report[-48:] + report[-96:-48]))  # S and R
case("nvgpu.signature")(lambda: genuine(lambda report: report[:-96] + report[-96:-48][::-1] + report[-48:][::-1]))  # little endian
case("nvgpu.signature")(lambda: genuine(lambda report: report[:-96] + bytes(96)))
case("nvgpu.signature")(lambda: genuine(lambda report: report[:-48] + b"\xff" * 48))
case("nvgpu.fwid")(lambda: with_field(f.FWID, bytes(48)))
case("nvgpu.fwid")(lambda: with_field(f.FWID, bytes(48), BLACKWELL))
case("nvgpu.fwid.syntax")(lambda: with_certificate(0, {EXTENSIONS: lambda old: with_extension(old, nvidia_verifier.DICE, None)}))
case("nvgpu.fwid.syntax")(lambda: with_certificate(0, {EXTENSIONS: lambda old: with_extension(old, nvidia_verifier.DICE, sequence())}))
case("nvgpu.fwid.syntax")(lambda: with_certificate(0, {EXTENSIONS: lambda old: with_extension(old, nvidia_verifier.DICE_TCB_INFO, sequence())}))
SHA384_DIGEST = bytes.fromhex("0609608648016503040202") + b"\x04\x30"
for wrong in (SHA384_DIGEST.replace(b"\x02\x04\x30", b"\x01\x04\x30"), SHA384_DIGEST.replace(b"\x04\x30", b"\x03\x30")):
    case("nvgpu.fwid.syntax")(lambda wrong=wrong: with_certificate(0, {EXTENSIONS: lambda old: with_dice(old, wrong)}))
case("nvgpu.switch.pdi")(lambda: with_field(f.SWITCH_PDI, bytes(8), SWITCH))


def with_dice(field, digest):
    value = extension_of(field, nvidia_verifier.DICE)
    assert SHA384_DIGEST in value
    return with_extension(field, nvidia_verifier.DICE, value.replace(SHA384_DIGEST, digest))


def test_boot_rom_without_an_id_is_nobody():
    def nameless(made):
        name = sequence(tlv(0x31, sequence(bytes.fromhex("0603550403"), tlv(12, b"GH100 A01 GSP BROM"))))
        made.chain.changes[1][SUBJECT] = made.chain.changes[0][ISSUER] = name

    assert (forged().device_id.hex(), forged(nameless).rules, forged(nameless).device_id) == ("2e7aa130caa058dd", [], b"")


# Appraisal of one device.


def nonce_of(sample):
    return f.read_report(device(with_id(sample))[0]).nonce


def appraised(sample=HOPPER, **demands):
    policy = nvidia_policy.Policy(nonce_of(sample))
    return nvidia_policy.appraise(genuine(sample=sample), dataclasses.replace(policy, **demands))


def test_policies_that_fit_refuse_nothing():
    assert appraised(min_driver="590.12", min_vbios="96.00.A5.00.01", feature_flags=frozenset({2}), require_fwid=True).rules == []
    assert appraised(BLACKWELL, min_driver="575.31.99").rules == []
    assert appraised(SWITCH, min_driver="999.0", min_vbios="96.10.73.00.01", feature_flags=frozenset({0})).rules == []
    assert appraised(min_vbios="96.00.A6.00.00", boards={"G520-0200": "96.00.A5.00.01"}).rules == []
    assert appraised(boards={"G520-0200": "96.00.A5.00.01"}).rules == []
    assert appraised(fwids=frozenset({genuine().report.fwid})).rules == []
    answering = answered()
    policy = nvidia_policy.Policy(answering.report.nonce, require_ocsp=True, require_manifests=True)
    manifest = nvidia_manifest.RimJudgement(revocation="checked")
    assert nvidia_policy.appraise(answering, policy, manifest, manifest).rules == []
    assert nvidia_policy.appraise(answering, policy, manifest, nvidia_manifest.RimJudgement()).rules == ["nvgpu.ocsp.missing"]
    switch = genuine(sample=SWITCH)
    policy = nvidia_policy.Policy(switch.report.nonce, require_manifests=True)
    assert nvidia_policy.appraise(switch, policy, None, manifest).rules == []
    assert nvidia_policy.appraise(switch, policy).rules == ["rim.missing"]


case("nvgpu.nonce")(lambda: appraised(nonce=nonce_of(HOPPER)[:-1] + bytes([nonce_of(HOPPER)[-1] ^ 1])))
case("nvgpu.nonce")(lambda: appraised(nonce=b""))
case("nvgpu.ocsp.missing")(lambda: appraised(require_ocsp=True))
case("nvgpu.fwid.missing")(lambda: appraised(OLD, require_fwid=True))
case("nvgpu.chip.excluded")(lambda: appraised(chips=frozenset({"GB100"})))
case("nvgpu.fwid.value")(lambda: appraised(fwids=frozenset({bytes(48)})))
case("nvgpu.fwid.value")(lambda: appraised(OLD, fwids=frozenset({bytes(48)})))
case("nvgpu.driver.minimum")(lambda: appraised(min_driver="590.13"))
case("nvgpu.driver.minimum")(lambda: appraised(min_driver="590.12.01"))
case("nvgpu.driver.minimum")(lambda: appraised(min_driver="latest"))


@case("nvgpu.driver.minimum")
def a_version_that_cannot_be_compared():
    judged = with_field(f.DRIVER_VERSION, b"newest\x00")
    assert judged.rules == []
    return nvidia_policy.appraise(judged, nvidia_policy.Policy(judged.report.nonce, min_driver="1.0"))


case("nvgpu.vbios.minimum")(lambda: appraised(min_vbios="96.00.A6.00.00"))
case("nvgpu.vbios.minimum")(lambda: appraised(min_vbios="96.00.A5.00.00", boards={"G520-0200": "96.00.A6.00.00"}))
case("nvgpu.vbios.minimum")(lambda: appraised(boards={"1010-0200": "96.00.01.00.00"}))
case("nvgpu.feature_flag")(lambda: appraised(feature_flags=frozenset({0})))
case("nvgpu.feature_flag")(lambda: appraised(OLD, feature_flags=frozenset({0, 1, 2})))

# A set: two GPUs and two switches of our own, linked to each other.


class Set:
    def __init__(self):
        self.gpus = [Device("nvidia-hopper-590-ppcie-multi4-0"), Device("nvidia-hopper-590-ppcie-multi4-1")]
        self.switches = [Device("nvidia-ls10-hgx4-0"), Device("nvidia-ls10-hgx4-1")]
        for one in self.gpus + self.switches:
            one.nonce = bytes(32)
        ids = [[one.judge(NOW).device_id for one in some] for some in (self.gpus, self.switches)]
        for one in self.gpus:
            one.set(f.SWITCH_PDI, b"".join(name[::-1] for name in ids[1] * 3))
        for one in self.switches:
            one.set(f.GPU_PDIS, b"".join(ids[0]).ljust(64, b"\xff") + bytes(64))

    def appraise(self, gpus=2, switches=2, topology=True):
        judged = [[one.judge(NOW) for one in some] for some in (self.gpus, self.switches)]
        assert [one.rules for some in judged for one in some] == [[]] * (len(self.gpus) + len(self.switches))
        return nvidia_policy.appraise_set(*judged, nvidia_policy.SetPolicy(gpus, switches, topology))


def appraised_set(change=lambda one: None, **policy):
    one = Set()
    change(one)
    return one.appraise(**policy)


def test_set_that_fits_is_taken():
    assert appraised_set().rules == []


def swap(one):
    one.gpus[1], one.switches[1] = one.switches[1], one.gpus[1]


case("nvgpu.set.count")(lambda: appraised_set(gpus=4))
case("nvgpu.set.count", "nvgpu.set.topology")(lambda: appraised_set(lambda one: one.gpus.pop()))
case("nvgpu.set.kind")(lambda: appraised_set(swap, topology=False))
case("nvgpu.set.kind", "nvgpu.set.topology")(lambda: appraised_set(swap))
case("nvgpu.set.kind")(lambda: appraised_set(lambda one: one.gpus.append(one.switches.pop()), gpus=3, switches=1, topology=False))
case("nvgpu.set.kind")(lambda: appraised_set(lambda one: one.switches.append(one.gpus.pop()), gpus=1, switches=3, topology=False))
case("nvgpu.set.kind")(lambda: appraised_set(lambda one: one.gpus.__setitem__(1, another_chip()), topology=False))
case("nvgpu.set.duplicate")(lambda: appraised_set(lambda one: one.gpus.__setitem__(1, one.gpus[0]), topology=False))
case("nvgpu.set.nonce")(lambda: appraised_set(lambda one: setattr(one.gpus[1], "nonce", bytes(31) + b"\x01")))
case("nvgpu.set.topology")(lambda: appraised_set(lambda one: one.gpus[0].set(f.SWITCH_PDI, bytes(16))))
case("nvgpu.set.topology")(lambda: appraised_set(lambda one: one.switches[1].set(f.GPU_PDIS, b"\xff" * 128)))


def another_chip():
    made = Device(BLACKWELL)
    made.nonce = bytes(32)
    return made


@case("nvgpu.set.duplicate")
def a_device_twice_with_two_firmwares():
    # Hopper 580 and 570 of the corpus are one device: its leaf changed with the firmware, its boot ROM's certificate did not.
    judged = [genuine(sample=sample) for sample in ("nvidia-hopper-580", "nvidia-hopper-570-expired-rim")]
    assert judged[0].serial != judged[1].serial and judged[0].device_id == judged[1].device_id
    judged[1].report.nonce = judged[0].report.nonce
    return nvidia_policy.appraise_set(judged, [], nvidia_policy.SetPolicy(2))


# Tokens.


def coded(value):
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwt(header, signature=b"signature"):
    return ".".join(map(coded, (header, {"iss": "somebody"}, signature)))


GOOD_TOKEN = jwt({"alg": "ES384"})


def tokens(overall=GOOD_TOKEN, of_device=GOOD_TOKEN, change=lambda text: text):
    return nvidia_token.verify(change(json.dumps([["JWT", overall], {"GPU-0": of_device}]).encode()))


case("nvgpu.eat.syntax")(lambda: tokens(change=lambda text: text[:-1]))
case("nvgpu.eat.syntax")(lambda: tokens(change=lambda text: text.replace(b'"GPU-0"', b'"GPU-0": "", "GPU-0"')))
case("nvgpu.eat.syntax")(lambda: tokens(change=lambda text: text.replace(b".", b"=.", 1)))
case("nvgpu.eat.syntax")(lambda: tokens(change=lambda text: text.replace(b".", b"!!!!.", 1)))
case("nvgpu.eat.syntax")(lambda: tokens(change=lambda text: text.replace(b".", b"..", 1)))
case("nvgpu.eat.syntax")(lambda: tokens(change=lambda text: text.replace(b'"JWT"', b'"JWE"')))
case("nvgpu.eat.syntax")(lambda: tokens(change=lambda text: text.replace(b'["JWT", ', b'["JWT", "", ')))
case("nvgpu.eat.syntax")(lambda: tokens(change=lambda text: text[:-1] + b", {}]"))
case("nvgpu.eat.syntax")(lambda: tokens(change=lambda text: text.replace(b'{"GPU-0"', b'[{"GPU-0"')[:-1] + b"]]"))
case("nvgpu.eat.syntax")(lambda: tokens(change=lambda text: b"{}"))
case("nvgpu.eat.syntax")(lambda: tokens(change=lambda text: text[: text.index(b"{")] + b"{}]"))
case("nvgpu.eat.syntax")(lambda: tokens(change=lambda text: text.replace(b'{"GPU-0": "', b'{"GPU-0": 7, "GPU-1": "')))
case("nvgpu.eat.syntax")(lambda: tokens(change=lambda text: text + b" " * nvidia_token.SIZE_MAX))
case("nvgpu.eat.syntax")(lambda: tokens(change=lambda text: text.replace(b'"}]', b'", ' + b", ".join(b'"%d": ""' % i for i in range(32)) + b"}]")))
case("nvgpu.eat.syntax")(lambda: tokens(of_device=jwt({})))
case("nvgpu.eat.syntax")(lambda: tokens(of_device=GOOD_TOKEN + "AB"))  # bits that mean nothing
case("nvgpu.eat.alg_none")(lambda: tokens(jwt({"alg": "none"}, b""), jwt({"alg": "none"}, b"")))
case("nvgpu.eat.alg_none")(lambda: tokens(of_device=jwt({"alg": "ES384"}, b"")))
case("nvgpu.eat.alg")(lambda: tokens(jwt({"alg": "ES256"})))
case("nvgpu.eat.key")(tokens)
case("nvgpu.eat.key")(lambda: tokens(change=lambda text: b'{"claims": [], "detached_eat": ' + text + b"}"))


# The cases, run.


@case.parametrize()
def test_rule_is_tripped_alone(rule):
    case.check(rule)


def test_forged_root_is_not_nvidia_s():
    chain = Chain(ders(), "another")
    assert not chain.roots & nvidia_verifier.ROOTS and digest_of(chain.key(4)) in chain.roots
    assert read("nvidia/roots/device_identity_root.pem").strip() in pem(ders())
