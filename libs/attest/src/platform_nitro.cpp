#include "judging.h"

namespace openpcc::attest {
namespace {

using appraisal::Aspect;
using appraisal::State;

constexpr std::string_view kNew = "get a new document: a leaf lives for three hours; or judge as of another time (--at)";
constexpr Remedy kRemedies[] = {{"nitro.chain.early", kNew}, {"nitro.chain.expired", kNew}};
constexpr Words kWords{"a document that AWS's root vouches for",
                       [](std::string_view rule) {
                         return remedy_in(kRemedies, rule,
                                          "get the document again from the enclave itself; if it stays, it is not genuine");
                       },
                       [](std::string_view rule) { return !rule.starts_with("nitro.chain."); }};

// signed_once: the signatures are good at the time of the document's own making, so that its age alone stands in the way.
bool signed_once(ByteSpan bytes) {
  const auto document = nitro::parse_document(bytes);
  return document && nitro::verify(bytes, static_cast<UnixSeconds>(document->timestamp_ms / 1000));
}

}  // namespace

PlatformVerdict judge_nitro(ByteSpan bytes, UnixSeconds now, const nitro::Demands& demands) {
  PlatformVerdict out;
  out.kind = name_of(PlatformItem::nitro_document);
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
    not_genuine(out, kWords, std::span(&verified.error(), 1));
    return out;
  }
  out.kind += ", " + std::string(to_string(verified->document().source));
  out.window = verified->window();
  found_genuine(out, kWords, "nitro.signature", "signed by AWS's hypervisor", nitro::appraise(*verified, demands, now));
  return out;
}

}  // namespace openpcc::attest
