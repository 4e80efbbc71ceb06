#include "openpcc/measure/pe.h"

#include "fields.h"

namespace openpcc::measure {
namespace {

constexpr size_t kCoffBytes = 20, kSectionRowBytes = 40, kDirectoryBytes = 8;
constexpr size_t kSecurityDirectory = 4;
constexpr uint16_t kPe32 = 0x10b, kPe32Plus = 0x20b;

std::unexpected<Error> bad_header(std::string_view what) { return fail(Code::malformed, "measure.pe.header", std::string(what)); }

// Headers are the offsets that the rest is read by.
struct Headers {
  size_t optional = 0;
  size_t directories = 0;
  size_t section_table = 0;
  size_t sections = 0;
};

Result<Headers> read_headers(ByteSpan image) {
  const auto dos = slice(image, 0, 0x40);
  if (!dos || as_text(dos->first(2)) != "MZ") return bad_header("no DOS header");
  const uint32_t pe = le<uint32_t>(dos->subspan(0x3c));
  const auto head = slice(image, pe, 4 + kCoffBytes);
  if (!head || as_text(head->first(4)) != std::string_view("PE\0\0", 4)) return bad_header("no PE header");
  const uint16_t optional_bytes = le<uint16_t>(head->subspan(4 + 16));
  const auto optional = slice(image, uint64_t{pe} + 4 + kCoffBytes, optional_bytes);
  if (!optional || optional_bytes < 2) return bad_header("no optional header");
  const uint16_t magic = le<uint16_t>(*optional);
  if (magic != kPe32 && magic != kPe32Plus) return bad_header("neither PE32 nor PE32+");
  const size_t directories = magic == kPe32Plus ? 112 : 96;
  if (optional_bytes < directories || le<uint32_t>(optional->subspan(directories - 4)) > 16) return bad_header("data directories");
  const uint32_t count = le<uint32_t>(optional->subspan(directories - 4));
  if (count <= kSecurityDirectory || optional_bytes < directories + count * kDirectoryBytes) return bad_header("no entry for certificates");
  const size_t start = pe + 4 + kCoffBytes;
  return Headers{start, start + directories, start + optional_bytes, le<uint16_t>(head->subspan(4 + 2))};
}

Result<> read_sections(PeImage& out, const Headers& headers) {
  const auto table = slice(out.bytes, headers.section_table, headers.sections * kSectionRowBytes);
  if (headers.sections > kPeSectionsMax || !table || headers.section_table + table->size() > out.headers_bytes) {
    return fail(Code::malformed, "measure.pe.section", "the table of sections");
  }
  for (size_t i = 0; i < headers.sections; ++i) {
    const ByteSpan row = table->subspan(i * kSectionRowBytes);
    PeSection section;
    const std::string_view name = as_text(row.first(8));
    section.name = std::string(name.substr(0, name.find('\0')));
    section.virtual_size = le<uint32_t>(row.subspan(8));
    section.raw = le<uint32_t>(row.subspan(16));
    section.offset = le<uint32_t>(row.subspan(20));
    const size_t end = out.bytes.size() - out.certificates_bytes;
    if (section.raw > 0 && (section.offset < out.headers_bytes || !slice(out.bytes.first(end), section.offset, section.raw))) {
      return fail(Code::malformed, "measure.pe.section", "section " + std::to_string(i) + " lies outside the file");
    }
    out.sections.push_back(std::move(section));
  }
  return {};
}

// by_place lists the sections that have bytes in the file, in its order.
std::vector<const PeSection*> by_place(const PeImage& image) {
  std::vector<const PeSection*> out;
  for (const PeSection& section : image.sections) {
    if (section.raw > 0) out.push_back(&section);
  }
  std::ranges::sort(out, {}, [](const PeSection* s) { return s->offset; });
  return out;
}

Result<> check_apart(const PeImage& image) {
  uint64_t end = image.headers_bytes;
  for (const PeSection* section : by_place(image)) {
    if (section->offset < end) return fail(Code::malformed, "measure.pe.section", "two sections share bytes");
    end = uint64_t{section->offset} + section->raw;
  }
  return {};
}

}  // namespace

const PeSection* PeImage::section(std::string_view name) const {
  const auto found = std::ranges::find(sections, name, &PeSection::name);
  return found == sections.end() ? nullptr : &*found;
}

Bytes PeImage::data(const PeSection& section) const {
  OPENPCC_CHECK(section.virtual_size <= kImageBytesMax);
  const ByteSpan raw = bytes.subspan(section.raw > 0 ? section.offset : 0, section.raw);
  Bytes out(section.virtual_size);
  std::ranges::copy(raw.first(std::min<size_t>(raw.size(), out.size())), out.begin());
  return out;
}

Result<PeImage> parse_pe(ByteSpan image) {
  if (image.size() > kImageBytesMax) return fail(Code::limit, "measure.pe.size", "an image over 512 MiB");
  OPENPCC_LET(const Headers headers, read_headers(image));
  PeImage out;
  out.bytes = image;
  out.checksum_at = headers.optional + 64;
  out.security_at = headers.directories + kSecurityDirectory * kDirectoryBytes;
  out.headers_bytes = le<uint32_t>(image.subspan(headers.optional + 60));
  if (out.headers_bytes > image.size() || out.security_at + kDirectoryBytes > out.headers_bytes) return bad_header("SizeOfHeaders");
  const uint32_t certificates_at = le<uint32_t>(image.subspan(out.security_at));
  out.certificates_bytes = le<uint32_t>(image.subspan(out.security_at + 4));
  const bool at_end = uint64_t{certificates_at} + out.certificates_bytes == image.size() && certificates_at >= out.headers_bytes;
  if (out.certificates_bytes > 0 && !at_end)
    return fail(Code::malformed, "measure.pe.certificates", "certificates that are not at the end");
  OPENPCC_TRY(read_sections(out, headers));
  OPENPCC_TRY(check_apart(out));
  return out;
}

Bytes authenticode(const PeImage& image, Bank bank) {
  Bytes covered;
  covered.reserve(image.bytes.size());
  append(covered, image.bytes.first(image.checksum_at));
  append(covered, image.bytes.subspan(image.checksum_at + 4, image.security_at - image.checksum_at - 4));
  append(covered, image.bytes.subspan(image.security_at + kDirectoryBytes, image.headers_bytes - image.security_at - kDirectoryBytes));
  size_t hashed = image.headers_bytes;
  for (const PeSection* section : by_place(image)) {
    append(covered, image.bytes.subspan(section->offset, section->raw));
    hashed += section->raw;
  }
  const size_t end = image.bytes.size() - image.certificates_bytes;
  if (end > hashed) append(covered, image.bytes.subspan(hashed, end - hashed));
  return digest(bank, covered);
}

Result<Bytes> patched_kernel(ByteSpan kernel, const LinuxPatch& patch) {
  constexpr size_t kSetupBytes = 0x1000;
  if (kernel.size() < kSetupBytes || as_text(kernel.subspan(0x202, 4)) != "HdrS" || le<uint16_t>(kernel.subspan(0x206)) < 0x202) {
    return fail(Code::malformed, "measure.kernel.header", "no Linux kernel of boot protocol 2.02 or later");
  }
  Bytes out(kernel.begin(), kernel.end());
  const MutableByteSpan at(out);
  const uint16_t protocol = le<uint16_t>(kernel.subspan(0x206));
  const bool high = (kernel[0x211] & 1) != 0;  // LOADED_HIGH
  const uint32_t cmdline = high ? 0x20000 : 0x9a000;
  const uint32_t heap_end = cmdline - (high ? 0x10000 : 0x90000) - 0x200;
  out[0x210] = 0xb0;   // type_of_loader: QEMU
  out[0x211] |= 0x80;  // CAN_USE_HEAP
  put_le<uint32_t>(at.subspan(0x224), heap_end);
  put_le<uint32_t>(at.subspan(0x228), cmdline);
  if (patch.initrd_bytes == 0) return out;
  uint64_t limit = 0x37ffffff;
  const bool above = protocol >= 0x20c && (le<uint16_t>(kernel.subspan(0x236)) & 2) != 0;  // XLF_CAN_BE_LOADED_ABOVE_4G
  if (above) {
    limit = 0xffffffff;
  } else if (protocol >= 0x203 && le<uint32_t>(kernel.subspan(0x22c)) != 0) {
    limit = le<uint32_t>(kernel.subspan(0x22c));
  }
  constexpr uint64_t kLowMemoryMax = 0xb0000000, kLowMemoryOfLarge = 0x80000000;
  const uint64_t low = std::min(patch.memory_bytes, patch.memory_bytes < kLowMemoryMax ? kLowMemoryMax : kLowMemoryOfLarge);
  if (low <= patch.acpi_bytes) return fail(Code::rejected, "measure.kernel.memory", "less memory than ACPI data");
  limit = std::min(limit, low - patch.acpi_bytes - 1);
  if (patch.initrd_bytes >= limit) return fail(Code::rejected, "measure.kernel.memory", "the initrd does not fit");
  put_le<uint32_t>(at.subspan(0x218), static_cast<uint32_t>((limit - patch.initrd_bytes) & ~uint64_t{4095}));
  put_le<uint32_t>(at.subspan(0x21c), static_cast<uint32_t>(patch.initrd_bytes));
  return out;
}

}  // namespace openpcc::measure
