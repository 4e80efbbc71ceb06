// A quote verified cold, with full collateral, against what its signatures alone cost in the same run: the counter `ratio`, of medians, so that what
// else the machine does counts little.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>

#include "openpcc/tdx/verify.h"
#include "world.h"

namespace openpcc::tdx {
namespace {

using Seconds = std::chrono::duration<double>;

// Signature is one of those that a verification rests on, with its key as it stands there.
struct Signature {
  Bytes key, message, r_s;
};

Bytes point_of(const x509::Certificate& certificate) { return {certificate.spki().end() - 64, certificate.spki().end()}; }

// signatures_of lists all that are checked: chain of the PCK, lists, quoting enclave, quote, signer, TCB info, identity. The root is in two chains.
std::vector<Signature> signatures_of(const Bytes& bytes, const test::Set& set) {
  std::vector<Signature> out;
  const auto quote = parse_quote(bytes);
  const auto chain = x509::Certificate::parse_pem(quote->pck_chain, 3);
  const auto signers = x509::Certificate::parse_pem(as_bytes(set.signing_chain), 2);
  OPENPCC_CHECK(quote && chain && signers);
  const Bytes root = point_of((*chain)[2]), ca = point_of((*chain)[1]), pck = point_of((*chain)[0]), signer = point_of((*signers)[0]);
  const auto add = [&](const Bytes& key, ByteSpan message, ByteSpan r_s) {
    out.push_back({key, Bytes(message.begin(), message.end()), Bytes(r_s.begin(), r_s.end())});
  };
  const auto add_signed = [&](const Bytes& key, const x509::Signed& what) { add(key, what.message, what.signature); };
  add_signed(root, (*chain)[2].signature());
  add_signed(root, (*chain)[1].signature());
  add_signed(ca, (*chain)[0].signature());
  add_signed(root, x509::Crl::parse(*set.root_crl)->signature());
  add_signed(ca, x509::Crl::parse(*set.pck_crl)->signature());
  add(pck, quote->qe_report_bytes, quote->qe_report_signature);
  add(Bytes(quote->attestation_key.begin(), quote->attestation_key.end()), quote->signed_bytes, quote->signature);
  add_signed(root, (*signers)[0].signature());
  for (const auto& [document, name] : {std::pair(&set.tcb_info, "tcbInfo"), std::pair(&set.identity, "enclaveIdentity")}) {
    const auto value = open_document(document->apart(), name);
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

template <class F>
double seconds(F&& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return Seconds(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

void verify_cold(benchmark::State& state) {
  const test::World world = realistic();
  // One root in both chains, byte for byte, as Intel's is.
  const std::string root = test::forge::pem(world.root_der());
  const Bytes quote = world.quote(test::forge::pem(world.pck_der()) + test::forge::pem(world.ca_der()) + root);
  test::Set set = world.set();
  set.signing_chain = test::forge::pem(world.signer_der()) + root;
  const Terms terms = world.terms();
  const std::vector<Signature> signatures = signatures_of(quote, set);
  std::vector<double> whole, alone;
  for (auto _ : state) {
    whole.push_back(seconds([&] { OPENPCC_CHECK(verify(quote, set.view(), test::kNow, terms)); }));
    alone.push_back(seconds([&] { check(signatures); }));
    state.SetIterationTime(whole.back());
  }
  state.counters["signatures"] = static_cast<double>(signatures.size());
  state.counters["verify_us"] = median(whole) * 1e6;
  state.counters["signatures_us"] = median(alone) * 1e6;
  state.counters["ratio"] = median(whole) / median(alone);
}
BENCHMARK(verify_cold)->UseManualTime()->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace openpcc::tdx
