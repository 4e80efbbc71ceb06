#include "openpcc/tdx/appraise.h"

#include <algorithm>

#include "openpcc/appraisal/writer.h"
#include "openpcc/core/calendar.h"
#include "openpcc/core/describe.h"

namespace openpcc::tdx {
namespace {

using appraisal::Aspect;
using appraisal::Findings;
using appraisal::Writer;

constexpr uint64_t kDebugBits = 0xff;  // TUD: what makes a TD untrusted
constexpr uint64_t kMandatoryXfam = 3;

std::string list_of(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out.empty() ? "none" : out;
}

constexpr const char* kRelaunch = "launch the TD with other attributes";

void judge_identity(Writer& out, const PckClaims& pck, const Demands& demands) {
  const std::string instance = pck.platform_instance_id ? ", instance " + to_hex(*pck.platform_instance_id) : "";
  const std::string seen = "platform " + to_hex(pck.ppid) + ", FMSPC " + to_hex(pck.fmspc) + instance;
  constexpr Rule kRule = "tdx.platform.unlisted";
  if (demands.platforms.empty()) return out.leave(Aspect::identity, kRule, "", seen);
  const bool listed =
      demands.platforms.contains(pck.ppid) || (pck.platform_instance_id && demands.platforms.contains(*pck.platform_instance_id));
  out.judge(Aspect::identity, kRule, listed, false, "a platform that the policy lists", seen, "enter the platform, or choose another node");
}

void judge_module(Writer& out, const TdReport& td, const Demands& demands) {
  if (!is_zero(td.mrsignerseam)) {
    return out.refuse(Aspect::firmware, "tdx.seam.mrsigner", "Intel's, which is zero", to_hex(td.mrsignerseam),
                      "the host must load Intel's TDX module");
  }
  if (td.seamattributes != 0) {
    return out.refuse(Aspect::firmware, "tdx.seam.attributes", "zero", hex_number(td.seamattributes),
                      "the host must load Intel's TDX module");
  }
  constexpr Rule kRule = "tdx.seam.mrseam";
  if (demands.mrseam.empty())
    return out.leave(Aspect::firmware, kRule, "", "module " + to_hex(td.mrseam) + " of Intel's; no build was given");
  out.judge(Aspect::firmware, kRule, demands.mrseam.contains(td.mrseam), false, "a build that the policy lists", to_hex(td.mrseam),
            "the host must load a TDX module that the policy lists");
}

void judge_migration(Writer& out, const TdReport& td, const Demands& demands) {
  const bool bound = td.td15 && !is_zero(td.td15->mrservicetd);
  if (bound && !demands.mrservicetd.contains(td.td15->mrservicetd)) {
    return out.refuse(Aspect::migration, "tdx.mrservicetd", "no service TD, or one that the policy lists", to_hex(td.td15->mrservicetd),
                      "launch the TD without a service TD, or allow this one");
  }
  const bool migratable = td.migratable() && !(bound && demands.mrservicetd.contains(td.td15->mrservicetd));
  out.judge(Aspect::migration, "tdx.attributes.migratable", !migratable, demands.allow_migratable, "not migratable",
            migratable ? "a migration TD may take it elsewhere" : "stays, or moves with a service TD that the policy lists", kRelaunch);
}

void judge_attributes(Writer& out, const TdReport& td, const Demands& demands) {
  const std::string seen = "TDATTRIBUTES " + hex_number(td.tdattributes) + ", XFAM " + hex_number(td.xfam);
  if (td.perfmon() && (demands.attributes_mask >> 63) == 0) {
    return out.refuse(Aspect::guest_policy, "tdx.attributes.perfmon", "PERFMON clear", seen, kRelaunch);
  }
  const uint64_t judged_elsewhere = kDebugBits | uint64_t{1} << 29;
  if ((td.tdattributes & ~(demands.attributes_mask | judged_elsewhere)) != 0) {
    return out.refuse(Aspect::guest_policy, "tdx.attributes.reserved", "no bit but " + hex_number(demands.attributes_mask), seen,
                      kRelaunch);
  }
  if ((td.xfam & kMandatoryXfam) != kMandatoryXfam || (td.xfam & ~demands.xfam_mask) != 0) {
    return out.refuse(Aspect::guest_policy, "tdx.xfam", "x87 and SSE, no bit but " + hex_number(demands.xfam_mask), seen, kRelaunch);
  }
  out.judge(Aspect::guest_policy, "tdx.attributes.sept_ve_disable", td.sept_ve_disable(), demands.allow_sept_ve, "SEPT_VE_DISABLE set",
            seen, "launch the TD with SEPT_VE_DISABLE: without it the host can inject exceptions at memory accesses");
}

struct Launch {
  Rule rule;
  const std::set<Measurement>& wanted;
  const Measurement& value;
  std::string_view name;
};

void judge_launch(Writer& out, const TdReport& td, const Demands& demands) {
  const Launch checks[] = {{"tdx.mrconfigid", demands.mrconfigid, td.mrconfigid, "MRCONFIGID"},
                           {"tdx.mrowner", demands.mrowner, td.mrowner, "MROWNER"},
                           {"tdx.mrownerconfig", demands.mrownerconfig, td.mrownerconfig, "MROWNERCONFIG"}};
  const Launch* last = nullptr;
  std::string seen;
  for (const Launch& check : checks) {
    const std::string value = std::string(check.name) + " " + (is_zero(check.value) ? "zero" : to_hex(check.value));
    seen += (seen.empty() ? "" : ", ") + value;
    if (check.wanted.empty()) continue;
    if (!check.wanted.contains(check.value)) {
      return out.refuse(Aspect::launch, check.rule, "a value that the policy lists; zero where it lists none", value,
                        "launch the TD as its owner means it, or list the value once its source is known");
    }
    last = &check;
  }
  if (last == nullptr) return out.leave(Aspect::launch, "tdx.mrconfigid", "", seen + "; nothing was given to compare with");
  out.pass(Aspect::launch, last->rule, "values that the policy lists", seen);
}

void judge_software(Writer& out, const TdReport& td, const Demands& demands) {
  const std::string run = "run an allowed release, or allow this measurement once its source is known";
  if (demands.rtmr && *demands.rtmr != td.rtmr) {
    const auto differs = std::ranges::mismatch(*demands.rtmr, td.rtmr);
    const std::string which = "RTMR" + std::to_string(differs.in2 - td.rtmr.begin()) + " ";
    return out.refuse(Aspect::software, "tdx.rtmr", which + to_hex(*differs.in1), which + to_hex(*differs.in2), run);
  }
  const std::string seen = "MRTD " + to_hex(td.mrtd);
  if (demands.measurements.empty()) return out.leave(Aspect::software, "tdx.mrtd", "", seen + "; no release was given to compare with");
  const bool known = std::ranges::any_of(demands.measurements, [&](const Bytes& m) { return equal(m, td.mrtd); });
  // MRTD is the firmware's, or a paravisor's: without the registers it says nothing of the workload.
  if (known && !demands.rtmr) return out.leave(Aspect::software, "tdx.rtmr", "", seen + " is allowed; RTMR0 to RTMR3 were not compared");
  out.judge(Aspect::software, "tdx.mrtd", known, false, "an allowed release", seen, run);
}

void judge_enclave(Writer& out, const SgxReport& enclave, const Demands& demands) {
  const bool of_a_td = demands.rtmr || !demands.mrconfigid.empty() || !demands.mrowner.empty() || !demands.mrownerconfig.empty();
  if (of_a_td || !demands.mrseam.empty()) {
    return out.refuse(Aspect::software, "tdx.tee_type", "a TD, of which more is demanded than an enclave has", "an SGX enclave",
                      "give the quote of a TD");
  }
  out.judge(Aspect::debug, "tdx.attributes.debug", !enclave.debug(), demands.allow_debug, "off",
            enclave.debug() ? "on: the host reads all of the enclave's memory" : "off", "launch the enclave without DEBUG");
  const std::string seen = "MRENCLAVE " + to_hex(enclave.mrenclave) + ", MRSIGNER " + to_hex(enclave.mrsigner);
  if (demands.measurements.empty()) return out.leave(Aspect::software, "tdx.mrtd", "", seen + "; no release was given to compare with");
  const bool known = std::ranges::any_of(demands.measurements, [&](const Bytes& m) { return equal(m, enclave.mrenclave); });
  out.judge(Aspect::software, "tdx.mrtd", known, false, "an allowed release", seen, "run an allowed release");
}

void judge_td(Writer& out, const TdReport& td, const Demands& demands) {
  judge_module(out, td, demands);
  const bool debug = (td.tdattributes & kDebugBits) != 0;
  out.judge(Aspect::debug, "tdx.attributes.debug", !debug, demands.allow_debug, "off",
            debug ? "on: the host reads all of the TD's memory" : "off", "launch the TD without DEBUG");
  judge_migration(out, td, demands);
  judge_attributes(out, td, demands);
  judge_launch(out, td, demands);
  judge_software(out, td, demands);
}

void judge_bound_data(Writer& out, const ReportData& seen, const Demands& demands) {
  constexpr Rule kRule = "tdx.report_data";
  if (!demands.report_data) return out.leave(Aspect::bound_data, kRule, "", to_hex(seen) + "; nothing was given to compare with");
  out.judge(Aspect::bound_data, kRule, *demands.report_data == seen, false, to_hex(*demands.report_data), to_hex(seen),
            "the quote was made for something else: get it from the node itself");
}

bool takes(const TcbException& exception, const TcbResult& tcb, UnixSeconds now) {
  return exception.status == tcb.status && now < exception.until &&
         std::ranges::all_of(tcb.advisory_ids, [&](const std::string& id) { return exception.advisory_ids.contains(id); });
}

}  // namespace

Findings appraise(const QuoteClaims& claims, const Demands& demands) {
  Writer out;
  judge_identity(out, claims.pck, demands);
  if (const auto* td = std::get_if<TdReport>(&claims.body)) {
    judge_td(out, *td, demands);
    judge_bound_data(out, td->reportdata, demands);
  } else {
    const SgxReport& enclave = std::get<SgxReport>(claims.body);
    judge_enclave(out, enclave, demands);
    judge_bound_data(out, enclave.reportdata, demands);
  }
  return out.take();
}

Findings appraise_tcb(const VerifiedQuote& verified, const Demands& demands, UnixSeconds now) {
  Writer out;
  if (verified.revocation() == Revocation::checked) {
    out.pass(Aspect::revocation, "tdx.crl.missing", "revocation lists of Intel's in their time", "no certificate is in them");
  } else {
    out.leave(Aspect::revocation, "tdx.crl.missing", "revocation lists of Intel's in their time", "not all lists were given");
  }
  const TcbResult& tcb = verified.tcb();
  const std::string seen = std::string(to_string(tcb.status)) + ", level of " + utc_text(tcb.platform.tcb_date).substr(0, 10) +
                           ", evaluation " + std::to_string(tcb.tcb_evaluation_data_number) + "; advisories: " + list_of(tcb.advisory_ids);
  const bool allowed = std::ranges::any_of(demands.tcb_exceptions, [&](const TcbException& e) { return takes(e, tcb, now); });
  const std::string update = "the host must update its firmware and TDX module; or name status, advisories and an end date in the policy";
  if (tcb.relaunch_advised) {
    out.judge(Aspect::tcb, "tdx.tcb.relaunch", false, allowed, "a module that is current launched the TD", seen, "launch the TD anew");
    return out.take();
  }
  out.judge(Aspect::tcb, "tdx.tcb.status", tcb.status == TcbStatus::up_to_date, allowed, "UpToDate", seen, update);
  return out.take();
}

x509::Window accepted_window(const VerifiedQuote& verified, const Demands& demands, UnixSeconds now) {
  const TcbResult& tcb = verified.tcb();
  if (tcb.status == TcbStatus::up_to_date && !tcb.relaunch_advised) return verified.window();
  UnixSeconds until = now;
  for (const TcbException& exception : demands.tcb_exceptions) {
    if (takes(exception, tcb, now)) until = std::max(until, exception.until);
  }
  // Where nothing takes the status the verdict is no acceptance, and the window is of what was signed.
  return until == now ? verified.window() : verified.window().intersect({INT64_MIN, until - 1});
}

}  // namespace openpcc::tdx
