// SEV-SNP's launch digest (SEV-SNP ABI, SNP_LAUNCH_UPDATE, PAGE_INFO): MEASUREMENT in a report.
#pragma once

#include "openpcc/crypto/hash.h"
#include "openpcc/measure/firmware.h"
#include "openpcc/measure/trace.h"

namespace openpcc::measure {

// PageType is PAGE_TYPE of SNP_LAUNCH_UPDATE.
enum class PageType : uint8_t { normal = 1, vmsa = 2, zero = 3, unmeasured = 4, secrets = 5, cpuid = 6 };

// Page is one page of a launch. Contents count for normal and VMSA pages alone; others have zeros.
struct Page {
  PageType type = PageType::normal;
  uint64_t gpa = 0;
  crypto::Sha384Digest contents{};
  std::string what;
  std::string input;
  uint64_t offset = 0;
};

// extend_digest is the launch digest after one more page (PAGE_INFO, hashed).
crypto::Sha384Digest extend_digest(const crypto::Sha384Digest& before, const Page& page);

// launch_digest extends MEASUREMENT page by page.
Measurement launch_digest(const std::vector<Page>& pages);

// Vmm is the host's software, which chooses order and processor state.
enum class Vmm : uint8_t { qemu, ec2, gce };
std::string_view to_string(Vmm vmm);
std::optional<Vmm> vmm_of(std::string_view name);

// cpu_signature is what CPUID 1 gives in EAX for a virtual CPU of that name ("EPYC-v4", "EPYC-Genoa"), as QEMU defines it.
struct CpuType {
  std::string_view name;
  uint32_t signature;
};
std::span<const CpuType> cpu_types();
std::optional<uint32_t> cpu_signature(std::string_view name);

// KernelHashes is the table that a VMM hands to a firmware which enforces it (QEMU, kernel-hashes=on).
struct KernelHashes {
  crypto::Sha256Digest cmdline{};  // of the string and one NUL
  crypto::Sha256Digest initrd{};   // of nothing where there is none
  crypto::Sha256Digest kernel{};   // of the file as the VMM was given it
  static KernelHashes of(ByteSpan kernel, ByteSpan initrd, std::string_view cmdline);
};
Bytes hashes_table(const KernelHashes& hashes);  // 176 bytes

// vmsa_page is a virtual CPU's first state, 4096 bytes. `eip`: where it starts.
struct Vcpu {
  uint32_t eip = 0xfffffff0;
  uint32_t signature = 0;
  uint64_t sev_features = 1;
  std::optional<uint64_t> rdx;  // nullopt: what the VMM puts there
};
Bytes vmsa_page(Vmm vmm, const Vcpu& vcpu);

// SnpFirmware is what a launch needs of the firmware's file.
struct SnpFirmware {
  uint64_t base = 0;                        // where it is mapped: it ends at 4 GiB
  std::vector<crypto::Sha384Digest> pages;  // of its pages, ascending
  SevMetadata metadata;

  // of: errors of parse_sev_metadata.
  static Result<SnpFirmware> of(ByteSpan firmware);
};

inline constexpr uint32_t kVcpusMax = 4096;

// SnpLaunch is all that decides about MEASUREMENT.
struct SnpLaunch {
  SnpFirmware firmware;
  std::optional<KernelHashes> kernel;
  Vmm vmm = Vmm::qemu;
  uint32_t vcpus = 1;
  uint32_t signature = 0;
  uint64_t sev_features = 1;
  std::optional<uint64_t> rdx;
};

// pages_before_vcpus lists the launch's pages in order, but for those of the virtual CPUs; vcpu_page is the page of the n-th.
//   measure.snp.no_hashes   a kernel, and a firmware that has no place for its hashes: it would run whatever it is given (rejected)
Result<std::vector<Page>> pages_before_vcpus(const SnpLaunch& launch);
Page vcpu_page(const SnpLaunch& launch, uint32_t n);

// measure_snp computes MEASUREMENT.
//   measure.snp.no_hashes   as above
//   measure.snp.vcpus       none, or over kVcpusMax (limit)
Result<Measurement> measure_snp(const SnpLaunch& launch);

// An ID block and what a report tells of it (SEV-SNP ABI, ID_BLOCK and ID_AUTH_INFO).
inline constexpr size_t kIdBlockBytes = 96;
inline constexpr size_t kIdKeyBytes = 0x404;
struct IdBlock {
  crypto::Sha384Digest launch_digest{};
  std::array<uint8_t, 16> family_id{};
  std::array<uint8_t, 16> image_id{};
  uint32_t guest_svn = 0;
  uint64_t policy = 0;
};
Bytes id_block_bytes(const IdBlock& block);
// id_key_bytes is the structure of a P-384 public key: x ‖ y, big-endian, 48 bytes each.
Bytes id_key_bytes(std::span<const uint8_t, 96> xy);
// key_digest is ID_KEY_DIGEST or AUTHOR_KEY_DIGEST of a report.
crypto::Sha384Digest key_digest(ByteSpan key);

}  // namespace openpcc::measure
