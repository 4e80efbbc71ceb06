#include "openpcc/azure/appraise.h"

#include <algorithm>

#include "openpcc/appraisal/writer.h"

namespace openpcc::azure {
namespace {

using appraisal::Aspect;
using appraisal::Findings;

void append(Findings& out, Findings more) { std::ranges::move(more, std::back_inserter(out)); }

// machine judges what hardware says. The report data is the runtime data's hash, which verify compared.
Findings machine(const VerifiedVm& verified, const Demands& demands, UnixSeconds now) {
  Findings out;
  if (const auto* report = std::get_if<snp::VerifiedReport>(&verified.report())) {
    out = snp::appraise(*report, demands.snp);
  } else {
    const auto& quote = std::get<tdx::VerifiedQuote>(verified.report());
    out = tdx::appraise_tcb(quote, demands.tdx, now);
    append(out, tdx::appraise(quote.claims(), demands.tdx));
  }
  std::erase_if(out, [](const appraisal::Finding& finding) { return finding.aspect == Aspect::bound_data; });
  return out;
}

// Appraiser judges what the paravisor says.
class Appraiser : private appraisal::Writer {
 public:
  Appraiser(const RuntimeData& runtime, const Demands& demands) : runtime_(runtime), demands_(demands) {}

  Findings run(bool has_quote) {
    if (!has_quote) {
      refuse(Aspect::bound_data, "azure.quote.missing", "a quote of the vTPM", "none: the report alone is as old as the boot",
             "add a quote, its signature and the PCR values");
    }
    unprovable(Aspect::software, "azure.binding", "",
               "hardware measured the paravisor; what the guest runs stands in the PCRs, by the paravisor's word", "");
    check_user_data();
    check_setting("azure.vm.tpm", "the vTPM", runtime_.configuration.tpm_enabled, true, true);
    check_setting("azure.vm.secure_boot", "secure boot", runtime_.configuration.secure_boot, true, demands_.require_secure_boot);
    check_setting("azure.vm.console", "the console", runtime_.configuration.console_enabled, false, demands_.require_no_console);
    return take();
  }

 private:
  void check_user_data() {
    constexpr Rule kRule = "azure.user_data";
    const std::string seen = to_hex(runtime_.user_data);
    if (!demands_.user_data) return leave(Aspect::bound_data, kRule, "", "user data " + seen + "; nothing was given to compare with");
    judge(Aspect::bound_data, kRule, *demands_.user_data == runtime_.user_data, false, "user data " + to_hex(*demands_.user_data), seen,
          "write it into NV index 0x01400002 and get a report anew");
  }

  void check_setting(Rule rule, std::string_view what, std::optional<bool> seen, bool wanted, bool demanded) {
    const std::string name(what);
    const std::string state = !seen ? name + ": vm-configuration does not say" : name + (*seen ? " on" : " off");
    const std::string expected = name + (wanted ? " on" : " off");
    if (seen != wanted && !demanded) return leave(Aspect::platform, rule, expected, state + "; not demanded");
    judge(Aspect::platform, rule, seen == wanted, false, expected, state, "make the VM anew with " + expected);
  }

  const RuntimeData& runtime_;
  const Demands& demands_;
};

}  // namespace

Findings appraise(const VerifiedVm& verified, const Demands& demands, UnixSeconds now) {
  Findings out = machine(verified, demands, now);
  if (verified.quote()) append(out, tpm::appraise(*verified.quote(), demands.quote ? &*demands.quote : nullptr));
  append(out, Appraiser(verified.runtime(), demands).run(verified.quote().has_value()));
  return out;
}

x509::Window accepted_window(const VerifiedVm& verified, const Demands& demands, UnixSeconds now) {
  const auto* quote = std::get_if<tdx::VerifiedQuote>(&verified.report());
  return quote == nullptr ? verified.window() : tdx::accepted_window(*quote, demands.tdx, now);
}

}  // namespace openpcc::azure
