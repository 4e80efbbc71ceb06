#include "platform_kinds.h"

namespace openpcc::attest {
namespace {

using appraisal::Aspect;
using appraisal::State;

constexpr std::string_view kExpected = "a document that AWS's root vouches for";

std::string_view remedy_of(const Error& error) {
  const std::string_view rule = error.rule.id();
  if (rule == "nitro.chain.early" || rule == "nitro.chain.expired")
    return "get a new document: a leaf lives for three hours; or judge as of another time (--at)";
  return "get the document again from the enclave itself; if it stays, it is not genuine";
}

Outcome outcome_of(const Error& error) {
  if (error.code == Code::unsupported) return Outcome::unsupported;
  const bool of_the_chain = error.rule.id().starts_with("nitro.chain.");
  return !of_the_chain && (error.code == Code::malformed || error.code == Code::limit) ? Outcome::malformed : Outcome::reject;
}

// signed_once: the signatures are good at the time of the document's own making, so that its age alone stands in the way.
bool signed_once(ByteSpan bytes) {
  const auto document = nitro::parse_document(bytes);
  return document && nitro::verify(bytes, static_cast<UnixSeconds>(document->timestamp_ms / 1000));
}

}  // namespace

PlatformVerdict verify_nitro(ByteSpan bytes, UnixSeconds now, const nitro::Demands& demands) {
  PlatformVerdict out;
  out.kind = "AWS Nitro document";
  const auto verified = nitro::verify(bytes, now);
  if (!verified) {
    if (signed_once(bytes)) {
      out.findings.push_back({Aspect::signatures,
                              State::passed,
                              "nitro.signature",
                              "signatures that lead to AWS's root",
                              "good when the document was made",
                              {}});
    }
    out.findings.push_back(failed(Aspect::genuine, verified.error(), std::string(kExpected), remedy_of(verified.error())));
    out.outcome = outcome_of(verified.error());
    return out;
  }
  const nitro::Document& document = verified->document();
  out.kind += ", " + std::string(to_string(document.source));
  out.genuine = true;
  out.window = verified->window();
  out.findings = nitro::appraise(*verified, demands, now);
  out.findings.insert(out.findings.begin(),
                      {Aspect::genuine, State::passed, "nitro.signature", std::string(kExpected), "signed by AWS's hypervisor", {}});
  out.outcome = appraisal::refusal(out.findings) == nullptr ? Outcome::accept : Outcome::reject;
  return out;
}

}  // namespace openpcc::attest
