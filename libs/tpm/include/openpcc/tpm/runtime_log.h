// dstack's log of a TD (JSON): events of all four RTMRs, where those of RTMR3 say which application was started. Of them the digest is always
// computed from type, name and payload; one that stands beside them is compared, and never used.
//
// What runs in the TD can extend RTMR3 too. Only what stands before the event system-ready is said by what started it.
#pragma once

#include <string>
#include <vector>

#include "openpcc/appraisal/finding.h"
#include "openpcc/tpm/boot.h"

namespace openpcc::tpm {

inline constexpr std::string_view kRuntimeMarker = "system-ready";
inline constexpr size_t kRuntimeNameBytesMax = 256;

struct RuntimeEvent {
  uint8_t rtmr = 0;
  uint32_t type = 0;
  std::string name;
  Bytes payload;
  Bytes digest;  // 48 bytes: of RTMR3 as computed, of the others as the log has it
};

class RuntimeLog {
 public:
  //   eventlog.size               over kLogBytesMax or kEventsMax (limit)
  //   eventlog.runtime.syntax     not JSON of this schema, a name with a colon (it would be part of the payload as well), or another type in RTMR3
  //   eventlog.runtime.digest     a digest of RTMR3 is not that of type, name and payload
  //   eventlog.runtime.missing    there is no marker
  //   eventlog.runtime.duplicate  a name twice before the marker, or the marker twice
  static Result<RuntimeLog> parse(ByteSpan json);

  const std::vector<RuntimeEvent>& events() const { return events_; }
  // replay gives all four registers, by the indices of a CCEL (1 is RTMR0).
  Bank replay() const;
  // payload is that of a named event before the marker.
  //   eventlog.runtime.late      it comes only after the marker: the workload's word
  //   eventlog.runtime.missing   it is not there
  Result<ByteSpan> payload(std::string_view name) const;

 private:
  RuntimeLog() = default;
  Result<> check_marker();
  std::vector<RuntimeEvent> events_;
  size_t marker_ = 0;
};

// appraise_runtime_log judges by eventlog.replay whether the log replays to all four RTMRs.
appraisal::Findings appraise_runtime_log(const RuntimeLog& log, const Quoted& quoted);

// looks_like_runtime_log: for telling files apart; nothing is checked.
bool looks_like_runtime_log(ByteSpan bytes);

}  // namespace openpcc::tpm
