// Evidence from untrusted bytes: parsing, and the whole verification under a policy. Nothing a fuzzer makes is ever accepted, and what
// parses is written again from its parts to evidence of the same node. Likewise evidence of a platform alone, which may be genuine, but not without
// the collateral of its time.
#include "openpcc/attest/platform.h"
#include "openpcc/attest/verify.h"

namespace {

constexpr std::string_view kPolicy = R"(kind = "development"
deployment = "demo.example"
[keys]
directory = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
beacon = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"
[roots]
sim_cpu = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
sim_gpu = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI="
[nodes]
releases = ["11"]
models = ["3333333333333333333333333333333333333333333333333333333333333333"]
require_gpu = false
min_tcb = 0
min_gpu_tcb = 0
min_root_owners = 2
freshness_age_s = 1200
[exceptions]
no_chip_ledger = true
)";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace openpcc;
  static const auto kParsedPolicy = *policy::parse(as_bytes(kPolicy));
  const ByteSpan bytes(data, size);
  if (const auto evidence = attest::Evidence::parse(bytes)) {
    const Bytes claims = evidence->claims().encode();
    OPENPCC_CHECK(attest::binding(claims) == evidence->binding());
    const auto again = attest::Evidence::parse(attest::encode_evidence(claims, evidence->cpu(), evidence->gpus()));
    // Collateral that stood once is every GPU's, and is written once again.
    OPENPCC_CHECK(again && again->node_id() == evidence->node_id() && again->gpus().size() == evidence->gpus().size());
    for (size_t i = 0; i < again->gpus().size(); ++i) {
      OPENPCC_CHECK(again->gpus()[i].collateral.size() == evidence->gpus()[i].collateral.size());
    }
  }
  if (const auto device = attest::parse_platform(bytes)) {
    const auto again = attest::parse_platform(attest::encode_platform(*device));
    OPENPCC_CHECK(again && again->report.bytes == device->report.bytes && again->chain.size() == device->chain.size());
  }
  const auto platform = attest::verify_platform(std::vector<Bytes>{Bytes(data, data + size)}, 0, {});
  OPENPCC_CHECK(!platform || platform->outcome != attest::Outcome::accept);
  const auto appraisal = attest::verify(bytes, kParsedPolicy, {1'800'000'000, {}, std::nullopt});
  OPENPCC_CHECK(appraisal.node == nullptr);
  OPENPCC_CHECK(!appraisal.verdict.text(true).empty() && !appraisal.verdict.json().empty());
  return 0;
}
