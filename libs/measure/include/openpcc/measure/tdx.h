// What TDX measures: MRTD, one hash over how the TD's first memory came about (Intel TDX Module ABI, TDH.MEM.PAGE.ADD and TDH.MR.EXTEND), and the
// runtime registers, which OVMF and what it starts extend.
#pragma once

#include "openpcc/crypto/hash.h"
#include "openpcc/measure/firmware.h"
#include "openpcc/measure/uefi.h"

namespace openpcc::measure {

// Passes is the order in which the host adds and extends pages. QEMU 8 adds all pages of a section first (two), later ones take page by page
// (one), as does KVM upstream.
enum class Passes : uint8_t { one, two };

// mrtd appends the steps of MRTD to `trace` (page by page: digest of the page's data, no `after`) and returns it.
Bytes mrtd(ByteSpan firmware, const std::vector<TdvfSection>& sections, Passes passes, Trace& trace);

// td_hob is the hand-off block that QEMU writes for a TD, as it is measured: PHIT and the memory's resources.
//   measure.tdx.memory   less than the sections need, or no whole pages (rejected)
//   measure.fw.tdx_section   no section for the block
Result<Bytes> td_hob(const std::vector<TdvfSection>& sections, uint64_t memory_bytes);

// GcpFirmware is Google's published description of a firmware.
struct GcpFirmware {
  crypto::Sha384Digest mrtd{};
  crypto::Sha384Digest cfv{};
  Bytes hob;                 // a template
  size_t length_offset = 0;  // where 8 bytes are the length of the memory above `ram_threshold`
  uint64_t ram_threshold = 0;
};
// parse_gcp reads the description's YAML: names, folded scalars, one level of nesting.
//   measure.gcp.format   anything else, a name missing, twice or unknown, or over 64 KiB
Result<GcpFirmware> parse_gcp(std::string_view yaml);
// gcp_hob fills the template in.   measure.tdx.memory   no more than ram_threshold (rejected)
Result<Bytes> gcp_hob(const GcpFirmware& firmware, uint64_t memory_bytes);

// Part is something measured of which the bytes or the digest are known.
struct Part {
  std::string input;
  uint64_t bytes = 0;
  Bytes digest;  // SHA-384
  static Part of(std::string input, ByteSpan data) { return {std::move(input), data.size(), measure::digest(Bank::sha384, data)}; }
};

// Variables are the contents of the Secure Boot variables; empty: unset.
struct Variables {
  Bytes secure_boot, pk, kek, db, dbx;
};
// variable_steps are the five extends that they lead to, in the firmware's order.
std::vector<Extend> variable_steps(Bank bank, const std::string& reg, const Variables& variables);

// FirmwareBoot is what OVMF (before edk2-stable202505) extends into RTMR0. ACPI tables are the host's: either read where they were made, or taken
// from a log, and then they prove nothing.
struct FirmwareBoot {
  Part td_hob;
  Part cfv;  // the firmware's configuration volume, as it was when the TD began
  Variables variables;
  Part acpi_loader, acpi_rsdp, acpi_tables;
  Part boot_order;                 // the variable's data
  std::vector<Part> boot_options;  // of each Boot####, in that order
};
void extend_firmware(Replayer& registers, const FirmwareBoot& boot);
// ovmf_boot_order and ovmf_ui_app: what OVMF has where there is no disk to boot from, its own menu alone.
Bytes ovmf_boot_order();
Bytes ovmf_ui_app();

// DirectBoot is a kernel that QEMU hands to OVMF: RTMR1 and RTMR2.
struct DirectBoot {
  Part kernel;   // Authenticode of the kernel as QEMU patched it
  Part cmdline;  // cmdline_bytes
  Part initrd;
};
void extend_direct(Replayer& registers, const DirectBoot& boot);
// cmdline_bytes is a command line as Linux' EFI stub measures it: UTF-16LE with its terminator.
Bytes cmdline_bytes(std::string_view cmdline);

// DiskBoot is a unified kernel image (or another chain of executables) from a disk: RTMR1 and RTMR2.
struct DiskBoot {
  std::optional<Part> gpt;
  std::vector<Part> applications;    // Authenticode of what is started, in order; a UKI's kernel comes last
  std::vector<Extend> uki_sections;  // uki_events for RTMR2
};
void extend_disk(Replayer& registers, const DiskBoot& boot);

// release_digest is the `release` of a TDX node (spec/evidence.md, section 7) from MRTD and RTMR0 to 3, zeros where one was not computed.
crypto::Sha384Digest release_digest(const Measurement& measurement);

}  // namespace openpcc::measure
