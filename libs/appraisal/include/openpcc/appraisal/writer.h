// How the verifier of a technology writes its findings down.
#pragma once

#include <utility>

#include "openpcc/appraisal/finding.h"

namespace openpcc::appraisal {

class Writer {
 public:
  void pass(Aspect aspect, Rule rule, std::string expected, std::string seen) {
    out_.push_back({aspect, State::passed, rule, std::move(expected), std::move(seen), {}});
  }
  void refuse(Aspect aspect, Rule rule, std::string expected, std::string seen, std::string remedy) {
    out_.push_back({aspect, State::failed, rule, std::move(expected), std::move(seen), std::move(remedy)});
  }
  void leave(Aspect aspect, Rule rule, std::string expected, std::string why) {
    out_.push_back({aspect, State::not_checked, rule, std::move(expected), std::move(why), {}});
  }
  void unprovable(Aspect aspect, Rule rule, std::string expected, std::string seen, std::string remedy) {
    out_.push_back({aspect, State::not_provable, rule, std::move(expected), std::move(seen), std::move(remedy)});
  }
  // judge passes, refuses, or lets an exception of the policy stand.
  void judge(Aspect aspect, Rule rule, bool good, bool allowed, std::string expected, std::string seen, std::string remedy) {
    if (good) return pass(aspect, rule, std::move(expected), std::move(seen));
    if (allowed) return leave(aspect, rule, std::move(expected), seen + ", which the policy allows");
    refuse(aspect, rule, std::move(expected), std::move(seen), std::move(remedy));
  }
  Findings take() { return std::move(out_); }

 private:
  Findings out_;
};

}  // namespace openpcc::appraisal
