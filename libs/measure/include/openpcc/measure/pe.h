// Portable executables as UEFI measures them (Microsoft PE/COFF; Windows Authenticode Portable Executable Signature Format, "Calculating the PE
// Image Hash"): boot loaders, unified kernel images, and Linux kernels, which are executables, too.
#pragma once

#include <vector>

#include "openpcc/measure/trace.h"

namespace openpcc::measure {

inline constexpr size_t kImageBytesMax = 512u << 20;
inline constexpr size_t kPeSectionsMax = 96;

struct PeSection {
  std::string name;     // up to 8 characters of ASCII
  uint32_t offset = 0;  // in the file
  uint32_t raw = 0;     // bytes in the file
  uint32_t virtual_size = 0;
};

// PeImage is where an image's parts lie. Its offsets are within the bytes that it was parsed from, which must outlive it.
struct PeImage {
  ByteSpan bytes;
  size_t checksum_at = 0;
  size_t security_at = 0;         // the directory's entry of the certificate table
  size_t headers_bytes = 0;       // SizeOfHeaders
  size_t certificates_bytes = 0;  // at the file's end
  std::vector<PeSection> sections;

  // section finds one by name; nullptr where there is none.
  const PeSection* section(std::string_view name) const;
  // data is what a section holds once loaded: its virtual size, padded with zeros or cut. Only for sections of kImageBytesMax.
  Bytes data(const PeSection& section) const;
};

// parse_pe reads the headers of PE32 and PE32+.
//   measure.pe.size       over kImageBytesMax (limit)
//   measure.pe.header     no DOS or PE header, another magic, or headers that do not fit
//   measure.pe.section    over kPeSectionsMax sections, or one that lies outside the file, overlaps another or the headers
//   measure.pe.certificates   a certificate table that is not at the file's end
Result<PeImage> parse_pe(ByteSpan image);

// authenticode is the digest of the image without checksum, certificate table and its entry. Firmware does not pad it to eight bytes, as the tools do
// that sign: they pad the file.
Bytes authenticode(const PeImage& image, Bank bank);

// Where QEMU puts what into a kernel's setup header before the firmware measures it (hw/i386/x86-common.c, x86_load_linux; Linux, boot protocol).
struct LinuxPatch {
  uint64_t initrd_bytes = 0;
  uint64_t memory_bytes = 0;      // of the guest
  uint32_t acpi_bytes = 0x28000;  // what QEMU keeps for ACPI data below the end of low memory
};
// patched_kernel is the kernel after that.
//   measure.kernel.header   too short, no boot protocol 2.02 or later
//   measure.kernel.memory   an initrd that does not fit into the guest's memory (rejected)
Result<Bytes> patched_kernel(ByteSpan kernel, const LinuxPatch& patch);

}  // namespace openpcc::measure
