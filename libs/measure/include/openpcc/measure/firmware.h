// What OVMF says of itself at its end: the GUIDed table (edk2, OvmfPkg/ResetVector), in it where SEV's metadata and TDX's descriptor lie. All of it
// is untrusted: a firmware file is what somebody handed over.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "openpcc/core/bytes.h"

namespace openpcc::measure {

inline constexpr size_t kFirmwareBytesMax = 64u << 20;
inline constexpr size_t kSectionsMax = 64;
inline constexpr uint64_t kSectionPagesMax = 1u << 16;   // of all sections together, 256 MiB
inline constexpr uint64_t kExtendedPagesMax = 1u << 12;  // of TDX sections whose contents are measured, 16 MiB

// FirmwareTable views the entries of the table, which live as long as the firmware.
struct FirmwareTable {
  struct Entry {
    std::array<uint8_t, 16> guid{};  // as in memory
    ByteSpan data;
  };
  std::vector<Entry> entries;  // from the end of the file towards its start

  // find is the data of the entry that comes first from the end.
  std::optional<ByteSpan> find(const std::array<uint8_t, 16>& guid) const;
};

// parse_firmware_table reads it; a file without the footer has an empty one.
//   measure.fw.size    over kFirmwareBytesMax (limit), or no whole pages
//   measure.fw.table   lengths that do not nest exactly, or more than kSectionsMax entries
Result<FirmwareTable> parse_firmware_table(ByteSpan firmware);

enum class SevSectionType : uint32_t { sec_mem = 1, secrets = 2, cpuid = 3, svsm_caa = 4, kernel_hashes = 0x10 };

struct SevSection {
  uint32_t gpa = 0;
  uint32_t size = 0;
  SevSectionType type = SevSectionType::sec_mem;
};

// SevMetadata is what a launch needs beside the firmware's bytes.
struct SevMetadata {
  std::vector<SevSection> sections;    // in the order of the table
  uint32_t reset_eip = 0;              // where a processor but the first starts (SEV-ES reset block)
  std::optional<uint32_t> hashes_gpa;  // where the table of kernel hashes is expected
};

// parse_sev_metadata reads the sections that must be measured.
//   measure.fw.no_sev       no SEV metadata, or no reset block (unsupported)
//   measure.fw.sev          an offset outside the file, another magic or version, cut short, or over kSectionsMax sections
//   measure.fw.sev_section  a section of an unknown type, not of whole pages, over the end of 4 GiB, or too many pages together
//   measure.fw.overlap      two sections share memory
Result<SevMetadata> parse_sev_metadata(ByteSpan firmware);

enum class TdvfType : uint32_t { bfv = 0, cfv = 1, td_hob = 2, temp_mem = 3, perm_mem = 4, payload = 5, payload_param = 6 };

// TdvfSection is a row of the TDX metadata (Intel, TDX Virtual Firmware Design Guide).
struct TdvfSection {
  uint32_t offset = 0;  // in the file
  uint32_t raw = 0;     // bytes in the file
  uint64_t gpa = 0;
  uint64_t size = 0;  // bytes of memory
  TdvfType type = TdvfType::bfv;
  uint32_t attributes = 0;

  bool extended() const { return (attributes & 1) != 0; }   // MR.EXTEND
  bool augmented() const { return (attributes & 2) != 0; }  // PAGE.AUG: added later, when the TD runs
};

// parse_tdvf reads the TDX metadata.
//   measure.fw.no_tdx        none (unsupported)
//   measure.fw.tdx           an offset outside the file, another magic or version, lengths that do not fit, or over kSectionsMax sections
//   measure.fw.tdx_section   an unknown type, not of whole pages, data outside the file or larger than its memory, or too many pages together
//   measure.fw.overlap       two sections share memory
Result<std::vector<TdvfSection>> parse_tdvf(ByteSpan firmware);

}  // namespace openpcc::measure
