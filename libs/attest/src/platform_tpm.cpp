#include <algorithm>

#include "openpcc/tpm/boot.h"
#include "openpcc/tpm/runtime_log.h"
#include "openpcc/tpm/transport.h"
#include "platform_kinds.h"

namespace openpcc::attest {
namespace {

using appraisal::Aspect;
using appraisal::State;

constexpr std::string_view kExpected = "a quote of a TPM whose key is known";
constexpr std::array<uint8_t, 6> kQuoteBegin{0xff, 0x54, 0x43, 0x47, 0x80, 0x18};

// is_key: one that can be read, or one that is read and refused for what it is.
bool is_key(ByteSpan bytes) {
  const auto key = tpm::AttestationKey::read(bytes);
  return key || key.error().rule == Rule("tpm.ak.attributes") || key.error().rule == Rule("tpm.ak.key");
}

// Files gathers what belongs to a quote.
struct Files {
  std::optional<ByteSpan> signature, key, values;
  std::vector<Bytes> certificates;

  explicit Files(std::span<const Bytes> items) {
    for (const Bytes& item : items) add(item);
  }

  // chain is the certificates from the key's own up to the last one that is there; empty where none is of a key that attests.
  std::vector<ByteSpan> chain() const {
    std::vector<ByteSpan> out;
    auto next = std::ranges::find_if(certificates, [&](const Bytes& der) { return is_leaf(der); });
    while (next != certificates.end() && out.size() < tpm::kChainMax) {
      out.emplace_back(*next);
      const auto below = x509::Certificate::parse(*next);
      if (equal(below->subject(), below->issuer())) break;
      next = std::ranges::find_if(certificates,
                                  [&](const Bytes& der) { return equal(x509::Certificate::parse(der)->subject(), below->issuer()); });
    }
    return out;
  }

 private:
  void add(const Bytes& item) {
    switch (recognise(item)) {
      case PlatformItem::tpm_signature: signature = item; return;
      case PlatformItem::tpm_key: key = item; return;
      case PlatformItem::tpm_values: values = item; return;
      case PlatformItem::certificate: certificates.push_back(item); return;
      case PlatformItem::certificates: {
        const auto parsed = x509::Certificate::parse_pem(item, kPemCertificatesMax);
        for (const x509::Certificate& one : *parsed) certificates.emplace_back(one.der().begin(), one.der().end());
        return;
      }
      default: return;
    }
  }
  // is_leaf: it issued none of the others.
  bool is_leaf(const Bytes& der) const {
    const auto one = x509::Certificate::parse(der);
    return std::ranges::none_of(certificates,
                                [&](const Bytes& other) { return equal(x509::Certificate::parse(other)->issuer(), one->subject()); });
  }
};

std::string_view remedy_of(const Error& error) {
  const std::string_view rule = error.rule.id();
  if (rule == "tpm.signature.syntax") return "give the signature (TPMT_SIGNATURE) that belongs to the quote";
  if (rule.starts_with("tpm.ak."))
    return "give the key that signed, or its certificates up to the root; it must be a restricted signing key";
  if (rule.starts_with("tpm.chain.")) return "give the key's certificates of a root that is known here";
  if (rule == "tpm.pcrs" || rule == "tpm.digest") return "give the values of exactly the quoted PCRs";
  return "get the evidence again from the machine itself; if it stays, it is not genuine";
}

bool is_form(const Error& error) {
  constexpr std::string_view kForms[] = {"tpm.size",    "tpm.magic", "tpm.type", "tpm.syntax", "tpm.selection", "tpm.selection.duplicate",
                                         "tpm.trailing"};
  return std::ranges::find(kForms, error.rule.id()) != std::end(kForms);
}

Outcome outcome_of(const std::vector<Error>& failures) {
  if (is_form(failures.front()) && failures.front().code != Code::unsupported) return Outcome::malformed;
  const bool unknown = std::ranges::all_of(failures, [](const Error& error) { return error.code == Code::unsupported; });
  return unknown ? Outcome::unsupported : Outcome::reject;
}

// Parts are what a verification takes, or why there are none.
struct Parts {
  Bytes quote;
  Result<tpm::Signature> signature = fail(Code::verification_failed, "tpm.signature.syntax", "no signature was given");
  Result<tpm::Banks> values = fail(Code::verification_failed, "tpm.pcrs", "no values were given");
  Result<tpm::AttestationKey> key = fail(Code::verification_failed, "tpm.ak.syntax", "no key was given");
  std::optional<tpm::CertifiedKey> certified;
  std::vector<Error> failures;
};

Parts parts_of(ByteSpan evidence, const Files& files, UnixSeconds now) {
  Parts out;
  out.quote.assign(evidence.begin(), evidence.end());
  if (auto package = tpm::parse_package(evidence)) {
    out.quote = std::move(package->quote);
    out.signature = std::move(package->signature);
    out.values = std::move(package->values);
  }
  if (files.signature) out.signature = tpm::parse_signature(*files.signature);
  if (files.values) out.values = tpm::parse_values(*files.values);
  if (files.key) out.key = tpm::AttestationKey::read(*files.key);
  if (!files.certificates.empty()) {
    auto certified = tpm::verify_chain(files.chain(), now);
    if (certified && !files.key) out.key = certified->key;
    if (certified) out.certified = std::move(*certified);
    if (!certified) out.failures.push_back(certified.error());
  }
  return out;
}

void append(appraisal::Findings& out, appraisal::Findings more) { out.insert(out.end(), more.begin(), more.end()); }

}  // namespace

PlatformItem recognise_tpm(ByteSpan bytes) {
  if (bytes.size() > kQuoteBegin.size() && equal(bytes.first(4), ByteSpan(kQuoteBegin).first(4))) return PlatformItem::tpm_quote;
  if (const auto package = tpm::parse_package(bytes); package && recognise_tpm(package->quote) == PlatformItem::tpm_quote)
    return PlatformItem::tpm_quote;
  if (tpm::looks_like_values(bytes)) return PlatformItem::tpm_values;
  if (tpm::looks_like_runtime_log(bytes)) return PlatformItem::runtime_log;
  if (is_key(bytes)) return PlatformItem::tpm_key;
  if (tpm::parse_signature(bytes)) return PlatformItem::tpm_signature;
  return tpm::looks_like_log(bytes) ? PlatformItem::event_log : PlatformItem::other;
}

appraisal::Findings judge_logs(std::span<const Bytes> items, tpm::LogForm form, const tpm::Quoted& quoted) {
  appraisal::Findings out;
  constexpr const char* kReadable = "a log that can be read";
  constexpr std::string_view kRemedy = "get the log again from the machine itself";
  for (const Bytes& item : items) {
    const PlatformItem kind = recognise(item);
    if (kind == PlatformItem::event_log) {
      const auto log = tpm::EventLog::parse(item, form);
      log ? append(out, tpm::appraise_log(*log, quoted)) : out.push_back(failed(Aspect::software, log.error(), kReadable, kRemedy));
    } else if (kind == PlatformItem::runtime_log) {
      const auto log = tpm::RuntimeLog::parse(item);
      log ? append(out, tpm::appraise_runtime_log(*log, quoted)) : out.push_back(failed(Aspect::software, log.error(), kReadable, kRemedy));
    }
  }
  return out;
}

PlatformVerdict verify_tpm(ByteSpan evidence, std::span<const Bytes> others, UnixSeconds now, const PlatformDemands& demands) {
  const Files files(others);
  Parts parts = parts_of(evidence, files, now);
  PlatformVerdict out;
  out.kind = "TPM 2.0 quote";
  std::vector<Error> failures;
  if (const auto quote = tpm::parse_quote(parts.quote); !quote) failures.push_back(quote.error());
  if (!parts.signature) failures.push_back(parts.signature.error());
  if (!parts.key) failures.push_back(parts.key.error());
  failures.insert(failures.end(), parts.failures.begin(), parts.failures.end());
  if (!parts.values) failures.push_back(parts.values.error());
  std::optional<tpm::VerifiedQuote> verified;
  if (failures.empty()) {
    tpm::Verification verification = tpm::verify(parts.quote, *parts.signature, *parts.key, std::move(*parts.values));
    failures = std::move(verification.failures);
    verified = std::move(verification.verified);
  }
  if (!verified) {
    for (const Error& error : failures) out.findings.push_back(failed(Aspect::genuine, error, std::string(kExpected), remedy_of(error)));
    out.outcome = outcome_of(failures);
    return out;
  }
  out.kind += ", " + std::string(tpm::to_string(verified->scheme()));
  out.findings.push_back({Aspect::signatures,
                          State::passed,
                          "tpm.signature",
                          "a signature of the key over exactly these PCR values",
                          "by a key that is told next",
                          {}});
  append(out.findings, tpm::appraise_key(verified->key(), parts.certified ? &*parts.certified : nullptr, demands.attestation_keys));
  out.genuine = appraisal::refusal(out.findings) == nullptr;
  if (parts.certified) out.window = parts.certified->window;
  append(out.findings, tpm::appraise(*verified, demands.tpm ? &*demands.tpm : nullptr));
  for (const auto& [bank, values] : verified->values()) append(out.findings, judge_logs(others, tpm::LogForm::tpm, {bank, values}));
  out.outcome = appraisal::refusal(out.findings) == nullptr ? Outcome::accept : Outcome::reject;
  return out;
}

}  // namespace openpcc::attest
