// A report verified cold, with chain and revocation list, against what its signatures alone cost in the same run. Genuine samples have AMD's RSA keys
// of 4096 bits; where they are absent, forged machines with 2048 bits stand in.
#include "openpcc/testkit/evidence_bench.h"
#include "snp_forge.h"

namespace openpcc::snp {
namespace {

struct Sample {
  Bytes report, vek, issuer, root, crl;
  UnixSeconds now;
  std::vector<PinnedRoot> roots;

  Collateral view() const { return {vek, issuer, root, crl}; }
};

Sample genuine(const boost::json::value& entry) {
  const auto file = [&](std::string_view member) { return testkit::evidence_file(testkit::text_at(entry, member)); };
  const auto roots = amd_roots();
  return {file("report"),
          file("vek"),
          file("issuer"),
          file("root"),
          file("crl"),
          static_cast<UnixSeconds>(testkit::int_at(entry, "time")),
          {roots.begin(), roots.end()}};
}

Sample forged(Product product, SigningKey kind) {
  forge::VekOptions vlek;
  vlek.kind = SigningKey::vlek;
  const forge::Machine machine = kind == SigningKey::vlek ? forge::Machine(forge::Line::one(product), vlek) : forge::Machine::of(product);
  const forge::Line& line = machine.line;
  const Bytes issuer = kind == SigningKey::vlek ? line.asvk_der() : line.ask_der();
  return {machine.signed_report(), machine.vek_der(), issuer, line.ark_der(), line.crl(), forge::kNow, {line.pin()}};
}

// Signatures are all that a verification checks: root by itself, issuer and list by the root, VEK by the issuer, report by the VEK; root and issuer not
// where they are known by their digests. Every key is decoded once, as a verifier must.
class Signatures {
 public:
  explicit Signatures(const Sample& sample)
      : root_(*x509::Certificate::parse(sample.root)),
        issuer_(*x509::Certificate::parse(sample.issuer)),
        vek_(*x509::Certificate::parse(sample.vek)),
        crl_(*x509::Crl::parse(sample.crl)),
        report_(sample.report),
        report_signature_(parse_report(sample.report)->signature) {
    const auto known = [&](const x509::Certificate& one) {
      return std::ranges::any_of(sample.roots, [&](const PinnedRoot& pin) { return x509::is_known(one, pin.certificates); });
    };
    root_known_ = known(root_);
    issuer_known_ = known(issuer_);
  }

  size_t rsa() const { return 2 + size_t{!root_known_} + size_t{!issuer_known_}; }
  size_t count() const { return rsa() + 1; }

  void check() const {
    const auto root_key = root_.key(), issuer_key = issuer_.key(), vek_key = vek_.key();
    OPENPCC_CHECK(root_known_ || root_.signature().check(*root_key));
    OPENPCC_CHECK(issuer_known_ || issuer_.signature().check(*root_key));
    OPENPCC_CHECK(crl_.signature().check(*root_key));
    OPENPCC_CHECK(vek_.signature().check(*issuer_key));
    OPENPCC_CHECK(std::get<crypto::EcdsaPublic>(*vek_key).verify(ByteSpan(report_).first(kSignedBytes), report_signature_));
  }

  std::string kinds() const {
    const size_t bits = 8 * root_.signature().signature.size();
    return std::to_string(rsa()) + " RSA-" + std::to_string(bits) + ", 1 P-384";
  }

 private:
  x509::Certificate root_, issuer_, vek_;
  x509::Crl crl_;
  Bytes report_;
  decltype(Report::signature) report_signature_;
  bool root_known_, issuer_known_;
};

void verify_cold(benchmark::State& state, const std::function<Sample()>& make) {
  const Sample sample = make();
  const Signatures signatures(sample);
  testkit::compare_with_signatures(
      state, signatures.count(),
      [&] { OPENPCC_CHECK(verify(sample.report, sample.view(), sample.now, sample.roots).verified.has_value()); },
      [&] { signatures.check(); });
  state.SetLabel(signatures.kinds());
}

void add(const std::string& name, const std::function<Sample()>& make) {
  benchmark::RegisterBenchmark(("verify_cold/" + name).c_str(), [make](benchmark::State& state) { verify_cold(state, make); })
      ->UseManualTime()
      ->Unit(benchmark::kMicrosecond);
}

[[maybe_unused]] const bool kRegistered = [] {
  const boost::json::array samples = testkit::genuine_samples("snp");
  for (const boost::json::value& entry : samples) add(std::string(testkit::text_at(entry, "name")), [entry] { return genuine(entry); });
  if (!samples.empty()) return true;
  add("forged Milan, VCEK", [] { return forged(Product::milan, SigningKey::vcek); });
  add("forged Milan, VLEK", [] { return forged(Product::milan, SigningKey::vlek); });
  add("forged Turin, VCEK", [] { return forged(Product::turin, SigningKey::vcek); });
  return true;
}();

}  // namespace
}  // namespace openpcc::snp
