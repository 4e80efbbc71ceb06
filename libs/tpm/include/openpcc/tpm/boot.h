// Whether a log is of the boot that hardware quoted, and whether that boot was whole. What the log says beside that counts only where a digest
// covers it.
#pragma once

#include <array>
#include <span>

#include "openpcc/appraisal/finding.h"
#include "openpcc/tpm/eventlog.h"

namespace openpcc::tpm {

// Quoted is what hardware signed of registers, by the log's own indices.
struct Quoted {
  Hash bank;
  Bank values;
};
// of_rtmrs are a TD's RTMR0 to RTMR3, of 48 bytes each.
Quoted of_rtmrs(std::span<const std::array<uint8_t, 48>, 4> rtmrs);

// appraise_log judges, in this order:
//   eventlog.bank            the log has no digests of the quoted bank
//   eventlog.replay          a register's replay is not its quoted value. Compared are the firmware's registers (PCR 0 to 7; RTMR0 to RTMR2) and
//                            every other one that the log has events of; those that were not quoted are named and left.
//   eventlog.digest          an event's digest is not that of its data, where its type says so
//   eventlog.separator       a register of the firmware (PCR 0 to 7; RTMR0 and RTMR1) has not exactly one separator of zeros
//   eventlog.boot_services   the boot did not end by exactly one call of ExitBootServices that succeeded, after all separators
//   eventlog.late            the firmware's own code or settings were measured after their register's separator, by the events' types
// Separators and the end of the boot are known by their digests. It says how many events have data that nothing covers.
appraisal::Findings appraise_log(const EventLog& log, const Quoted& quoted);

// secure_boot is what the log's one SecureBoot variable says, where a digest in its register covers it. The event's type does not matter: nothing
// covers that. None: no such event, or more than one.
std::optional<bool> secure_boot(const EventLog& log);

}  // namespace openpcc::tpm
