// Platform evidence from untrusted bytes, through the C ABI alone: items, each with its length before it in two bytes. Nothing that a fuzzer
// makes is genuine or accepted, and every refusal says so in a finding.
#include <algorithm>
#include <string>

#include "openpcc.h"
#include "openpcc/core/result.h"

namespace {

// add_items gives up where the library does: too many, too large or empty.
void add_items(openpcc_evidence* evidence, const uint8_t* data, size_t size) {
  while (size >= 2) {
    const size_t length = std::min<size_t>(size - 2, static_cast<size_t>(data[0]) << 8 | data[1]);
    if (openpcc_evidence_add(evidence, data + 2, length) != OPENPCC_OK) return;
    data += 2 + length;
    size -= 2 + length;
  }
}

size_t refusals(const openpcc_verdict* verdict) {
  size_t count = 0, refused = 0;
  OPENPCC_CHECK(openpcc_verdict_finding_count(verdict, &count) == OPENPCC_OK && count > 0);
  for (size_t i = 0; i < count; ++i) {
    int32_t refuses = -1;
    OPENPCC_CHECK(openpcc_verdict_finding_refuses(verdict, i, &refuses) == OPENPCC_OK);
    refused += refuses != 0 ? 1 : 0;
    for (int32_t text = OPENPCC_TEXT_ASPECT; text <= OPENPCC_TEXT_REMEDY; ++text) {
      const char* out = nullptr;
      OPENPCC_CHECK(openpcc_verdict_finding_text(verdict, i, text, &out) == OPENPCC_OK && out != nullptr);
    }
  }
  return refused;
}

void check_json(const openpcc_verdict* verdict) {
  size_t bytes = 0;
  OPENPCC_CHECK(openpcc_verdict_json(verdict, nullptr, &bytes) == OPENPCC_OK);
  std::string json(bytes, '\0');
  OPENPCC_CHECK(openpcc_verdict_json(verdict, json.data(), &bytes) == OPENPCC_OK && json.front() == '{');
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  openpcc_evidence* evidence = nullptr;
  openpcc_demands* demands = nullptr;
  openpcc_verdict* verdict = nullptr;
  int32_t outcome = OPENPCC_OUTCOME_ACCEPT, genuine = 1;
  OPENPCC_CHECK(openpcc_evidence_create(&evidence) == OPENPCC_OK && openpcc_demands_create(&demands) == OPENPCC_OK);
  add_items(evidence, data, size);
  OPENPCC_CHECK(openpcc_verify_platform(evidence, demands, 1'800'000'000, &verdict) == OPENPCC_OK);
  OPENPCC_CHECK(openpcc_verdict_outcome(verdict, &outcome) == OPENPCC_OK && openpcc_verdict_genuine(verdict, &genuine) == OPENPCC_OK);
  OPENPCC_CHECK(outcome != OPENPCC_OUTCOME_ACCEPT && genuine == 0 && refusals(verdict) > 0);
  check_json(verdict);
  openpcc_verdict_free(verdict);
  openpcc_demands_free(demands);
  openpcc_evidence_free(evidence);
  return 0;
}
