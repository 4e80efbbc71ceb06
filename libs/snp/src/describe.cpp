#include "openpcc/snp/describe.h"

#include <algorithm>

#include "openpcc/core/describe.h"

namespace openpcc::snp {
namespace {

struct Bit {
  unsigned number;
  std::string_view set;
  std::string_view clear;  // empty: nothing is said of a clear bit
};

std::string bits_text(uint64_t bits, std::initializer_list<Bit> known) {
  std::string out;
  for (const Bit& bit : known) {
    const std::string_view text = (bits >> bit.number & 1) != 0 ? bit.set : bit.clear;
    if (!text.empty()) out += (out.empty() ? "" : "; ") + std::string(text);
  }
  return out;
}

std::string policy_text(const GuestPolicy& policy) {
  return "ABI " + std::to_string(policy.abi_major()) + "." + std::to_string(policy.abi_minor()) + " or later; " +
         bits_text(policy.bits, {{16, "SMT allowed", "no SMT"},
                                 {17, "", "bit 17 must be one"},
                                 {18, "a migration agent may take it elsewhere", "no migration agent"},
                                 {19, "DEBUG: the host reads all of its memory", "no debugging"},
                                 {20, "on one socket alone", ""},
                                 {21, "CXL allowed", "no CXL"},
                                 {22, "AES-256-XTS demanded", ""},
                                 {23, "RAPL must be off", ""},
                                 {24, "ciphertext hiding demanded", ""},
                                 {25, "page swapping off", ""}});
}

std::string platform_text(const PlatformInfo& info) {
  return bits_text(info.bits, {{0, "SMT on", "SMT off"},
                               {1, "TSME on", ""},
                               {2, "ECC memory", ""},
                               {3, "RAPL off", ""},
                               {4, "ciphertext hiding on", ""},
                               {5, "memory checked for aliases", "memory not checked for aliases"},
                               {7, "trusted I/O on", ""}});
}

std::string vmpl_text(uint32_t vmpl) {
  if (vmpl == 0) return "the guest's most privileged level";
  if (vmpl == UINT32_MAX) return "asked for by the host";
  return "below a paravisor or SVSM at level 0";
}

class List {
 public:
  explicit List(std::optional<Product> product) : product_(product) {}

  void add(std::string name, size_t offset, size_t size, std::string value, std::string meaning = {}) {
    out_.push_back({std::move(name), offset, size, std::move(value), std::move(meaning)});
  }
  void bytes(std::string name, size_t offset, ByteSpan value, std::string_view if_zero = {}) {
    add(std::move(name), offset, value.size(), to_hex(value), is_zero(value) ? std::string(if_zero) : std::string());
  }
  void tcb(std::string name, size_t offset, const RawTcb& raw, std::string_view meaning) {
    const std::string components = product_ ? read_tcb(raw, *product_).text(*product_) + "; " : "";
    add(std::move(name), offset, raw.size(), to_hex(raw), components + std::string(meaning));
  }
  appraisal::Fields take() { return std::move(out_); }

 private:
  std::optional<Product> product_;
  appraisal::Fields out_;
};

}  // namespace

appraisal::Fields describe(const Report& r, std::optional<Product> product) {
  if (r.has_cpuid()) product = product_of_cpu(r.cpuid_family, r.cpuid_model);
  List list(product);
  list.add("VERSION", 0x00, 4, std::to_string(r.version));
  list.add("GUEST_SVN", 0x04, 4, std::to_string(r.guest_svn), "of the ID block");
  list.add("POLICY", 0x08, 8, hex_number(r.policy.bits), policy_text(r.policy));
  list.bytes("FAMILY_ID", 0x10, r.family_id, "no ID block named one");
  list.bytes("IMAGE_ID", 0x20, r.image_id, "no ID block named one");
  list.add("VMPL", 0x30, 4, std::to_string(r.vmpl), vmpl_text(r.vmpl));
  list.add("SIGNATURE_ALGO", 0x34, 4, "1", "ECDSA P-384 with SHA-384");
  list.tcb("CURRENT_TCB", 0x38, r.current_tcb, "what runs now");
  list.add("PLATFORM_INFO", 0x40, 8, hex_number(r.platform_info.bits), platform_text(r.platform_info));
  list.add("AUTHOR_KEY_EN", 0x48, 1, r.author_key_en ? "1" : "0", r.author_key_en ? "AUTHOR_KEY_DIGEST is filled in" : "");
  list.add("MASK_CHIP_KEY", 0x48, 1, r.mask_chip_key ? "1" : "0", r.mask_chip_key ? "the host hides which chip it is" : "");
  list.add("SIGNING_KEY", 0x48, 1, std::to_string(static_cast<int>(r.signing_key)),
           r.signing_key == SigningKey::vcek ? "VCEK, a key of this chip" : "VLEK, a key that AMD lent to a cloud provider");
  list.bytes("REPORT_DATA", 0x50, r.report_data, "the guest bound nothing");
  list.bytes("MEASUREMENT", 0x90, r.measurement);
  list.bytes("HOST_DATA", 0xc0, r.host_data, "the host gave none");
  list.bytes("ID_KEY_DIGEST", 0xe0, r.id_key_digest, "no ID block was signed");
  list.bytes("AUTHOR_KEY_DIGEST", 0x110, r.author_key_digest, "no author key");
  list.bytes("REPORT_ID", 0x140, r.report_id);
  list.bytes("REPORT_ID_MA", 0x160, r.report_id_ma);
  list.tcb("REPORTED_TCB", 0x180, r.reported_tcb, "that of the signing key");
  if (r.has_cpuid()) {
    list.add("CPUID_FAM_ID", 0x188, 1, std::to_string(r.cpuid_family), product ? std::string(to_string(*product)) : "an unknown line");
    list.add("CPUID_MOD_ID", 0x189, 1, std::to_string(r.cpuid_model));
    list.add("CPUID_STEP", 0x18a, 1, std::to_string(r.cpuid_stepping));
  }
  list.bytes("CHIP_ID", 0x1a0, r.chip_id, "hidden: a VLEK signs, or the host masks it");
  list.tcb("COMMITTED_TCB", 0x1e0, r.committed_tcb, "what the host can go back to");
  list.add("CURRENT_VERSION", 0x1e8, 3, r.current_version.text());
  list.add("COMMITTED_VERSION", 0x1ec, 3, r.committed_version.text());
  list.tcb("LAUNCH_TCB", 0x1f0, r.launch_tcb, "what ran when the guest was launched");
  if (r.has_mitigations()) {
    list.add("LAUNCH_MIT_VECTOR", 0x1f8, 8, hex_number(r.launch_mit_vector), "mitigations at launch");
    list.add("CURRENT_MIT_VECTOR", 0x200, 8, hex_number(r.current_mit_vector), "mitigations now");
  }
  list.bytes("SIGNATURE", 0x2a0, r.signature);
  return list.take();
}

}  // namespace openpcc::snp
