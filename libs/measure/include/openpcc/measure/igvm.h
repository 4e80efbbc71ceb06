// IGVM files (Independent Guest Virtual Machine; Microsoft, "IGVM file format"): firmware with the instructions to load it. Their digests are
// checked on files of our own making: nobody has published one with the digest that it leads to.
#pragma once

#include "openpcc/measure/snp.h"

namespace openpcc::measure {

inline constexpr size_t kIgvmBytesMax = 64u << 20;
inline constexpr size_t kIgvmHeadersMax = 1u << 16;

enum class IgvmPlatform : uint8_t { native = 0, vsm = 1, sev_snp = 2, tdx = 3, sev = 4, sev_es = 5, cca = 6 };

// IgvmStep is a directive that loads memory, in the order of the file.
struct IgvmStep {
  enum class Kind : uint8_t { page, parameters, processor } kind = Kind::page;
  uint64_t gpa = 0;
  uint32_t mask = 0;       // of the compatibility masks, for whom it is
  ByteSpan data;           // in the file, at most a page; empty: zeros
  uint64_t bytes = kPage;  // of memory
  bool unmeasured = false;
  bool shared = false;
  uint16_t data_type = 0;  // 0 normal, 1 secrets, 2 CPUID, 3 CPUID of XF
  size_t offset = 0;       // of data, in the file
  static constexpr uint64_t kPage = 4096;
};

struct Igvm {
  struct Platform {
    uint32_t mask = 0;
    IgvmPlatform platform = IgvmPlatform::native;
  };
  std::vector<Platform> platforms;
  std::vector<IgvmStep> steps;

  // mask_of is the compatibility mask of a platform; 0 where the file is not for it.
  uint32_t mask_of(IgvmPlatform platform) const;
};

// parse_igvm reads the file; what it returns views it.
//   measure.igvm.size       over kIgvmBytesMax (limit), or another total size than the file has
//   measure.igvm.header     another magic or version, or variable headers that do not fit
//   measure.igvm.checksum   the headers' CRC-32 is another
//   measure.igvm.directive  a header cut short, of another size than its type has, with data outside the file, an address that is no page's,
//                           an unknown parameter area, or more than kIgvmHeadersMax headers or 256 MiB
//   measure.igvm.type       a header that is not known here and may not be ignored (unsupported)
Result<Igvm> parse_igvm(ByteSpan file);

// igvm_snp computes MEASUREMENT. `zero_pages`: a page without data is loaded as a ZERO page (igvmmeasure --native-zero), not as one of zeros.
//   measure.igvm.platform   the file is not for SEV-SNP (rejected)
Result<Measurement> igvm_snp(const Igvm& igvm, bool zero_pages);

// igvm_mrtd computes MRTD: every page added and, where measured, extended at once; parameter areas are added alone.
//   measure.igvm.platform   the file is not for TDX (rejected)
Result<Measurement> igvm_mrtd(const Igvm& igvm);

}  // namespace openpcc::measure
