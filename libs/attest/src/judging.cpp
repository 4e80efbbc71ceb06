#include "judging.h"

#include <algorithm>

#include "openpcc/core/describe.h"

namespace openpcc::attest {

using appraisal::Aspect;
using appraisal::State;

std::string_view name_of(PlatformItem evidence) {
  switch (evidence) {
    case PlatformItem::snp_report: return "AMD SEV-SNP report";
    case PlatformItem::intel_quote: return "Intel quote";
    case PlatformItem::nvidia_report:
    case PlatformItem::nvidia_token: return "NVIDIA report";
    case PlatformItem::tpm_quote: return "TPM 2.0 quote";
    case PlatformItem::nitro_document: return "AWS Nitro document";
    case PlatformItem::azure_hcl: return "Azure confidential VM";
    case PlatformItem::cca_token: return "Arm CCA token";
    case PlatformItem::sigstore_bundle: return "Sigstore bundle";
    default: return "";
  }
}

PlatformVerdict judge_unknown(std::string_view kind) {
  PlatformVerdict out;
  out.outcome = Outcome::unsupported;
  out.findings.push_back({Aspect::genuine, State::failed, Rule("platform.unsupported"), "evidence that is verified here",
                          std::string(kind) + ", which is not", "give it to a verifier of its kind"});
  out.kind = kind;
  return out;
}

std::string_view remedy_in(std::span<const Remedy> remedies, std::string_view rule, std::string_view otherwise) {
  const auto fits = [&](const Remedy& remedy) {
    std::string_view rules = remedy.rules;
    if (rules.ends_with('*')) return rule.starts_with(rules.substr(0, rules.size() - 1));
    return rules.starts_with('*') ? rule.ends_with(rules.substr(1)) : rule == rules;
  };
  const auto found = std::ranges::find_if(remedies, fits);
  return found == remedies.end() ? otherwise : found->text;
}

appraisal::Finding failed(Aspect aspect, const Error& error, std::string expected, std::string_view remedy) {
  const std::string seen = error.detail.empty() ? std::string(to_string(error.code)) : printable(error.detail);
  return {aspect, State::failed, error.rule, std::move(expected), seen, std::string(remedy)};
}

Outcome outcome_of(std::span<const Error> failures, bool (*of_form)(std::string_view rule)) {
  const Error& first = failures.front();
  if (of_form(first.rule.id()) && (first.code == Code::malformed || first.code == Code::limit)) return Outcome::malformed;
  const bool unknown = std::ranges::all_of(failures, [](const Error& error) { return error.code == Code::unsupported; });
  return unknown ? Outcome::unsupported : Outcome::reject;
}

void not_genuine(PlatformVerdict& out, const Words& words, std::span<const Error> failures) {
  for (const Error& error : failures) {
    out.findings.push_back(failed(Aspect::genuine, error, std::string(words.expected), words.remedy(error.rule.id())));
  }
  out.outcome = outcome_of(failures, words.of_form);
}

void found_genuine(PlatformVerdict& out, const Words& words, Rule rule, std::string seen, appraisal::Findings rest) {
  out.genuine = true;
  out.findings.push_back({Aspect::genuine, State::passed, rule, std::string(words.expected), std::move(seen), {}});
  append(out.findings, std::move(rest));
  conclude(out);
}

void conclude(PlatformVerdict& out) { out.outcome = appraisal::refusal(out.findings) == nullptr ? Outcome::accept : Outcome::reject; }

void append(appraisal::Findings& out, appraisal::Findings more) { std::ranges::move(more, std::back_inserter(out)); }

}  // namespace openpcc::attest
