// The verdict as text and as JSON.
#include <boost/json.hpp>

#include "openpcc/attest/platform.h"
#include "openpcc/attest/verdict.h"
#include "openpcc/core/calendar.h"
#include "openpcc/core/describe.h"

namespace openpcc::attest {
namespace {

std::string padded(std::string_view text, size_t width) {
  std::string out(text);
  if (out.size() < width) out.append(width - out.size(), ' ');
  return out;
}

std::string spaced(std::string_view name) {
  std::string out(name);
  for (char& c : out) c = c == '_' ? ' ' : c;
  return out;
}

std::string_view summary(Outcome outcome) {
  switch (outcome) {
    case Outcome::accept: return "ACCEPTED";
    case Outcome::accept_simulated: return "ACCEPTED, SIMULATED: software plays the TEE, which proves nothing about hardware";
    case Outcome::accept_platform: return "ACCEPTED as a platform: no node is shown";
    case Outcome::reject: return "REJECTED";
    case Outcome::unsupported: return "UNSUPPORTED: evidence of a kind that this verifier does not know";
    case Outcome::malformed: return "MALFORMED: not evidence";
  }
  return "REJECTED";
}

std::string join(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

void append_row(std::string& out, const Row& row, bool explain) {
  out += "  " + padded(spaced(to_string(row.state)), 14) + padded(spaced(to_string(row.property)), 20) + row.seen + "\n";
  const bool refused = row.required && row.state != State::passed;
  if (!explain && !refused) return;
  const std::string indent = "\n" + std::string(36, ' ');
  out.pop_back();
  out += indent + "rule     " + std::string(row.rule.id());
  if (!row.expected.empty()) out += indent + "expected " + row.expected;
  if (!row.remedy.empty()) out += indent + "remedy   " + row.remedy;
  out += "\n";
}

}  // namespace

namespace {

// append_finding writes a line; `indent` columns stand before it.
void append_finding(std::string& out, const appraisal::Finding& finding, bool explain, size_t indent) {
  out += std::string(indent, ' ') + padded(spaced(to_string(finding.state)), 14) + padded(spaced(to_string(finding.aspect)), 14) +
         printable(finding.seen);
  if (explain || finding.state == appraisal::State::failed) {
    const std::string before = "\n" + std::string(indent + 28, ' ');
    out += before + "rule     " + std::string(finding.rule.id());
    if (!finding.expected.empty()) out += before + "expected " + printable(finding.expected);
    if (!finding.remedy.empty()) out += before + "remedy   " + finding.remedy;
  }
  out += "\n";
}

boost::json::array json_of(const appraisal::Findings& findings) {
  boost::json::array out;
  for (const appraisal::Finding& finding : findings) {
    out.push_back(boost::json::object{{"aspect", to_string(finding.aspect)},
                                      {"state", to_string(finding.state)},
                                      {"rule", finding.rule.id()},
                                      {"expected", finding.expected},
                                      {"seen", finding.seen},
                                      {"remedy", finding.remedy}});
  }
  return out;
}

}  // namespace

std::string Verdict::text(bool explain) const {
  std::string out(summary(outcome_));
  out += "\n  node " + (node_id_ ? to_hex(*node_id_) : "unknown") + "\n";
  if (!exceptions_.empty()) out += "  exceptions taken by the policy: " + join(exceptions_) + "\n";
  for (const Row& row : rows_) append_row(out, row, explain);
  for (size_t i = 0; i < gpus_.size(); ++i) {
    if (gpus_[i].findings.empty()) continue;
    out += "  GPU " + std::to_string(i) + ", " + (gpus_[i].device_id.empty() ? "not genuine" : to_hex(gpus_[i].device_id)) + "\n";
    for (const appraisal::Finding& finding : gpus_[i].findings) append_finding(out, finding, explain, 4);
  }
  return out;
}

std::string Verdict::json() const {
  namespace bj = boost::json;
  bj::array rows;
  for (const Row& row : rows_) {
    rows.push_back(bj::object{{"property", to_string(row.property)},
                              {"state", to_string(row.state)},
                              {"required", row.required},
                              {"rule", row.rule.id()},
                              {"expected", row.expected},
                              {"seen", row.seen},
                              {"remedy", row.remedy}});
  }
  bj::array gpus;
  for (const GpuVerdict& gpu : gpus_) gpus.push_back(bj::object{{"device_id", to_hex(gpu.device_id)}, {"findings", json_of(gpu.findings)}});
  bj::object out{{"outcome", to_string(outcome_)},
                 {"exit_code", exit_code()},
                 {"node_id", node_id_ ? bj::value(to_hex(*node_id_)) : bj::value(nullptr)},
                 {"evidence_sha256", to_hex(evidence_digest_)},
                 {"policy_sha256", to_hex(policy_digest_)},
                 {"exceptions", bj::value_from(exceptions_)},
                 {"rows", std::move(rows)},
                 {"gpus", std::move(gpus)}};
  return bj::serialize(out);
}

namespace {

std::string_view platform_summary(Outcome outcome, bool genuine, bool is_signed) {
  if (outcome == Outcome::accept_platform)
    return "GENUINE, and what the policy demands of a platform. IT SPEAKS OF NO NODE: for whom the report was made is not shown";
  if (outcome == Outcome::accept) return "GENUINE, and nothing that it says is refused; which software and which keys is another question";
  if (genuine) return "GENUINE, BUT NOT ACCEPTABLE";
  if (outcome == Outcome::malformed) return "MALFORMED: not evidence";
  if (outcome == Outcome::unsupported) return "UNSUPPORTED: evidence of a kind that this verifier does not know";
  return is_signed ? "NOT SHOWN TO BE GENUINE: its signatures are good, but what must be known besides is missing or wrong"
                   : "NOT GENUINE, or not shown to be";
}

}  // namespace

std::string PlatformVerdict::text(bool explain) const {
  const bool is_signed = !findings.empty() && findings.front().aspect == appraisal::Aspect::signatures;
  std::string out(platform_summary(outcome, genuine, is_signed));
  out += "\n  " + kind + "\n";
  if (!exceptions.empty()) out += "  exceptions taken by the policy: " + join(exceptions) + "\n";
  for (const appraisal::Finding& finding : findings) append_finding(out, finding, explain, 2);
  for (const Property property : of_nodes) {
    out += "  " + padded(spaced(to_string(State::not_checked)), 14) + padded(spaced(to_string(property)), 14) +
           "a bare report speaks of no node\n";
  }
  if (window) out += "  what was signed holds from " + utc_text(window->from) + " to " + utc_text(window->to) + "\n";
  return out;
}

std::string PlatformVerdict::json() const {
  namespace bj = boost::json;
  bj::object out{{"outcome", to_string(outcome)},
                 {"exit_code", static_cast<int>(outcome)},
                 {"kind", kind},
                 {"genuine", genuine},
                 {"evidence_sha256", evidence_digest ? bj::value(to_hex(*evidence_digest)) : bj::value(nullptr)},
                 {"valid_from", window ? bj::value(window->from) : bj::value(nullptr)},
                 {"valid_to", window ? bj::value(window->to) : bj::value(nullptr)},
                 {"findings", json_of(findings)}};
  if (policy_digest) {
    bj::array of_no_node;
    for (const Property property : of_nodes) of_no_node.emplace_back(to_string(property));
    out["policy_sha256"] = to_hex(*policy_digest);
    out["exceptions"] = bj::value_from(exceptions);
    out["not_checked_of_nodes"] = std::move(of_no_node);
  }
  return bj::serialize(out);
}

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::accept: return "accept";
    case Outcome::accept_simulated: return "accept_simulated";
    case Outcome::accept_platform: return "accept_platform";
    case Outcome::reject: return "reject";
    case Outcome::unsupported: return "unsupported";
    case Outcome::malformed: return "malformed";
  }
  return "reject";
}

std::string_view to_string(Property property) {
  switch (property) {
    case Property::format: return "format";
    case Property::evidence_kind: return "evidence_kind";
    case Property::root_of_trust: return "root_of_trust";
    case Property::tcb: return "tcb";
    case Property::revocation: return "revocation";
    case Property::product: return "product";
    case Property::identity: return "identity";
    case Property::firmware: return "firmware";
    case Property::migration: return "migration";
    case Property::guest_policy: return "guest_policy";
    case Property::privilege: return "privilege";
    case Property::platform: return "platform";
    case Property::launch: return "launch";
    case Property::debug: return "debug";
    case Property::release: return "release";
    case Property::key_binding: return "key_binding";
    case Property::deployment: return "deployment";
    case Property::freshness: return "freshness";
    case Property::validity: return "validity";
    case Property::models: return "models";
    case Property::config: return "config";
    case Property::gpu: return "gpu";
    case Property::gpu_firmware: return "gpu_firmware";
    case Property::gpu_binding: return "gpu_binding";
    case Property::root_owners: return "root_owners";
    case Property::chip_ledger: return "chip_ledger";
    case Property::witnessed: return "witnessed";
    case Property::non_targetability: return "non_targetability";
    case Property::custody: return "custody";
    case Property::one_chassis: return "one_chassis";
    case Property::separation: return "separation";
    case Property::trusted_time: return "trusted_time";
  }
  return "unknown";
}

}  // namespace openpcc::attest
