#include <algorithm>
#include <memory>

#include "handles.h"

namespace openpcc::abi {

// The numbers are promised, the enumeration is not.
int32_t state_number(appraisal::State state) {
  switch (state) {
    case appraisal::State::passed: return OPENPCC_STATE_PASSED;
    case appraisal::State::failed: return OPENPCC_STATE_FAILED;
    case appraisal::State::not_checked: return OPENPCC_STATE_NOT_CHECKED;
    case appraisal::State::not_provable: return OPENPCC_STATE_NOT_PROVABLE;
  }
  return OPENPCC_STATE_FAILED;
}

}  // namespace openpcc::abi

namespace {

namespace attest = openpcc::attest;

static_assert(OPENPCC_OUTCOME_ACCEPT == static_cast<int>(attest::Outcome::accept));
static_assert(OPENPCC_OUTCOME_ACCEPT_SIMULATED == static_cast<int>(attest::Outcome::accept_simulated));
static_assert(OPENPCC_OUTCOME_REJECT == static_cast<int>(attest::Outcome::reject));
static_assert(OPENPCC_OUTCOME_UNSUPPORTED == static_cast<int>(attest::Outcome::unsupported));
static_assert(OPENPCC_OUTCOME_MALFORMED == static_cast<int>(attest::Outcome::malformed));

// finding_at: null where the verdict does not have it.
const openpcc_verdict::Finding* finding_at(const openpcc_verdict* verdict, size_t index) {
  return verdict != nullptr && index < verdict->findings.size() ? &verdict->findings[index] : nullptr;
}

const std::string* text_of(const openpcc_verdict::Finding& finding, int32_t text) {
  switch (text) {
    case OPENPCC_TEXT_ASPECT: return &finding.aspect;
    case OPENPCC_TEXT_STATE: return &finding.state_name;
    case OPENPCC_TEXT_RULE: return &finding.rule;
    case OPENPCC_TEXT_EXPECTED: return &finding.expected;
    case OPENPCC_TEXT_SEEN: return &finding.seen;
    case OPENPCC_TEXT_REMEDY: return &finding.remedy;
    default: return nullptr;
  }
}

}  // namespace

const char* openpcc_version(void) { return OPENPCC_VERSION; }

uint32_t openpcc_abi_version(void) { return OPENPCC_ABI_VERSION; }

const char* openpcc_status_text(openpcc_status status) {
  switch (status) {
    case OPENPCC_OK: return "no error";
    case OPENPCC_ERROR_ARGUMENT: return "an argument is NULL or out of range";
    case OPENPCC_ERROR_LIMIT: return "too many or too large";
    case OPENPCC_ERROR_BUFFER: return "the buffer is too small";
    case OPENPCC_ERROR_MEMORY: return "out of memory";
    case OPENPCC_ERROR_INTERNAL: return "internal error";
    case OPENPCC_ERROR_REFUSED: return "the policy or beacon is refused";
    case OPENPCC_ERROR_ABSENT: return "the verdict does not have it";
    default: return "unknown status";
  }
}

openpcc_status openpcc_verdict_outcome(const openpcc_verdict* verdict, int32_t* out) {
  // What was not asked for must not read as accepted.
  if (out != nullptr) *out = OPENPCC_OUTCOME_REJECT;
  if (verdict == nullptr || out == nullptr) return OPENPCC_ERROR_ARGUMENT;
  *out = verdict->outcome;
  return OPENPCC_OK;
}

openpcc_status openpcc_verdict_genuine(const openpcc_verdict* verdict, int32_t* out) {
  if (out != nullptr) *out = 0;
  if (verdict == nullptr || out == nullptr) return OPENPCC_ERROR_ARGUMENT;
  *out = verdict->genuine ? 1 : 0;
  return OPENPCC_OK;
}

openpcc_status openpcc_verdict_kind(const openpcc_verdict* verdict, const char** out) {
  if (out != nullptr) *out = nullptr;
  if (verdict == nullptr || out == nullptr) return OPENPCC_ERROR_ARGUMENT;
  *out = verdict->kind.c_str();
  return OPENPCC_OK;
}

openpcc_status openpcc_verdict_window(const openpcc_verdict* verdict, int64_t* from, int64_t* to) {
  if (from != nullptr) *from = 0;
  if (to != nullptr) *to = 0;
  if (verdict == nullptr || from == nullptr || to == nullptr) return OPENPCC_ERROR_ARGUMENT;
  if (!verdict->window) return OPENPCC_ERROR_ABSENT;
  *from = verdict->window->from;
  *to = verdict->window->to;
  return OPENPCC_OK;
}

openpcc_status openpcc_verdict_finding_count(const openpcc_verdict* verdict, size_t* out) {
  if (out != nullptr) *out = 0;
  if (verdict == nullptr || out == nullptr) return OPENPCC_ERROR_ARGUMENT;
  *out = verdict->findings.size();
  return OPENPCC_OK;
}

openpcc_status openpcc_verdict_finding_state(const openpcc_verdict* verdict, size_t index, int32_t* out) {
  if (out != nullptr) *out = OPENPCC_STATE_FAILED;
  const auto* finding = finding_at(verdict, index);
  if (finding == nullptr || out == nullptr) return OPENPCC_ERROR_ARGUMENT;
  *out = finding->state;
  return OPENPCC_OK;
}

openpcc_status openpcc_verdict_finding_refuses(const openpcc_verdict* verdict, size_t index, int32_t* out) {
  if (out != nullptr) *out = 1;
  const auto* finding = finding_at(verdict, index);
  if (finding == nullptr || out == nullptr) return OPENPCC_ERROR_ARGUMENT;
  *out = finding->refuses ? 1 : 0;
  return OPENPCC_OK;
}

openpcc_status openpcc_verdict_finding_text(const openpcc_verdict* verdict, size_t index, int32_t text, const char** out) {
  if (out != nullptr) *out = nullptr;
  const auto* finding = finding_at(verdict, index);
  const std::string* found = finding != nullptr ? text_of(*finding, text) : nullptr;
  if (found == nullptr || out == nullptr) return OPENPCC_ERROR_ARGUMENT;
  *out = found->c_str();
  return OPENPCC_OK;
}

openpcc_status openpcc_verdict_json(const openpcc_verdict* verdict, char* buffer, size_t* bytes) {
  if (verdict == nullptr || bytes == nullptr) return OPENPCC_ERROR_ARGUMENT;
  const size_t given = *bytes;
  *bytes = verdict->json.size() + 1;
  if (buffer == nullptr) return OPENPCC_OK;
  if (given < *bytes) return OPENPCC_ERROR_BUFFER;
  std::copy_n(verdict->json.c_str(), *bytes, buffer);
  return OPENPCC_OK;
}

void openpcc_verdict_free(openpcc_verdict* verdict) { std::unique_ptr<openpcc_verdict>{verdict}.reset(); }
