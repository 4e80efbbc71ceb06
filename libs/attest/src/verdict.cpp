#include "openpcc/attest/verdict.h"

#include <algorithm>

#include "verdict_builder.h"

namespace openpcc::attest {
namespace {

bool stands_in_the_way(const Row& row) { return row.required && row.state != State::passed; }

}  // namespace

VerdictBuilder::VerdictBuilder(ByteSpan evidence, const policy::Requirements& requirements) {
  verdict_.evidence_digest_ = crypto::sha256(evidence);
  verdict_.policy_digest_ = requirements.digest;
  verdict_.exceptions_ = requirements.exceptions.names();
}

void VerdictBuilder::add(Property property, State state, bool required, Rule rule, std::string expected, std::string seen,
                         std::string remedy) {
  verdict_.rows_.push_back(
      {property, state, required, rule, printable(std::move(expected)), printable(std::move(seen)), std::move(remedy)});
}

void VerdictBuilder::pass(Property property, Rule rule, std::string expected, std::string seen) {
  add(property, State::passed, true, rule, std::move(expected), std::move(seen), {});
}

void VerdictBuilder::refuse(Property property, Rule rule, std::string expected, std::string seen, std::string remedy) {
  add(property, State::failed, true, rule, std::move(expected), std::move(seen), std::move(remedy));
}

void VerdictBuilder::refuse_by(Property property, const Error& error, std::string expected, std::string remedy) {
  if (error.code == Code::unsupported) {
    unsupported_ = true;
  } else if (property == Property::format) {
    malformed_ = true;
  }
  refuse(property, error.rule, std::move(expected), error.detail.empty() ? std::string(to_string(error.code)) : error.detail,
         std::move(remedy));
}

void VerdictBuilder::skip(Property property, Rule rule) {
  add(property, State::not_checked, true, rule, {}, "not reached: a check that it rests on failed", {});
}

void VerdictBuilder::leave(Property property, Rule rule, std::string expected, std::string why) {
  add(property, State::not_checked, false, rule, std::move(expected), std::move(why), {});
}

void VerdictBuilder::unprovable(Property property, Rule rule, std::string expected, std::string why) {
  add(property, State::not_provable, false, rule, std::move(expected), std::move(why), {});
}

Verdict VerdictBuilder::build() {
  OPENPCC_CHECK(!verdict_.rows_.empty());
  if (malformed_) {
    verdict_.outcome_ = Outcome::malformed;
  } else if (unsupported_) {
    verdict_.outcome_ = Outcome::unsupported;
  } else if (std::ranges::any_of(verdict_.rows_, stands_in_the_way)) {
    verdict_.outcome_ = Outcome::reject;
  } else {
    verdict_.outcome_ = simulated_ ? Outcome::accept_simulated : Outcome::accept;
  }
  return std::move(verdict_);
}

const Row* Verdict::row(Property property) const {
  const auto found = std::ranges::find(rows_, property, &Row::property);
  return found == rows_.end() ? nullptr : &*found;
}

const Row* Verdict::first_refusal() const {
  const auto found = std::ranges::find_if(rows_, stands_in_the_way);
  return found == rows_.end() ? nullptr : &*found;
}

}  // namespace openpcc::attest
