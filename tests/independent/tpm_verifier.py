"""TPM 2.0 quotes judged in Python, sharing neither code nor tables with the C++ verifier. `verify` says whether the attestation key made the quote
over these PCRs, `appraise` whether that is acceptable; every refusal is collected in the order of the checks, by the rule ids that
spec/evidence_regions/tpm.toml explains. Nothing here reads a clock or a file."""

import dataclasses
import hashlib

from certificate_chain import check_chain
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from judgement import Judgement, Malformed
from strict_der import ECDSA_SHA256, ECDSA_SHA384, RSA_SHA256, RSA_SHA384, BadDer, read_certificate, read_key
from tpm_format import ECDSA, HASHES, RSAPSS, RSASSA, Quote, Signature, read_public, read_quote, read_signature

ALGORITHMS = (RSA_SHA256, RSA_SHA384, ECDSA_SHA256, ECDSA_SHA384)
FIXED_TPM, FIXED_PARENT, SENSITIVE_ORIGIN, RESTRICTED, DECRYPT, SIGN = 1 << 1, 1 << 4, 1 << 5, 1 << 16, 1 << 17, 1 << 18
# stClear, userWithAuth, adminWithPolicy, firmwareLimited, svnLimited, noDA, encryptedDuplication say nothing about what is signed.
KNOWN = 0x00070FF6
CURVES = {32: ec.SECP256R1(), 48: ec.SECP384R1()}
DIGESTS = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
SIZES = {name: size for name, size in HASHES.values()}


@dataclasses.dataclass
class TpmJudgement(Judgement):
    quote: Quote | None = None
    key: bytes | None = None  # SubjectPublicKeyInfo
    certified: bool = False


# The attestation key.


def load_public(data, judgement):
    """Returns (key, bound scheme) of a TPMT_PUBLIC."""
    public = read_public(data)
    wanted = FIXED_TPM | FIXED_PARENT | SENSITIVE_ORIGIN | RESTRICTED | SIGN
    judgement.check(
        public.attributes & (wanted | DECRYPT) == wanted and not public.attributes & ~KNOWN, "tpm.ak.attributes", f"{public.attributes:#x}"
    )
    try:
        if public.rsa:
            bits, exponent, modulus = public.rsa
            if bits < 2048 or exponent != 65537 or modulus.bit_length() != bits or modulus % 2 == 0:
                raise ValueError("modulus or exponent")
            return rsa.RSAPublicNumbers(exponent, modulus).public_key(), public.scheme
        size, x, y = public.ecc
        return ec.EllipticCurvePublicKey.from_encoded_point(CURVES[size], b"\x04" + x + y), public.scheme
    except ValueError as error:
        raise Malformed("tpm.ak.key", str(error)) from None


def load_spki(data):
    try:
        key = read_key(data)
    except BadDer as error:
        raise Malformed("tpm.ak.syntax", str(error)) from None
    good_rsa = isinstance(key, rsa.RSAPublicKey) and key.key_size >= 2048 and key.public_numbers().e == 65537
    good_ec = isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in ("secp256r1", "secp384r1")
    if not good_rsa and not good_ec:
        raise Malformed("tpm.ak.key")
    return key


def spki_of(key):
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def check_certificates(chain, roots, key, at, judgement):
    try:
        certificates = [read_certificate(der, ALGORITHMS) for der in chain]
    except BadDer as error:
        raise Malformed("tpm.chain.syntax", str(error)) from None
    check_chain(certificates, roots, at, "tpm.chain", judgement)
    judgement.certified = judgement.check(certificates[0].spki == spki_of(key), "tpm.ak.certificate")


# What it signed.


def made_by(key, signature, data):
    digest = DIGESTS[signature.hash]
    try:
        if signature.scheme == ECDSA:
            r, s = (int.from_bytes(half, "big") for half in signature.value)
            key.verify(utils.encode_dss_signature(r, s), data, ec.ECDSA(digest))
        elif signature.scheme == RSAPSS:
            key.verify(signature.value, data, padding.PSS(padding.MGF1(digest), padding.PSS.AUTO), digest)
        else:
            key.verify(signature.value, data, padding.PKCS1v15(), digest)
        return True
    except InvalidSignature:
        return False


def check_scheme(key, bound, signature):
    fits = (signature.scheme == ECDSA) == isinstance(key, ec.EllipticCurvePublicKey)
    if not fits or bound not in (None, (signature.scheme, signature.hash)):
        raise Malformed("tpm.scheme", f"{signature.scheme:#x} {signature.hash}")
    size = key.key_size // 8 if signature.scheme != ECDSA else None
    if size and len(signature.value) != size:
        raise Malformed("tpm.signature.syntax", str(len(signature.value)))


def check_pcrs(quote, signature, pcrs, judgement):
    """`pcrs`: {bank: {index: value}}."""
    fits = {bank: sorted(values) for bank, values in pcrs.items()} == dict(quote.selection)
    sizes = fits and all(len(value) == SIZES[bank] for bank, values in pcrs.items() for value in values.values())
    if judgement.check(sizes, "tpm.pcrs"):
        joined = b"".join(pcrs[bank][index] for bank, indices in quote.selection for index in indices)
        judgement.check(hashlib.new(signature.hash, joined).digest() == quote.digest, "tpm.digest")


def verify(data, signature, pcrs, *, public=None, spki=None, raw_rsa=False, chain=None, roots=frozenset(), at=None):
    """Judges a quote under an attestation key: `public` as TPMT_PUBLIC, or `spki` as SubjectPublicKeyInfo. `raw_rsa`: the signature is RSASSA with
    SHA-256 without its TPMT_SIGNATURE. `chain`: the key's certificate and those above it, in DER, with the time they are judged at."""
    judgement = TpmJudgement()
    try:
        quote = judgement.quote = read_quote(data)
        parsed = Signature(RSASSA, "sha256", bytes(signature)) if raw_rsa else read_signature(signature)
        key, bound = load_public(public, judgement) if public is not None else (load_spki(spki), None)
        check_scheme(key, bound, parsed)
        judgement.key = spki_of(key)
        if chain is not None:
            check_certificates(chain, roots, key, at, judgement)
    except Malformed as error:
        judgement.check(False, error.rule, error.detail)
        return judgement
    judgement.check(made_by(key, parsed, data), "tpm.signature")
    check_pcrs(quote, parsed, pcrs, judgement)
    return judgement


@dataclasses.dataclass(frozen=True)
class Policy:
    """`pcrs`: {index: accepted values} in `bank`; what the quote selects is exactly `selection`."""

    nonce: bytes
    pcrs: dict
    bank: str = "sha256"
    selection: tuple = tuple(range(24))
    keys: frozenset = frozenset()  # enrolled keys, as SubjectPublicKeyInfo

    def __post_init__(self):
        if not self.pcrs or not all(self.pcrs.values()) or not set(self.pcrs) <= set(self.selection):
            raise ValueError("a policy names the PCRs that it takes, of those that it has quoted")


def appraise(judgement, policy, pcrs):
    result, quote = Judgement(), judgement.quote
    result.check(judgement.certified or judgement.key in policy.keys, "tpm.ak.unlisted")
    result.check(policy.nonce and quote.extra == policy.nonce, "tpm.nonce", quote.extra.hex())
    expected = [(policy.bank, list(policy.selection))]
    if result.check(quote.selection == expected, "tpm.selection.unexpected", str(quote.selection)):
        for index, accepted in sorted(policy.pcrs.items()):
            result.check(pcrs[policy.bank][index] in accepted, "tpm.pcr", str(index))
    return result
