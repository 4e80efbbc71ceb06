#include "openpcc/appraisal/finding.h"

#include <algorithm>

namespace openpcc::appraisal {

std::string_view to_string(State state) {
  switch (state) {
    case State::passed: return "passed";
    case State::failed: return "failed";
    case State::not_checked: return "not_checked";
    case State::not_provable: return "not_provable";
  }
  return "failed";
}

std::string_view to_string(Aspect aspect) {
  switch (aspect) {
    case Aspect::signatures: return "signatures";
    case Aspect::genuine: return "genuine";
    case Aspect::revocation: return "revocation";
    case Aspect::product: return "product";
    case Aspect::identity: return "identity";
    case Aspect::tcb: return "tcb";
    case Aspect::firmware: return "firmware";
    case Aspect::debug: return "debug";
    case Aspect::migration: return "migration";
    case Aspect::guest_policy: return "guest_policy";
    case Aspect::privilege: return "privilege";
    case Aspect::platform: return "platform";
    case Aspect::launch: return "launch";
    case Aspect::software: return "software";
    case Aspect::bound_data: return "bound_data";
  }
  return "unknown";
}

const Finding* refusal(const Findings& findings) {
  const auto found = std::ranges::find(findings, State::failed, &Finding::state);
  return found == findings.end() ? nullptr : &*found;
}

}  // namespace openpcc::appraisal
