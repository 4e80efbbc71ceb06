// A document verified cold, against what its signatures alone cost in the same run. Genuine samples where the shared folder is there, a forged one
// otherwise; both have five certificates and P-384 alone.
#include "nitro_forge.h"
#include "openpcc/crypto/hash.h"
#include "openpcc/testkit/evidence_bench.h"

namespace openpcc::nitro {
namespace {

struct Sample {
  Bytes bytes;
  UnixSeconds now;
  PinnedRoot root;
};

Sample sample_of(Bytes bytes) {
  const auto document = parse_document(bytes);
  OPENPCC_CHECK(document.has_value());
  const auto now = static_cast<UnixSeconds>(document->timestamp_ms / 1000);
  const PinnedRoot root = crypto::sha256(x509::Certificate::parse(document->cabundle.front())->spki());
  return {std::move(bytes), now, root};
}

// check_signatures checks all that a verification rests on: the root by itself, each certificate by the one above it, the document by the leaf. Every
// key is decoded once, as a verifier must.
class Signatures {
 public:
  explicit Signatures(const Sample& sample) {
    const Document document = *parse_document(sample.bytes);
    for (const ByteSpan der : document.cabundle) chain_.push_back(*x509::Certificate::parse(der));
    chain_.push_back(*x509::Certificate::parse(document.certificate));
    covered_ = signed_bytes(document);
    signature_.assign(document.signature.begin(), document.signature.end());
  }

  size_t count() const { return chain_.size() + 1; }

  void check() const {
    std::optional<x509::PublicKey> issuer;
    for (const x509::Certificate& certificate : chain_) {
      auto key = certificate.key();
      OPENPCC_CHECK(certificate.signature().check(issuer ? *issuer : *key));
      issuer = std::move(*key);
    }
    OPENPCC_CHECK(std::get<crypto::EcdsaPublic>(*issuer).verify(covered_, signature_));
  }

 private:
  std::vector<x509::Certificate> chain_;
  Bytes covered_, signature_;
};

void verify_cold(benchmark::State& state, const std::function<Bytes()>& make) {
  const Sample sample = sample_of(make());
  const Signatures signatures(sample);
  testkit::compare_with_signatures(
      state, signatures.count(), [&] { OPENPCC_CHECK(verify(sample.bytes, sample.now, {&sample.root, 1}).has_value()); },
      [&] { signatures.check(); });
  state.SetLabel(std::to_string(signatures.count()) + " P-384");
}

void add(const std::string& name, const std::function<Bytes()>& make) {
  benchmark::RegisterBenchmark(("verify_cold/" + name).c_str(), [make](benchmark::State& state) { verify_cold(state, make); })
      ->UseManualTime()
      ->Unit(benchmark::kMicrosecond);
}

[[maybe_unused]] const bool kRegistered = [] {
  const boost::json::array samples = testkit::genuine_samples("nitro");
  for (const boost::json::value& entry : samples) {
    add(std::string(testkit::text_at(entry, "name")), [entry] { return testkit::evidence_file(testkit::text_at(entry, "document")); });
  }
  if (samples.empty()) add("forged enclave", [] { return forge::Maker().document(); });
  return true;
}();

}  // namespace
}  // namespace openpcc::nitro
