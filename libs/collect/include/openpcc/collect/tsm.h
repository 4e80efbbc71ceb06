// Reports through configfs-tsm, the kernel's one interface to every TEE (Linux 6.7 and later; Documentation/ABI/testing/configfs-tsm-report).
#pragma once

#include "openpcc/collect/source.h"

namespace openpcc::collect {

inline constexpr std::string_view kTsmFolder = "/sys/kernel/config/tsm/report";
inline constexpr size_t kOutblobBytesMax = 32u << 10;
inline constexpr size_t kAuxblobBytesMax = 64u << 10;

// Tsm makes an entry of its own for each report and removes it afterwards. The kernel counts what is written to an entry (`generation`): a report
// counts only if nobody else wrote meanwhile. A conflict, EBUSY and EAGAIN begin anew, a few times. Where the guest does not run at the
// most trusted level, the report is asked for at the most trusted one that it may ask for (`privlevel_floor`); a policy judges it.
class Tsm final : public Source {
 public:
  //   collect.tsm.absent     no such folder (unsupported)
  //   collect.tsm.entry      no entry can be made: no permission, or no provider behind the interface
  //   collect.tsm.provider   the provider is of no technology that is verified here (unsupported)
  static Result<std::unique_ptr<Source>> open(const Guest& guest);

  Word name() const override;
  //   collect.tsm.entry, collect.tsm.provider (another one than before)
  //   collect.tsm.refused     the TEE or its host gives no report for this request
  //   collect.tsm.attribute   an attribute cannot be read or written
  //   collect.tsm.too_large   the report or what is beside it exceeds its limit (limit)
  //   collect.tsm.conflict    somebody else wrote to the entry, each time (unavailable)
  //   collect.tsm.busy        the kernel or the host was busy, each time (unavailable)
  //   collect.tsm.timeout     the host did not answer in the driver's time (unavailable)
  Result<Collected> collect(const attest::Binding& binding) override;

 private:
  Tsm(const Guest& guest, std::string provider) : guest_(guest), provider_(std::move(provider)) {}
  Guest guest_;
  std::string provider_;
};

}  // namespace openpcc::collect
