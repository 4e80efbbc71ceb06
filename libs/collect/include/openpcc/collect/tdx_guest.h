// /dev/tdx_guest, the driver of TDX guests (Linux 6.2 and later; include/uapi/linux/tdx-guest.h). It gives a TDREPORT, which only the machine
// itself can check; a quote, which others can, is made from it by a quoting service on the host. configfs-tsm has one behind it, the device has not.
#pragma once

#include "openpcc/collect/source.h"

namespace openpcc::collect {

inline constexpr std::string_view kTdxGuestDevice = "/dev/tdx_guest";

// open_tdx_guest has the TDX module make a TDREPORT of report data of its own (Intel TDX Module ABI, TDG.MR.REPORT), and says how far it came. It
// never gives a source.
//   collect.tdx.absent   no such device (unsupported)        collect.tdx.device   it cannot be opened
//   collect.tdx.report   the driver or the module refuses, or gives something else: this is no sound TD
//   collect.tdx.quotes   a TD, and no way to a quote (unsupported): use configfs-tsm
Result<std::unique_ptr<Source>> open_tdx_guest(const Guest& guest);

}  // namespace openpcc::collect
