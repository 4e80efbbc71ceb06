"""Intel TDX quotes (versions 4 and 5) and SGX quotes (version 3) judged in Python under their collateral, sharing neither code nor tables with the
C++ verifier. `verify` says whether genuine silicon made the quote and which TCB status it has, quote_policy.py whether that is acceptable; every
refusal is collected in the order of the checks, by the rule ids that spec/evidence_regions/tdx.toml explains. Nothing here reads a clock or a file."""

import dataclasses
import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from judgement import Judgement, Malformed
from quote_format import TD15_BODY, TDX, Quote, read_quote
from strict_der import (
    CRL_SIGN, DIGITAL_SIGNATURE, ECDSA_SHA256, ENUMERATED, KEY_CERT_SIGN, OCTET_STRING, SEQUENCE,
    BadDer, exactly, need, read_certificate, read_only, read_pem, read_revocation_list, signed_by,
)  # fmt: skip
from tcb_collateral import read_identity, read_tcb_info

# SHA-256 of the SubjectPublicKeyInfo of the Intel SGX Root CA.
ROOTS = frozenset({"a0af031289f5d5d4132f9186068a7fc13628633ba235777472e29b6b6c67a49e"})
INTERMEDIATES = ("Intel SGX PCK Platform CA", "Intel SGX PCK Processor CA")
TCB_SIGNER = "Intel SGX TCB Signing"

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
SGX_EXTENSION = "1.2.840.113741.1.13.1"


# Chains and revocation lists.


def read_chain(pem, n, rule):
    """Returns n certificates, leaf first."""
    try:
        found = read_pem(pem)
    except BadDer as error:
        raise Malformed(f"{rule}.pem", str(error)) from None
    if len(found) != n:
        raise Malformed(f"{rule}.count", str(len(found)))
    try:
        certificates = [read_certificate(der) for der in found]
        need(all(one.signed.algorithm == ECDSA_SHA256 for one in certificates), "algorithm")
        return certificates
    except BadDer as error:
        raise Malformed(f"{rule}.syntax", str(error)) from None


KNOWN_EXTENSIONS = {"2.5.29.14", "2.5.29.15", "2.5.29.19", "2.5.29.31", "2.5.29.35", SGX_EXTENSION}


def usage_fits(chain):
    """Constraints of a chain, leaf first: the leaf signs data, the others certificates and lists, within their path lengths."""
    try:
        for depth, one in enumerate(chain):
            authority, length, usage = one.authority()
            wanted = {KEY_CERT_SIGN, CRL_SIGN} if depth else {DIGITAL_SIGNATURE}
            critical = {name for name, (critical, _) in one.extensions.items() if critical}
            if authority != (depth > 0) or not wanted <= usage or not critical <= KNOWN_EXTENSIONS:
                return False
            if length is not None and length < depth - 1:
                return False
        return True
    except BadDer:
        return False


def check_chain(chain, at, roots, prefix, judgement):
    root = chain[-1]
    judgement.check(hashlib.sha256(root.spki).hexdigest() in roots, f"{prefix}.root", root.subject_name)
    for child, parent in zip(chain, [*chain[1:], root], strict=True):
        judgement.check(child.issuer == parent.subject, f"{prefix}.issuer", child.subject_name)
    for child, parent in zip(chain, [*chain[1:], root], strict=True):
        judgement.check(signed_by(child.signed, parent.spki), f"{prefix}.signature", child.subject_name)
    judgement.check(usage_fits(chain), f"{prefix}.ca")
    for one in chain:
        judgement.window(one.not_before, one.not_after, at, prefix, one.subject_name)


def check_crl(der, issuer, at, judgement):
    """Returns the serial numbers of a revocation list."""
    if der is None:
        judgement.check(False, "tdx.crl.missing", issuer.subject_name)
        return None
    try:
        crl = read_revocation_list(der)
    except BadDer as error:
        judgement.check(False, "tdx.crl.syntax", str(error))
        return None
    judgement.check(crl.issuer == issuer.subject, "tdx.crl.issuer", issuer.subject_name)
    judgement.check(signed_by(crl.signed, issuer.spki), "tdx.crl.signature", issuer.subject_name)
    judgement.window(crl.this_update, crl.next_update, at, "tdx.crl", issuer.subject_name, end_included=False)
    return crl.serials


@dataclasses.dataclass
class Platform:
    ppid: bytes
    components: tuple
    pcesvn: int
    pceid: bytes
    fmspc: bytes
    instance_id: bytes | None


def read_platform(certificate):
    """The PCK certificate's SGX extension: each member once, all that there must be."""
    try:
        values = members(read_only(certificate.extensions[SGX_EXTENSION][1]))
        tcb = members(values.pop("2"))
        need(set(tcb) == {str(i) for i in range(1, 19)}, "TCB")
        levels = [tcb[str(i)].integer() for i in range(1, 18)]
        need(all(0 <= level <= 255 for level in levels[:16]) and 0 <= levels[16] <= 65535, "TCB levels")
        need(len(tcb["18"].of(OCTET_STRING)) == 16, "CPUSVN")
        need({"1", "3", "4", "5"} <= set(values) <= {"1", "3", "4", "5", "6", "7"} and ("6" in values) == ("7" in values), "members")
        need(values["5"].integer(ENUMERATED) in (0, 1, 2), "SGX type")
        sizes = {"1": 16, "3": 2, "4": 6, "6": 16}
        octets = {name: values[name].of(OCTET_STRING) for name in sizes if name in values}
        need(all(len(octets[name]) == sizes[name] for name in octets), "sizes")
        if "7" in values:
            configuration = members(values["7"])
            need(set(configuration) <= {"1", "2", "3"}, "configuration")
            need(all(isinstance(one.boolean(), bool) for one in configuration.values()), "configuration")
        return Platform(octets["1"], tuple(levels[:16]), levels[16], octets["3"], octets["4"], octets.get("6"))
    except (BadDer, KeyError) as error:
        raise Malformed("tdx.pck.extension", str(error)) from None


def members(element):
    """{last arc: value} of a SEQUENCE OF SEQUENCE {identifier, value}."""
    found = {}
    for one in element.children(SEQUENCE):
        name, value = exactly(one.children(SEQUENCE), 2)
        need(name.oid().startswith(SGX_EXTENSION + "."), "identifier")
        arc = name.oid().rpartition(".")[2]
        need(arc not in found, f"member {arc} twice")
        found[arc] = value
    return found


# The checks.


def ecdsa_p256(key, signature, message):
    """Key x ‖ y and signature r ‖ s, big-endian."""
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if not (0 < r < P256_ORDER and 0 < s < P256_ORDER):
        return False
    try:
        key.verify(utils.encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
        return True
    except InvalidSignature:
        return False


def key_of(certificate):
    key = certificate.public_key()
    need(isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp256r1", "not a P-256 key")
    return key


def check_signatures(quote, pck, judgement):
    try:
        genuine = ecdsa_p256(key_of(pck), quote.qe_signature, quote.qe_report)
    except BadDer:
        genuine = False
    judgement.check(genuine, "tdx.qe_report_signature")
    expected = hashlib.sha256(quote.attestation_key + quote.auth).digest() + bytes(32)
    judgement.check(quote.qe_report[320:384] == expected, "tdx.qe_report_data")
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + quote.attestation_key)
    except ValueError:
        judgement.check(False, "tdx.attestation_key")
        return
    judgement.check(ecdsa_p256(key, quote.signature, quote.signed), "tdx.quote_signature")


@dataclasses.dataclass(frozen=True)
class Collateral:
    """The parts of a set; None for what is not there. The JSON is the inner value, as it was signed; signatures are r ‖ s."""

    tcb_info: bytes | None = None
    tcb_info_signature: bytes | None = None
    identity: bytes | None = None
    identity_signature: bytes | None = None
    signing_chain: bytes | None = None
    pck_crl: bytes | None = None
    root_crl: bytes | None = None


def check_signer(collateral, at, roots, root_serials, judgement):
    """Returns the key that signs collateral, or None."""
    if collateral.signing_chain is None:
        judgement.check(False, "tdx.collateral.missing", "signing chain")
        return None
    # The chain comes in an HTTP field and may end with more than one line break.
    chain = read_chain(collateral.signing_chain.rstrip(b"\n"), 2, "tdx.signer")
    judgement.check(chain[0].subject_name == TCB_SIGNER, "tdx.signer.name", chain[0].subject_name)
    check_chain(chain, at, roots, "tdx.signer", judgement)
    judgement.check(not root_serials or chain[0].serial not in root_serials, "tdx.signer.revoked")
    return key_of(chain[0])


def check_document(value, signature, key, reader, wanted, at, what, judgement):
    """Returns one parsed JSON document, or None. Its signature is checked before anything in it is read."""
    if value is None or signature is None:
        judgement.check(False, "tdx.collateral.missing", what)
        return None
    if key is not None:
        judgement.check(len(signature) == 64 and ecdsa_p256(key, signature, value), "tdx.collateral.signature", what)
    document = reader(value)
    judgement.check((document.id, document.version) == wanted, "tdx.collateral.id", f"{document.id} {document.version}")
    judgement.window(document.issued, document.next_update, at, "tdx.collateral", what)
    return document


def check_collateral(collateral, tee, at, roots, root_serials, judgement):
    """Returns the TCB info and the identity of the quoting enclave."""
    key = check_signer(collateral, at, roots, root_serials, judgement)
    tcb_info = check_document(
        collateral.tcb_info, collateral.tcb_info_signature, key, read_tcb_info, ("TDX" if tee == TDX else "SGX", 3), at, "TCB info", judgement
    )
    identity = check_document(
        collateral.identity, collateral.identity_signature, key, read_identity, ("TD_QE" if tee == TDX else "QE", 2), at, "QE identity", judgement
    )
    if tcb_info and identity:
        judgement.check(tcb_info.evaluation == identity.evaluation, "tdx.collateral.evaluation", f"{tcb_info.evaluation}, {identity.evaluation}")
    return tcb_info, identity


def masked_equal(value, mask, expected):
    return bytes(a & b for a, b in zip(value, mask, strict=True)) == bytes(a & b for a, b in zip(expected, mask, strict=True))


def check_identity(quote, identity, judgement):
    """Returns the quoting enclave's level, or None."""
    report = quote.qe_report
    judgement.check(masked_equal(report[16:20], identity.miscselect_mask, identity.miscselect), "tdx.qe.miscselect")
    judgement.check(masked_equal(report[48:64], identity.attributes_mask, identity.attributes), "tdx.qe.attributes")
    judgement.check(not report[48] & 2, "tdx.qe.debug")
    judgement.check(report[128:160] == identity.mrsigner, "tdx.qe.mrsigner")
    judgement.check(int.from_bytes(report[256:258], "little") == identity.isvprodid, "tdx.qe.isvprodid")
    level = identity.level(int.from_bytes(report[258:260], "little"))
    judgement.check(level, "tdx.qe.unsupported")
    return level


def check_module(quote, tcb_info, judgement):
    """Returns the name and the level of the TDX module's entry, each None where there is none."""
    version = quote.tcb_svn[1]
    if version == 0:
        module, name, level = tcb_info.module, None, None
    else:
        name = f"TDX_{version:02X}"
        module = tcb_info.modules.get(name)
        level = module.level(quote.tcb_svn[0]) if module else None
    if not judgement.check(module, "tdx.module.unknown", str(name)):
        return name, None
    judgement.check(quote.mrsignerseam == module.mrsigner, "tdx.module.mrsigner")
    judgement.check(masked_equal(quote.seam_attributes, module.attributes_mask, module.attributes), "tdx.module.attributes")
    if version:
        judgement.check(level, "tdx.module.unsupported", f"{name} {quote.tcb_svn[0]}")
    return name, level


def at_most(lower, upper):
    return all(a <= b for a, b in zip(lower, upper, strict=True))


def platform_level(tcb_info, platform, tdx_svn):
    """The first level at or above which the platform is; `tdx_svn` is None for SGX."""
    for level in tcb_info.levels:
        if not at_most(level.components, platform.components) or level.pcesvn > platform.pcesvn:
            continue
        start = 0 if tdx_svn is None or tdx_svn[1] == 0 else 2
        if tdx_svn is None or at_most(level.tdx_components[start:], tdx_svn[start:]):
            return level
    return None


def converge(platform, *others):
    """The status of the whole: section "Convergence"."""
    if "Revoked" in (platform, *others):
        return "Revoked"
    if "OutOfDate" in others:
        if platform in ("UpToDate", "SWHardeningNeeded"):
            return "OutOfDate"
        if platform in ("ConfigurationNeeded", "ConfigurationAndSWHardeningNeeded"):
            return "OutOfDateConfigurationNeeded"
    return platform


@dataclasses.dataclass
class QuoteJudgement(Judgement):
    quote: Quote | None = None
    platform: Platform | None = None
    status: str | None = None  # None: no level, or not evaluated
    level: object = None
    module: str | None = None
    module_status: str | None = None
    qe_status: str | None = None
    relaunch: bool = False
    evaluation: int | None = None
    advisories: frozenset = frozenset()
    pck_revoked: bool | None = None  # None: no list
    chain_from: object = None
    chain_to: object = None


def evaluate(quote, platform, tcb_info, identity, judgement):
    judgement.evaluation = tcb_info.evaluation
    judgement.check(tcb_info.fmspc == platform.fmspc, "tdx.collateral.fmspc", tcb_info.fmspc.hex())
    judgement.check(tcb_info.pceid == platform.pceid, "tdx.collateral.pceid", tcb_info.pceid.hex())
    if identity:
        qe_level = check_identity(quote, identity, judgement)
        judgement.qe_status = qe_level.status if qe_level else None
    tdx, module_level = quote.tee == TDX, None
    td15 = tdx and len(quote.body) == TD15_BODY
    judgement.check(not td15 or no_older(quote.tcb_svn, quote.tcb_svn_2), "tdx.tcb.svn", quote.tcb_svn_2.hex())
    if tdx:
        judgement.module, module_level = check_module(quote, tcb_info, judgement)
        judgement.module_status = module_level.status if module_level else None
    level = judgement.level = platform_level(tcb_info, platform, quote.tcb_svn if tdx else None)
    if not judgement.check(level, "tdx.tcb.unsupported"):
        return
    levels = [one for one in (level, module_level, identity and qe_level) if one]
    judgement.advisories = frozenset(advisory for one in levels for advisory in one.advisories)
    judgement.status = converge(level.status, judgement.module_status, judgement.qe_status)
    judgement.check(judgement.status != "Revoked", "tdx.tcb.revoked")
    if td15 and judgement.status == "OutOfDate":
        judgement.relaunch = would_be_up_to_date(quote, platform, tcb_info, judgement.qe_status)


def no_older(launch, now):
    """The module that runs now is no older than the one that launched the TD; a new major version, component 1, counts component 0 anew."""
    return (launch[1], launch[0]) <= (now[1], now[0]) and at_most(launch[2:], now[2:])


def would_be_up_to_date(quote, platform, tcb_info, qe_status):
    """True when the module that runs now is newer than the one that launched the TD, and would be up to date."""
    newer = dataclasses.replace(quote, body=quote.tcb_svn_2 + quote.body[16:])
    if quote.tcb_svn == quote.tcb_svn_2 or not at_most(quote.tcb_svn, quote.tcb_svn_2):
        return False
    trial = Judgement()
    _, module_level = check_module(newer, tcb_info, trial)
    level = platform_level(tcb_info, platform, newer.tcb_svn)
    if trial.findings or level is None:
        return False
    return converge(level.status, module_level.status if module_level else None, qe_status) == "UpToDate"


def verify(data, collateral, at, *, tee=TDX, roots=ROOTS, pck_chain=None):
    """Judges whether genuine silicon made the quote and finds its TCB status. `pck_chain`: PEM of a chain that the caller has configured, in
    place of the quote's own certification data."""
    judgement = QuoteJudgement()
    try:
        quote = judgement.quote = read_quote(data, tee)
        # The text ends with one NUL, with a line break or with both.
        pem = quote.certificates.removesuffix(b"\x00") if pck_chain is None else pck_chain
        chain = read_chain(pem, 3, "tdx.pck")
        judgement.check(chain[1].subject_name in INTERMEDIATES, "tdx.pck.name", chain[1].subject_name)
        check_chain(chain, at, roots, "tdx.pck", judgement)
        judgement.chain_from, judgement.chain_to = judgement.valid_from, judgement.valid_to
        platform = judgement.platform = read_platform(chain[0])
        root_serials = check_crl(collateral.root_crl, chain[2], at, judgement)
        pck_serials = check_crl(collateral.pck_crl, chain[1], at, judgement)
        if pck_serials is not None:
            judgement.pck_revoked = chain[0].serial in pck_serials
        revoked = judgement.pck_revoked or (root_serials is not None and chain[1].serial in root_serials)
        judgement.check(not revoked, "tdx.pck.revoked")
        check_signatures(quote, chain[0], judgement)
        tcb_info, identity = check_collateral(collateral, tee, at, roots, root_serials, judgement)
        if tcb_info:
            evaluate(quote, platform, tcb_info, identity, judgement)
    except Malformed as error:
        judgement.check(False, error.rule, error.detail)
    return judgement


def verify_collateral(collateral, issuers, tee, at, *, roots=ROOTS):
    """Judges a set without a quote. `issuers`: PEM of the PCK list's issuer and the root."""
    judgement = Judgement()
    try:
        chain = read_chain(issuers.rstrip(b"\n"), 2, "tdx.pck")
        check_chain_of_issuers(chain, at, roots, judgement)
        serials = check_crl(collateral.root_crl, chain[1], at, judgement)
        check_crl(collateral.pck_crl, chain[0], at, judgement)
        judgement.check(not serials or chain[0].serial not in serials, "tdx.pck.revoked")
        check_collateral(collateral, tee, at, roots, serials, judgement)
    except Malformed as error:
        judgement.check(False, error.rule, error.detail)
    return judgement


def check_chain_of_issuers(chain, at, roots, judgement):
    intermediate, root = chain
    judgement.check(hashlib.sha256(root.spki).hexdigest() in roots, "tdx.pck.root", root.subject_name)
    judgement.check(intermediate.issuer == root.subject and intermediate.subject_name in INTERMEDIATES, "tdx.pck.issuer")
    judgement.check(signed_by(intermediate.signed, root.spki) and signed_by(root.signed, root.spki), "tdx.pck.signature")
    for one in chain:
        judgement.window(one.not_before, one.not_after, at, "tdx.pck", one.subject_name)
