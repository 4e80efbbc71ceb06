// A quote verified cold, with full collateral, against what its signatures alone cost in the same run: a genuine one where the
// shared samples are there, and a forged one.
#include "openpcc/testkit/evidence_bench.h"
#include "world.h"

namespace openpcc::tdx {
namespace {

// Signature is one of those that a verification rests on, with its key as it stands there.
struct Signature {
  Bytes key, message, r_s;
};

Bytes point_of(const x509::Certificate& certificate) { return {certificate.spki().end() - 64, certificate.spki().end()}; }

// signatures_of lists all that are verified: chain of the PCK, lists, quoting enclave, quote, signer, TCB info, identity. The root is in two chains.
// Certificates of Intel's that are known by their digest are left out, as a verification does.
std::vector<Signature> signatures_of(const Bytes& bytes, const Collateral& set) {
  std::vector<Signature> out;
  const auto quote = parse_quote(bytes);
  const auto chain = x509::Certificate::parse_pem(quote->pck_chain, 3);
  const auto signers = x509::Certificate::parse_pem(set.tcb_signing_chain, 2);
  OPENPCC_CHECK(quote && chain && signers);
  const Bytes root = point_of((*chain)[2]), ca = point_of((*chain)[1]), pck = point_of((*chain)[0]), signer = point_of((*signers)[0]);
  const auto add = [&](const Bytes& key, ByteSpan message, ByteSpan r_s) {
    out.push_back({key, Bytes(message.begin(), message.end()), Bytes(r_s.begin(), r_s.end())});
  };
  const auto add_signed = [&](const Bytes& key, const x509::Signed& what) { add(key, what.message, what.signature); };
  const auto add_certificate = [&](const Bytes& key, const x509::Certificate& one) {
    if (!x509::is_known(one, intel_certificates())) add_signed(key, one.signature());
  };
  add_certificate(root, (*chain)[2]);
  add_certificate(root, (*chain)[1]);
  add_certificate(ca, (*chain)[0]);
  add_signed(root, x509::Crl::parse(*set.root_ca_crl)->signature());
  add_signed(ca, x509::Crl::parse(*set.pck_crl)->signature());
  add(pck, quote->qe_report_bytes, quote->qe_report_signature);
  add(Bytes(quote->attestation_key.begin(), quote->attestation_key.end()), quote->signed_bytes, quote->signature);
  add_certificate(root, (*signers)[0]);
  for (const auto& [document, name] : {std::pair(&set.tcb_info, "tcbInfo"), std::pair(&set.qe_identity, "enclaveIdentity")}) {
    const auto value = open_document(*document, name);
    add(signer, value->value, value->signature);
  }
  return out;
}

// Every key is decoded once, as a verifier must; then each signature verified.
void check(const std::vector<Signature>& signatures) {
  std::vector<std::pair<const Bytes*, crypto::EcdsaPublic>> keys;
  for (const Signature& one : signatures) {
    auto found = std::ranges::find_if(keys, [&](const auto& known) { return *known.first == one.key; });
    if (found == keys.end()) {
      keys.emplace_back(&one.key, *crypto::EcdsaPublic::from_point(crypto::Curve::p256, one.key));
      found = keys.end() - 1;
    }
    OPENPCC_CHECK(found->second.verify(one.message, one.r_s));
  }
}

// A platform as real ones are: nine levels, a list of fifty serials.
test::World realistic() {
  test::World world;
  auto& levels = world.tcb_info.at("tcbLevels").as_array();
  const boost::json::value last = levels.back();
  while (levels.size() < 9) levels.push_back(last);
  for (auto& level : levels) {
    level.as_object()["advisoryIDs"] = boost::json::array{"INTEL-SA-00837", "INTEL-SA-00960", "INTEL-SA-00982", "INTEL-SA-00986"};
    for (const size_t i : {0u, 1u, 2u}) {
      for (const std::string_view part : {"sgxtcbcomponents", "tdxtcbcomponents"}) {
        boost::json::object& component = level.at("tcb").at(part).at(i).as_object();
        component["category"] = "OS/VMM";
        component["type"] = "SGX Late Microcode Update";
      }
    }
  }
  for (uint8_t i = 0; i < 57; ++i) world.pck_crl.serials.push_back(concat({Bytes{0x50, i}, Bytes(18, 0x11)}));
  return world;
}

// Sample owns what a verification reads.
struct Sample {
  Bytes quote, tcb_info, tcb_info_signature, identity, identity_signature, signing_chain, root_crl, pck_crl;
  UnixSeconds now;
  Terms terms;

  Collateral view() const { return {{tcb_info, tcb_info_signature}, {identity, identity_signature}, signing_chain, root_crl, pck_crl, {}}; }
};

Sample genuine(const boost::json::value& entry) {
  const std::string folder(testkit::text_at(entry, "collateral"));
  const auto file = [&](std::string_view name) { return testkit::evidence_file(folder + "/" + std::string(name)); };
  return {testkit::evidence_file(testkit::text_at(entry, "quote")),
          file("tcb_info.json"),
          file("tcb_info.sig.hex"),
          file("qe_identity.json"),
          file("qe_identity.sig.hex"),
          file("tcb_signing_chain.pem"),
          file("root_ca_crl.der"),
          file("pck_crl.der"),
          static_cast<UnixSeconds>(testkit::int_at(entry, "time")),
          {}};
}

// The world outlives the benchmark: terms show its root.
Sample forged() {
  static const test::World world = realistic();
  // One root in both chains, byte for byte, as Intel's is.
  const std::string root = test::forge::pem(world.root_der());
  const Bytes quote = world.quote(test::forge::pem(world.pck_der()) + test::forge::pem(world.ca_der()) + root);
  const test::Set set = world.set();
  const auto bytes = [](std::string_view text) {
    const ByteSpan span = as_bytes(text);
    return Bytes(span.begin(), span.end());
  };
  return {quote,
          bytes(set.tcb_info.value),
          bytes(set.tcb_info.signature_hex),
          bytes(set.identity.value),
          bytes(set.identity.signature_hex),
          bytes(test::forge::pem(world.signer_der()) + root),
          *set.root_crl,
          *set.pck_crl,
          test::kNow,
          world.terms()};
}

void verify_cold(benchmark::State& state, const std::function<Sample()>& make) {
  const Sample sample = make();
  const std::vector<Signature> signatures = signatures_of(sample.quote, sample.view());
  testkit::compare_with_signatures(
      state, signatures.size(), [&] { OPENPCC_CHECK(verify(sample.quote, sample.view(), sample.now, sample.terms)); },
      [&] { check(signatures); });
  state.SetLabel(std::to_string(signatures.size()) + " P-256");
}

void add(const std::string& name, const std::function<Sample()>& make) {
  benchmark::RegisterBenchmark(("verify_cold/" + name).c_str(), [make](benchmark::State& state) { verify_cold(state, make); })
      ->UseManualTime()
      ->Unit(benchmark::kMicrosecond);
}

[[maybe_unused]] const bool kRegistered = [] {
  for (const boost::json::value& entry : testkit::genuine_samples("tdx")) {
    add(std::string(testkit::text_at(entry, "name")), [entry] { return genuine(entry); });
  }
  add("forged TDX, quote v4", forged);
  return true;
}();

}  // namespace
}  // namespace openpcc::tdx
