// Reports through /dev/sev-guest, the driver of SEV-SNP guests (Linux 5.19 and later; include/uapi/linux/sev-guest.h).
#pragma once

#include "openpcc/collect/source.h"

namespace openpcc::collect {

inline constexpr std::string_view kSevGuestDevice = "/dev/sev-guest";

// SevGuest asks for a report at VMPL 0 with the host's certificates, and without them where the host has none for us. Guests below VMPL 0 have
// configfs-tsm, whose kernel knows the level.
class SevGuest final : public Source {
 public:
  //   collect.sev.absent   no such device (unsupported)        collect.sev.device   it cannot be opened
  static Result<std::unique_ptr<Source>> open(const Guest& guest);

  Word name() const override { return "sev-guest"; }
  //   collect.sev.device
  //   collect.sev.keys       the driver lost its key to the firmware; it has it again after the guest's next start
  //   collect.sev.busy       the host throttles (unavailable)
  //   collect.sev.firmware   the firmware refuses, with its status
  //   collect.sev.request    the driver or the host refuses
  //   collect.sev.response   the answer is no report
  Result<Collected> collect(const attest::Binding& binding) override;

 private:
  explicit SevGuest(Kernel& kernel) : kernel_(kernel) {}
  Kernel& kernel_;
};

}  // namespace openpcc::collect
