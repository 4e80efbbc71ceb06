"""AWS Nitro attestation documents judged in Python, sharing neither code nor tables with the C++ verifier. `verify` says whether a genuine hypervisor
made the document, `appraise` whether what it says is acceptable; every refusal is collected in the order of the checks, by the rule ids that
spec/evidence_regions/nitro.toml explains. Nothing here reads a clock or a file."""

import dataclasses
import datetime

from certificate_chain import check_chain, p384_key
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from judgement import Judgement, Malformed
from nitro_format import Document, read_document, signed_bytes
from strict_der import ECDSA_SHA384, BadDer, read_certificate

# SHA-256 of the SubjectPublicKeyInfo of aws.nitro-enclaves, G1.
ROOTS = {"f2caf5ecc6190b4a8399b78bc58a2bbcd0382375db8a1bfd78a82743874fd225"}


@dataclasses.dataclass
class NitroJudgement(Judgement):
    document: Document | None = None
    at: datetime.datetime | None = None


def check_signature(document, leaf, judgement):
    try:
        key = p384_key(leaf)
    except BadDer as error:
        judgement.check(False, "nitro.chain.key", str(error))
        return
    r, s = (int.from_bytes(half, "big") for half in (document.signature[:48], document.signature[48:]))
    try:
        key.verify(utils.encode_dss_signature(r, s), signed_bytes(document.protected, document.payload), ec.ECDSA(hashes.SHA384()))
    except InvalidSignature:
        judgement.check(False, "nitro.signature")


def verify(data, at, *, roots=None):
    judgement = NitroJudgement(at=at)
    try:
        document = judgement.document = read_document(data)
        chain = [read_certificate(der, (ECDSA_SHA384,)) for der in (document.certificate, *reversed(document.cabundle))]
    except Malformed as error:
        judgement.check(False, error.rule, error.detail)
        return judgement
    except BadDer as error:
        judgement.check(False, "nitro.chain.syntax", str(error))
        return judgement
    check_chain(chain, ROOTS if roots is None else roots, at, "nitro.chain", judgement)
    check_signature(document, chain[0], judgement)
    return judgement


@dataclasses.dataclass(frozen=True)
class Policy:
    """`pcrs`: {index: accepted values}; None for nonce, public key and user data means that nothing is demanded of them."""

    pcrs: dict
    nonce: bytes | None = None
    public_key: bytes | None = None
    user_data: bytes | None = None
    allow_debug: bool = False
    sources: frozenset = frozenset({"enclave", "nitrotpm"})
    age_max: datetime.timedelta = datetime.timedelta(minutes=5)

    def __post_init__(self):
        if not self.pcrs or not all(self.pcrs.values()):
            raise ValueError("a policy names the PCRs that it takes")


def appraise(judgement, policy):
    """Returns the rules by which a relying party refuses a genuine document."""
    document, result = judgement.document, Judgement()
    made = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(milliseconds=document.timestamp)
    result.check(document.source in policy.sources, "nitro.source", document.source)
    result.check(abs(judgement.at - made) <= policy.age_max, "nitro.time", str(made))
    debug = not any(any(document.pcrs.get(index, b"")) for index in (0, 1, 2))
    result.check(policy.allow_debug or not debug, "nitro.debug")
    for index, accepted in sorted(policy.pcrs.items()):
        if result.check(index in document.pcrs, "nitro.pcr.missing", str(index)):
            result.check(document.pcrs[index] in accepted, "nitro.pcr", str(index))
    for name in ("nonce", "public_key", "user_data"):
        wanted = getattr(policy, name)
        result.check(wanted is None or getattr(document, name) == wanted, f"nitro.{name}")
    return result
