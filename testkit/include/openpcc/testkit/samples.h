// What tests of evidence share: samples of the shared folder, and assertions about who refuses.
#pragma once

#include <algorithm>
#include <ctime>

#include "openpcc/testkit/testkit.h"

namespace openpcc::testkit {

// evidence_file is a whole file of the shared evidence, which is there (shared_file says so).
inline Bytes evidence_file(std::string_view relative) { return read_file(*shared_file("evidence/" + std::string(relative))); }

// time_of reads "2026-02-18T10:58:51Z", as the samples' descriptions have it.
inline UnixSeconds time_of(std::string_view text) {
  std::tm tm{};
  const std::string copy(text);
  OPENPCC_CHECK(strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%SZ", &tm) != nullptr);
  return timegm(&tm);
}

// refused asserts that this rule refuses first, and counts it as tested: of a verification (`failures`, in their order, and what was `verified`) or of
// findings (each with `state`, `rule` and a remedy).
template <class Verification>
  requires requires(const Verification& v) { v.failures.front().rule, v.verified.has_value(); }
testing::AssertionResult refused(const Verification& verification, std::string_view rule) {
  if (verification.failures.empty()) return testing::AssertionFailure() << "accepted, expected " << rule;
  if (verification.verified) return testing::AssertionFailure() << "verified in spite of failures";
  return trips(Result<int>(std::unexpected(verification.failures.front())), rule);
}
template <class Findings>
  requires requires(const Findings& f) { f.front().state, f.front().remedy; }
testing::AssertionResult refused(const Findings& findings, std::string_view rule) {
  using State = decltype(findings.front().state);
  const auto refusal = std::ranges::find(findings, State::failed, [](const auto& finding) { return finding.state; });
  if (refusal == findings.end()) return testing::AssertionFailure() << "nothing was refused, expected " << rule;
  if (refusal->remedy.empty()) return testing::AssertionFailure() << "no remedy";
  return trips(Result<int>(fail(Code::rejected, refusal->rule, refusal->seen)), rule);
}

}  // namespace openpcc::testkit
