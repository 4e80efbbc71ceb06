// What an item of platform evidence is, by its bytes. Names and endings of files are not looked at.
#pragma once

#include <span>
#include <variant>
#include <vector>

#include "openpcc/tpm/transport.h"
#include "openpcc/tpm/verify.h"
#include "openpcc/x509/choose.h"
#include "openpcc/x509/ocsp.h"

namespace openpcc::attest {

enum class PlatformItem : uint8_t {
  snp_report,             // or MSG_REPORT_RSP around one
  snp_certificate_table,  // the host's
  intel_quote,            // of TDX, or of an SGX enclave
  nitro_document,         // of an AWS Nitro enclave, or of an instance's NitroTPM
  tcb_info,               // Intel's JSON, with its signature inside or beside it
  qe_identity,            // likewise
  signature_hex,          // 128 digits, of one of the two before
  certificate,            // DER
  certificates,           // PEM
  revocation_list,        // DER
  nvidia_report,          // of a GPU or a switch
  nvidia_manifest,        // signed XML
  nvidia_token,           // of an attestation service; none is taken
  ocsp_response,          // DER
  bundle,                 // a report and what vouches for it, as one collection (evidence.h, parse_platform)
  tpm_quote,              // TPMS_ATTEST, or a package around one, its signature and its values
  tpm_signature,          // TPMT_SIGNATURE
  tpm_key,                // TPMT_PUBLIC, or SubjectPublicKeyInfo as DER or PEM
  tpm_values,             // of PCRs, as JSON
  event_log,              // of a boot: a TPM's, or the CCEL of a TD
  runtime_log,            // of dstack, as JSON
  azure_hcl,              // the paravisor's report of an Azure confidential VM
  bare_signature,         // a number of RSA, as Azure's tooling hands on the signature of a quote
  vtpm_certificate,       // of such a VM's key, with the zeros that its NV memory has after it
  cca_token,              // of Arm; recognised, and not verified here
  sigstore_bundle,        // likewise
  other,
};

// Recognised is an item with what was read of it to tell what it is, so that nobody has to read it again.
struct Recognised {
  PlatformItem kind = PlatformItem::other;
  ByteSpan bytes;  // outlive it
  // Of certificates and of the host's table all certificates; of a key also why one that can be read is none that attests; of a quote the
  // package that it came in. Nothing of other kinds.
  std::variant<std::monostate, std::vector<x509::Certificate>, x509::Crl, x509::OcspResponse, tpm::Package, tpm::Signature, tpm::Banks,
               Result<tpm::AttestationKey>>
      read = {};

  template <class T>
  const T* as() const {
    return std::get_if<T>(&read);
  }
};
Recognised read_item(ByteSpan bytes);
std::vector<Recognised> read_items(std::span<const Bytes> items);
// recognise is for those who want to know nothing else.
PlatformItem recognise(ByteSpan bytes);

// is_evidence: it says something of a platform or a release itself, alone or in a bundle, and does not only vouch for what does.
bool is_evidence(PlatformItem item);

// These are what is to choose from, in the order of the items, which outlive it.
std::vector<const x509::Certificate*> certificates_in(std::span<const Recognised> items);
std::vector<x509::CrlView> lists_in(std::span<const Recognised> items);
std::vector<ByteSpan> all_of(std::span<const Recognised> items, PlatformItem kind);

}  // namespace openpcc::attest
