#include "openpcc/snp/collateral.h"

#include <algorithm>

#include "openpcc/x509/der.h"

namespace openpcc::snp {
namespace {

namespace der = x509::der;
using x509::Certificate;

// AMD's arc, 1.3.6.1.4.1.3704.1, and what stands below it.
constexpr std::array<uint8_t, 8> kArc{0x2b, 0x06, 0x01, 0x04, 0x01, 0x9c, 0x78, 0x01};
constexpr uint8_t kStructVersion = 1;
constexpr uint8_t kProductName = 2;
constexpr uint8_t kSpl = 3;
constexpr uint8_t kHwid = 4;
constexpr uint8_t kCspId = 5;
// Below kSpl.
constexpr uint8_t kBootLoader = 1, kTee = 2, kSnp = 3, kSpl4 = 4, kSpl5 = 5, kSpl6 = 6, kSpl7 = 7, kMicrocode = 8, kFmc = 9;

constexpr size_t kHwidBytes = 64;
constexpr size_t kHwidBytesOfTurin = 8;
constexpr size_t kCspIdBytesMax = 256;

std::unexpected<Error> bad_extension(std::string_view what) { return fail(Code::malformed, "snp.vek.extension", std::string(what)); }

const x509::Extension* find(const Certificate& vek, std::initializer_list<uint8_t> below) {
  return vek.extension(concat({kArc, ByteSpan(below.begin(), below.size())}));
}

Result<uint8_t> spl(const Certificate& vek, uint8_t which) {
  const x509::Extension* extension = find(vek, {kSpl, which});
  if (extension == nullptr) return bad_extension("an SPL is missing");
  const auto content = der::only(extension->value, der::kInteger);
  if (!content) return bad_extension("an SPL is no integer");
  const auto value = der::unsigned_integer(*content);
  if (!value || *value > 255) return bad_extension("an SPL is out of range");
  return static_cast<uint8_t>(*value);
}

Result<> expect_unused(const Certificate& vek, std::initializer_list<uint8_t> which) {
  for (const uint8_t number : which) {
    OPENPCC_LET(const uint8_t value, spl(vek, number));
    if (value != 0) return bad_extension("an SPL that is not used is not zero");
  }
  return {};
}

Result<Tcb> read_vek_tcb(const Certificate& vek, Product product) {
  Tcb out;
  OPENPCC_LET(out.boot_loader, spl(vek, kBootLoader));
  OPENPCC_LET(out.tee, spl(vek, kTee));
  OPENPCC_LET(out.snp, spl(vek, kSnp));
  OPENPCC_LET(out.microcode, spl(vek, kMicrocode));
  OPENPCC_TRY(expect_unused(vek, {kSpl5, kSpl6, kSpl7}));
  if (product == Product::turin) {
    OPENPCC_LET(out.fmc, spl(vek, kFmc));
    if (find(vek, {kSpl, kSpl4}) != nullptr) {
      OPENPCC_TRY(expect_unused(vek, {kSpl4}));
    }
  } else {
    OPENPCC_TRY(expect_unused(vek, {kSpl4}));
    if (find(vek, {kSpl, kFmc}) != nullptr) return bad_extension("an FMC SPL on a product without");
  }
  return out;
}

Result<std::string> text_extension(const Certificate& vek, uint8_t which) {
  const x509::Extension* extension = find(vek, {which});
  if (extension == nullptr) return bad_extension("a name is missing");
  const auto content = der::only(extension->value, der::kIa5String);
  if (!content || content->empty() || content->size() > kCspIdBytesMax) return bad_extension("a name is no IA5String");
  if (std::ranges::any_of(*content, [](uint8_t c) { return c < 0x20 || c > 0x7e; })) return bad_extension("a name is not printable");
  return std::string(as_text(*content));
}

Result<Product> product_of_name(std::string_view name) {
  const std::string_view line = name.substr(0, name.find('-'));
  for (const Product product : {Product::milan, Product::genoa, Product::turin}) {
    if (line == to_string(product)) return product;
  }
  return fail(Code::unsupported, "snp.product.unknown", "product name " + std::string(name));
}

Result<SigningKey> kind_of(const Certificate& vek) {
  const bool hwid = find(vek, {kHwid}) != nullptr;
  const bool csp = find(vek, {kCspId}) != nullptr;
  if (vek.common_name() == "SEV-VCEK" && hwid && !csp) return SigningKey::vcek;
  if (vek.common_name() == "SEV-VLEK" && csp && !hwid) return SigningKey::vlek;
  return fail(Code::verification_failed, "snp.vek.kind", "neither a VCEK's nor a VLEK's names and extensions");
}

// The table's GUIDs, in the byte order in which they stand in it.
constexpr std::array<uint8_t, 16> kVcekGuid{0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64, 0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac, 0xcd};
constexpr std::array<uint8_t, 16> kVlekGuid{0xa8, 0x07, 0x4b, 0xc2, 0xa2, 0x5a, 0x48, 0x3e, 0xaa, 0xe6, 0x39, 0xc0, 0x45, 0xa0, 0xb8, 0xa1};
constexpr std::array<uint8_t, 16> kAskGuid{0x4a, 0xb7, 0xb3, 0x79, 0xbb, 0xac, 0x4f, 0xe4, 0xa0, 0x2f, 0x05, 0xae, 0xf3, 0x27, 0xc7, 0x82};
constexpr std::array<uint8_t, 16> kArkGuid{0xc0, 0xb4, 0x06, 0xa4, 0xa8, 0x03, 0x49, 0x52, 0x97, 0x43, 0x3f, 0xb6, 0x01, 0x4c, 0xd0, 0xae};
constexpr size_t kEntryBytes = 24;  // GUID, offset u32, length u32

struct Entry {
  ByteSpan guid;
  size_t offset;
  size_t length;
};

size_t u32_at(ByteSpan bytes, size_t at) {
  return bytes[at] | size_t{bytes[at + 1]} << 8 | size_t{bytes[at + 2]} << 16 | size_t{bytes[at + 3]} << 24;
}

std::unexpected<Error> bad_table(std::string_view what) { return fail(Code::malformed, "snp.table.syntax", std::string(what)); }

// read_entries reads the header, up to the entry of zeros that ends it.
Result<std::vector<Entry>> read_entries(ByteSpan bytes) {
  std::vector<Entry> out;
  for (size_t at = 0;; at += kEntryBytes) {
    if (bytes.size() < at + kEntryBytes) return bad_table("no end");
    const ByteSpan entry = bytes.subspan(at, kEntryBytes);
    if (std::ranges::all_of(entry, [](uint8_t b) { return b == 0; })) return out;
    if (out.size() == kTableEntriesMax) return bad_table("too many entries");
    out.push_back({entry.first(16), u32_at(entry, 16), u32_at(entry, 20)});
  }
}

}  // namespace

Result<CertificateTable> parse_certificate_table(ByteSpan bytes) {
  if (bytes.size() > kCertificateTableBytesMax) return fail(Code::limit, "snp.table.syntax", "too large");
  OPENPCC_LET(const std::vector<Entry> entries, read_entries(bytes));
  const size_t header = (entries.size() + 1) * kEntryBytes;
  CertificateTable out;
  const std::pair<ByteSpan, std::optional<ByteSpan>*> known[] = {
      {kVcekGuid, &out.vcek}, {kVlekGuid, &out.vlek}, {kAskGuid, &out.ask}, {kArkGuid, &out.ark}};
  for (const Entry& entry : entries) {
    if (entry.offset < header || entry.offset > bytes.size() || entry.length > bytes.size() - entry.offset) {
      return bad_table("an entry outside the table");
    }
    const bool overlaps = std::ranges::any_of(entries, [&](const Entry& other) {
      return &other != &entry && other.length > 0 && entry.length > 0 && entry.offset < other.offset + other.length &&
             other.offset < entry.offset + entry.length;
    });
    if (overlaps) return bad_table("an entry over another");
    const auto slot = std::ranges::find_if(known, [&](const auto& k) { return equal(k.first, entry.guid); });
    if (slot == std::end(known)) continue;  // of a host's own
    if (*slot->second) return bad_table("a certificate twice");
    *slot->second = bytes.subspan(entry.offset, entry.length);
  }
  return out;
}

Result<VekFields> read_vek(const Certificate& vek) {
  for (const x509::Extension& extension : vek.extensions()) {
    if (extension.critical && extension.oid.size() > kArc.size() && equal(extension.oid.first(kArc.size()), kArc)) {
      return bad_extension("a critical extension");
    }
  }
  VekFields out{};
  const x509::Extension* version = find(vek, {kStructVersion});
  if (version == nullptr) return bad_extension("no struct version");
  const auto version_content = der::only(version->value, der::kInteger);
  const auto version_number = version_content ? der::unsigned_integer(*version_content) : Result<uint64_t>(uint64_t{UINT64_MAX});
  if (!version_number || *version_number > 1) return bad_extension("struct version");
  OPENPCC_LET(out.product_name, text_extension(vek, kProductName));
  OPENPCC_LET(out.product, product_of_name(out.product_name));
  if (*version_number != (out.product == Product::turin ? 1u : 0u)) return bad_extension("struct version of another product");
  OPENPCC_LET(out.tcb, read_vek_tcb(vek, out.product));
  OPENPCC_LET(out.kind, kind_of(vek));
  if (out.kind == SigningKey::vlek) {
    OPENPCC_LET(out.csp_id, text_extension(vek, kCspId));
    return out;
  }
  // hwID stands in the extension as it is, without an OCTET STRING of its own.
  const ByteSpan hwid = find(vek, {kHwid})->value;
  if (hwid.size() != (out.product == Product::turin ? kHwidBytesOfTurin : kHwidBytes)) return bad_extension("hwID of another size");
  out.hwid.assign(hwid.begin(), hwid.end());
  return out;
}

}  // namespace openpcc::snp
