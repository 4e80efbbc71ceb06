"""Chains of certificates, leaf first and root last, by one set of rules under a prefix of the technology's: <prefix>.root and so on."""

import hashlib

from cryptography.hazmat.primitives.asymmetric import ec
from strict_der import BASIC_CONSTRAINTS, DIGITAL_SIGNATURE, KEY_CERT_SIGN, KEY_USAGE, BadDer, need, signed_by

CRITICAL = {BASIC_CONSTRAINTS, KEY_USAGE}


def fits(certificate, place):
    """Whether a certificate may stand at a place of a chain, counted from the leaf."""
    try:
        authority, length, usage = certificate.authority()
        known = {name for name, (critical, _) in certificate.extensions.items() if critical} <= CRITICAL
        if place == 0:
            return known and not authority and DIGITAL_SIGNATURE in usage
        return known and authority and KEY_CERT_SIGN in usage and (length is None or length >= place - 1)
    except BadDer:
        return False


def check_chain(chain, roots, at, prefix, judgement):
    """`roots`: SHA-256 of the SubjectPublicKeyInfo of pinned keys."""
    root = chain[-1]
    judgement.check(hashlib.sha256(root.spki).hexdigest() in roots, f"{prefix}.root", root.subject_name)
    uppers = [*chain[1:], root]
    for lower, upper in zip(chain, uppers, strict=True):
        judgement.check(lower.issuer == upper.subject, f"{prefix}.issuer", lower.subject_name)
    for lower, upper in zip(chain, uppers, strict=True):
        judgement.check(signed_by(lower.signed, upper.spki), f"{prefix}.signature", lower.subject_name)
    for place, one in enumerate(chain):
        judgement.check(fits(one, place), f"{prefix}.ca", one.subject_name)
    for one in chain:
        judgement.window(one.not_before, one.not_after, at, prefix, one.subject_name)


def p384_key(certificate):
    key = certificate.public_key()
    need(isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp384r1", "not a P-384 key")
    return key
