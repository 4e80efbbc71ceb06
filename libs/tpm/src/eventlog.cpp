#include "openpcc/tpm/eventlog.h"

#include <algorithm>

#include "openpcc/core/describe.h"

namespace openpcc::tpm {
namespace {

constexpr std::string_view kSpecId = "Spec ID Event";
constexpr std::string_view kSpecIdVersion{"03", 3};  // with its NUL
constexpr std::string_view kStartupLocality{"StartupLocality", 16};
constexpr size_t kFirstHeaderBytes = 32;  // of an event with one digest of SHA-1
constexpr size_t kSpecIdFixedBytes = 24;  // before the count of algorithms: signature, platform class, version, uintn size
constexpr size_t kSha1Bytes = 20;
constexpr uint32_t kCcelRegisters = 5;

uint32_t little_endian(ByteSpan four) {
  return uint32_t{four[0]} | uint32_t{four[1]} << 8 | uint32_t{four[2]} << 16 | uint32_t{four[3]} << 24;
}

Result<uint32_t> read_u32(ByteReader& reader) {
  OPENPCC_LET(const ByteSpan bytes, reader.bytes(4));
  return little_endian(bytes);
}

Result<uint16_t> read_u16(ByteReader& reader) {
  OPENPCC_LET(const ByteSpan bytes, reader.bytes(2));
  return static_cast<uint16_t>(bytes[0] | bytes[1] << 8);
}

Result<ByteSpan> read_data(ByteReader& reader) {
  OPENPCC_LET(const uint32_t size, read_u32(reader));
  if (size > kEventBytesMax) return fail(Code::malformed, "eventlog.syntax", "an event of " + std::to_string(size) + " bytes");
  return reader.bytes(size);
}

std::unexpected<Error> bad_spec_id(std::string_view what) { return fail(Code::malformed, "eventlog.spec_id", std::string(what)); }

// read_spec_id reads TCG_EfiSpecIdEvent: which algorithms every event has digests of.
Result<std::vector<Hash>> read_spec_id(ByteSpan data) {
  ByteReader reader(data, "eventlog.spec_id");
  OPENPCC_LET(const ByteSpan fixed, reader.bytes(kSpecIdFixedBytes));
  if (!equal(fixed.subspan(kSpecId.size(), kSpecIdVersion.size()), as_bytes(kSpecIdVersion))) return bad_spec_id("of another version");
  OPENPCC_LET(const uint32_t count, read_u32(reader));
  if (count == 0 || count > kAlgorithmsMax) return bad_spec_id(std::to_string(count) + " algorithms");
  std::vector<Hash> out;
  for (uint32_t i = 0; i < count; ++i) {
    OPENPCC_LET(const uint16_t algorithm, read_u16(reader));
    OPENPCC_LET(const uint16_t size, read_u16(reader));
    const auto hash = hash_of(algorithm);
    if (!hash || size != digest_bytes(*hash))
      return bad_spec_id("algorithm " + std::to_string(algorithm) + " of " + std::to_string(size) + " bytes");
    if (std::ranges::find(out, *hash) != out.end()) return bad_spec_id("an algorithm twice");
    out.push_back(*hash);
  }
  OPENPCC_LET(const uint8_t vendor_bytes, reader.u8());
  OPENPCC_TRY(reader.bytes(vendor_bytes));
  OPENPCC_TRY(reader.end());
  return out;
}

// padding_start is where nothing but zeros, or nothing but ones, follow.
size_t padding_start(ByteSpan bytes) {
  if (bytes.empty() || (bytes.back() != 0 && bytes.back() != 0xff)) return bytes.size();
  size_t at = bytes.size();
  while (at > 0 && bytes[at - 1] == bytes.back()) --at;
  return at;
}

Event first_event(ByteSpan bytes) {
  Event out;
  out.index = little_endian(bytes);
  out.type = static_cast<EventType>(little_endian(bytes.subspan(4)));
  out.digests = {bytes.subspan(8, kSha1Bytes)};
  return out;
}

// first_index is the register that the event which names the algorithms stands under, though it is not measured.
uint32_t first_index(LogForm form) { return form == LogForm::tpm ? 0 : 1; }

bool has_spec_id(ByteSpan bytes) {
  return bytes.size() >= kFirstHeaderBytes + kSpecId.size() && equal(bytes.subspan(kFirstHeaderBytes, kSpecId.size()), as_bytes(kSpecId));
}

}  // namespace

std::string name_of(EventType type) {
  switch (type) {
    case EventType::post_code: return "EV_POST_CODE";
    case EventType::no_action: return "EV_NO_ACTION";
    case EventType::separator: return "EV_SEPARATOR";
    case EventType::action: return "EV_ACTION";
    case EventType::event_tag: return "EV_EVENT_TAG";
    case EventType::s_crtm_contents: return "EV_S_CRTM_CONTENTS";
    case EventType::s_crtm_version: return "EV_S_CRTM_VERSION";
    case EventType::cpu_microcode: return "EV_CPU_MICROCODE";
    case EventType::platform_config_flags: return "EV_PLATFORM_CONFIG_FLAGS";
    case EventType::compact_hash: return "EV_COMPACT_HASH";
    case EventType::ipl: return "EV_IPL";
    case EventType::nonhost_code: return "EV_NONHOST_CODE";
    case EventType::nonhost_config: return "EV_NONHOST_CONFIG";
    case EventType::nonhost_info: return "EV_NONHOST_INFO";
    case EventType::efi_variable_driver_config: return "EV_EFI_VARIABLE_DRIVER_CONFIG";
    case EventType::efi_variable_boot: return "EV_EFI_VARIABLE_BOOT";
    case EventType::efi_boot_services_application: return "EV_EFI_BOOT_SERVICES_APPLICATION";
    case EventType::efi_boot_services_driver: return "EV_EFI_BOOT_SERVICES_DRIVER";
    case EventType::efi_runtime_services_driver: return "EV_EFI_RUNTIME_SERVICES_DRIVER";
    case EventType::efi_gpt_event: return "EV_EFI_GPT_EVENT";
    case EventType::efi_action: return "EV_EFI_ACTION";
    case EventType::efi_platform_firmware_blob: return "EV_EFI_PLATFORM_FIRMWARE_BLOB";
    case EventType::efi_handoff_tables: return "EV_EFI_HANDOFF_TABLES";
    case EventType::efi_platform_firmware_blob2: return "EV_EFI_PLATFORM_FIRMWARE_BLOB2";
    case EventType::efi_handoff_tables2: return "EV_EFI_HANDOFF_TABLES2";
    case EventType::efi_variable_boot2: return "EV_EFI_VARIABLE_BOOT2";
    case EventType::efi_hcrtm_event: return "EV_EFI_HCRTM_EVENT";
    case EventType::efi_variable_authority: return "EV_EFI_VARIABLE_AUTHORITY";
  }
  return "0x" + to_hex(ByteWriter().u32(static_cast<uint32_t>(type)).view());
}

Result<EventLog> EventLog::parse(ByteSpan bytes, LogForm form) {
  if (bytes.empty() || bytes.size() > kLogBytesMax) return fail(Code::limit, "eventlog.size", std::to_string(bytes.size()) + " bytes");
  EventLog out;
  out.bytes_.assign(bytes.begin(), bytes.end());
  out.form_ = form;
  OPENPCC_TRY(out.read());
  return out;
}

Result<> EventLog::read() {
  const ByteSpan bytes = bytes_;
  ByteReader reader(bytes, "eventlog.syntax");
  crypto_agile_ = has_spec_id(bytes);
  if (crypto_agile_) {
    const Event first = first_event(bytes);
    if (first.index != first_index(form_) || first.measured() || !is_zero(first.digests[0]))
      return bad_spec_id("the first event is measured, or of another register");
    OPENPCC_TRY(reader.bytes(kFirstHeaderBytes - 4));
    OPENPCC_LET(const ByteSpan data, read_data(reader));
    OPENPCC_LET(algorithms_, read_spec_id(data));
  } else {
    algorithms_ = {Hash::sha1};
  }
  if (form_ == LogForm::ccel && std::ranges::find(algorithms_, Hash::sha384) == algorithms_.end())
    return bad_spec_id("a CCEL without SHA-384");
  const size_t end = padding_start(bytes);
  bool extended_zero = false;
  while (!reader.empty()) {
    const size_t at = bytes.size() - reader.rest().size();
    if (at >= end) break;
    if (events_.size() == kEventsMax) return fail(Code::limit, "eventlog.size", "more than " + std::to_string(kEventsMax) + " events");
    OPENPCC_LET(Event event, read_event(reader));
    event.offset = at;
    OPENPCC_TRY(read_locality(event, extended_zero));
    extended_zero = extended_zero || (event.measured() && event.index == 0);
    events_.push_back(std::move(event));
  }
  padding_bytes_ = reader.rest().size();
  return {};
}

// read_event reads TCG_PCR_EVENT or TCG_PCR_EVENT2. What begins like padding and goes on otherwise is neither.
Result<Event> EventLog::read_event(ByteReader& reader) const {
  Event out;
  const ByteSpan rest = reader.rest();
  if (rest.size() >= 8 && std::ranges::all_of(rest.first(8), [](uint8_t b) { return b == 0xff; })) {
    return fail(Code::malformed, "eventlog.trailing", "something stands in the padding");
  }
  OPENPCC_LET(out.index, read_u32(reader));
  OPENPCC_LET(const uint32_t type, read_u32(reader));
  out.type = static_cast<EventType>(type);
  if (crypto_agile_) {
    OPENPCC_LET(const uint32_t count, read_u32(reader));
    if (out.index == 0 && type == 0 && count == 0) return fail(Code::malformed, "eventlog.trailing", "something stands in the padding");
    if (count != algorithms_.size()) return fail(Code::malformed, "eventlog.algorithms", std::to_string(count) + " digests");
  }
  out.digests.resize(algorithms_.size());
  for (size_t i = 0; i < algorithms_.size(); ++i) {
    size_t place = 0;
    if (crypto_agile_) {
      OPENPCC_LET(const uint16_t algorithm, read_u16(reader));
      const auto found = std::ranges::find(algorithms_, algorithm, [](Hash hash) { return static_cast<uint16_t>(hash); });
      place = static_cast<size_t>(found - algorithms_.begin());
      if (found == algorithms_.end() || !out.digests[place].empty()) {
        return fail(Code::malformed, "eventlog.algorithms", "a digest of algorithm " + std::to_string(algorithm));
      }
    }
    OPENPCC_LET(out.digests[place], reader.bytes(digest_bytes(algorithms_[place])));
  }
  OPENPCC_LET(out.data, read_data(reader));
  const bool there = form_ == LogForm::tpm ? out.index < kPcrs : out.index > 0 && out.index < kCcelRegisters;
  if (out.measured() && !there) return fail(Code::malformed, "eventlog.register", "register " + std::to_string(out.index));
  return out;
}

// Spec: PC Client s10.4.5.3. PCR 0 starts with the locality that TPM2_Startup came from.
Result<> EventLog::read_locality(const Event& event, bool extended) {
  const bool names =
      event.data.size() >= kStartupLocality.size() && equal(event.data.first(kStartupLocality.size()), as_bytes(kStartupLocality));
  if (event.measured() || !names || form_ != LogForm::tpm) return {};
  constexpr Rule kRule = "eventlog.locality";
  if (event.index != 0 || event.data.size() != kStartupLocality.size() + 1)
    return fail(Code::malformed, kRule, "not of PCR 0, or of another size");
  const uint8_t locality = event.data.back();
  if (locality != 0 && locality != 3 && locality != 4) return fail(Code::malformed, kRule, "locality " + std::to_string(locality));
  if (locality_ || extended) return fail(Code::malformed, kRule, "it comes too late, or twice");
  locality_ = locality;
  return {};
}

Result<Bank> EventLog::replay(Hash bank) const {
  const auto found = std::ranges::find(algorithms_, bank);
  if (found == algorithms_.end()) return fail(Code::verification_failed, "eventlog.bank", "no digests of " + std::string(to_string(bank)));
  const auto place = static_cast<size_t>(found - algorithms_.begin());
  Bank out;
  if (locality_) {
    out[0] = Bytes(digest_bytes(bank));
    out[0].back() = *locality_;
  }
  for (const Event& event : events_) {
    if (!event.measured()) continue;
    Bytes& value = out.try_emplace(static_cast<uint8_t>(event.index), Bytes(digest_bytes(bank))).first->second;
    value = extended(bank, value, event.digests[place]);
  }
  return out;
}

bool looks_like_log(ByteSpan bytes) {
  if (has_spec_id(bytes)) return true;
  if (bytes.size() < kFirstHeaderBytes || bytes.size() > kLogBytesMax) return false;
  const Event first = first_event(bytes);
  const uint32_t size = little_endian(bytes.subspan(kFirstHeaderBytes - 4));
  // A log of SHA-1 begins with PCR 0 and one of the types of TCG's first table.
  return first.index < kPcrs && static_cast<uint32_t>(first.type) <= 0x12 && size <= bytes.size() - kFirstHeaderBytes &&
         EventLog::parse(bytes, LogForm::tpm).has_value();
}

LogForm form_of(ByteSpan bytes) {
  return has_spec_id(bytes) && first_event(bytes).index == first_index(LogForm::ccel) ? LogForm::ccel : LogForm::tpm;
}

}  // namespace openpcc::tpm
