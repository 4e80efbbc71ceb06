#include "openpcc/collect/sev_guest.h"

#include <algorithm>
#include <cerrno>

#include "openpcc/attest/hardware_types.h"
#include "openpcc/snp/collateral.h"

namespace openpcc::collect {
namespace {

// The driver's structures and requests, as its header lays them out; distributions' headers may be older than their kernels.
struct ReportRequest {
  std::array<uint8_t, 64> user_data;
  uint32_t vmpl = 0;
  std::array<uint8_t, 28> reserved{};
};
struct ExtendedRequest {
  ReportRequest report;
  uint64_t certificates_address = 0;
  uint32_t certificates_bytes = 0;
};
struct Response {
  std::array<uint8_t, 4000> data{};
};
struct GuestRequest {
  uint8_t message_version = 1;
  uint64_t request_address = 0;
  uint64_t response_address = 0;
  uint32_t firmware_error = 0;
  uint32_t host_error = 0;
};
static_assert(sizeof(ReportRequest) == 96 && sizeof(ExtendedRequest) == 112 && sizeof(GuestRequest) == 32);

constexpr unsigned long kGetReport = 0xc0205300;          // _IOWR('S', 0, struct snp_guest_request_ioctl)
constexpr unsigned long kGetExtendedReport = 0xc0205302;  // _IOWR('S', 2, struct snp_guest_request_ioctl)
constexpr uint32_t kInvalidLength = 1;                    // SNP_GUEST_VMM_ERR_INVALID_LEN
constexpr uint32_t kHostBusy = 2;                         // SNP_GUEST_VMM_ERR_BUSY
constexpr uint32_t kCertificatesBytes = 16u << 10;        // what the driver takes at most, and what the host's table fits into

template <class T>
uint64_t address_of(T& object) {
  return reinterpret_cast<uintptr_t>(&object);
}

// Outcome is how a request ended: errno 0 is good.
struct Outcome {
  int error = 0;
  uint32_t firmware_error = 0;
  uint32_t host_error = 0;
  bool too_short() const { return host_error == kInvalidLength && (error == ENOSPC || error == EIO); }
};

template <class Request>
Outcome ask(File& device, unsigned long number, Request& request, Response& response) {
  GuestRequest call;
  call.request_address = address_of(request);
  call.response_address = address_of(response);
  for (;;) {
    const auto called = device.control(number, &call);
    if (!called && called.error() == EINTR) continue;
    return {called ? 0 : called.error(), call.firmware_error, call.host_error};
  }
}

std::string hex_of(uint32_t number) {
  const std::array<uint8_t, 4> bytes = {static_cast<uint8_t>(number >> 24), static_cast<uint8_t>(number >> 16),
                                        static_cast<uint8_t>(number >> 8), static_cast<uint8_t>(number)};
  return "0x" + to_hex(bytes);
}

std::unexpected<Error> refusal(const Outcome& outcome) {
  const std::string why = error_text(outcome.error);
  if (outcome.error == ENOTTY) {
    return fail(Code::unavailable, "collect.sev.keys",
                "the driver gave up its key to the firmware (VMPCK) after an error before; restart the guest");
  }
  if (outcome.host_error == kHostBusy || outcome.error == ETIMEDOUT || outcome.error == EAGAIN) {
    return fail(Code::unavailable, "collect.sev.busy", "the host throttles requests: " + why + "; it is tried again");
  }
  if (outcome.firmware_error != 0) {
    return fail(Code::unavailable, "collect.sev.firmware",
                "the firmware refuses with status " + hex_of(outcome.firmware_error) + " (SEV-SNP ABI, status codes)");
  }
  const std::string host = outcome.host_error == 0 ? std::string() : ", the host's error " + hex_of(outcome.host_error);
  return fail(Code::unavailable, "collect.sev.request", why + host + "; the kernel's log says more");
}

struct Asked {
  Response response;
  Bytes table;  // empty: the host gave none
};

// ask_extended asks for the host's certificates too. A table over the buffer's size is asked for once more with the size that the host names.
Outcome ask_extended(File& device, const ReportRequest& report, Asked& out) {
  uint32_t size = kCertificatesBytes;
  Outcome outcome;
  for (int attempt = 0; attempt < 2; ++attempt) {
    out.table.assign(size, 0);
    ExtendedRequest request{report, reinterpret_cast<uintptr_t>(out.table.data()), size};
    outcome = ask(device, kGetExtendedReport, request, out.response);
    const bool larger =
        outcome.too_short() && request.certificates_bytes > size && request.certificates_bytes <= snp::kCertificateTableBytesMax;
    if (!larger) break;
    size = request.certificates_bytes;
  }
  return outcome;
}

// without_certificates: the report can still be had, only the host's table cannot. The size that it names may be more than the driver takes.
bool without_certificates(const Outcome& outcome) { return outcome.too_short() || outcome.error == EINVAL; }

Result<Bytes> report_in(const Response& response) {
  const auto report = snp::strip_response(response.data);
  if (report) return Bytes(report->begin(), report->end());
  uint32_t status = 0;
  for (size_t i = 0; i < 4; ++i) status |= static_cast<uint32_t>(response.data[i]) << (8 * i);
  return fail(Code::malformed, "collect.sev.response", "the firmware's answer is no report; its status is " + hex_of(status));
}

Result<File> open_device(Kernel& kernel) {
  auto device = File::open(kernel, std::string(kSevGuestDevice), Access::read_write);
  if (device) return std::move(*device);
  if (device.error() == ENOENT || device.error() == ENODEV || device.error() == ENXIO) {
    return fail(Code::unsupported, "collect.sev.absent",
                "no " + std::string(kSevGuestDevice) + ": it takes an SEV-SNP guest, Linux 5.19 and the module sev-guest");
  }
  return fail(Code::unavailable, "collect.sev.device",
              std::string(kSevGuestDevice) + ": " + error_text(device.error()) + "; run the node as root, or let it read and write it");
}

}  // namespace

Result<std::unique_ptr<Source>> SevGuest::open(const Guest& guest) {
  OPENPCC_TRY(open_device(guest.kernel));
  return std::unique_ptr<Source>(new SevGuest(guest.kernel));
}

Result<Collected> SevGuest::collect(const attest::Binding& binding) {
  OPENPCC_LET(File device, open_device(kernel_));
  ReportRequest request{binding};
  Asked asked;
  Outcome outcome = ask_extended(device, request, asked);
  if (outcome.error != 0 && without_certificates(outcome)) {
    asked = {};
    outcome = ask(device, kGetReport, request, asked.response);
  }
  if (outcome.error != 0) return refusal(outcome);
  OPENPCC_LET(Bytes report, report_in(asked.response));
  Collected out{{std::string(attest::kSnpReportType), std::move(report)}, {}};
  if (std::ranges::any_of(asked.table, [](uint8_t b) { return b != 0; })) out.beside.push_back(std::move(asked.table));
  return out;
}

}  // namespace openpcc::collect
