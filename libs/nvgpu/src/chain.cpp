// Spec: TCG DICE Attestation Architecture s6.1 (TcbInfo, CompositeDeviceID), as NVIDIA's leaves have them.
#include "openpcc/nvgpu/chain.h"

#include <algorithm>

#include "openpcc/x509/der.h"

namespace openpcc::nvgpu {
namespace {

namespace der = x509::der;
using x509::Certificate;

constexpr std::array<uint8_t, 6> kCompositeDeviceId{0x67, 0x81, 0x05, 0x05, 0x04, 0x01};  // 2.23.133.5.4.1
constexpr std::array<uint8_t, 7> kTcbInfo{0x67, 0x81, 0x05, 0x05, 0x04, 0x01, 0x01};
constexpr std::array<uint8_t, 9> kSha384{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02};
constexpr uint8_t kFwids = der::context(6);

struct Line {
  std::string_view prefix;  // of the leaf's name
  Architecture architecture;
};
constexpr Line kLines[] = {{"GH100", Architecture::hopper},    {"GB100", Architecture::blackwell}, {"GB102", Architecture::blackwell},
                           {"GB110", Architecture::blackwell}, {"GB202", Architecture::blackwell}, {"LS_10", Architecture::ls10}};

// digest_of reads FWID: SEQUENCE { hash algorithm, digest }.
Result<Digest> digest_of(ByteSpan content) {
  constexpr Rule kRule = "nvgpu.fwid.syntax";
  der::Reader reader(content);
  OPENPCC_LET(const ByteSpan algorithm, reader.content(der::kOid));
  OPENPCC_LET(const ByteSpan digest, reader.content(der::kOctetString));
  OPENPCC_TRY(reader.end());
  if (!equal(algorithm, kSha384)) return fail(Code::unsupported, kRule, "a digest other than SHA-384");
  return to_array<kDigestBytes>(digest, kRule);
}

// CompositeDeviceID: SEQUENCE { version, SubjectPublicKeyInfo, FWID }.
Result<Digest> read_composite_device_id(ByteSpan value) {
  OPENPCC_LET(const ByteSpan content, der::only(value, der::kSequence));
  der::Reader reader(content);
  OPENPCC_LET(const ByteSpan version, reader.content(der::kInteger));
  OPENPCC_LET(const ByteSpan key, reader.content(der::kSequence));
  static_cast<void>(version);
  static_cast<void>(key);
  OPENPCC_LET(const ByteSpan fwid, reader.content(der::kSequence));
  OPENPCC_TRY(reader.end());
  return digest_of(fwid);
}

// DiceTcbInfo: the first of its fwids is the firmware's; what follows it is another layer's.
Result<Digest> read_tcb_info(ByteSpan value) {
  OPENPCC_LET(const ByteSpan content, der::only(value, der::kSequence));
  der::Reader reader(content);
  while (!reader.empty()) {
    OPENPCC_LET(const der::Element element, reader.next());
    if (element.tag != kFwids) continue;
    der::Reader fwids(element.content);
    OPENPCC_LET(const ByteSpan first, fwids.content(der::kSequence));
    return digest_of(first);
  }
  return fail(Code::malformed, "nvgpu.fwid.syntax", "no fwids");
}

Result<Digest> read_fwid(const Certificate& leaf) {
  constexpr Rule kRule = "nvgpu.fwid.syntax";
  const x509::Extension* composite = leaf.extension(kCompositeDeviceId);
  const x509::Extension* tcb_info = leaf.extension(kTcbInfo);
  if ((composite == nullptr) == (tcb_info == nullptr)) return fail(Code::malformed, kRule, "not one DICE extension");
  auto digest = composite != nullptr ? read_composite_device_id(composite->value) : read_tcb_info(tcb_info->value);
  if (!digest) return fail(digest.error().code, kRule, describe(digest.error()));
  return digest;
}

// names_chip: the chip stands in the name as a word of its own.
bool names_chip(std::string_view name, std::string_view chip) {
  const size_t at = name.find(chip);
  if (at == std::string_view::npos) return false;
  const std::string_view rest = name.substr(at + chip.size());
  return (at == 0 || name[at - 1] == ' ') && (rest.empty() || rest.front() == ' ');
}

}  // namespace

std::string_view to_string(Architecture architecture) {
  switch (architecture) {
    case Architecture::hopper: return "Hopper";
    case Architecture::blackwell: return "Blackwell";
    case Architecture::ls10: return "LS10";
  }
  return "unknown";
}

Result<Device> read_device(std::span<const Certificate> chain) {
  OPENPCC_CHECK(chain.size() == kDeviceCertificates);
  const Certificate& leaf = chain[0];
  const Certificate& boot_rom = chain[1];
  const auto line =
      std::ranges::find_if(kLines, [&](const Line& l) { return leaf.common_name().starts_with(std::string(l.prefix) + " "); });
  if (line == std::end(kLines)) return fail(Code::unsupported, "nvgpu.chip.unknown", std::string(leaf.common_name()));
  if (!names_chip(boot_rom.common_name(), line->prefix) || !names_chip(chain[2].common_name(), line->prefix)) {
    return fail(Code::verification_failed, "nvgpu.chip.mismatch", "not all certificates are of " + std::string(line->prefix));
  }
  Device out;
  out.architecture = line->architecture;
  out.chip = line->prefix;
  std::erase(out.chip, '_');
  out.model = leaf.common_name();
  out.ueid.assign(leaf.serial().begin(), leaf.serial().end());
  // The first byte makes it a serial number that is positive and not short.
  if (boot_rom.serial().size() != out.id.size() + 1)
    return fail(Code::malformed, "nvgpu.chip.mismatch", "the boot ROM's serial number holds no id");
  std::ranges::copy(boot_rom.serial().subspan(1), out.id.begin());
  OPENPCC_LET(out.fwid, read_fwid(leaf));
  return out;
}

std::span<const PinnedKey> device_roots() {
  static constexpr PinnedKey kRoots[] = {{0xa9, 0x0c, 0x4e, 0xb5, 0xac, 0xfd, 0x3e, 0x3d, 0x03, 0xa2, 0x5d, 0xb6, 0xa2, 0x6b, 0x84, 0xf7,
                                          0x20, 0xad, 0x05, 0x03, 0x19, 0x6c, 0x62, 0x7c, 0x21, 0xdd, 0xd4, 0x8d, 0xd8, 0x5b, 0x06, 0xa4}};
  return kRoots;
}

std::span<const PinnedKey> manifest_roots() {
  static constexpr PinnedKey kRoots[] = {{0xde, 0xc1, 0xdc, 0x31, 0x64, 0x77, 0xaa, 0x85, 0x1e, 0xeb, 0xdf, 0x51, 0x32, 0x7a, 0xe9, 0xf8,
                                          0x64, 0xbc, 0x8d, 0x89, 0x25, 0x46, 0x57, 0xed, 0x1e, 0x7e, 0xb9, 0x16, 0x8a, 0xf1, 0xe1, 0xa3}};
  return kRoots;
}

}  // namespace openpcc::nvgpu
