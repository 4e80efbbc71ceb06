"""Every sample of Azure's confidential VMs in the shared corpus through the independent verifier: verdict and fields. Then what other verifiers got
wrong."""

import dataclasses
import hashlib

import azure_format
import azure_verifier
import pytest
import tpm_format
import tpm_verifier
from device_corpus import AZURE, AZURE_TPM_ROOT, azure, azure_certificate
from evidence_corpus import each, read, with_id
from strict_der import read_certificate

pytestmark = pytest.mark.once

WITH_QUOTE = [sample for sample in AZURE if "tpm_signature" in sample["checks"]]


@each(AZURE)
@pytest.mark.verdict
def test_vm_is_judged_as_expected(sample):
    evidence, at = azure(sample)
    judgement = azure_verifier.verify(evidence, at)
    assert sample["verdict"] == "valid" and all(sample["checks"].values())
    assert judgement.rules == [] and judgement.hardware.rules == []
    if "hcl" in sample.get("parsed", {}):
        parsed, report = sample["parsed"]["hcl"], judgement.report
        assert (report.version, report.hash, len(report.json)) == (parsed["version"], parsed["hash_type"], parsed["var_len"])
        assert {azure_format.SNP: "SNP", azure_format.TDX: "TDX"}[report.kind] == parsed["hw_report_type"]
        runtime = sample["parsed"]["runtime"]
        assert [key["kid"] for key in judgement.runtime["keys"]] == runtime["keys"]
        assert (judgement.runtime["user-data"], judgement.runtime["vm-configuration"]) == (runtime["user_data"], runtime["vm_configuration"])
        assert tpm_format.read_quote(evidence.quote).extra.hex() == sample["parsed"]["tpm"]["extra_data"]


def appraise(sample, nonce=None, **demands):
    evidence, at = azure(sample)
    judgement = azure_verifier.verify(evidence, at)
    nonce = tpm_format.read_quote(evidence.quote).extra if nonce is None else nonce
    accepted = {4: frozenset({evidence.pcrs["sha256"][4]})}
    policy = azure_verifier.Policy(tpm_verifier.Policy(nonce, accepted), secure_boot=demands.pop("secure_boot", True), allow_console=True)
    return azure_verifier.appraise(judgement, dataclasses.replace(policy, **demands), evidence.pcrs)


# With secure boot off: the corpus marks none of its samples for that.
INSECURE = {"azure-tdx-azure-flashbots-a": ["azure.vm.secure_boot"]}


@each(WITH_QUOTE)
@pytest.mark.verdict
def test_vm_is_appraised_as_expected(sample):
    expected = ["tpm.nonce"] if sample["strict_policy"]["reasons"] == ["empty qualifying data: no freshness"] else []
    assert appraise(sample).rules == expected + INSECURE.get(sample["id"], [])


def test_certificate_of_the_vtpm_s_key_holds():
    sample = with_id("azure-tdx-azure-flashbots-a")
    evidence, at = azure(sample)
    paths = ("azure/tdx-azure-flashbots-a/ak_cert.pem", "azure/roots/azure_tpm_intermediate_03.pem", AZURE_TPM_ROOT)
    evidence.ak_chain = [azure_certificate(path) for path in paths]
    root = read_certificate(evidence.ak_chain[-1], tpm_verifier.ALGORITHMS)
    roots = frozenset({hashlib.sha256(root.spki).hexdigest()})
    judgement = azure_verifier.verify(evidence, at, ak_roots=roots)
    assert judgement.rules == [] and sample["checks"]["ak_cert_key_equals_HCLAkPub"]
    assert azure_verifier.verify(evidence, at).rules == ["tpm.chain.root"]
    other = dataclasses.replace(azure(with_id("azure-tdx-lunal-live"))[0], ak_chain=evidence.ak_chain)
    assert azure_verifier.verify(other, at, ak_roots=roots).rules == ["azure.ak.certificate"]


# What other verifiers got wrong.


def test_quote_of_another_session_is_refused():
    """The report is constant over a boot, so only the quote's nonce says that it is of this session."""
    assert appraise(with_id("azure-snp-trustee-v1"), nonce=b"challenge of another session").rules == ["tpm.nonce"]


def test_quote_of_another_vm_is_refused():
    """Evidence put together from two VMs: the report of one does not vouch for the key of the other."""
    evidence, at = azure(with_id("azure-snp-trustee-genoa"))
    other, _ = azure(with_id("azure-snp-trustee-v1"))
    mixed = dataclasses.replace(evidence, quote=other.quote, signature=other.signature, pcrs=other.pcrs)
    assert azure_verifier.verify(mixed, at).rules == ["tpm.signature"]


def test_pcr_values_beside_the_quote_are_refused():
    evidence, at = azure(with_id("azure-snp-trustee-v1"))
    values = evidence.pcrs["sha256"]
    changed = dataclasses.replace(evidence, pcrs={"sha256": values | {8: b"\x08" * 32}})
    assert azure_verifier.verify(changed, at).rules == ["tpm.digest"]
    fewer = dataclasses.replace(evidence, pcrs={"sha256": {i: values[i] for i in range(8)}})
    assert azure_verifier.verify(fewer, at).rules == ["tpm.pcrs"]


def test_quote_of_the_td_is_of_this_td():
    """On Azure all RTMRs are zero and MRTD is the paravisor's: what tells two VMs apart is REPORTDATA alone."""
    evidence, at = azure(with_id("azure-tdx-lunal-live"))
    other = dataclasses.replace(evidence, td_quote=read("azure/tdx-azure-flashbots-a/td_quote.bin"))
    assert azure_verifier.verify(other, at).rules == ["azure.td_quote"]
