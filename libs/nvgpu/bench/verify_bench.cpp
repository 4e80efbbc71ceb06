// A device verified cold, with its chain and its manifests, against what its signatures alone cost in the same run. Certificates that several chains
// share are paid for once, on both sides. Where the shared evidence is absent, a device of our own making stands in.
#include <map>

#include "nvgpu_forge.h"
#include "openpcc/nvgpu/appraise.h"
#include "openpcc/testkit/evidence_bench.h"
#include "signed_xml.h"

namespace openpcc::nvgpu {
namespace {

struct Sample {
  Bytes report, chain;
  std::vector<Bytes> manifests;
  UnixSeconds now;
  std::vector<PinnedKey> device_roots, manifest_roots;
};

Sample genuine(const boost::json::value& entry) {
  Sample out{testkit::evidence_file(testkit::text_at(entry, "report")),
             testkit::evidence_file(testkit::text_at(entry, "chain")),
             {},
             static_cast<UnixSeconds>(testkit::int_at(entry, "time")),
             {device_roots()[0]},
             {manifest_roots()[0]}};
  for (const boost::json::value& file : entry.at("manifests").as_array()) out.manifests.push_back(testkit::evidence_file(file.as_string()));
  return out;
}

Sample forged() {
  const forge::Device device;
  Sample out{device.signed_report(),
             device.chain(),
             {},
             forge::kNow,
             {forge::pin_of(device.maker->root_key)},
             {forge::pin_of(forge::Author::one().root_key)}};
  for (const Part part : {Part::driver, Part::vbios}) {
    const std::string text = forge::manifest_of(device, part).sign();
    out.manifests.emplace_back(text.begin(), text.end());
  }
  return out;
}

void verify_all(const Sample& sample) {
  CheckedLinks links;
  const Verification verification = verify(sample.report, sample.chain, {}, sample.now, sample.device_roots, &links);
  OPENPCC_CHECK(verification.verified.has_value());
  std::vector<VerifiedManifest> manifests;
  for (const Bytes& xml : sample.manifests) {
    ManifestVerification manifest = verify_manifest(xml, {}, sample.now, sample.manifest_roots, &links);
    OPENPCC_CHECK(manifest.verified.has_value());
    manifests.push_back(std::move(*manifest.verified));
  }
  Demands demands;
  demands.require_manifests = true;
  const Software software = measure(*verification.verified, manifests);
  OPENPCC_CHECK(appraisal::refusal(appraise(*verification.verified, software, demands)) == nullptr);
}

// Signatures are all that a verification rests on, each checked once; every key is decoded once, as a verifier must.
class Signatures {
 public:
  explicit Signatures(const Sample& sample) {
    add_chain(*read_chain(sample.chain));
    const Report report = *parse_report(sample.report);
    add(leaf_of(*read_chain(sample.chain)), ByteSpan(sample.report).first(report.signed_bytes), report.signature);
    for (const Bytes& xml : sample.manifests) {
      const auto chain = certificates_of_manifest(xml);
      const SignedXml opened = *open_signed_xml(xml);
      add_chain(chain);
      add(leaf_of(chain), opened.signed_info, opened.signature);
    }
  }

  size_t count() const { return all_.size(); }
  void check() const {
    std::map<Bytes, crypto::EcdsaPublic> keys;
    for (const One& one : all_) {
      auto key = keys.find(one.point);
      if (key == keys.end()) key = keys.emplace(one.point, *crypto::EcdsaPublic::from_point(crypto::Curve::p384, one.point)).first;
      OPENPCC_CHECK(key->second.verify(one.message, one.signature));
    }
  }

 private:
  struct One {
    Bytes point, message, signature;
  };
  static Bytes leaf_of(const std::vector<x509::Certificate>& chain) { return point_of(chain.front()); }
  static Bytes point_of(const x509::Certificate& certificate) {
    const ByteSpan point = certificate.spki().last(96);
    return Bytes(point.begin(), point.end());
  }
  void add(Bytes point, ByteSpan message, ByteSpan signature) {
    One one{std::move(point), Bytes(message.begin(), message.end()), Bytes(signature.begin(), signature.end())};
    const bool known =
        std::ranges::any_of(all_, [&](const One& other) { return other.message == one.message && other.signature == one.signature; });
    if (!known) all_.push_back(std::move(one));
  }
  void add_chain(const std::vector<x509::Certificate>& chain) {
    for (size_t i = 0; i < chain.size(); ++i) {
      const x509::Signed& of = chain[i].signature();
      add(point_of(chain[std::min(i + 1, chain.size() - 1)]), of.message, of.signature);
    }
  }

  std::vector<One> all_;
};

void verify_cold(benchmark::State& state, const std::function<Sample()>& make) {
  const Sample sample = make();
  const Signatures signatures(sample);
  testkit::compare_with_signatures(state, signatures.count(), [&] { verify_all(sample); }, [&] { signatures.check(); });
  state.SetLabel(std::to_string(signatures.count()) + " P-384");
}

void add(const std::string& name, const std::function<Sample()>& make) {
  benchmark::RegisterBenchmark(("verify_cold/" + name).c_str(), [make](benchmark::State& state) { verify_cold(state, make); })
      ->UseManualTime()
      ->Unit(benchmark::kMicrosecond);
}

[[maybe_unused]] const bool kRegistered = [] {
  const boost::json::array samples = testkit::genuine_samples("nvgpu");
  for (const boost::json::value& entry : samples) add(std::string(testkit::text_at(entry, "name")), [entry] { return genuine(entry); });
  if (samples.empty()) add("forged GH100 and two manifests", forged);
  return true;
}();

}  // namespace
}  // namespace openpcc::nvgpu
