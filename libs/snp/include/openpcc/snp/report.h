// The AMD SEV-SNP attestation report, as its bytes (SEV-SNP ABI, AMD publication 56860, table "ATTESTATION_REPORT Structure"). Parsing says
// nothing about who made it; verify.h does.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "openpcc/core/bytes.h"

namespace openpcc::snp {

inline constexpr size_t kReportBytes = 1184;
inline constexpr size_t kSignedBytes = 0x2a0;       // what the signature covers, from the report's start
inline constexpr size_t kSignatureBytes = 96;       // r ‖ s, big-endian
inline constexpr size_t kResponseHeaderBytes = 32;  // of MSG_REPORT_RSP, as /dev/sev-guest gives it

// Product is a product line with a root of its own. Bergamo and Siena are of Genoa's.
enum class Product : uint8_t { milan, genoa, turin };
std::string_view to_string(Product product);  // "Milan"
// product_of_cpu finds the line of a CPU's family and model (with their extended parts).
std::optional<Product> product_of_cpu(uint8_t family, uint8_t model);

// Tcb is a TCB_VERSION taken apart. Never compared as one number: each component has its own order.
struct Tcb {
  uint8_t fmc = 0;  // Turin alone
  uint8_t boot_loader = 0;
  uint8_t tee = 0;
  uint8_t snp = 0;
  uint8_t microcode = 0;

  // at_least: no component is below that of `other`.
  bool at_least(const Tcb& other) const;
  // text is "fmc 1, boot loader 4, TEE 0, SNP 24, microcode 219", the first for Turin alone.
  std::string text(Product product) const;
  friend bool operator==(const Tcb&, const Tcb&) = default;
};

// RawTcb is a TCB_VERSION as it stands in a report; its layout depends on the product.
using RawTcb = std::array<uint8_t, 8>;
Tcb read_tcb(const RawTcb& raw, Product product);
// uses_reserved: a byte is set that the product's layout does not use.
bool uses_reserved(const RawTcb& raw, Product product);

struct FirmwareVersion {
  uint8_t major_number = 0;
  uint8_t minor_number = 0;
  uint8_t build = 0;
  friend auto operator<=>(const FirmwareVersion&, const FirmwareVersion&) = default;
  std::string text() const;
};

// GuestPolicy is what the guest's owner demanded at launch, bit by bit (POLICY).
struct GuestPolicy {
  uint64_t bits = 0;
  uint8_t abi_minor() const { return static_cast<uint8_t>(bits); }
  uint8_t abi_major() const { return static_cast<uint8_t>(bits >> 8); }
  bool smt() const { return bit(16); }
  bool reserved_one() const { return bit(17); }
  bool migrate_ma() const { return bit(18); }
  bool debug() const { return bit(19); }
  bool single_socket() const { return bit(20); }
  bool cxl() const { return bit(21); }
  bool mem_aes_256_xts() const { return bit(22); }
  bool rapl_dis() const { return bit(23); }
  bool ciphertext_hiding() const { return bit(24); }
  bool page_swap_disable() const { return bit(25); }
  bool reserved_zero() const { return bits >> 26 == 0; }
  bool bit(unsigned n) const { return (bits >> n & 1) != 0; }
};

// PlatformInfo is how the machine is set up (PLATFORM_INFO). Bits that we do not know are no reason to refuse: new firmware sets them.
struct PlatformInfo {
  uint64_t bits = 0;
  bool smt() const { return bit(0); }
  bool tsme() const { return bit(1); }
  bool ecc() const { return bit(2); }
  bool rapl_dis() const { return bit(3); }
  bool ciphertext_hiding() const { return bit(4); }
  bool alias_check_complete() const { return bit(5); }
  bool tio() const { return bit(7); }
  bool bit(unsigned n) const { return (bits >> n & 1) != 0; }
};

enum class SigningKey : uint8_t { vcek = 0, vlek = 1 };

struct Report {
  uint32_t version = 0;
  uint32_t guest_svn = 0;
  GuestPolicy policy;
  std::array<uint8_t, 16> family_id{};
  std::array<uint8_t, 16> image_id{};
  uint32_t vmpl = 0;
  RawTcb current_tcb{};
  PlatformInfo platform_info;
  bool author_key_en = false;
  bool mask_chip_key = false;
  SigningKey signing_key = SigningKey::vcek;
  std::array<uint8_t, 64> report_data{};
  std::array<uint8_t, 48> measurement{};
  std::array<uint8_t, 32> host_data{};
  std::array<uint8_t, 48> id_key_digest{};
  std::array<uint8_t, 48> author_key_digest{};
  std::array<uint8_t, 32> report_id{};
  std::array<uint8_t, 32> report_id_ma{};
  RawTcb reported_tcb{};
  uint8_t cpuid_family = 0;  // this and the next two: version 3 and later
  uint8_t cpuid_model = 0;
  uint8_t cpuid_stepping = 0;
  std::array<uint8_t, 64> chip_id{};
  RawTcb committed_tcb{};
  FirmwareVersion current_version;
  FirmwareVersion committed_version;
  RawTcb launch_tcb{};
  uint64_t launch_mit_vector = 0;  // this and the next: version 5
  uint64_t current_mit_vector = 0;
  std::array<uint8_t, kSignatureBytes> signature{};  // r ‖ s, big-endian

  bool has_cpuid() const { return version >= 3; }
  bool has_mitigations() const { return version >= 5; }
};

// parse_report reads exactly kReportBytes.
//   snp.length               another size
//   snp.version              none of 2, 3, 4, 5 (unsupported)        snp.signature_algo   not ECDSA P-384 with SHA-384 (unsupported)
//   snp.reserved             a bit or byte that this version reserves is set
//   snp.signature_encoding   R or S has more than 48 bytes
//   snp.signing_key          signed by neither VCEK nor VLEK
Result<Report> parse_report(ByteSpan bytes);

// strip_response takes MSG_REPORT_RSP's header off, where `bytes` has one; a bare report is left as it is.
//   snp.length   neither
Result<ByteSpan> strip_response(ByteSpan bytes);

}  // namespace openpcc::snp
