"""Each rule of NVIDIA's manifests in spec/evidence_regions/rim.toml is tripped, and by cases that trip nothing else unless they say so. Where no
genuine sample shows a case, a genuine manifest is changed and signed anew under roots of our own, which the verifier is told to trust."""

import base64
import re

import nvidia_manifest
import nvidia_policy
import nvidia_verifier
import pytest
from device_corpus import device
from evidence_corpus import read, time, with_id
from forged_devices import Device, Manifest
from forged_evidence import EXTENSIONS, ISSUER, SPKI, VALIDITY, ec_key, renamed, sequence, spki, tlv, utc, with_extension
from rule_cases import Cases
from strict_der import BASIC_CONSTRAINTS

pytestmark = pytest.mark.once

case = Cases("rim.")

DRIVER, VBIOS = "nvidia/rim/Driver_RIM_test_no_gpu.swidtag", "nvidia/rim/1010_0200_882_96005E0001_test_no_gpu.swidtag"
SWITCH = "nvidia/rim/switchVBIOSRim_NV_SWITCH_BIOS_5612_0002_890_9610550001.xml"
FULL_MATCH, SWITCH_DEVICE = "nvidia-hopper-545-full-match", "nvidia-ls10-9610550001"
NOW, SWITCH_NOW = time("2025-01-01T00:00:00Z"), time("2026-06-01T00:00:00Z")


def genuine(change, path=DRIVER):
    data = read(path)
    mutated = change(data)
    assert mutated != data
    return nvidia_manifest.verify(mutated, NOW)


def replaced(old, new, count=1):
    def change(data):
        assert old in data
        return data.replace(old, new, count)

    return change


def forged(change=lambda made: None, after=lambda data: data, path=DRIVER, **options):
    made = Manifest(path)
    change(made)
    return made.judge(NOW, after, **options)


def edited(old, new, path=DRIVER):
    """A manifest whose text is changed before it is signed."""

    def change(made):
        assert re.search(old, made.text)
        made.text = re.sub(old, new, made.text, count=1)

    return forged(change, path=path)


def with_certificate(place, changes):
    return forged(lambda made: made.chain.changes[place].update(changes))


def test_forged_manifests_hold_under_their_own_roots_alone():
    for path in (DRIVER, VBIOS):
        assert forged(path=path).rules == []
        assert forged(path=path, roots=nvidia_manifest.ROOTS).rules == ["rim.chain.root"]


# The document.

case("rim.size")(lambda: nvidia_manifest.verify(b"", NOW))
case("rim.size")(lambda: nvidia_manifest.verify(read(DRIVER) + b"\n" * nvidia_manifest.SIZE_MAX, NOW))
case("rim.xml.dtd")(lambda: genuine(lambda data: b'<!DOCTYPE x [<!ENTITY e "e">]>' + data))
case("rim.xml.dtd")(lambda: genuine(lambda data: b'<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd">' + data))
case("rim.xml.dtd")(lambda: genuine(replaced(b"</ns0:Payload>", b"<!-- a comment --></ns0:Payload>")))
case("rim.xml.entity")(lambda: genuine(replaced(b'name="Measurement_7"', b'name="&#77;easurement_7"')))
case("rim.xml.entity")(lambda: genuine(replaced(b'name="Measurement_7"', b'name="&laughter;"')))
case("rim.xml.syntax")(lambda: genuine(lambda data: b'<?xml version="1.0"?>' + data))
case("rim.xml.syntax")(lambda: genuine(lambda data: data.replace(b"\n", b"\r\n")))
case("rim.xml.syntax")(lambda: genuine(lambda data: b"\n" + data))
case("rim.xml.syntax")(lambda: genuine(lambda data: data.decode().encode("utf-16")))
case("rim.xml.syntax")(lambda: genuine(lambda data: data + b"<x/>"))
case("rim.xml.syntax")(lambda: genuine(replaced(b'corpus="false"', b'corpus="false" corpus="false"')))
case("rim.xml.syntax")(lambda: genuine(replaced(b"<ns0:Payload", b"<ns9:Payload")))
case("rim.xml.syntax")(lambda: genuine(replaced(b"</ns0:Payload>", b"<x>" * 16 + b"</x>" * 16 + b"</ns0:Payload>")))
case("rim.xml.syntax")(lambda: genuine(replaced(b"</ns0:Payload>", b"<x/>" * 4096 + b"</ns0:Payload>")))

# The signature's shape.


def signature_of(data):
    return re.search(rb"<ds:Signature .*</ds:Signature>", data, re.DOTALL)[0]


@case("rim.signature.count")
def no_signature():
    return genuine(lambda data: data.replace(signature_of(data), b""))


@case("rim.signature.count")
def two_signatures():
    return genuine(lambda data: data.replace(b"</SoftwareIdentity>", signature_of(data) + b"</SoftwareIdentity>"))


@case("rim.signature.count")
def something_after_the_signature():
    return genuine(replaced(b"</SoftwareIdentity>", b"<Payload/></SoftwareIdentity>"))


@case("rim.signature.count")
def signed_identity_wrapped_in_another():
    """Signature wrapping: the signed tag moves inwards, together with its signature, and another one stands around it."""
    head = b'<SoftwareIdentity xmlns="http://standards.iso.org/iso/19770/-2/2015/schema.xsd">'
    return genuine(lambda data: head + data.strip() + b"</SoftwareIdentity>")


@case("rim.signature.count")
def signature_inside_the_payload():
    return genuine(lambda data: data.replace(signature_of(data), b"").replace(b"</ns0:Payload>", signature_of(data) + b"</ns0:Payload>"))


@case("rim.signature.reference")
def two_references():
    def change(data):
        reference = re.search(rb"<ds:Reference .*</ds:Reference>", data, re.DOTALL)[0]
        return data.replace(reference, reference * 2)

    return genuine(change)


case("rim.signature.count")(lambda: genuine(lambda data: data.replace(b"SoftwareIdentity", b"OtherIdentity")))
case("rim.signature.count")(lambda: genuine(replaced(b"</ds:Signature>", b"</ds:Signature>text")))
case("rim.signature.reference")(lambda: genuine(replaced(b'URI=""', b'URI="#payload"')))
case("rim.signature.reference")(lambda: genuine(replaced(b' URI=""', b"")))
case("rim.signature.reference")(lambda: genuine(replaced(b'URI=""', b'URI="" Id="r"')))
ENVELOPED = b'<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>'
case("rim.signature.transforms")(lambda: genuine(replaced(ENVELOPED, b"")))
case("rim.signature.transforms")(lambda: genuine(replaced(ENVELOPED, ENVELOPED * 2)))
case("rim.signature.transforms")(lambda: genuine(replaced(b"xmldsig#enveloped-signature", b"xmldsig#base64")))
XSLT = b'<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"><x/></ds:Transform>'
case("rim.signature.transforms")(lambda: genuine(replaced(ENVELOPED, XSLT)))
XPATH = ENVELOPED.replace(b"/>", b"><ds:XPath>self::text()</ds:XPath></ds:Transform>")
case("rim.signature.transforms")(lambda: genuine(replaced(ENVELOPED, XPATH)))
LAST = b'<ds:Transform Algorithm="http://www.w3.org/2006/12/xml-c14n11"/>'
case("rim.signature.transforms")(lambda: genuine(replaced(LAST, LAST.replace(b"ds:Transform", b"ds:Other"))))
case("rim.signature.algorithm")(lambda: genuine(replaced(b'xmldsig-more#sha384"/>', b'xmldsig-more#sha384">text</ds:DigestMethod>')))
case("rim.signature.algorithm")(lambda: genuine(replaced(b"xmldsig-more#ecdsa-sha384", b"xmldsig-more#hmac-sha384")))
case("rim.signature.algorithm")(lambda: genuine(replaced(b"xmldsig-more#sha384", b"xmldsig-more#sha224")))
case("rim.signature.algorithm")(lambda: genuine(replaced(b'c14n11"/>', b'c14n11#WithComments"/>')))
case("rim.signature.syntax")(lambda: genuine(replaced(b"<ds:DigestValue>", b'<ds:DigestValue Id="d">')))
case("rim.signature.syntax")(lambda: genuine(replaced(b"</ds:DigestValue>", b"<ds:x/></ds:DigestValue>")))
case("rim.signature.syntax")(lambda: genuine(replaced(b"<ds:KeyInfo>", b"<ds:Object/><ds:KeyInfo>")))
case("rim.signature.syntax")(lambda: genuine(replaced(b"<ds:DigestValue>", b"<ds:DigestValue>AAAA")))
case("rim.signature.syntax")(lambda: genuine(replaced(b"<ds:SignatureValue>", b"<ds:SignatureValue>AAAA")))
case("rim.signature.syntax")(lambda: genuine(replaced(b"<ds:SignatureValue>", b"<ds:SignatureValue>*")))
case("rim.signature.syntax")(lambda: genuine(replaced(b"<ds:SignedInfo>", b'<ds:SignedInfo Id="s">')))
case("rim.signature.syntax")(lambda: genuine(replaced(b"<ds:X509Data>", b"text<ds:X509Data>")))

# The chain.


def without_certificates(keep):
    def change(data):
        found = re.findall(rb"<ds:X509Certificate>.*?</ds:X509Certificate>", data, re.DOTALL)
        return data.replace(b"".join(found), b"".join(found[:keep]))

    return change


case("rim.chain.count")(lambda: genuine(without_certificates(1)))
case("rim.chain.count")(lambda: genuine(replaced(b"</ds:X509Data>", b"<ds:X509Certificate>AAAA</ds:X509Certificate>" * 3 + b"</ds:X509Data>")))
case("rim.chain.syntax")(lambda: genuine(replaced(b"<ds:X509Certificate>", b"<ds:X509Certificate></ds:X509Certificate><ds:X509Certificate>")))
case("rim.chain.syntax")(lambda: genuine(replaced(b"</ds:X509Data>", b"<ds:X509Certificate>AAAA</ds:X509Certificate></ds:X509Data>")))
case("rim.chain.syntax")(lambda: genuine(replaced(b"<ds:X509Certificate>", b"<ds:X509Certificate>=")))
case("rim.chain.root")(lambda: forged(roots=nvidia_manifest.ROOTS))
case("rim.chain.issuer")(lambda: with_certificate(1, {ISSUER: lambda name: renamed(name, "NVIDIA Reference Value GB100 CA")}))
case("rim.chain.signature")(lambda: forged(lambda made: made.chain.signers.__setitem__(0, made.chain.key(2))))
case("rim.chain.ca")(lambda: with_certificate(1, {EXTENSIONS: lambda old: with_extension(old, BASIC_CONSTRAINTS, None)}))
case("rim.chain.ca")(lambda: with_certificate(0, {EXTENSIONS: lambda old: with_extension(old, BASIC_CONSTRAINTS, sequence(tlv(1, b"\xff")), True)}))
case("rim.chain.early")(lambda: with_certificate(0, {VALIDITY: sequence(utc("250101000001Z"), utc("270101000000Z"))}))
case("rim.chain.expired")(lambda: with_certificate(0, {VALIDITY: sequence(utc("230101000000Z"), utc("241231235959Z"))}))
case("rim.chain.key")(lambda: with_certificate(0, {SPKI: spki(ec_key("of P-256"))}))

# What the leaf vouches for.

case("rim.digest")(lambda: genuine(replaced(b'active="False"', b'active="True"')))
case("rim.digest")(lambda: genuine(replaced(b'colloquialVersion="545.00"', b'colloquialVersion="545.01"')))
case("rim.signature")(lambda: forged(lambda made: setattr(made, "signer", ec_key("P-384 somebody"))))
case("rim.signature")(lambda: nvidia_manifest.verify(read("nvidia/rim/incorrect_signature_driver_rim.xml"), NOW))


@case("rim.digest", "rim.signature")
def digest_that_fits_a_changed_document_but_is_not_signed():
    value = base64.b64encode(bytes(48))
    return genuine(lambda data: re.sub(rb"<ds:DigestValue>[^<]*", b"<ds:DigestValue>" + value, data))


# What it says.

case("rim.content")(lambda: edited(r"<ns0:Entity [^>]*/>", ""))
case("rim.content")(lambda: edited(r"(<ns0:Entity [^>]*/>)", r"\1\1"))
case("rim.content")(lambda: edited(r' colloquialVersion="[^"]*"', ""))
case("rim.content")(lambda: edited(r'edition="GPU"', 'edition="CPU"'))
case("rim.content")(lambda: edited(r'index="8"', 'index="7"'))
case("rim.content")(lambda: edited(r'index="8"', 'index="08"'))
case("rim.content")(lambda: edited(r'index="8"', 'index="128"'))
case("rim.content")(lambda: edited(r'active="True"', 'active="true"'))
case("rim.content")(lambda: edited(r'alternatives="1"', 'alternatives="2"'))
case("rim.content")(lambda: edited(r'alternatives="1"', 'alternatives="0"'))
case("rim.content")(lambda: edited(r'alternatives="2"', 'alternatives="1"'))
case("rim.content")(lambda: edited(r'Hash0="..', 'Hash0="'))
case("rim.content")(lambda: edited(r'size="48"', 'size="32"'))
case("rim.content")(lambda: edited(r'type="Measurement"', 'type="File"'))
case("rim.content")(lambda: edited(r' index="8"', ""))
case("rim.content")(lambda: edited(r' product="[^"]*"', ""))
case("rim.content")(lambda: edited(r"</ns0:Payload>", "<ns0:File/></ns0:Payload>"))
case("rim.content")(lambda: edited(r'size="48"/>', 'size="48"><ns0:File/></ns0:Resource>'))
case("rim.empty")(lambda: forged(lambda made: setattr(made, "text", made.text.replace('active="True"', 'active="False"'))))

# The manifest and the report.


def compared(driver=DRIVER, vbios=VBIOS, sample=FULL_MATCH, at=NOW, change=lambda made: None):
    """A genuine device, or one of our own where it is changed, with genuine manifests."""
    report, chain, _ = device(with_id(sample))
    judged = nvidia_verifier.verify(report, chain, at)
    made = Device(sample)
    change(made)
    judged.report = made.judge(at).report
    manifests = [path if path is None or not isinstance(path, str) else nvidia_manifest.verify(read(path), at) for path in (driver, vbios)]
    assert judged.rules == [] and all(one is None or one.rules == [] for one in manifests)
    return nvidia_manifest.compare(judged, *manifests)


def measured(index, value):
    return lambda made: made.measurements.__setitem__(index, value)


def test_devices_that_match_their_manifests_are_taken():
    assert compared().rules == []
    assert compared(None, SWITCH, SWITCH_DEVICE, SWITCH_NOW).rules == []
    assert compared(change=measured(nvidia_manifest.NVDEC0, bytes(48))).rules == []  # NVDEC0 is disabled


def test_measurement_of_an_enabled_decoder_counts():
    def enabled(made):
        made.set(11, b"\xaa")
        made.measurements[nvidia_manifest.NVDEC0] = bytes(48)

    assert compared(change=enabled).rules == ["rim.measurement.mismatch"]


def test_each_active_measurement_counts_and_no_other():
    driver, vbios = (nvidia_manifest.verify(read(path), NOW).measurements for path in (DRIVER, VBIOS))
    for index in range(64):
        counts = index in driver | vbios and index != nvidia_manifest.NVDEC0
        assert compared(change=measured(index, b"\xff" * 48)).rules == ["rim.measurement.mismatch"] * counts, index


case("rim.product", "rim.version", "rim.measurement.mismatch")(lambda: compared(None, SWITCH, at=SWITCH_NOW))
case("rim.product")(lambda: compared(made_for("GB100"), VBIOS))
case("rim.version")(lambda: compared(made_for("GH100", "545.01"), VBIOS))
case("rim.version", "rim.measurement.mismatch")(lambda: compared(DRIVER, "nvidia/rim/1010_0205_862_96005E0004_PROD.swidtag"))
case("rim.overlap")(lambda: compared(overlapping(), VBIOS))
case("rim.measurement.missing")(lambda: compared(change=lambda made: made.measurements.__delitem__(slice(40, None))))
case("rim.measurement.mismatch")(lambda: compared(change=measured(7, bytes(48))))
case("rim.measurement.mismatch")(lambda: compared(vbios="nvidia/rim/1010_0200_882_96005E0001_PROD.swidtag"))


def made_for(product, version="545.00"):
    manifest = nvidia_manifest.verify(read(DRIVER), NOW)
    manifest.product, manifest.version = product, version
    return manifest


def overlapping():
    """A driver's manifest that has an entry of the VBIOS's too, and the same value there."""
    manifest = made_for("GH100")
    vbios = nvidia_manifest.verify(read(VBIOS), NOW)
    manifest.measurements[0] = vbios.measurements[0]
    return manifest


@case("rim.missing")
def a_device_without_its_driver_s_manifest():
    report, chain, _ = device(with_id(FULL_MATCH))
    judged = nvidia_verifier.verify(report, chain, NOW)
    policy = nvidia_policy.Policy(judged.report.nonce, require_manifests=True)
    vbios = nvidia_manifest.verify(read(VBIOS), NOW)
    assert nvidia_policy.appraise(judged, policy, nvidia_manifest.verify(read(DRIVER), NOW), vbios).rules == []
    assert nvidia_policy.appraise(judged, policy, nvidia_manifest.verify(read(DRIVER), NOW), None).rules == ["rim.missing"]
    return nvidia_policy.appraise(judged, policy, None, vbios)


# The cases, run.


@case.parametrize()
def test_rule_is_tripped_alone(rule):
    case.check(rule)
