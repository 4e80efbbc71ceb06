"""Azure's confidential VMs judged in Python, sharing neither code nor tables with the C++ verifier: the paravisor's report, the hardware's report in
it or the TD's quote beside it, and the quote of the vTPM whose key the report binds. Every refusal is collected in the order of the checks, by the
rule ids that spec/evidence_regions explains: azure.*, and those of SEV-SNP, TDX and TPM quotes. Nothing here reads a clock or a file."""

import base64
import dataclasses
import re

import quote_verifier
import snp_verifier
import tpm_verifier
from azure_format import SNP, TDX, HclReport, TdReport, read_hcl
from cryptography.hazmat.primitives.asymmetric import rsa
from judgement import Judgement, Malformed
from quote_format import read_quote
from strict_json import read_json

AK, BITS, EXPONENT = "HCLAkPub", 2048, "AQAB"
BASE64URL, USER_DATA = re.compile(r"[A-Za-z0-9_-]*"), re.compile(r"[0-9A-Fa-f]{128}")


@dataclasses.dataclass
class AzureJudgement(Judgement):
    report: HclReport | None = None
    runtime: dict | None = None
    ak: bytes | None = None  # SubjectPublicKeyInfo
    hardware: Judgement | None = None  # of SEV-SNP, or of the TD's quote
    tpm: Judgement | None = None

    def adopt(self, other):
        self.findings += other.findings
        self.valid_from, self.valid_to = max(self.valid_from, other.valid_from), min(self.valid_to, other.valid_to)
        return other


def read_runtime(data):
    try:
        runtime = read_json(data)
    except ValueError as error:
        raise Malformed("azure.runtime.syntax", str(error)) from None
    keys, user_data = runtime.get("keys"), runtime.get("user-data")
    listed = isinstance(keys, list) and all(isinstance(key, dict) for key in keys)
    if not listed or not isinstance(runtime.get("vm-configuration"), dict) or not isinstance(user_data, str) or not USER_DATA.fullmatch(user_data):
        raise Malformed("azure.runtime.syntax", "members")
    return runtime


def read_ak(runtime):
    found = [key for key in runtime["keys"] if key.get("kid") == AK]
    if len(found) != 1:
        raise Malformed("azure.ak.missing", str(len(found)))
    key, modulus = found[0], found[0].get("n")
    plain = (
        isinstance(modulus, str)
        and BASE64URL.fullmatch(modulus)
        and (key.get("kty"), key.get("e"), key.get("key_ops")) == ("RSA", EXPONENT, ["sign"])
    )
    if not plain:
        raise Malformed("azure.ak.syntax", str(key.get("kty")))
    number = int.from_bytes(base64.urlsafe_b64decode(modulus + "=" * (-len(modulus) % 4)), "big")
    if number.bit_length() != BITS or number % 2 == 0:
        raise Malformed("azure.ak.syntax", f"{number.bit_length()} bits")
    return tpm_verifier.spki_of(rsa.RSAPublicNumbers(65537, number).public_key())


def check_td(report, quote, collateral, at, judgement):
    td = TdReport(report.hardware[:1024])
    judgement.check(td.consistent(), "azure.tdreport")
    if not judgement.check(quote is not None, "azure.td_quote.missing"):
        return
    judgement.hardware = judgement.adopt(quote_verifier.verify(quote, collateral, at))
    try:
        differing = td.differing(read_quote(quote).body)
    except Malformed:
        return  # the quote's own rules have said so
    judgement.check(not differing, "azure.td_quote", ", ".join(differing))


@dataclasses.dataclass
class Evidence:
    """All that a VM sends; what is not there is None."""

    hcl: bytes
    vek: bytes | None = None  # SEV-SNP: the signing key's certificate, its issuer and the root
    issuer: bytes | None = None
    root: bytes | None = None
    td_quote: bytes | None = None
    collateral: object = None
    quote: bytes | None = None  # the vTPM's, with its raw RSA signature
    signature: bytes | None = None
    pcrs: dict | None = None
    ak_chain: list | None = None  # DER, the attestation key's certificate first


def verify(evidence, at, *, ak_roots=frozenset(), amd_roots=None):
    judgement = AzureJudgement()
    try:
        report = judgement.report = read_hcl(evidence.hcl)
        if not judgement.check(report.report_data == report.binding(), "azure.binding"):
            return judgement
        judgement.runtime = read_runtime(report.json)
        judgement.ak = read_ak(judgement.runtime)
    except Malformed as error:
        judgement.check(False, error.rule, error.detail)
        return judgement
    if report.kind == SNP:
        found = snp_verifier.verify(report.hardware, evidence.vek, evidence.issuer, evidence.root, at, roots=amd_roots)
        judgement.hardware = judgement.adopt(found)
    if report.kind == TDX:
        check_td(report, evidence.td_quote, evidence.collateral, at, judgement)
    if evidence.quote is not None:
        found = tpm_verifier.verify(
            evidence.quote, evidence.signature, evidence.pcrs, spki=judgement.ak, raw_rsa=True, chain=evidence.ak_chain, roots=ak_roots, at=at
        )
        # The report vouches for the key: a certificate is not needed, but it must not name another.
        named = [("azure.ak.certificate" if rule == "tpm.ak.certificate" else rule, detail) for rule, detail in found.findings]
        judgement.tpm, found.findings, found.certified = found, named, True
        judgement.adopt(found)
    return judgement


@dataclasses.dataclass(frozen=True)
class Policy:
    tpm: tpm_verifier.Policy
    user_data: bytes | None = None
    secure_boot: bool = True
    allow_console: bool = False


def appraise(judgement, policy, pcrs):
    """Returns the rules by which a relying party refuses genuine evidence; the hardware's report has its own policy."""
    result, runtime = Judgement(), judgement.runtime
    configuration = runtime["vm-configuration"]
    if result.check(judgement.tpm is not None, "azure.quote.missing"):
        result.findings += tpm_verifier.appraise(judgement.tpm, policy.tpm, pcrs).findings
    result.check(policy.user_data is None or bytes.fromhex(runtime["user-data"]) == policy.user_data, "azure.user_data")
    result.check(not policy.secure_boot or configuration.get("secure-boot") is True, "azure.vm.secure_boot")
    result.check(configuration.get("tpm-enabled") is True, "azure.vm.tpm")
    result.check(policy.allow_console or configuration.get("console-enabled") is False, "azure.vm.console")
    return result
