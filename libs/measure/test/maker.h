// Firmware, executables and IGVM files of a test's own making.
#pragma once

#include "../src/fields.h"
#include "openpcc/measure/firmware.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::measure::maker {

using testkit::hex;

// Firmware is an OVMF file: a GUIDed table, SEV and TDX metadata, each field as wrong as a test wants it.
struct Firmware {
  size_t pages = 4;
  std::vector<SevSection> sev{{0x800000, 0x2000, SevSectionType::sec_mem},
                              {0x802000, 0x1000, SevSectionType::secrets},
                              {0x803000, 0x1000, SevSectionType::cpuid},
                              {0x804000, 0x1000, SevSectionType::kernel_hashes}};
  std::vector<TdvfSection> tdx{{0x1000, 0x2000, 0xffffd000, 0x2000, TdvfType::bfv, 1},
                               {0, 0, 0x809000, 0x2000, TdvfType::td_hob, 0},
                               {0, 0, 0x810000, 0x1000, TdvfType::temp_mem, 0}};
  uint32_t hashes_gpa = 0x804c00;
  std::optional<uint32_t> sev_size, sev_count, sev_version, sev_back;
  std::optional<uint32_t> tdx_size, tdx_count, tdx_version, tdx_back;
  std::string sev_magic = "ASEV", tdx_magic = "TDVF";
  std::optional<uint16_t> table_size, first_entry_size;
  bool footer = true, reset = true, with_sev = true, with_tdx = true;

  Bytes make() const;
};

// Executable is a PE32+ file with sections of any names and contents, each at the next multiple of 512.
struct Executable {
  std::vector<std::pair<std::string, Bytes>> sections{{".text", Bytes(700, 0x90)}, {".data", Bytes(100, 0x11)}};
  Bytes certificates;
  Bytes trailer;  // between the sections and the certificates
  bool pe32 = false;

  Bytes make() const;
};

// An IGVM file from variable headers.
struct Igvm {
  std::vector<std::pair<uint32_t, Bytes>> headers;
  Bytes data;  // after the headers

  Igvm& platform(uint32_t mask, uint8_t platform);
  Igvm& area(uint32_t index, uint64_t bytes);
  Igvm& page(uint64_t gpa, uint32_t mask, Bytes contents, uint32_t flags = 0, uint16_t type = 0);
  Igvm& insert(uint64_t gpa, uint32_t mask, uint32_t index);
  Igvm& processor(uint64_t gpa, uint32_t mask, Bytes contents);
  Bytes make() const;
  static void seal(Bytes& file);  // writes sizes and checksum

 private:
  uint32_t add_data(const Bytes& contents);
  std::vector<std::pair<size_t, size_t>> places_;  // of file offsets within headers: header, offset in its body
};

}  // namespace openpcc::measure::maker
