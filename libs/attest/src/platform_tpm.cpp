#include <algorithm>
#include <map>
#include <set>

#include "judging.h"
#include "openpcc/tpm/runtime_log.h"

namespace openpcc::attest {
namespace {

using appraisal::Aspect;
using appraisal::State;

constexpr Remedy kRemedies[] = {
    {"tpm.signature.syntax", "give the signature (TPMT_SIGNATURE) that belongs to the quote"},
    {"tpm.ak.*", "give the key that signed, or its certificates up to the root; it must be a restricted signing key"},
    {"tpm.chain.*", "give the key's certificates of a root that is known here"},
    {"tpm.pcrs", "give the values of exactly the quoted PCRs"},
    {"tpm.digest", "give the values of exactly the quoted PCRs"},
};

bool is_form(std::string_view rule) {
  constexpr std::string_view kForms[] = {"tpm.size",    "tpm.magic", "tpm.type", "tpm.syntax", "tpm.selection", "tpm.selection.duplicate",
                                         "tpm.trailing"};
  return std::ranges::find(kForms, rule) != std::end(kForms);
}

constexpr Words kWords{"a quote of a TPM whose key is known", [](std::string_view rule) { return remedy_in(kRemedies, rule); }, is_form};

// last_of is the last item of a kind; null where there is none.
const Recognised* last_of(Items items, PlatformItem kind) {
  const Recognised* out = nullptr;
  for (const Recognised& item : items) {
    if (item.kind == kind) out = &item;
  }
  return out;
}

Bytes key_of(ByteSpan name) { return {name.begin(), name.end()}; }

// chain_in is the certificates from the key's own, which issued no other, up to the last one that is there; empty where each issued one.
std::vector<ByteSpan> chain_in(const std::vector<const x509::Certificate*>& certificates) {
  std::set<Bytes> issuers;
  std::map<Bytes, const x509::Certificate*> by_subject;
  for (const x509::Certificate* one : certificates) {
    issuers.insert(key_of(one->issuer()));
    by_subject.emplace(key_of(one->subject()), one);
  }
  const auto leaf = std::ranges::find_if(certificates, [&](const auto* one) { return !issuers.contains(key_of(one->subject())); });
  std::vector<ByteSpan> out;
  const x509::Certificate* next = leaf == certificates.end() ? nullptr : *leaf;
  while (next != nullptr && out.size() < tpm::kChainMax) {
    out.push_back(next->der());
    if (equal(next->subject(), next->issuer())) break;
    const auto above = by_subject.find(key_of(next->issuer()));
    next = above == by_subject.end() ? nullptr : above->second;
  }
  return out;
}

// Parts are what a verification takes, or why there are none.
struct Parts {
  Bytes quote;
  Result<tpm::Signature> signature = fail(Code::verification_failed, "tpm.signature.syntax", "no signature was given");
  Result<tpm::Banks> values = fail(Code::verification_failed, "tpm.pcrs", "no values were given");
  Result<tpm::AttestationKey> key = fail(Code::verification_failed, "tpm.ak.syntax", "no key was given");
  std::optional<tpm::CertifiedKey> certified;
  std::vector<Error> failures;  // in the order of the checks
};

// What stands apart counts before what is in a package.
Parts parts_of(const Recognised& evidence, Items items, UnixSeconds now) {
  Parts out;
  out.quote.assign(evidence.bytes.begin(), evidence.bytes.end());
  if (const auto* package = evidence.as<tpm::Package>()) {
    out.quote = package->quote;
    out.signature = package->signature;
    out.values = package->values;
  }
  if (const auto* item = last_of(items, PlatformItem::tpm_signature)) out.signature = *item->as<tpm::Signature>();
  if (const auto* item = last_of(items, PlatformItem::tpm_values)) out.values = *item->as<tpm::Banks>();
  const auto* key = last_of(items, PlatformItem::tpm_key);
  if (key != nullptr) out.key = *key->as<Result<tpm::AttestationKey>>();
  std::optional<Error> chain;
  if (const auto certificates = certificates_in(items); !certificates.empty()) {
    auto certified = tpm::verify_chain(chain_in(certificates), now);
    if (!certified) {
      chain = certified.error();
    } else {
      if (key == nullptr) out.key = certified->key;
      out.certified = std::move(*certified);
    }
  }
  if (const auto quote = tpm::parse_quote(out.quote); !quote) out.failures.push_back(quote.error());
  if (!out.signature) out.failures.push_back(out.signature.error());
  if (!out.key) out.failures.push_back(out.key.error());
  if (chain) out.failures.push_back(std::move(*chain));
  if (!out.values) out.failures.push_back(out.values.error());
  return out;
}

tpm::Verification verify_with(Parts& parts) {
  if (!parts.failures.empty()) return {std::move(parts.failures), std::nullopt};
  return tpm::verify(parts.quote, *parts.signature, *parts.key, std::move(*parts.values));
}

}  // namespace

appraisal::Findings judge_logs(Items items, tpm::LogForm form, const tpm::Quoted& quoted) {
  appraisal::Findings out;
  const auto unreadable = [&](const Error& error) {
    out.push_back(failed(Aspect::software, error, "a log that can be read", "get the log again from the machine itself"));
  };
  for (const Recognised& item : items) {
    if (item.kind == PlatformItem::event_log) {
      const auto log = tpm::EventLog::parse(item.bytes, form);
      log ? append(out, tpm::appraise_log(*log, quoted)) : unreadable(log.error());
    } else if (item.kind == PlatformItem::runtime_log) {
      const auto log = tpm::RuntimeLog::parse(item.bytes);
      log ? append(out, tpm::appraise_runtime_log(*log, quoted)) : unreadable(log.error());
    }
  }
  return out;
}

PlatformVerdict judge_tpm(const Recognised& evidence, Items items, UnixSeconds now, const PlatformDemands& demands) {
  PlatformVerdict out;
  out.kind = name_of(PlatformItem::tpm_quote);
  Parts parts = parts_of(evidence, items, now);
  const tpm::Verification verification = verify_with(parts);
  if (!verification.verified) {
    not_genuine(out, kWords, verification.failures);
    return out;
  }
  const tpm::VerifiedQuote& verified = *verification.verified;
  out.kind += ", " + std::string(tpm::to_string(verified.scheme()));
  out.findings.push_back({Aspect::signatures,
                          State::passed,
                          "tpm.signature",
                          "a signature of the key over exactly these PCR values",
                          "by a key that is told next",
                          {}});
  // Whose key it is decides whether the quote is genuine.
  append(out.findings, tpm::appraise_key(verified.key(), parts.certified ? &*parts.certified : nullptr, demands.attestation_keys));
  out.genuine = appraisal::refusal(out.findings) == nullptr;
  if (parts.certified) out.window = parts.certified->window;
  append(out.findings, tpm::appraise(verified, demands.tpm ? &*demands.tpm : nullptr));
  for (const auto& [bank, values] : verified.values()) append(out.findings, judge_logs(items, tpm::LogForm::tpm, {bank, values}));
  conclude(out);
  return out;
}

}  // namespace openpcc::attest
