#include "openpcc/collect/tdx_guest.h"

#include <cerrno>

namespace openpcc::collect {
namespace {

// The driver's structure and request, as its header lays them out.
struct ReportRequest {
  std::array<uint8_t, 64> report_data;
  std::array<uint8_t, 1024> td_report{};
};
static_assert(sizeof(ReportRequest) == 1088);

constexpr unsigned long kGetReport0 = 0xc4405401;  // _IOWR('T', 1, struct tdx_report_req)

// REPORTMACSTRUCT: the type stands first, REPORTDATA after 128 bytes.
constexpr uint8_t kTdxType = 0x81;
constexpr size_t kReportDataAt = 128;

Result<File> open_device(Kernel& kernel) {
  auto device = File::open(kernel, std::string(kTdxGuestDevice), Access::read_write);
  if (device) return std::move(*device);
  if (device.error() == ENOENT || device.error() == ENODEV || device.error() == ENXIO) {
    return fail(Code::unsupported, "collect.tdx.absent",
                "no " + std::string(kTdxGuestDevice) + ": it takes a TDX guest, Linux 6.2 and the module tdx-guest");
  }
  return fail(Code::unavailable, "collect.tdx.device",
              std::string(kTdxGuestDevice) + ": " + error_text(device.error()) + "; run the node as root, or let it read and write it");
}

Result<> make_report(File& device, const attest::Binding& binding) {
  ReportRequest request{binding};
  auto called = device.control(kGetReport0, &request);
  while (!called && called.error() == EINTR) called = device.control(kGetReport0, &request);
  if (!called) return fail(Code::unavailable, "collect.tdx.report", error_text(called.error()) + "; the kernel's log says more");
  const ByteSpan report(request.td_report);
  if (report[0] != kTdxType || !equal(report.subspan(kReportDataAt, binding.size()), binding)) {
    return fail(Code::malformed, "collect.tdx.report", "what the module gave is no TDREPORT for this request");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Source>> open_tdx_guest(const Guest& guest) {
  OPENPCC_LET(File device, open_device(guest.kernel));
  attest::Binding binding;
  guest.random.fill(binding);
  OPENPCC_TRY(make_report(device, binding));
  return fail(Code::unsupported, "collect.tdx.quotes",
              std::string(kTdxGuestDevice) +
                  " gives a TDREPORT, which only this machine can check, and nothing here turns it into a quote: use a kernel with "
                  "configfs-tsm (Linux 6.7)");
}

}  // namespace openpcc::collect
