#include "openpcc/nitro/appraise.h"

#include <algorithm>

#include "openpcc/appraisal/writer.h"
#include "openpcc/core/calendar.h"
#include "openpcc/core/describe.h"

namespace openpcc::nitro {
namespace {

using appraisal::Aspect;
using appraisal::Findings;

constexpr int64_t kMilliseconds = 1000;

std::string pcr_name(uint8_t index) { return "PCR" + std::to_string(index); }

// Appraiser writes one finding to each aspect: the first rule of it that refuses, or that it passed, or why it was not looked at.
class Appraiser : private appraisal::Writer {
 public:
  Appraiser(const Document& document, const Demands& demands, UnixSeconds now) : document_(document), demands_(demands), now_(now) {}

  Findings run() {
    leave(Aspect::revocation, "nitro.chain.expired", "a leaf in its three hours", "AWS's lists are not asked, as it advises");
    check_product();
    leave(Aspect::identity, "nitro.source", "", "module " + std::string(document_.module_id) + "; no list of instances was given");
    unprovable(Aspect::tcb, "nitro.source", "", "the document names no version of hypervisor and cards", "");
    check_debug();
    check_software();
    check_bound_data();
    return take();
  }

 private:
  void check_product() {
    std::string expected;
    for (const Source source : demands_.sources) expected += (expected.empty() ? "" : ", ") + std::string(to_string(source));
    const std::string seen =
        std::string(to_string(document_.source)) +
        (document_.source == Source::enclave ? "" : ": an instance, whose memory its owner's operating system alone protects");
    judge(Aspect::product, "nitro.source", demands_.sources.contains(document_.source), false, expected, seen,
          "get a document of a source that the policy takes");
  }

  void check_debug() {
    constexpr Rule kRule = "nitro.debug";
    if (document_.source == Source::nitro_tpm) {
      return unprovable(Aspect::debug, kRule, "", "an instance's registers show no debug mode", "");
    }
    const auto is_measured = [&](uint8_t index) {
      const auto pcr = document_.pcrs.find(index);
      return pcr != document_.pcrs.end() && !is_zero(pcr->second);
    };
    const bool measured = is_measured(0) && is_measured(1) && is_measured(2);
    judge(Aspect::debug, kRule, measured, false, "PCR0 to PCR2 are measured",
          measured ? "off" : "on: of PCR0 to PCR2 one is zero, and whoever started the enclave reads its console",
          "start the enclave without --debug-mode");
  }

  void check_software() {
    if (!demands_.pcrs) {
      const auto image = document_.pcrs.find(0);
      const std::string seen = image == document_.pcrs.end() ? "no PCR0" : "PCR0 " + to_hex(image->second);
      return leave(Aspect::software, "nitro.pcr", "", seen + "; no release was given to compare with");
    }
    const std::string remedy = "run an allowed release, or allow these registers once their source is known";
    std::string named;
    for (const auto& [index, allowed] : demands_.pcrs->allowed()) {
      const auto seen = document_.pcrs.find(index);
      if (seen == document_.pcrs.end()) {
        return refuse(Aspect::software, "nitro.pcr.missing", pcr_name(index) + " of an allowed release", "no " + pcr_name(index), remedy);
      }
      if (std::ranges::none_of(allowed, [&](const Bytes& pcr) { return equal(pcr, seen->second); })) {
        return refuse(Aspect::software, "nitro.pcr", pcr_name(index) + " of an allowed release",
                      pcr_name(index) + " " + to_hex(seen->second), remedy);
      }
      named += (named.empty() ? "" : ", ") + pcr_name(index);
    }
    pass(Aspect::software, "nitro.pcr", "an allowed release", named + " are an allowed release's");
  }

  // refused_field: the field is not what was demanded, and the finding is written.
  bool refused_field(Rule rule, std::string_view name, const std::optional<Bytes>& demanded, const std::optional<ByteSpan>& seen) {
    if (!demanded || (seen && equal(*demanded, *seen))) return false;
    refuse(Aspect::bound_data, rule, std::string(name) + " " + to_hex(*demanded),
           seen ? std::string(name) + " " + to_hex(*seen) : "no " + std::string(name),
           "the document was made for something else: get it from the enclave itself");
    return true;
  }

  void check_bound_data() {
    const auto made_at = static_cast<UnixSeconds>(document_.timestamp_ms / kMilliseconds);
    const std::string made = "made at " + utc_text(made_at);
    const std::string again = "get a new document, or judge as of another time (--at)";
    if (made_at > now_ + kAheadMax_s) return refuse(Aspect::bound_data, "nitro.time", "not made in the future", made, again);
    if (made_at < now_ - kAgeMax_s) {
      return refuse(Aspect::bound_data, "nitro.time", "made in the last " + std::to_string(kAgeMax_s) + " s", made, again);
    }
    if (refused_field("nitro.nonce", "nonce", demands_.nonce, document_.nonce)) return;
    if (refused_field("nitro.public_key", "public key", demands_.public_key, document_.public_key)) return;
    if (refused_field("nitro.user_data", "user data", demands_.user_data, document_.user_data)) return;
    if (demands_.nonce || demands_.public_key || demands_.user_data) {
      return pass(Aspect::bound_data, "nitro.user_data", "made for what was given", made);
    }
    leave(Aspect::bound_data, "nitro.user_data", "", made + fields_there() + "; nothing was given to compare with");
  }

  std::string fields_there() const {
    std::string out;
    const std::pair<std::string_view, const std::optional<ByteSpan>*> fields[] = {
        {"nonce", &document_.nonce}, {"public key", &document_.public_key}, {"user data", &document_.user_data}};
    for (const auto& [name, field] : fields) {
      if (*field) out += ", " + std::string(name) + " " + to_hex(**field);
    }
    return out;
  }

  const Document& document_;
  const Demands& demands_;
  UnixSeconds now_;
};

}  // namespace

Result<ExpectedPcrs> ExpectedPcrs::create(std::map<uint8_t, std::vector<Bytes>> allowed) {
  const bool hollow = std::ranges::any_of(allowed, [](const auto& entry) { return entry.second.empty(); });
  if (allowed.empty() || hollow)
    return fail(Code::malformed, "nitro.expected.empty", "every register named needs a value, and one at least is named");
  if (allowed.rbegin()->first >= kPcrsMax) return fail(Code::malformed, "nitro.expected.index", pcr_name(allowed.rbegin()->first));
  return ExpectedPcrs(std::move(allowed));
}

Findings appraise(const VerifiedDocument& verified, const Demands& demands, UnixSeconds now) {
  return Appraiser(verified.document(), demands, now).run();
}

}  // namespace openpcc::nitro
