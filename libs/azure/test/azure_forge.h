// Confidential VMs of a test's own making: a chip or a TD, a paravisor's report around its hardware report, and the paravisor's vTPM. Valid as they come;
// a test changes one thing.
#pragma once

#include "../../tdx/test/world.h"
#include "openpcc/azure/verify.h"
#include "openpcc/testkit/json.h"
#include "openpcc/testkit/samples.h"
#include "snp_forge.h"
#include "tpm_forge.h"

namespace openpcc::azure::forge {

// modulus_of is what a JWK of this RSA key (SubjectPublicKeyInfo) says as its n.
std::string modulus_of(ByteSpan spki);

// Owned keeps what an Evidence shows.
struct Owned {
  Bytes hcl, vek, issuer, root, td_quote, quote;
  std::optional<Bytes> crl, ak_certificate;
  tdx::test::Set tdx;
  tpm::Signature signature;
  tpm::Banks values;
  bool with_quote = true;
  Evidence view() const;
};

// Vm makes evidence. Its fields are what goes into it next.
struct Vm {
  explicit Vm(Hardware hardware = Hardware::snp, snp::Product product = snp::Product::genoa);

  Hardware hardware;
  snp::forge::Machine chip;            // of a VM on SEV-SNP
  std::optional<tdx::test::World> td;  // of a VM on TDX
  tpm::forge::Machine tpm;

  boost::json::object runtime;      // the JSON's members
  std::optional<std::string> json;  // in their place, text
  HashType hash_type = HashType::sha256;
  bool bind = true;                   // REPORT_DATA becomes the JSON's hash
  x509::forge::CertificateFields ak;  // of its certificate, which ak_issuer signs
  x509::forge::Key ak_issuer{x509::Algorithm::ecdsa_sha384};

  UnixSeconds now() const { return hardware == Hardware::snp ? snp::forge::kNow : tdx::test::kNow; }
  void set_user_data(ByteSpan data) { runtime["user-data"] = to_hex(data); }
  boost::json::object& key(size_t i) { return runtime["keys"].as_array().at(i).as_object(); }
  boost::json::object& configuration() { return runtime["vm-configuration"].as_object(); }
  std::string json_text() const { return json ? *json : boost::json::serialize(runtime); }
  // evidence binds, signs and quotes everything anew.
  Owned evidence();
  Trust trust() const;

 private:
  Bytes td_report() const;
  std::array<snp::PinnedRoot, 1> pin_;
};

using testkit::refused;

}  // namespace openpcc::azure::forge
