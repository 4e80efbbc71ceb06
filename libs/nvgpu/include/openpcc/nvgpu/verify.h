// Whether a device's report is genuine: a pure function of bytes and time. What it says may still be unacceptable; appraise.h judges that.
//
//   pinned key = root --signs--> identity --signs--> provisioner --signs--> boot ROM --signs--> leaf --signs--> report
#pragma once

#include "openpcc/nvgpu/chain.h"

namespace openpcc::nvgpu {

// VerifiedReport is a report whose chain of signatures up to a pinned root is good. Only verify() makes one.
class VerifiedReport {
 public:
  const Report& report() const { return report_; }
  const Device& device() const { return device_; }
  // window is when all that was signed holds, statements of revocation included where there are some.
  const x509::Window& window() const { return window_; }
  // revocation_checked: every certificate between leaf and root was found good, and the leaf where it names a responder.
  bool revocation_checked() const { return revocation_checked_; }

 private:
  friend class Verifier;
  VerifiedReport(Report report, Device device, const x509::Window& window, bool revocation_checked)
      : report_(std::move(report)), device_(std::move(device)), window_(window), revocation_checked_(revocation_checked) {}
  Report report_;
  Device device_;
  x509::Window window_;
  bool revocation_checked_;
};

// Verification is a verified report, or everything that was found to be wrong, in the order of the checks.
struct Verification {
  std::vector<Error> failures;
  std::optional<VerifiedReport> verified;  // there exactly when nothing failed
};

// verify checks all of it, in this order; what rests on something that could not be read is left out. `chain` is PEM, leaf first; `links`, where
// given, is shared by the members of a set.
//   nvgpu.size, .request, .response, .block, .opaque, .trailing        of parse_report
//   nvgpu.chain.pem, .count, .syntax, .root, .issuer, .signature, .ca, .early, .expired
//   nvgpu.chip.unknown, .mismatch (the report has not the fields of that kind of chip, too)
//   nvgpu.ocsp.*, nvgpu.crl.*
//   nvgpu.chain.key, nvgpu.signature, nvgpu.fwid.syntax, nvgpu.fwid, nvgpu.switch.pdi
Verification verify(ByteSpan report, ByteSpan chain, const Statements& statements, UnixSeconds now,
                    std::span<const PinnedKey> roots = device_roots(), CheckedLinks* links = nullptr);

// read_chain takes a chain of kDeviceCertificates from PEM, however many newlines stand between and after them.
//   nvgpu.chain.pem, nvgpu.chain.count, nvgpu.chain.syntax
Result<std::vector<x509::Certificate>> read_chain(ByteSpan pem);

}  // namespace openpcc::nvgpu
