// Reports through /dev/tdx_guest, the driver of TDX guests (Linux 6.2 and later; include/uapi/linux/tdx-guest.h). It gives a TDREPORT, which only
// the machine itself can check; a quote, which others can, is made from it by a quoting service on the host. configfs-tsm has one behind it.
#pragma once

#include "openpcc/collect/source.h"

namespace openpcc::collect {

inline constexpr std::string_view kTdxGuestDevice = "/dev/tdx_guest";
inline constexpr size_t kTdReportBytes = 1024;
using TdReport = std::array<uint8_t, kTdReportBytes>;

// td_report asks the TDX module for a TDREPORT with `binding` as its REPORTDATA (Intel TDX Module ABI, TDG.MR.REPORT).
//   collect.tdx.absent   no such device (unsupported)        collect.tdx.device   it cannot be opened
//   collect.tdx.report   the driver or the module refuses, or gives something else
Result<TdReport> td_report(Kernel& kernel, const attest::Binding& binding);

class TdxGuest final : public Source {
 public:
  //   collect.tdx.absent, collect.tdx.device
  //   collect.tdx.quotes   the guest has no quoting service (unsupported): use configfs-tsm
  static Result<std::unique_ptr<Source>> open(const Guest& guest);

  Word name() const override { return "tdx-guest"; }
  // Errors: of td_report and of the quoting service.
  Result<Collected> collect(const attest::Binding& binding) override;

 private:
  TdxGuest(Kernel& kernel, QuoteService& quotes) : kernel_(kernel), quotes_(quotes) {}
  Kernel& kernel_;
  QuoteService& quotes_;
};

}  // namespace openpcc::collect
