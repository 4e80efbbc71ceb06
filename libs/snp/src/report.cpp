#include "openpcc/snp/report.h"

#include <algorithm>

#include "openpcc/core/describe.h"

namespace openpcc::snp {
namespace {

constexpr size_t kComponentBytes = 72;  // of R and of S, little-endian
constexpr size_t kScalarBytes = 48;

uint64_t little_endian(ByteSpan bytes) {
  uint64_t out = 0;
  for (size_t i = bytes.size(); i > 0; --i) out = out << 8 | bytes[i - 1];
  return out;
}

// Fields reads at the offsets of the table, whose numbers are easier to hold against the specification than a running position.
class Fields {
 public:
  explicit Fields(ByteSpan bytes) : bytes_(bytes) {}

  uint8_t u8(size_t at) const { return bytes_[at]; }
  uint32_t u32(size_t at) const { return static_cast<uint32_t>(little_endian(bytes_.subspan(at, 4))); }
  uint64_t u64(size_t at) const { return little_endian(bytes_.subspan(at, 8)); }
  template <size_t N>
  std::array<uint8_t, N> array(size_t at) const {
    std::array<uint8_t, N> out;
    std::ranges::copy(bytes_.subspan(at, N), out.begin());
    return out;
  }
  bool zero(size_t at, size_t n) const { return is_zero(bytes_.subspan(at, n)); }
  ByteSpan at(size_t at, size_t n) const { return bytes_.subspan(at, n); }

 private:
  ByteSpan bytes_;
};

bool reserved_is_zero(const Fields& f, uint32_t version) {
  const bool cpuid = version >= 3;
  const bool mitigations = version >= 5;
  return (f.u32(0x48) >> 5) == 0 && f.zero(0x4c, 4) && (cpuid || f.zero(0x188, 3)) && f.zero(0x18b, 21) && f.zero(0x1eb, 1) &&
         f.zero(0x1ef, 1) && (mitigations || f.zero(0x1f8, 16)) && f.zero(0x208, 152) && f.zero(0x330, 368);
}

Result<std::array<uint8_t, kSignatureBytes>> read_signature(const Fields& f) {
  std::array<uint8_t, kSignatureBytes> out;
  for (size_t half = 0; half < 2; ++half) {
    const ByteSpan component = f.at(0x2a0 + half * kComponentBytes, kComponentBytes);
    if (!is_zero(component.subspan(kScalarBytes)) || is_zero(component)) {
      return fail(Code::malformed, "snp.signature_encoding", half == 0 ? "R" : "S");
    }
    std::reverse_copy(component.begin(), component.begin() + kScalarBytes, out.begin() + static_cast<ptrdiff_t>(half * kScalarBytes));
  }
  return out;
}

FirmwareVersion read_version(const Fields& f, size_t at) { return {f.u8(at + 2), f.u8(at + 1), f.u8(at)}; }

}  // namespace

std::string_view to_string(Product product) {
  switch (product) {
    case Product::milan: return "Milan";
    case Product::genoa: return "Genoa";
    case Product::turin: return "Turin";
  }
  return "unknown";
}

std::optional<Product> product_of_cpu(uint8_t family, uint8_t model) {
  if (family == 0x19 && model <= 0x0f) return Product::milan;
  if (family == 0x19 && ((model >= 0x10 && model <= 0x1f) || (model >= 0xa0 && model <= 0xaf))) return Product::genoa;
  if (family == 0x1a && model <= 0x11) return Product::turin;
  return std::nullopt;
}

bool Tcb::at_least(const Tcb& other) const {
  return fmc >= other.fmc && boot_loader >= other.boot_loader && tee >= other.tee && snp >= other.snp && microcode >= other.microcode;
}

std::string Tcb::text(Product product) const {
  const std::string first = product == Product::turin ? "FMC " + std::to_string(fmc) + ", " : "";
  return first + "boot loader " + std::to_string(boot_loader) + ", TEE " + std::to_string(tee) + ", SNP " + std::to_string(snp) +
         ", microcode " + std::to_string(microcode);
}

Tcb read_tcb(const RawTcb& raw, Product product) {
  if (product == Product::turin) return {raw[0], raw[1], raw[2], raw[3], raw[7]};
  return {0, raw[0], raw[1], raw[6], raw[7]};
}

bool uses_reserved(const RawTcb& raw, Product product) {
  const ByteSpan bytes = raw;
  return !is_zero(product == Product::turin ? bytes.subspan(4, 3) : bytes.subspan(2, 4));
}

std::string FirmwareVersion::text() const {
  return std::to_string(major_number) + "." + std::to_string(minor_number) + "." + std::to_string(build);
}

Result<Report> parse_report(ByteSpan bytes) {
  if (bytes.size() != kReportBytes) return fail(Code::malformed, "snp.length", std::to_string(bytes.size()) + " bytes instead of 1184");
  const Fields f(bytes);
  Report out;
  out.version = f.u32(0x00);
  if (out.version < 2 || out.version > 5) return fail(Code::unsupported, "snp.version", "version " + std::to_string(out.version));
  if (f.u32(0x34) != 1) return fail(Code::unsupported, "snp.signature_algo", "algorithm " + std::to_string(f.u32(0x34)));
  if (!reserved_is_zero(f, out.version)) return fail(Code::malformed, "snp.reserved", "a reserved byte or bit is set");
  OPENPCC_LET(out.signature, read_signature(f));
  const uint32_t flags = f.u32(0x48);
  const uint32_t signing_key = flags >> 2 & 7;
  if (signing_key > 1) return fail(Code::unsupported, "snp.signing_key", "signing key " + std::to_string(signing_key));
  out.guest_svn = f.u32(0x04);
  out.policy.bits = f.u64(0x08);
  out.family_id = f.array<16>(0x10);
  out.image_id = f.array<16>(0x20);
  out.vmpl = f.u32(0x30);
  out.current_tcb = f.array<8>(0x38);
  out.platform_info.bits = f.u64(0x40);
  out.author_key_en = (flags & 1) != 0;
  out.mask_chip_key = (flags & 2) != 0;
  out.signing_key = static_cast<SigningKey>(signing_key);
  out.report_data = f.array<64>(0x50);
  out.measurement = f.array<48>(0x90);
  out.host_data = f.array<32>(0xc0);
  out.id_key_digest = f.array<48>(0xe0);
  out.author_key_digest = f.array<48>(0x110);
  out.report_id = f.array<32>(0x140);
  out.report_id_ma = f.array<32>(0x160);
  out.reported_tcb = f.array<8>(0x180);
  out.cpuid_family = f.u8(0x188);
  out.cpuid_model = f.u8(0x189);
  out.cpuid_stepping = f.u8(0x18a);
  out.chip_id = f.array<64>(0x1a0);
  out.committed_tcb = f.array<8>(0x1e0);
  out.current_version = read_version(f, 0x1e8);
  out.committed_version = read_version(f, 0x1ec);
  out.launch_tcb = f.array<8>(0x1f0);
  out.launch_mit_vector = f.u64(0x1f8);
  out.current_mit_vector = f.u64(0x200);
  return out;
}

// Spec: SEV-SNP ABI, MSG_REPORT_RSP: status, report size, 24 reserved bytes, report. Drivers hand on a buffer that is longer.
Result<ByteSpan> strip_response(ByteSpan bytes) {
  if (bytes.size() == kReportBytes) return bytes;
  const bool has_header = bytes.size() >= kResponseHeaderBytes + kReportBytes && is_zero(bytes.first(4)) &&
                          little_endian(bytes.subspan(4, 4)) == kReportBytes && is_zero(bytes.subspan(8, 24)) &&
                          is_zero(bytes.subspan(kResponseHeaderBytes + kReportBytes));
  if (!has_header) return fail(Code::malformed, "snp.length", std::to_string(bytes.size()) + " bytes are neither a report nor a response");
  return bytes.subspan(kResponseHeaderBytes, kReportBytes);
}

}  // namespace openpcc::snp
