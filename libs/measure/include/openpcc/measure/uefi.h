// The events that UEFI firmware, boot loaders and systemd's stub measure, each from what it is made of (TCG PC Client Platform Firmware Profile,
// section 10; UEFI). Digests of events; which register they go to is the technology's matter.
#pragma once

#include "openpcc/measure/pe.h"
#include "openpcc/measure/trace.h"

namespace openpcc::measure {

// utf16 writes ASCII text as UTF-16LE; other characters become two bytes of their own value's low half, as no name here has any.
Bytes utf16(std::string_view text);
// efi_guid reads "8be4df61-93ca-11d2-aa0d-00e098032b8c".   measure.uefi.guid   anything else
Result<std::array<uint8_t, 16>> efi_guid(std::string_view text);

inline constexpr std::string_view kGlobalVariable = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
inline constexpr std::string_view kImageSecurity = "d719b2cb-3d3a-4596-a3bc-dad00e67656f";

// variable_event is UEFI_VARIABLE_DATA, whose hash is the event's digest.
Bytes variable_event(const std::array<uint8_t, 16>& vendor, std::string_view name, ByteSpan data);
// signature_list is an EFI_SIGNATURE_LIST of one X.509 certificate, as PK, KEK and db hold them; `owner` as in memory.
Bytes signature_list(const std::array<uint8_t, 16>& owner, ByteSpan certificate);

// boot_option is the data of a Boot#### variable that starts a file of the firmware's own volume.
struct BootOption {
  uint32_t attributes = 0;
  std::string_view description;
  std::array<uint8_t, 16> volume{};
  std::array<uint8_t, 16> file{};
};
Bytes boot_option(const BootOption& option);

// gpt_event is UEFI_GPT_DATA: the header and the entries in use, from the start of a disk (or image) with sectors of 512 bytes.
//   measure.uefi.gpt   no table, one that does not fit into what was given, or another shape than UEFI allows
Result<Bytes> gpt_event(ByteSpan disk);

// What is always measured.
inline constexpr std::array<uint8_t, 4> kSeparator{0, 0, 0, 0};
inline constexpr std::string_view kCallingApplication = "Calling EFI Application from Boot Option";
inline constexpr std::string_view kReturningApplication = "Returning from EFI Application from Boot Option";
inline constexpr std::string_view kExitBootServices = "Exit Boot Services Invocation";
inline constexpr std::string_view kExitedBootServices = "Exit Boot Services Returned with Success";

// stub_version is the version of systemd whose stub an image has; nullopt where it does not say.
std::optional<unsigned> stub_version(const PeImage& image);

// uki_events lists what systemd's stub extends for the sections of a unified kernel image, in the stub's order: each name with a NUL, then the data
// as loaded (systemd, UNIFIED_SECTION; PCR 11, in a TD RTMR2). Sections that the stub of that version does not measure (.pcrsig; .sbat before 254) are
// left out; a stub that does not tell its version counts as the newest.
//   measure.uefi.uki   no .linux, a section twice, or larger than kImageBytesMax
Result<std::vector<Extend>> uki_events(const PeImage& image, Bank bank, std::string_view reg);

// phases are the words that systemd-pcrphase extends into PCR 11 from the initrd until the system is up.
inline constexpr std::array<std::string_view, 4> kPhases{"enter-initrd", "leave-initrd", "sysinit", "ready"};

// text_step, data_step: an extend of the hash of those bytes.
Extend data_step(Bank bank, std::string reg, std::string what, std::string input, ByteSpan data);

}  // namespace openpcc::measure
