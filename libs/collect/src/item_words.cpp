#include "item_words.h"

namespace openpcc::collect {

std::string_view words_for(attest::PlatformItem kind) {
  switch (kind) {
    using enum attest::PlatformItem;
    case snp_report: return "a report of AMD SEV-SNP";
    case snp_certificate_table: return "a host's table of certificates";
    case intel_quote: return "a quote of Intel TDX or SGX";
    case nitro_document: return "an attestation document of AWS Nitro";
    case tcb_info: return "Intel's TCB info";
    case qe_identity: return "an identity of Intel's quoting enclave";
    case signature_hex: return "a signature apart from its document";
    case certificate: return "a certificate";
    case certificates: return "a chain of certificates";
    case revocation_list: return "a revocation list";
    case nvidia_report: return "a report of an NVIDIA device";
    case nvidia_manifest: return "an NVIDIA manifest";
    case nvidia_token: return "a token of NVIDIA's service";
    case ocsp_response: return "an OCSP response";
    case bundle: return "a bundle";
    case tpm_quote: return "a TPM's quote";
    case tpm_signature: return "a TPM's signature";
    case tpm_key: return "a TPM's key";
    case tpm_values: return "PCR values";
    case event_log: return "an event log";
    case runtime_log: return "a dstack event log";
    case azure_hcl: return "a report of Azure's paravisor";
    case bare_signature: return "a bare signature";
    case vtpm_certificate: return "a vTPM's certificate";
    case cca_token: return "a token of Arm CCA";
    case sigstore_bundle: return "a Sigstore bundle";
    case other: break;
  }
  return "nothing that is known";
}

}  // namespace openpcc::collect
