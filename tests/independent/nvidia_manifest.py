"""NVIDIA's reference integrity manifests (TCG RIM in SWID, XML signature): read, judged, and compared with a report by the rules of
spec/evidence_regions/rim.toml. Canonical XML comes from lxml, everything else from here: what the manifest says is read from the bytes whose digest
was checked, never from the document as it came."""

import base64
import binascii
import dataclasses
import hashlib
import re

from certificate_chain import check_chain, p384_key
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from judgement import Judgement, Malformed
from lxml import etree
from nvidia_verifier import REVOCATION_AGE, check_revocation
from strict_der import ECDSA_SHA384, BadDer, read_certificate

# SHA-256 of the SubjectPublicKeyInfo of NVIDIA CoRIM signing Root CA.
ROOTS = {"dec1dc316477aa851eebdf51327ae9f864bc8d89254657ed1e7eb9168af1e1a3"}

SIZE_MAX, DEPTH_MAX, ELEMENTS_MAX, INDEX_MAX, CHAIN = 256 << 10, 16, 4096, 127, range(2, 7)
DS, SWID, XENC = (
    "http://www.w3.org/2000/09/xmldsig#",
    "http://standards.iso.org/iso/19770/-2/2015/schema.xsd",
    "http://www.w3.org/2001/04/xmlenc#sha384",
)
ENVELOPED, C14N11 = DS + "enveloped-signature", "http://www.w3.org/2006/12/xml-c14n11"
ECDSA, DIGEST = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384", "http://www.w3.org/2001/04/xmldsig-more#sha384"
NVDEC0 = 35
HASH = re.compile(r"[0-9a-f]{96}")


def ds(name):
    return f"{{{DS}}}{name}"


def swid(name):
    return f"{{{SWID}}}{name}"


@dataclasses.dataclass
class RimJudgement(Judgement):
    product: str | None = None
    edition: str | None = None
    version: str | None = None
    measurements: dict | None = None  # active ones: index -> alternatives
    revocation: str = "not checked"


# The document.


def parse(data):
    if not 0 < len(data) <= SIZE_MAX:
        raise Malformed("rim.size", str(len(data)))
    if b"<!" in data:
        raise Malformed("rim.xml.dtd")
    if b"&" in data:
        raise Malformed("rim.xml.entity")
    try:
        text = data.decode("utf-8")
        if "<?" in text or "\r" in text or not text.startswith("<"):
            raise Malformed("rim.xml.syntax", "processing instruction, carriage return or beginning")
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_blank_text=False)
        root = etree.fromstring(data, parser)
    except (UnicodeDecodeError, etree.XMLSyntaxError) as error:
        raise Malformed("rim.xml.syntax", str(error)) from None
    pending, n = [(root, 1)], 0
    while pending:
        element, depth = pending.pop()
        n += 1
        if depth > DEPTH_MAX or n > ELEMENTS_MAX or not isinstance(element.tag, str):
            raise Malformed("rim.xml.syntax", "nesting, number or kind of elements")
        pending += [(child, depth + 1) for child in element]
    return root


def canonical(element):
    # Without attributes of the xml namespace canonical XML 1.0 and 1.1 are the same, and the manifests have none.
    return etree.tostring(element, method="c14n", with_tail=False)


# The signature's shape.


def shape(holds, rule, detail=""):
    if not holds:
        raise Malformed(f"rim.signature.{rule}", detail)


def blank(text):
    return text is None or not text.strip(" \t\n")


def children(element, *names, attributes=()):
    """The children, which are these and nothing else."""
    found = [child.tag for child in element]
    rest = [element.text, *(child.tail for child in element)]
    shape(found == [ds(name) for name in names] and set(element.attrib) == set(attributes) and all(map(blank, rest)), "syntax", element.tag)
    return list(element)


def decoded(element, size, rule="rim.signature.syntax"):
    text = "".join((element.text or "").split())
    try:
        value = base64.b64decode(text, validate=True)
    except binascii.Error:
        value = b""
    plain = len(element) == 0 and not element.attrib and base64.b64encode(value).decode() == text
    if not plain or (size and len(value) != size) or not value:
        raise Malformed(rule, element.tag)
    return value


def algorithm(element, name, rule="algorithm"):
    plain = dict(element.attrib) == {"Algorithm": name} and len(element) == 0 and blank(element.text)
    shape(plain, rule, str(dict(element.attrib)))


@dataclasses.dataclass
class Signature:
    element: object
    signed_info: object
    digest: bytes
    value: bytes
    certificates: list


def read_signature(root):
    found = list(root.iter(ds("Signature")))
    alone = len(found) == 1 and root.tag == swid("SoftwareIdentity") and found[0].getparent() is root and found[0].getnext() is None
    shape(alone and blank(found[0].tail), "count", str(len(found)))
    references = [one for one in found[0].iter() if one.tag == ds("Reference")]
    shape(len(references) == 1 and dict(references[0].attrib) == {"URI": ""}, "reference", str(len(references)))
    signed_info, value, key_info = children(found[0], "SignedInfo", "SignatureValue", "KeyInfo")
    method, signature_method, reference = children(signed_info, "CanonicalizationMethod", "SignatureMethod", "Reference")
    transforms, digest_method, digest = children(reference, "Transforms", "DigestMethod", "DigestValue", attributes=["URI"])
    shape([one.tag for one in transforms] == [ds("Transform")] * 2, "transforms", str(len(transforms)))
    for element, name in zip(transforms, (ENVELOPED, C14N11), strict=True):
        algorithm(element, name, "transforms")
    for element, name in ((method, C14N11), (signature_method, ECDSA), (digest_method, DIGEST)):
        algorithm(element, name)
    children(transforms, "Transform", "Transform")
    (data,) = children(key_info, "X509Data")
    certificates = children(data, *["X509Certificate"] * len(data))
    return Signature(found[0], signed_info, decoded(digest, 48), decoded(value, 96), certificates)


def read_chain(elements):
    if len(elements) not in CHAIN:
        raise Malformed("rim.chain.count", str(len(elements)))
    try:
        return [read_certificate(decoded(one, None, "rim.chain.syntax"), (ECDSA_SHA384,)) for one in elements]
    except BadDer as error:
        raise Malformed("rim.chain.syntax", str(error)) from None


# What it says.


def content(holds, detail=""):
    if not holds:
        raise Malformed("rim.content", detail)


def number(text):
    content(text is not None and re.fullmatch("0|[1-9][0-9]{0,2}", text), str(text))
    return int(text)


def read_resource(element):
    """(index, active, alternatives) of a measurement."""
    attributes = dict(element.attrib)
    index, n = number(attributes.get("index")), number(attributes.get("alternatives"))
    content(attributes.get("type") == "Measurement" and attributes.get("size") == "48" and len(element) == 0, f"resource {index}")
    content(index <= INDEX_MAX and attributes.get("active") in ("True", "False") and n > 0, f"resource {index}")
    hashed = {name.removeprefix(f"{{{XENC}}}"): value for name, value in attributes.items() if name.startswith(f"{{{XENC}}}")}
    content(set(hashed) == {f"Hash{i}" for i in range(n)}, f"hashes of {index}")
    content(all(HASH.fullmatch(value) for value in hashed.values()), f"hashes of {index}")
    return index, attributes["active"] == "True", {bytes.fromhex(value) for value in hashed.values()}


def read_content(root, judgement):
    content([child.tag for child in root] == [swid(name) for name in ("Entity", "Meta", "Payload")], "children")
    meta, payload = root[1], root[2]
    judgement.product, judgement.edition, judgement.version = (meta.get(name) for name in ("product", "edition", "colloquialVersion"))
    content(judgement.product and judgement.edition in ("GPU", "SWITCH") and judgement.version, "Meta")
    content(all(child.tag == swid("Resource") for child in payload), "Payload")
    found = [read_resource(child) for child in payload]
    content(len({index for index, _, _ in found}) == len(found), "an index twice")
    judgement.measurements = {index: values for index, active, values in found if active}
    judgement.check(judgement.measurements, "rim.empty")


def check_signature(signature, chain, judgement):
    try:
        key = p384_key(chain[0])
    except BadDer as error:
        raise Malformed("rim.chain.key", str(error)) from None
    r, s = (int.from_bytes(half, "big") for half in (signature.value[:48], signature.value[48:]))
    try:
        key.verify(utils.encode_dss_signature(r, s), canonical(signature.signed_info), ec.ECDSA(hashes.SHA384()))
        return True
    except InvalidSignature:
        return False


def verify(data, at, *, ocsp=(), crls=(), age_max=REVOCATION_AGE, roots=None):
    """Judges whether NVIDIA published the manifest, and reads it. `ocsp`, `crls`: what says that its signer's chain is not revoked."""
    judgement = RimJudgement()
    try:
        root = parse(data)
        signature = read_signature(root)
        chain = read_chain(signature.certificates)
        check_chain(chain, ROOTS if roots is None else roots, at, "rim.chain", judgement)
        check_revocation(chain, ocsp, crls, at, judgement, age_max)
        signed = check_signature(signature, chain, judgement)
        root.remove(signature.element)
        digested = canonical(root)
        judgement.check(hashlib.sha384(digested).digest() == signature.digest, "rim.digest")
        judgement.check(signed, "rim.signature")
        read_content(etree.fromstring(digested), judgement)
    except Malformed as error:
        judgement.check(False, error.rule, error.detail)
    return judgement


# The manifest and the report.

PRODUCTS = {"GH100": "GH100", "GB100": "GB100", "LS10": "LS_10"}


def compare(device, driver, vbios):
    """Compares a genuine device's report with manifests already judged; a switch has none of a driver."""
    result, report = Judgement(), device.report
    given = [(manifest, version) for manifest, version in ((driver, report.driver_version), (vbios, report.vbios_version)) if manifest is not None]
    for manifest, version in given:
        fits = (PRODUCTS.get(manifest.product), manifest.edition == "SWITCH") == (device.chip, device.kind == "switch")
        result.check(fits, "rim.product", f"{manifest.product} {manifest.edition}")
        result.check(manifest.version == version, "rim.version", f"{manifest.version}, {version}")
    indices = [set(manifest.measurements) for manifest, _ in given]
    result.check(len(set().union(*indices)) == sum(map(len, indices)), "rim.overlap", str(set.intersection(*indices)) if indices else "")
    for manifest, _ in given:
        for index, alternatives in sorted(manifest.measurements.items()):
            compare_one(report, index, alternatives, result)
    return result


def compare_one(report, index, alternatives, result):
    if index == NVDEC0 and report.nvdec0_disabled:
        return
    if result.check(index < len(report.measurements), "rim.measurement.missing", str(index)):
        result.check(report.measurements[index] in alternatives, "rim.measurement.mismatch", str(index))
