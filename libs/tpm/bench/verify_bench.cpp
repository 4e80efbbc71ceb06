// A quote verified cold, from the bytes of quote, signature and key, against what its signature alone costs in the same run. Genuine samples have RSA keys;
// where they are absent, machines of our own stand in.
#include "openpcc/testkit/evidence_bench.h"
#include "openpcc/tpm/transport.h"
#include "tpm_forge.h"

namespace openpcc::tpm {
namespace {

struct Sample {
  Bytes quote, signature, key;
  Banks values;
};

Sample genuine(const boost::json::value& entry) {
  const auto file = [&](std::string_view member) { return testkit::evidence_file(testkit::text_at(entry, member)); };
  return {file("quote"), file("signature"), file("key"), *parse_values(file("values"))};
}

Sample forged(x509::Algorithm algorithm) {
  const forge::Machine machine(algorithm);
  return {machine.quote(), machine.signature(), machine.public_area(), machine.pcrs};
}

// check_signature checks the one signature that a verification rests on, with a key that is decoded as a verifier must.
void check_signature(const Sample& sample, const Signature& signature, ByteSpan spki) {
  const auto key = x509::read_key(spki);
  if (const auto* ec = std::get_if<crypto::EcdsaPublic>(&*key)) {
    OPENPCC_CHECK(ec->verify(sample.quote, signature.value));
    return;
  }
  const auto digest = signature.hash == Hash::sha256 ? crypto::RsaDigest::sha256 : crypto::RsaDigest::sha384;
  OPENPCC_CHECK(std::get<crypto::RsaPublic>(*key).verify_pkcs1(digest, sample.quote, signature.value));
}

void verify_cold(benchmark::State& state, const std::function<Sample()>& make) {
  const Sample sample = make();
  const Signature signature = *parse_signature(sample.signature);
  const auto read = AttestationKey::read(sample.key);
  const Bytes spki(read->spki().begin(), read->spki().end());
  testkit::compare_with_signatures(
      state, 1,
      [&] {
        const auto key = AttestationKey::read(sample.key);
        OPENPCC_CHECK(verify(sample.quote, sample.signature, *key, sample.values).verified.has_value());
      },
      [&] { check_signature(sample, signature, spki); });
  const auto public_key = x509::read_key(spki);
  const auto* ec = std::get_if<crypto::EcdsaPublic>(&*public_key);
  const char* curve = ec != nullptr && ec->curve() == crypto::Curve::p256 ? "P-256" : "P-384";
  state.SetLabel("1 " + (ec != nullptr ? curve : "RSA-" + std::to_string(8 * signature.value.size())));
}

void add(const std::string& name, const std::function<Sample()>& make) {
  benchmark::RegisterBenchmark(("verify_cold/" + name).c_str(), [make](benchmark::State& state) { verify_cold(state, make); })
      ->UseManualTime()
      ->Unit(benchmark::kMicrosecond);
}

[[maybe_unused]] const bool kRegistered = [] {
  const boost::json::array samples = testkit::genuine_samples("tpm");
  for (const boost::json::value& entry : samples) {
    add(std::string(testkit::text_at(entry, "name")), [entry] { return genuine(entry); });
  }
  add("forged TPM quote, P-256", [] { return forged(x509::Algorithm::ecdsa_sha256); });
  add("forged TPM quote, RSA-2048", [] { return forged(x509::Algorithm::rsa_pkcs1_sha256); });
  return true;
}();

}  // namespace
}  // namespace openpcc::tpm
