// Spec: Intel TDX DCAP Quote Verification; Intel SGX TCB Recovery guidance for attestation.
#include "openpcc/tdx/tcb.h"

#include <algorithm>

namespace openpcc::tdx {
namespace {

std::unexpected<Error> differs(Rule rule, std::string detail) { return fail(Code::verification_failed, rule, std::move(detail)); }

// at_most compares each with its own kind, from component `start` on.
bool at_most(const Svn16& lower, const Svn16& upper, size_t start = 0) {
  for (size_t i = start; i < lower.size(); ++i) {
    if (lower[i] > upper[i]) return false;
  }
  return true;
}

// first_level is the highest that `isvsvn` is not below.
const EnclaveLevel* first_level(const std::vector<EnclaveLevel>& levels, uint16_t isvsvn) {
  const auto found = std::ranges::find_if(levels, [&](const EnclaveLevel& level) { return level.isvsvn <= isvsvn; });
  return found == levels.end() ? nullptr : &*found;
}

bool same_under_mask(const std::array<uint8_t, 16>& a, const std::array<uint8_t, 16>& b, const std::array<uint8_t, 16>& mask) {
  for (size_t i = 0; i < mask.size(); ++i) {
    if (((a[i] ^ b[i]) & mask[i]) != 0) return false;
  }
  return true;
}

// not_below: the module of `now` is no older than that of `launch`. A new major version, component 1, counts its minor one, component 0, anew.
bool not_below(const Svn16& launch, const Svn16& now) {
  const bool module = launch[1] != now[1] ? launch[1] < now[1] : launch[0] <= now[0];
  return module && at_most(launch, now, 2);
}

std::string module_id(uint8_t version) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  return std::string("TDX_") + kDigits[version >> 4] + kDigits[version & 15];
}

void add_advisories(const TcbLevel& level, std::vector<std::string>& out) {
  out.insert(out.end(), level.advisory_ids.begin(), level.advisory_ids.end());
}

std::optional<TcbStatus> status_of(const ModuleResult& module) { return module.level ? std::optional(module.level->status) : std::nullopt; }

// would_be_up_to_date evaluates a TD as if the module that runs now had launched it.
bool would_be_up_to_date(const TdReport& td, const PckClaims& pck, const TcbInfo& info, TcbStatus quoting_enclave) {
  const Svn16& now = td.td15->tee_tcb_svn_2;
  if (now == td.tee_tcb_svn || !at_most(td.tee_tcb_svn, now)) return false;
  const auto module = evaluate_module(td, now, info);
  const auto platform = evaluate_platform(pck, &now, info);
  return module && platform && converge(platform->status, status_of(*module), quoting_enclave) == TcbStatus::up_to_date;
}

}  // namespace

Result<TcbLevel> evaluate_qe(const SgxReport& report, const QeIdentity& identity) {
  if (((report.miscselect ^ identity.miscselect) & identity.miscselect_mask) != 0) {
    return differs("tdx.qe.miscselect", std::to_string(report.miscselect));
  }
  if (!same_under_mask(report.attributes, identity.attributes, identity.attributes_mask)) {
    return differs("tdx.qe.attributes", to_hex(report.attributes));
  }
  if (report.debug()) return differs("tdx.qe.debug", to_hex(report.attributes));
  if (report.mrsigner != identity.mrsigner) return differs("tdx.qe.mrsigner", to_hex(report.mrsigner));
  if (report.isvprodid != identity.isvprodid) return differs("tdx.qe.isvprodid", std::to_string(report.isvprodid));
  const EnclaveLevel* level = first_level(identity.levels, report.isvsvn);
  if (level == nullptr) return differs("tdx.qe.unsupported", "ISVSVN " + std::to_string(report.isvsvn));
  return level->level;
}

Result<ModuleResult> evaluate_module(const TdReport& report, const Svn16& tee_tcb_svn, const TcbInfo& info) {
  const uint8_t version = tee_tcb_svn[1];
  ModuleResult out{version == 0 ? std::string() : module_id(version), std::nullopt};
  const TdxModule* module = version == 0 && info.tdx_module ? &*info.tdx_module : nullptr;
  const EnclaveLevel* level = nullptr;
  const auto entry = std::ranges::find(info.tdx_module_identities, out.id, &TdxModuleIdentity::id);
  if (version != 0 && entry != info.tdx_module_identities.end()) {
    module = &entry->module;
    level = first_level(entry->levels, tee_tcb_svn[0]);
  }
  if (module == nullptr) return differs("tdx.module.unknown", out.id);
  if (report.mrsignerseam != module->mrsigner) return differs("tdx.module.mrsigner", to_hex(report.mrsignerseam));
  if (((report.seamattributes ^ module->attributes) & module->attributes_mask) != 0) {
    return differs("tdx.module.attributes", std::to_string(report.seamattributes));
  }
  if (version == 0) return out;
  if (level == nullptr) return differs("tdx.module.unsupported", out.id + " " + std::to_string(tee_tcb_svn[0]));
  out.level = level->level;
  return out;
}

Result<TcbLevel> evaluate_platform(const PckClaims& pck, const Svn16* tee_tcb_svn, const TcbInfo& info) {
  const size_t start = tee_tcb_svn != nullptr && (*tee_tcb_svn)[1] > 0 ? 2 : 0;
  for (const PlatformLevel& level : info.levels) {
    if (!at_most(level.sgx_components, pck.components) || level.pcesvn > pck.pcesvn) continue;
    if (tee_tcb_svn == nullptr || at_most(level.tdx_components, *tee_tcb_svn, start)) return level.level;
  }
  return differs("tdx.tcb.unsupported", "components " + to_hex(pck.components) + ", PCESVN " + std::to_string(pck.pcesvn));
}

TcbStatus converge(TcbStatus platform, std::optional<TcbStatus> module, TcbStatus quoting_enclave) {
  if (platform == TcbStatus::revoked || module == TcbStatus::revoked || quoting_enclave == TcbStatus::revoked) return TcbStatus::revoked;
  if (module != TcbStatus::out_of_date && quoting_enclave != TcbStatus::out_of_date) return platform;
  switch (platform) {
    case TcbStatus::up_to_date:
    case TcbStatus::sw_hardening_needed: return TcbStatus::out_of_date;
    case TcbStatus::configuration_needed:
    case TcbStatus::configuration_and_sw_hardening_needed: return TcbStatus::out_of_date_configuration_needed;
    default: return platform;
  }
}

Result<TcbResult> evaluate_all(const Quote& quote, const PckClaims& pck, const TcbInfo& info, const QeIdentity& identity) {
  if (info.fmspc != pck.fmspc) return differs("tdx.collateral.fmspc", to_hex(info.fmspc) + " for " + to_hex(pck.fmspc));
  if (info.pceid != pck.pceid) return differs("tdx.collateral.pceid", to_hex(info.pceid) + " for " + to_hex(pck.pceid));
  TcbResult out;
  out.tcb_evaluation_data_number = info.head.tcb_evaluation_data_number;
  OPENPCC_LET(out.quoting_enclave, evaluate_qe(quote.qe_report, identity));
  const auto* td = std::get_if<TdReport>(&quote.body);
  std::optional<TcbStatus> module_status;
  if (td != nullptr && td->td15 && !not_below(td->tee_tcb_svn, td->td15->tee_tcb_svn_2)) {
    return differs("tdx.tcb.svn", to_hex(td->td15->tee_tcb_svn_2) + " now, launched by " + to_hex(td->tee_tcb_svn));
  }
  if (td != nullptr) {
    OPENPCC_LET(out.module, evaluate_module(*td, td->tee_tcb_svn, info));
    module_status = status_of(*out.module);
    if (out.module->level) add_advisories(*out.module->level, out.advisory_ids);
  }
  OPENPCC_LET(out.platform, evaluate_platform(pck, td != nullptr ? &td->tee_tcb_svn : nullptr, info));
  out.status = converge(out.platform.status, module_status, out.quoting_enclave.status);
  if (out.status == TcbStatus::revoked) return fail(Code::rejected, "tdx.tcb.revoked", "platform, TDX module or quoting enclave");
  add_advisories(out.platform, out.advisory_ids);
  add_advisories(out.quoting_enclave, out.advisory_ids);
  std::ranges::sort(out.advisory_ids);
  const auto repeated = std::ranges::unique(out.advisory_ids);
  out.advisory_ids.erase(repeated.begin(), repeated.end());
  out.relaunch_advised =
      td != nullptr && td->td15 && out.status == TcbStatus::out_of_date && would_be_up_to_date(*td, pck, info, out.quoting_enclave.status);
  return out;
}

}  // namespace openpcc::tdx
