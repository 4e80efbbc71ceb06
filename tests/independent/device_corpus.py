"""What the shared corpus has of NVIDIA's devices, TPMs, event logs, Azure's VMs and Nitro enclaves, beyond what evidence_corpus.py reads."""

import json

import azure_verifier
import quote_format
import snp_verifier
import strict_der
from evidence_corpus import collateral, of_kind, read, snp_root, time
from judgement import Judgement
from strict_der import read_pem

NVIDIA = of_kind("nvidia-report")
GENUINE = [sample for sample in NVIDIA if sample["verdict"] == "valid"]
MANIFESTS = of_kind("nvidia-rim")
NITRO = of_kind("nitro")
AZURE = of_kind("azure-hcl")
LOGS = [sample for sample in of_kind("tpm-eventlog") if sample["verdict"] == "replayable"]
CCELS, RUNTIME_LOGS = of_kind("tdx-ccel"), of_kind("tdx-runtime-log")


def evaluated_at(sample):
    return time(sample.get("evaluate_at", "2026-06-15T00:00:00Z"))


def device(sample):
    """(report, chain, time)."""
    return read(sample["files"][0]), read(sample["files"][1]), evaluated_at(sample)


def is_of_driver(path):
    return "DRIVER" in path.upper()


# TPM quotes.

GCE, SWTPM, PARSE_ONLY, KINVOLK = (
    "tpm-quote-gce-cos-85-no-nonce",
    "tpm-quote-trustee-swtpm",
    "tpm-attest-dstack-gcp-parse-only",
    "azure-kinvolk-quote",
)


def pcr_values(path):
    return {int(index): bytes.fromhex(value) for index, value in json.loads(read(path)).items()}


def gce_quote(bank):
    """(quote, signature, PCRs, key as TPMT_PUBLIC)."""
    folder = "tpm/quotes/gce-cos-85-no-nonce"
    pcrs = {bank: pcr_values(f"{folder}/pcrs_{bank}.json")}
    return read(f"{folder}/quote_{bank}.msg"), read(f"{folder}/quote_{bank}.sig"), pcrs, read(f"{folder}/ak_pub.tpmt")


def swtpm_quote():
    """(quote, signature, PCRs, key as SubjectPublicKeyInfo)."""
    folder = "tpm/quotes/trustee-swtpm"
    return read(f"{folder}/quote.msg"), read(f"{folder}/quote.sig"), {"sha256": pcr_values(f"{folder}/pcrs.json")}, read(f"{folder}/ak_pub.spki.der")


def kinvolk_quote():
    """(quote, raw signature, PCRs, key in PEM), out of lengths of eight bytes."""
    data, parts = read("azure/kinvolk/quote.bin"), []
    for _ in range(2):
        size = int.from_bytes(data[:8], "little")
        parts.append(data[8 : 8 + size])
        data = data[8 + size :]
    n, values = int.from_bytes(data[:8], "little"), data[8:]
    assert len(values) == 32 * n
    return parts[1], parts[0], {"sha256": {i: values[32 * i : 32 * i + 32] for i in range(n)}}, read("azure/kinvolk/akpub.pem")


def rtmrs(path):
    body = quote_format.read_quote(read(path)).body
    return [bytes(body[at : at + 48]) for at in range(328, 520, 48)]


# Azure. Sets of collateral under which the TDs' quotes are up to date, and a time when they are valid together.

TD_COLLATERAL = {
    "azure-tdx-trustee-v1": ("flashbots-gcp-00806F", "2026-07-01T00:00:00Z"),
    "azure-tdx-lunal-live": ("flashbots-azure-90C06F-c", "2026-06-15T00:00:00Z"),
    "azure-tdx-azure-flashbots-a": ("flashbots-azure-90C06F-c", "2026-06-15T00:00:00Z"),
    "azure-tdx-openpcc": ("flashbots-azure-90C06F-c", "2026-06-15T00:00:00Z"),
}
AZURE_TPM_ROOT = "azure/roots/azure_tpm_root_2023.pem"


def azure_certificate(path):
    """The first certificate of a file, which may begin with a comment; the vTPM's NV index fills what follows the certificate with zeros."""
    text = read(path)
    der = read_pem(text[text.index(b"-----BEGIN") :].rstrip(b"\n") + b"\n")[0]
    certificate, rest = strict_der.read(der)
    assert not any(rest)
    return certificate.whole


def azure(sample):
    """(evidence, time)."""
    files = {path.rpartition("/")[2]: path for path in sample["files"]}
    evidence, at = azure_verifier.Evidence(read(files["hcl_report.bin"])), evaluated_at(sample)
    if "vcek.der" in files:
        evidence.vek = read(files["vcek.der"])
        product = snp_verifier.read_vek(evidence.vek, Judgement()).product
        evidence.issuer, evidence.root = snp_root(product, "ask"), snp_root(product, "ark")
    if sample["id"] in TD_COLLATERAL:
        name, moment = TD_COLLATERAL[sample["id"]]
        evidence.td_quote = read(files.get("td_quote.bin") or files["quote.bin"])
        evidence.collateral, at = collateral(name), time(moment)
    if "tpm_quote.msg" in files:
        evidence.quote, evidence.signature = read(files["tpm_quote.msg"]), read(files["tpm_quote.sig"])
        evidence.pcrs = {"sha256": pcr_values(files["pcrs.json"])}
    return evidence, at
