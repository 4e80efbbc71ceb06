#include "openpcc/measure/event_log.h"

#include <map>

#include "fields.h"

namespace openpcc::measure {
namespace {

constexpr uint32_t kNoAction = 3;
constexpr size_t kSha1Bytes = 20, kAlgorithmsMax = 16;
constexpr size_t kFirstHeadBytes = 4 + 4 + kSha1Bytes + 4;
constexpr size_t kSpecIdBytes = 16 + 4 + 4 + 4;  // signature, platform class, version, number of algorithms

using Sizes = std::map<uint16_t, uint16_t>;  // of a digest, by its algorithm

std::unexpected<Error> bad_header() { return fail(Code::malformed, "measure.log.header", "no crypto-agile event log"); }
std::unexpected<Error> bad_event(size_t n) { return fail(Code::malformed, "measure.log.event", "event " + std::to_string(n)); }

// read_head takes the first event, in the old form, and gives the sizes of the digests that follow.
Result<Sizes> read_head(ByteSpan& log) {
  const auto head = slice(log, 0, kFirstHeadBytes);
  const auto data = head ? slice(log, kFirstHeadBytes, le<uint32_t>(head->subspan(28))) : std::nullopt;
  if (!data || le<uint32_t>(head->subspan(4)) != kNoAction || data->size() < kSpecIdBytes) return bad_header();
  if (as_text(data->first(16)) != std::string_view("Spec ID Event03\0", 16)) return bad_header();
  const uint32_t count = le<uint32_t>(data->subspan(24));
  const auto rows = count <= kAlgorithmsMax ? slice(*data, kSpecIdBytes, uint64_t{count} * 4) : std::nullopt;
  if (!rows) return bad_header();
  Sizes out;
  for (size_t i = 0; i < count; ++i) out[le<uint16_t>(rows->subspan(i * 4))] = le<uint16_t>(rows->subspan(i * 4 + 2));
  log = log.subspan(kFirstHeadBytes + data->size());
  return out;
}

// Cursor takes fields off the front; after one that is missing, all are.
class Cursor {
 public:
  explicit Cursor(ByteSpan bytes) : rest_(bytes) {}
  std::optional<ByteSpan> take(uint64_t n) {
    const auto out = slice(rest_, 0, n);
    rest_ = out ? rest_.subspan(out->size()) : ByteSpan();
    return out;
  }
  template <std::unsigned_integral T>
  std::optional<T> integer() {
    const auto bytes = take(sizeof(T));
    if (!bytes) return std::nullopt;
    return le<T>(*bytes);
  }
  ByteSpan rest() const { return rest_; }

 private:
  ByteSpan rest_;
};

// read_digests takes an event's digests and keeps that of the bank.
std::optional<Bytes> read_digests(Cursor& cursor, const Sizes& sizes, Bank bank) {
  const auto count = cursor.integer<uint32_t>();
  if (!count || *count > kAlgorithmsMax) return std::nullopt;
  Bytes out;
  for (uint32_t i = 0; i < *count; ++i) {
    const auto algorithm = cursor.integer<uint16_t>();
    const auto size = algorithm ? sizes.find(*algorithm) : sizes.end();
    const auto digest = size != sizes.end() ? cursor.take(size->second) : std::nullopt;
    if (!digest) return std::nullopt;
    if (*algorithm == static_cast<uint16_t>(bank)) out.assign(digest->begin(), digest->end());
  }
  return out;
}

// first_value is what PCR 0 begins with, where an event tells the locality at start-up.
std::optional<Bytes> first_value(uint32_t index, uint32_t type, ByteSpan data, Bank bank) {
  constexpr std::string_view kLocality("StartupLocality\0", 16);
  if (index != 0 || type != kNoAction || data.size() != kLocality.size() + 1 || as_text(data.first(16)) != kLocality) return std::nullopt;
  Bytes out(digest_bytes(bank));
  out.back() = data.back();
  return out;
}

// at_end: padding follows, of zeros or ones.
bool at_end(ByteSpan rest) {
  const auto is = [&](uint8_t value) { return std::ranges::all_of(rest, [&](uint8_t b) { return b == value; }); };
  return rest.empty() || is(0) || is(0xff);
}

}  // namespace

Result<std::vector<LogEvent>> parse_event_log(ByteSpan log, Bank bank) {
  if (log.size() > kLogBytesMax) return fail(Code::limit, "measure.log.size", "over 16 MiB");
  OPENPCC_LET(const Sizes sizes, read_head(log));
  const auto size = sizes.find(static_cast<uint16_t>(bank));
  if (size == sizes.end() || size->second != digest_bytes(bank))
    return fail(Code::unsupported, "measure.log.bank", std::string(to_string(bank)));
  std::vector<LogEvent> out;
  Cursor cursor(log);
  // An index or type of all ones marks padding that starts like an event: looking at the whole rest once per event would be quadratic.
  for (size_t n = 0; !cursor.rest().empty(); ++n) {
    if (n == kLogEventsMax) return fail(Code::limit, "measure.log.size", "too many events");
    const ByteSpan rest = cursor.rest();
    const bool may_end = rest.size() < 16 || rest[0] == 0xff || std::ranges::all_of(rest.first(16), [](uint8_t b) { return b == 0; });
    if (may_end && at_end(rest)) break;
    const auto index = cursor.integer<uint32_t>();
    const auto type = cursor.integer<uint32_t>();
    const auto digest = read_digests(cursor, sizes, bank);
    const auto bytes = cursor.integer<uint32_t>();
    const auto data = bytes ? cursor.take(*bytes) : std::nullopt;
    if (!index || !type || !digest || !data) return bad_event(n);
    if (auto first = first_value(*index, *type, *data, bank)) out.push_back({*index, *type, std::move(*first), *data});
    if (*type == kNoAction || *index == 0xffffffff) continue;
    if (digest->empty()) return bad_event(n);
    out.push_back({*index, *type, *digest, *data});
  }
  return out;
}

std::string register_of(std::string_view technology, uint32_t index) {
  if (technology != "tdx") return "PCR" + std::to_string(index);
  return index == 0 ? "MRTD" : "RTMR" + std::to_string(index - 1);
}

std::string event_name(uint32_t type) {
  static constexpr std::array<std::pair<uint32_t, std::string_view>, 20> kNames{{{1, "EV_POST_CODE"},
                                                                                 {4, "EV_SEPARATOR"},
                                                                                 {5, "EV_ACTION"},
                                                                                 {6, "EV_EVENT_TAG"},
                                                                                 {7, "EV_S_CRTM_CONTENTS"},
                                                                                 {8, "EV_S_CRTM_VERSION"},
                                                                                 {10, "EV_PLATFORM_CONFIG_FLAGS"},
                                                                                 {13, "EV_IPL"},
                                                                                 {17, "EV_NONHOST_INFO"},
                                                                                 {0x80000001, "EV_EFI_VARIABLE_DRIVER_CONFIG"},
                                                                                 {0x80000002, "EV_EFI_VARIABLE_BOOT"},
                                                                                 {0x80000003, "EV_EFI_BOOT_SERVICES_APPLICATION"},
                                                                                 {0x80000004, "EV_EFI_BOOT_SERVICES_DRIVER"},
                                                                                 {0x80000006, "EV_EFI_GPT_EVENT"},
                                                                                 {0x80000007, "EV_EFI_ACTION"},
                                                                                 {0x80000008, "EV_EFI_PLATFORM_FIRMWARE_BLOB"},
                                                                                 {0x8000000a, "EV_EFI_PLATFORM_FIRMWARE_BLOB2"},
                                                                                 {0x8000000b, "EV_EFI_HANDOFF_TABLES2"},
                                                                                 {0x8000000c, "EV_EFI_VARIABLE_BOOT2"},
                                                                                 {0x800000e0, "EV_EFI_VARIABLE_AUTHORITY"}}};
  const auto found = std::ranges::find(kNames, type, &std::pair<uint32_t, std::string_view>::first);
  return found == kNames.end() ? "event of type " + std::to_string(type) : std::string(found->second);
}

Measurement replay(std::string_view technology, Bank bank, const std::vector<LogEvent>& events) {
  Replayer registers(bank);
  for (const LogEvent& event : events) {
    if (technology == "tdx" && event.index == 0) continue;
    if (event.type == kNoAction) {
      registers.start("PCR0", event.digest);
      continue;
    }
    registers.extend(
        {register_of(technology, event.index), event_name(event.type), "log", 0, event.data.size(), std::nullopt, event.digest, {}});
  }
  Measurement out;
  out.technology = technology;
  std::move(registers).finish(out);
  return out;
}

}  // namespace openpcc::measure
