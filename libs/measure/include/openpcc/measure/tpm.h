// What a TPM's registers must hold (TCG PC Client Platform Firmware Profile, section 3.3.4; UAPI group, Linux TPM PCR Registry) after a boot whose
// parts are known: Secure Boot variables, boot loaders and unified kernel images, the partition table.
#pragma once

#include "openpcc/measure/tdx.h"

namespace openpcc::measure {

// TpmBoot is a boot from a disk. What is not given is not measured, and its registers are left out.
struct TpmBoot {
  std::optional<Variables> secure_boot;  // PCR 7
  std::vector<std::pair<std::string, ByteSpan>>
      authorities;               // PCR 7, after the separator: which entry of db let an executable start (owner and certificate)
  std::optional<ByteSpan> disk;  // PCR 5: its start, with the partition table
  std::vector<std::pair<std::string, ByteSpan>> applications;  // PCR 4: executables in the order in which they start, by name
  std::optional<ByteSpan> uki;                                 // PCR 4, after the applications, and PCR 11
  std::vector<std::string> phases;                             // PCR 11, as systemd-pcrphase extends them
  std::optional<std::string> cmdline;  // PCR 9: what Linux' own stub measures; after systemd's stub PCR 12 has what is not the UKI's own
  std::optional<ByteSpan> initrd;      // PCR 9
};

// extend_tpm_boot extends the registers.
//   measure.pe.*, measure.uefi.*   as the parts' parsers say
Result<> extend_tpm_boot(Replayer& registers, Bank bank, const TpmBoot& given);

}  // namespace openpcc::measure
