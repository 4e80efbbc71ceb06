#include "openpcc/measure/firmware.h"

#include "fields.h"

namespace openpcc::measure {
namespace {

constexpr Guid kFooter = guid("96b582de-1fb2-45f7-baea-a366c55a082d");
constexpr Guid kSevMetadata = guid("dc886566-984a-4798-a75e-5585a7bf67cc");
constexpr Guid kSevHashes = guid("7255371f-3a3b-4b04-927b-1da6efa8d454");
constexpr Guid kResetBlock = guid("00f771de-1a7e-4fcb-890e-68c77e2fb44e");
constexpr Guid kTdxMetadata = guid("e47a6535-984a-4798-865e-4685a7bf8ec2");

constexpr size_t kAfterTable = 32;             // bytes between the table and the end of the file: the reset vector
constexpr size_t kEntryTail = 2 + kGuidBytes;  // u16 length and GUID, at each entry's end
constexpr size_t kSevHeaderBytes = 16, kSevRowBytes = 12;
constexpr size_t kTdvfHeaderBytes = 16, kTdvfRowBytes = 32;

// Range is memory that somebody claims.
struct Range {
  uint64_t start;
  uint64_t end;
};

Result<> check_apart(std::vector<Range> ranges) {
  std::ranges::sort(ranges, {}, &Range::start);
  for (size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[i].start < ranges[i - 1].end) return fail(Code::malformed, "measure.fw.overlap", "two sections share memory");
  }
  return {};
}

// metadata_at views the file from where an entry says that metadata lies, counted from the end.
std::optional<ByteSpan> metadata_at(ByteSpan firmware, ByteSpan entry) {
  if (entry.size() != 4) return std::nullopt;
  const uint32_t back = le<uint32_t>(entry);
  if (back > firmware.size()) return std::nullopt;
  return firmware.last(back);
}

// sev_rows views the rows of the metadata, or nothing where its head is not as it must be.
std::optional<ByteSpan> sev_rows(ByteSpan firmware, ByteSpan entry) {
  const auto metadata = metadata_at(firmware, entry);
  if (!metadata || metadata->size() < kSevHeaderBytes) return std::nullopt;
  const uint32_t count = le<uint32_t>(metadata->subspan(12));
  if (as_text(metadata->first(4)) != "ASEV" || le<uint32_t>(metadata->subspan(8)) != 1 || count > kSectionsMax) return std::nullopt;
  if (le<uint32_t>(metadata->subspan(4)) != kSevHeaderBytes + count * kSevRowBytes) return std::nullopt;
  return slice(*metadata, kSevHeaderBytes, count * kSevRowBytes);
}

std::optional<SevSection> read_sev_section(ByteSpan row) {
  const SevSection out{le<uint32_t>(row), le<uint32_t>(row.subspan(4)), static_cast<SevSectionType>(le<uint32_t>(row.subspan(8)))};
  const auto type = static_cast<uint32_t>(out.type);
  if (type == 0 || (type > 4 && out.type != SevSectionType::kernel_hashes)) return std::nullopt;
  if (out.gpa % kPageBytes != 0 || out.size % kPageBytes != 0 || uint64_t{out.gpa} + out.size > uint64_t{1} << 32) return std::nullopt;
  const bool one_page =
      out.type == SevSectionType::secrets || out.type == SevSectionType::cpuid || out.type == SevSectionType::kernel_hashes;
  if (one_page && out.size != kPageBytes) return std::nullopt;
  return out;
}

Result<std::vector<SevSection>> read_sev_sections(ByteSpan rows) {
  std::vector<SevSection> out;
  std::vector<Range> ranges;
  uint64_t pages = 0;
  for (; !rows.empty(); rows = rows.subspan(kSevRowBytes)) {
    const auto section = read_sev_section(rows);
    if (!section) return fail(Code::malformed, "measure.fw.sev_section", "row " + std::to_string(out.size()));
    pages += section->size / kPageBytes;
    if (pages > kSectionPagesMax) return fail(Code::limit, "measure.fw.sev_section", "more than 256 MiB of sections");
    ranges.push_back({section->gpa, uint64_t{section->gpa} + section->size});
    out.push_back(*section);
  }
  OPENPCC_TRY(check_apart(std::move(ranges)));
  return out;
}

std::optional<TdvfSection> read_tdvf_section(ByteSpan firmware, ByteSpan row) {
  const TdvfSection out{le<uint32_t>(row),
                        le<uint32_t>(row.subspan(4)),
                        le<uint64_t>(row.subspan(8)),
                        le<uint64_t>(row.subspan(16)),
                        static_cast<TdvfType>(le<uint32_t>(row.subspan(24))),
                        le<uint32_t>(row.subspan(28))};
  if (static_cast<uint32_t>(out.type) > 6 || (out.attributes >> 2) != 0) return std::nullopt;
  if (out.gpa % kPageBytes != 0 || out.size % kPageBytes != 0 || out.size > kSectionPagesMax * kPageBytes || out.gpa >> 52 != 0)
    return std::nullopt;
  if (out.raw > out.size || !slice(firmware, out.offset, out.raw)) return std::nullopt;
  return out;
}

}  // namespace

std::optional<ByteSpan> FirmwareTable::find(const Guid& guid) const {
  const auto found = std::ranges::find(entries, guid, &Entry::guid);
  if (found == entries.end()) return std::nullopt;
  return found->data;
}

Result<FirmwareTable> parse_firmware_table(ByteSpan firmware) {
  if (firmware.size() > kFirmwareBytesMax) return fail(Code::limit, "measure.fw.size", "firmware over 64 MiB");
  if (firmware.empty() || firmware.size() % kPageBytes != 0) {
    return fail(Code::malformed, "measure.fw.size", std::to_string(firmware.size()) + " bytes are no whole pages");
  }
  FirmwareTable out;
  const ByteSpan before = firmware.first(firmware.size() - kAfterTable);
  if (!equal(before.last(kGuidBytes), kFooter)) return out;
  const uint16_t total = le<uint16_t>(before.last(kEntryTail));
  if (total < kEntryTail || total > before.size()) return fail(Code::malformed, "measure.fw.table", "the table's length");
  ByteSpan rest = before.last(total).first(total - kEntryTail);
  while (!rest.empty()) {
    if (rest.size() < kEntryTail) return fail(Code::malformed, "measure.fw.table", "bytes before the first entry");
    const uint16_t size = le<uint16_t>(rest.last(kEntryTail));
    if (size < kEntryTail || size > rest.size() || out.entries.size() == kSectionsMax) {
      return fail(Code::malformed, "measure.fw.table", "entry " + std::to_string(out.entries.size()));
    }
    FirmwareTable::Entry& entry = out.entries.emplace_back();
    std::ranges::copy(rest.last(kGuidBytes), entry.guid.begin());
    entry.data = rest.last(size).first(size - kEntryTail);
    rest = rest.first(rest.size() - size);
  }
  return out;
}

Result<SevMetadata> parse_sev_metadata(ByteSpan firmware) {
  OPENPCC_LET(const FirmwareTable table, parse_firmware_table(firmware));
  const auto entry = table.find(kSevMetadata);
  const auto reset = table.find(kResetBlock);
  if (!entry || !reset) return fail(Code::unsupported, "measure.fw.no_sev", "this firmware does not say how it is launched under SEV-SNP");
  const auto rows = sev_rows(firmware, *entry);
  const auto hashes = table.find(kSevHashes);
  if (!rows || reset->size() < 4 || (hashes && hashes->size() != 8)) return fail(Code::malformed, "measure.fw.sev", "SEV metadata");
  SevMetadata out;
  OPENPCC_LET(out.sections, read_sev_sections(*rows));
  out.reset_eip = le<uint32_t>(*reset);
  if (hashes) out.hashes_gpa = le<uint32_t>(*hashes);
  return out;
}

Result<std::vector<TdvfSection>> parse_tdvf(ByteSpan firmware) {
  OPENPCC_LET(const FirmwareTable table, parse_firmware_table(firmware));
  const auto entry = table.find(kTdxMetadata);
  if (!entry) return fail(Code::unsupported, "measure.fw.no_tdx", "this firmware does not say how it is launched under TDX");
  const auto metadata = metadata_at(firmware, *entry);
  const auto head = metadata ? slice(*metadata, 0, kTdvfHeaderBytes) : std::nullopt;
  if (!head || as_text(head->first(4)) != "TDVF" || le<uint32_t>(head->subspan(8)) != 1)
    return fail(Code::malformed, "measure.fw.tdx", "TDVF descriptor");
  const uint32_t count = le<uint32_t>(head->subspan(12));
  const auto rows = count <= kSectionsMax ? slice(*metadata, kTdvfHeaderBytes, uint64_t{count} * kTdvfRowBytes) : std::nullopt;
  if (!rows || le<uint32_t>(head->subspan(4)) != kTdvfHeaderBytes + count * kTdvfRowBytes)
    return fail(Code::malformed, "measure.fw.tdx", "TDVF rows");
  std::vector<TdvfSection> out;
  std::vector<Range> ranges;
  uint64_t pages = 0, extended = 0;
  for (size_t i = 0; i < count; ++i) {
    const auto section = read_tdvf_section(firmware, rows->subspan(i * kTdvfRowBytes));
    if (!section) return fail(Code::malformed, "measure.fw.tdx_section", "row " + std::to_string(i));
    pages += section->size / kPageBytes;
    extended += section->extended() ? section->size / kPageBytes : 0;
    if (pages > kSectionPagesMax || extended > kExtendedPagesMax) return fail(Code::limit, "measure.fw.tdx_section", "too many pages");
    ranges.push_back({section->gpa, section->gpa + section->size});
    out.push_back(*section);
  }
  OPENPCC_TRY(check_apart(std::move(ranges)));
  return out;
}

}  // namespace openpcc::measure
