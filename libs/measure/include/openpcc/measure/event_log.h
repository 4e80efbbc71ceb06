// A recorded event log (TCG PC Client Platform Firmware Profile, section 10, crypto-agile; a TD's CCEL has the same form), as far as a measurement
// is compared with it. Nothing in a log is true unless a quote has the registers that it leads to.
#pragma once

#include "openpcc/measure/trace.h"

namespace openpcc::measure {

inline constexpr size_t kLogBytesMax = 16u << 20;
inline constexpr size_t kLogEventsMax = 1u << 16;

struct LogEvent {
  uint32_t index = 0;  // of the register as the log counts
  uint32_t type = 0;
  Bytes digest;  // of the bank that was asked for
  ByteSpan data;
};

// parse_event_log reads the events of one bank that are extended, until the log's end or its padding. Of those that are not (EV_NO_ACTION) only the
// locality at start-up stays, as an event of that type whose digest is PCR 0's first value.
//   measure.log.size     over kLogBytesMax or kLogEventsMax (limit)
//   measure.log.header   no Spec ID event of the crypto-agile form, or one that does not fit
//   measure.log.bank     the log has no digests of that bank (unsupported)
//   measure.log.event    an event cut short, or with a digest of an unknown algorithm
Result<std::vector<LogEvent>> parse_event_log(ByteSpan log, Bank bank);

// register_of names a log's register: "PCR7", in a TD "RTMR0" for index 1.
std::string register_of(std::string_view technology, uint32_t index);
// event_name is the specification's word for a type, or its number.
std::string event_name(uint32_t type);

// replay is the measurement that a log claims, each event a step.
Measurement replay(std::string_view technology, Bank bank, const std::vector<LogEvent>& events);

}  // namespace openpcc::measure
