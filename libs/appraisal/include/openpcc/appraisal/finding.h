// What was found about one property of genuine evidence, as data. The verifier of each technology says what it finds in these words; a verdict
// puts them together.
#pragma once

#include <string>
#include <vector>

#include "openpcc/core/result.h"

namespace openpcc::appraisal {

enum class State : uint8_t {
  passed,
  failed,
  not_checked,   // could be checked, but was not: nothing to check it with, or an exception of the policy
  not_provable,  // no evidence that exists today shows it
};
std::string_view to_string(State state);

// Aspect is what of a platform is judged, whatever its technology.
enum class Aspect : uint8_t {
  signatures,    // they lead to the maker's root, at some time
  genuine,       // the same now, of nothing that was revoked, by what may sign
  revocation,    // nothing that signed was revoked
  product,       // its product line
  identity,      // which chip, or which provider's
  tcb,           // its security version
  firmware,      // which firmware could take its place
  debug,         // nobody can look into it with a debugger
  migration,     // it stays on this machine
  guest_policy,  // what else the guest demanded at its launch
  privilege,     // which part of the guest speaks
  platform,      // how the machine is set up
  launch,        // whose guest it is, and with which configuration it was launched
  software,      // what was measured at launch
  bound_data,    // what the report was made for
};
std::string_view to_string(Aspect aspect);

struct Finding {
  Aspect aspect;
  State state;
  Rule rule;  // what refused, or what was applied
  std::string expected;
  std::string seen;
  std::string remedy;  // what to do about it; empty where nothing is to be done
};
using Findings = std::vector<Finding>;

// refusal is the first finding that failed; null where none did.
const Finding* refusal(const Findings& findings);

}  // namespace openpcc::appraisal
