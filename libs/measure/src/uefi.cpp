#include "openpcc/measure/uefi.h"

#include <charconv>

#include "fields.h"

namespace openpcc::measure {
namespace {

constexpr Guid kX509 = guid("a5c059a1-94e4-4aa7-87b5-ab155c2bf072");
constexpr size_t kSectorBytes = 512, kGptHeaderBytes = 92, kGptEntriesMax = 1024;

// In the order of the stub, with the version of systemd that first measures each; .pcrsig holds signatures over the register and cannot be in it.
struct UkiSection {
  std::string_view name;
  unsigned since;
};
constexpr std::array<UkiSection, 14> kUkiSections{{{".linux", 0},
                                                   {".osrel", 0},
                                                   {".cmdline", 0},
                                                   {".initrd", 0},
                                                   {".ucode", 256},
                                                   {".splash", 0},
                                                   {".dtb", 0},
                                                   {".uname", 254},
                                                   {".sbat", 254},
                                                   {".pcrpkey", 0},
                                                   {".profile", 257},
                                                   {".dtbauto", 257},
                                                   {".hwids", 257},
                                                   {".efifw", 258}}};
constexpr unsigned kNewest = 999;

void add_node(Bytes& out, uint8_t type, uint8_t subtype, ByteSpan data) {
  out.push_back(type);
  out.push_back(subtype);
  append_le<uint16_t>(out, static_cast<uint16_t>(4 + data.size()));
  append(out, data);
}

}  // namespace

Bytes utf16(std::string_view text) {
  Bytes out;
  for (const char c : text) append_le<uint16_t>(out, static_cast<uint8_t>(c));
  return out;
}

Result<Guid> efi_guid(std::string_view text) {
  std::string digits;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash != (text[i] == '-')) return fail(Code::malformed, "measure.uefi.guid", "not a GUID");
    if (!dash) digits += text[i];
  }
  const auto bytes = from_hex(digits);
  if (!bytes || bytes->size() != kGuidBytes) return fail(Code::malformed, "measure.uefi.guid", "not a GUID");
  constexpr std::array<size_t, kGuidBytes> kPlace{3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
  Guid out{};
  for (size_t i = 0; i < kGuidBytes; ++i) out[kPlace[i]] = (*bytes)[i];
  return out;
}

Bytes variable_event(const Guid& vendor, std::string_view name, ByteSpan data) {
  Bytes out;
  append(out, vendor);
  append_le<uint64_t>(out, name.size());
  append_le<uint64_t>(out, data.size());
  append(out, utf16(name));
  append(out, data);
  return out;
}

Bytes signature_list(const Guid& owner, ByteSpan certificate) {
  const auto entry_bytes = static_cast<uint32_t>(kGuidBytes + certificate.size());
  Bytes out;
  append(out, kX509);
  append_le<uint32_t>(out, static_cast<uint32_t>(kGuidBytes + 12) + entry_bytes);
  append_le<uint32_t>(out, 0);
  append_le<uint32_t>(out, entry_bytes);
  append(out, owner);
  append(out, certificate);
  return out;
}

Bytes boot_option(const BootOption& option) {
  Bytes path;
  add_node(path, 4, 7, option.volume);  // MEDIA_DEVICE_PATH, firmware volume
  add_node(path, 4, 6, option.file);    // and a file in it
  add_node(path, 0x7f, 0xff, {});
  Bytes out;
  append_le<uint32_t>(out, option.attributes);
  append_le<uint16_t>(out, static_cast<uint16_t>(path.size()));
  append(out, utf16(option.description));
  append_le<uint16_t>(out, 0);
  append(out, path);
  return out;
}

Result<Bytes> gpt_event(ByteSpan disk) {
  const auto bad = [](std::string_view what) { return fail(Code::malformed, "measure.uefi.gpt", std::string(what)); };
  const auto header = slice(disk, kSectorBytes, kGptHeaderBytes);
  if (!header || as_text(header->first(8)) != "EFI PART") return bad("no GPT header in the second sector");
  if (le<uint32_t>(header->subspan(12)) != kGptHeaderBytes) return bad("the header's size");
  const uint64_t entries_at = le<uint64_t>(header->subspan(72));
  const uint32_t count = le<uint32_t>(header->subspan(80));
  const uint32_t size = le<uint32_t>(header->subspan(84));
  if (count > kGptEntriesMax || size < 128 || size > kPageBytes || entries_at > disk.size() / kSectorBytes)
    return bad("the entries' place, number or size");
  const auto table = slice(disk, entries_at * kSectorBytes, uint64_t{count} * size);
  if (!table) return bad("the entries do not lie in what was given");
  Bytes used;
  uint64_t n = 0;
  for (size_t i = 0; i < count; ++i) {
    const ByteSpan entry = table->subspan(i * size, size);
    if (std::ranges::all_of(entry.first(kGuidBytes), [](uint8_t b) { return b == 0; })) continue;
    append(used, entry);
    ++n;
  }
  Bytes out(header->begin(), header->end());
  append_le<uint64_t>(out, n);
  append(out, used);
  return out;
}

Extend data_step(Bank bank, std::string reg, std::string what, std::string input, ByteSpan data) {
  return {std::move(reg), std::move(what), std::move(input), 0, data.size(), std::nullopt, digest(bank, data), {}};
}

std::optional<unsigned> stub_version(const PeImage& image) {
  constexpr size_t kMagicBytesMax = 256;
  constexpr std::string_view kMagic = "#### LoaderInfo: systemd-stub ";
  const PeSection* section = image.section(".sdmagic");
  if (section == nullptr || section->virtual_size > kMagicBytesMax) return std::nullopt;
  const Bytes data = image.data(*section);
  const std::string_view text = as_text(data);
  unsigned out = 0;
  if (!text.starts_with(kMagic)) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data() + kMagic.size(), text.data() + text.size(), out);
  return error == std::errc() ? std::optional(out) : std::nullopt;
}

Result<std::vector<Extend>> uki_events(const PeImage& image, Bank bank, std::string_view reg) {
  if (image.section(".linux") == nullptr) return fail(Code::rejected, "measure.uefi.uki", "no section .linux");
  std::vector<Extend> out;
  const unsigned version = stub_version(image).value_or(kNewest);
  for (const auto& [name, since] : kUkiSections) {
    const auto n = std::ranges::count(image.sections, name, &PeSection::name);
    if (n == 0 || version < since) continue;
    const PeSection& section = *image.section(name);
    if (n > 1 || section.virtual_size > kImageBytesMax) return fail(Code::rejected, "measure.uefi.uki", "section " + std::string(name));
    Bytes terminated(name.begin(), name.end());
    terminated.push_back(0);
    out.push_back(data_step(bank, std::string(reg), "name of section " + std::string(name), "constant", terminated));
    Extend data = data_step(bank, std::string(reg), "section " + std::string(name), "uki", image.data(section));
    data.offset = section.offset;
    out.push_back(std::move(data));
  }
  return out;
}

}  // namespace openpcc::measure
