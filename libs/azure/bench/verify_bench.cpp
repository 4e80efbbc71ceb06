// A VM's evidence verified cold: hardware report, runtime data and the vTPM's quote, against what its signatures alone cost in the same run. Genuine
// samples have AMD's RSA keys of 4096 bits; where they are absent, a forged machine with 2048 bits stands in.
#include "azure_forge.h"
#include "openpcc/testkit/evidence_bench.h"
#include "openpcc/tpm/transport.h"

namespace openpcc::azure {
namespace {

struct Sample {
  Bytes hcl, vek, issuer, root, quote;
  tpm::Signature signature;
  tpm::Banks values;
  UnixSeconds now;
  std::vector<snp::PinnedRoot> roots;

  Evidence view() const {
    Evidence out;
    out.hcl = hcl;
    out.snp = {vek, issuer, root, {}};
    out.quote = TpmQuote{quote, signature, values};
    return out;
  }
};

Sample genuine(const boost::json::value& entry) {
  const auto file = [&](std::string_view member) { return testkit::evidence_file(testkit::text_at(entry, member)); };
  const auto roots = snp::amd_roots();
  return {file("hcl"),
          file("vek"),
          file("issuer"),
          file("root"),
          file("quote"),
          tpm::rsassa_sha256(file("signature")),
          *tpm::parse_values(file("values")),
          static_cast<UnixSeconds>(testkit::int_at(entry, "time")),
          {roots.begin(), roots.end()}};
}

Sample forged() {
  forge::Vm vm;
  forge::Owned owned = vm.evidence();
  return {owned.hcl, owned.vek, owned.issuer, owned.root, owned.quote, owned.signature, owned.values, vm.now(), {vm.chip.line.pin()}};
}

Bytes spki_of(ByteSpan hcl) {
  const auto runtime = read_runtime(parse_hcl(hcl)->json);
  return {runtime->ak.spki().begin(), runtime->ak.spki().end()};
}

// Signatures are all that a verification checks: root by itself and issuer by the root where they are not known by their digests, VEK by the issuer, report
// by the VEK, quote by HCLAkPub. Every key is decoded once, as a verifier must.
class Signatures {
 public:
  explicit Signatures(const Sample& sample)
      : root_(*x509::Certificate::parse(sample.root)),
        issuer_(*x509::Certificate::parse(sample.issuer)),
        vek_(*x509::Certificate::parse(sample.vek)),
        hcl_(sample.hcl),
        signature_(snp::parse_report(parse_hcl(hcl_)->report)->signature),
        ak_spki_(spki_of(sample.hcl)),
        quote_(sample.quote),
        quote_signature_(sample.signature.value) {
    const auto known = [&](const x509::Certificate& one) {
      return std::ranges::any_of(sample.roots, [&](const snp::PinnedRoot& pin) { return x509::is_known(one, pin.certificates); });
    };
    root_known_ = known(root_);
    issuer_known_ = known(issuer_);
  }

  size_t of_amd() const { return 1 + size_t{!root_known_} + size_t{!issuer_known_}; }
  size_t count() const { return of_amd() + 2; }

  void check() const {
    const auto root_key = root_.key(), issuer_key = issuer_.key(), vek_key = vek_.key(), ak = x509::read_key(ak_spki_);
    OPENPCC_CHECK(root_known_ || root_.signature().check(*root_key));
    OPENPCC_CHECK(issuer_known_ || issuer_.signature().check(*root_key));
    OPENPCC_CHECK(vek_.signature().check(*issuer_key));
    const ByteSpan report = ByteSpan(hcl_).subspan(kHeaderBytes, snp::kSignedBytes);
    OPENPCC_CHECK(std::get<crypto::EcdsaPublic>(*vek_key).verify(report, signature_));
    OPENPCC_CHECK(std::get<crypto::RsaPublic>(*ak).verify_pkcs1(crypto::RsaDigest::sha256, quote_, quote_signature_));
  }

  std::string kinds() const {
    return std::to_string(of_amd()) + " RSA-" + std::to_string(8 * root_.signature().signature.size()) + ", 1 P-384, 1 RSA-2048";
  }

 private:
  x509::Certificate root_, issuer_, vek_;
  Bytes hcl_;
  decltype(snp::Report::signature) signature_;
  Bytes ak_spki_, quote_, quote_signature_;
  bool root_known_, issuer_known_;
};

void verify_cold(benchmark::State& state, const std::function<Sample()>& make) {
  const Sample sample = make();
  const Signatures signatures(sample);
  const Evidence evidence = sample.view();
  Trust trust;
  trust.amd = sample.roots;
  testkit::compare_with_signatures(
      state, signatures.count(), [&] { OPENPCC_CHECK(verify(evidence, sample.now, trust).verified.has_value()); },
      [&] { signatures.check(); });
  state.SetLabel(signatures.kinds());
}

void add(const std::string& name, const std::function<Sample()>& make) {
  benchmark::RegisterBenchmark(("verify_cold/" + name).c_str(), [make](benchmark::State& state) { verify_cold(state, make); })
      ->UseManualTime()
      ->Unit(benchmark::kMicrosecond);
}

[[maybe_unused]] const bool kRegistered = [] {
  const boost::json::array samples = testkit::genuine_samples("azure");
  for (const boost::json::value& entry : samples) add(std::string(testkit::text_at(entry, "name")), [entry] { return genuine(entry); });
  if (samples.empty()) add("forged Genoa", [] { return forged(); });
  return true;
}();

}  // namespace
}  // namespace openpcc::azure
