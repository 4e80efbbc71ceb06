"""OCSP responses (RFC 6960) as they come stapled to evidence: read strictly, judged for the chain that they come with."""

import dataclasses
import datetime
import hashlib

from judgement import Malformed
from strict_der import (
    BASIC_CONSTRAINTS,
    DIGITAL_SIGNATURE,
    ECDSA_SHA384,
    ENUMERATED,
    KEY_USAGE,
    NULL,
    OCTET_STRING,
    SEQUENCE,
    BadDer,
    Signed,
    exactly,
    need,
    read_algorithm,
    read_certificate,
    read_extensions,
    read_only,
    signed_by,
)  # fmt: skip

BASIC = "1.3.6.1.5.5.7.48.1.1"
OCSP_SIGNING, EXTENDED_KEY_USAGE = "1.3.6.1.5.5.7.3.9", "2.5.29.37"
NO_CHECK = "1.3.6.1.5.5.7.48.1.5"
UNDERSTOOD = {BASIC_CONSTRAINTS, KEY_USAGE, EXTENDED_KEY_USAGE, NO_CHECK}
HASHES = {"2.16.840.1.101.3.4.2.1": "sha256", "2.16.840.1.101.3.4.2.2": "sha384"}
GOOD, BY_NAME, BY_KEY, VERSION, EXTENSIONS = 0x80, 0xA1, 0xA2, 0xA0, 0xA1


@dataclasses.dataclass
class Answer:
    hash: str
    issuer_name_hash: bytes
    issuer_key_hash: bytes
    serial: int
    good: bool
    produced: datetime.datetime
    this_update: datetime.datetime
    next_update: datetime.datetime
    signed: Signed
    certificates: list


def no_critical(elements):
    for element in elements:
        need(element.tag == EXTENSIONS, "field")
        need(not any(critical for critical, _ in read_extensions(element).values()), "critical extension")


def read_answer(data):
    status, body = exactly(read_only(data).children(SEQUENCE), 2)
    need(status.integer(ENUMERATED) == 0, "status")
    kind, basic = exactly(exactly(body.children(0xA0), 1)[0].children(SEQUENCE), 2)
    need(kind.oid() == BASIC, "type")
    parts = read_only(basic.of(OCTET_STRING)).children(SEQUENCE)
    need(len(parts) in (3, 4), "response")
    certificates = exactly(parts[3].children(0xA0), 1)[0].children(SEQUENCE) if len(parts) == 4 else []
    fields = parts[0].children(SEQUENCE)
    need(fields[0].tag != VERSION, "default version spelled out")
    responder, produced, answers = fields[0], fields[1], fields[2]
    need(responder.tag in (BY_NAME, BY_KEY), "responder")
    produced = produced.time()
    no_critical(fields[3:])
    answer = exactly(answers.children(SEQUENCE), 1)[0].children(SEQUENCE)
    need(len(answer) >= 4, "nextUpdate")
    algorithm, name_hash, key_hash, serial = exactly(answer[0].children(SEQUENCE), 4)
    digest = algorithm.children(SEQUENCE)
    need(digest[0].oid() in HASHES and (len(digest) == 1 or digest[1].of(NULL) == b""), "hash")
    need(answer[1].tag in (GOOD, 0xA1, 0x82), "status")
    no_critical(answer[4:])
    return Answer(
        HASHES[digest[0].oid()], name_hash.of(OCTET_STRING), key_hash.of(OCTET_STRING), serial.integer(), answer[1].tag == GOOD,
        produced, answer[2].time(), exactly(answer[3].children(0xA0), 1)[0].time(),
        Signed(parts[0].whole, read_algorithm(parts[1], (ECDSA_SHA384,)), parts[2].bits()),
        [read_certificate(one.whole, (ECDSA_SHA384,)) for one in certificates],
    )  # fmt: skip


def key_bits(certificate):
    return read_only(certificate.spki).children()[1].bits()


def may_respond(certificate, issuer, times):
    """Whether the issuer has appointed this certificate's key to answer, at all these times."""
    authority, _, bits = certificate.authority()
    if KEY_USAGE in certificate.extensions and (authority or DIGITAL_SIGNATURE not in bits):
        return False
    if not {name for name, (critical, _) in certificate.extensions.items() if critical} <= UNDERSTOOD:
        return False
    usage = certificate.extensions.get(EXTENDED_KEY_USAGE)
    appointed = usage is not None and OCSP_SIGNING in [one.oid() for one in read_only(usage[1]).children(SEQUENCE)]
    valid = all(certificate.not_before <= time <= certificate.not_after for time in times)
    return appointed and valid and certificate.issuer == issuer.subject and signed_by(certificate.signed, issuer.spki)


def is_about(answer, certificate, issuer):
    digests = [hashlib.new(answer.hash, part).digest() for part in (issuer.subject, key_bits(issuer))]
    return [answer.issuer_name_hash, answer.issuer_key_hash, answer.serial] == [*digests, certificate.serial]


def check_answer(data, chain, at, prefix, judgement, age_max):
    """Judges a response about a certificate of a chain, leaf first. Returns the certificate's place where the response is good, else None."""
    try:
        answer = read_answer(data)
        place = next((i for i, pair in enumerate(zip(chain, chain[1:], strict=False)) if is_about(answer, *pair)), None)
        if not judgement.check(place is not None, f"{prefix}.certificate", f"{answer.serial:#x}"):
            return None
        issuer = chain[place + 1]
        # Who answered is decided by the signature, whatever name the answer gives.
        responder = answer.certificates[0] if answer.certificates else issuer
        responds = responder.spki == issuer.spki or may_respond(responder, issuer, (answer.produced, at))
    except (BadDer, IndexError) as error:
        raise Malformed(f"{prefix}.syntax", str(error)) from None
    before = len(judgement.findings)
    judgement.check(responds, f"{prefix}.responder", chain[place].subject_name)
    judgement.check(signed_by(answer.signed, responder.spki), f"{prefix}.signature", chain[place].subject_name)
    judgement.window(max(answer.this_update, answer.produced), answer.next_update, at, prefix, "OCSP", end_included=False)
    judgement.age(answer.this_update, age_max, at, prefix)
    judgement.check(answer.good, f"{prefix}.revoked", chain[place].subject_name)
    return place if len(judgement.findings) == before else None
