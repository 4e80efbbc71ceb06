#include "openpcc/tpm/runtime_log.h"

#include <algorithm>
#include <boost/json.hpp>
#include <set>

#include "openpcc/appraisal/writer.h"
#include "openpcc/strict_json/strict_json.h"

namespace openpcc::tpm {
namespace {

namespace bj = boost::json;

constexpr Rule kSyntax = "eventlog.runtime.syntax";
constexpr uint32_t kRuntimeEvent = 0x08000001;
constexpr uint8_t kRuntimeRegister = 3;
constexpr size_t kDigestBytes = 48;

Bytes digest_of(const RuntimeEvent& event) {
  const std::array<uint8_t, 4> type{static_cast<uint8_t>(event.type), static_cast<uint8_t>(event.type >> 8),
                                    static_cast<uint8_t>(event.type >> 16), static_cast<uint8_t>(event.type >> 24)};
  return digest(Hash::sha384, concat({type, as_bytes(":"), as_bytes(event.name), as_bytes(":"), event.payload}));
}

Result<RuntimeEvent> read_event(const bj::value& value) {
  OPENPCC_LET(strict_json::ObjectReader reader, strict_json::ObjectReader::of(value, kSyntax));
  RuntimeEvent out;
  OPENPCC_LET(const uint64_t rtmr, reader.number("imr", kRuntimeRegister));
  OPENPCC_LET(const uint64_t type, reader.number("event_type", UINT32_MAX));
  OPENPCC_LET(const std::string_view name, reader.text("event", kRuntimeNameBytesMax));
  OPENPCC_LET(out.payload, reader.hex("event_payload", kEventBytesMax));
  OPENPCC_LET(out.digest, reader.hex("digest", kDigestBytes));
  OPENPCC_TRY(reader.end());
  out.rtmr = static_cast<uint8_t>(rtmr);
  out.type = static_cast<uint32_t>(type);
  out.name = name;
  if (out.rtmr != kRuntimeRegister) {
    if (out.digest.size() != kDigestBytes) return fail(Code::malformed, kSyntax, "a digest of another size");
    return out;
  }
  if (out.type != kRuntimeEvent) return fail(Code::malformed, kSyntax, "an event of type " + std::to_string(out.type) + " in RTMR3");
  if (out.name.empty() || out.name.contains(':')) return fail(Code::malformed, kSyntax, "a name that is empty or has a colon");
  const Bytes computed = digest_of(out);
  if (!out.digest.empty() && out.digest != computed) return fail(Code::verification_failed, "eventlog.runtime.digest", out.name);
  out.digest = computed;
  return out;
}

}  // namespace

Result<RuntimeLog> RuntimeLog::parse(ByteSpan json) {
  if (json.size() > kLogBytesMax) return fail(Code::limit, "eventlog.size", std::to_string(json.size()) + " bytes");
  OPENPCC_LET(const bj::value value, strict_json::parse_strict(json, kLogBytesMax, kSyntax));
  if (!value.is_array()) return fail(Code::malformed, kSyntax, "not an array");
  const bj::array& array = value.get_array();
  if (array.size() > kEventsMax) return fail(Code::limit, "eventlog.size", std::to_string(array.size()) + " events");
  RuntimeLog out;
  for (const bj::value& one : array) {
    OPENPCC_LET(RuntimeEvent event, read_event(one));
    out.events_.push_back(std::move(event));
  }
  OPENPCC_TRY(out.check_marker());
  return out;
}

Result<> RuntimeLog::check_marker() {
  const auto is_marker = [](const RuntimeEvent& event) { return event.rtmr == kRuntimeRegister && event.name == kRuntimeMarker; };
  const auto marker = std::ranges::find_if(events_, is_marker);
  if (marker == events_.end()) return fail(Code::verification_failed, "eventlog.runtime.missing", std::string(kRuntimeMarker));
  constexpr Rule kDuplicate = "eventlog.runtime.duplicate";
  if (std::ranges::count_if(events_, is_marker) > 1) return fail(Code::verification_failed, kDuplicate, std::string(kRuntimeMarker));
  marker_ = static_cast<size_t>(marker - events_.begin());
  std::set<std::string_view> names;
  for (const RuntimeEvent& event : std::span(events_).first(marker_)) {
    if (event.rtmr == kRuntimeRegister && !names.insert(event.name).second) return fail(Code::verification_failed, kDuplicate, event.name);
  }
  return {};
}

Bank RuntimeLog::replay() const {
  Bank out;
  for (uint8_t index = 1; index <= 4; ++index) out[index] = Bytes(kDigestBytes);
  for (const RuntimeEvent& event : events_) {
    Bytes& value = out[static_cast<uint8_t>(event.rtmr + 1)];
    value = extended(Hash::sha384, value, event.digest);
  }
  return out;
}

Result<ByteSpan> RuntimeLog::payload(std::string_view name) const {
  const auto is_it = [&](const RuntimeEvent& event) { return event.rtmr == kRuntimeRegister && event.name == name; };
  const auto found = std::ranges::find_if(events_, is_it);
  if (found == events_.end()) return fail(Code::verification_failed, "eventlog.runtime.missing", std::string(name));
  if (static_cast<size_t>(found - events_.begin()) > marker_)
    return fail(Code::verification_failed, "eventlog.runtime.late", std::string(name));
  return ByteSpan(found->payload);
}

appraisal::Findings appraise_runtime_log(const RuntimeLog& log, const Quoted& quoted) {
  appraisal::Writer out;
  constexpr Rule kRule = "eventlog.replay";
  for (const auto& [index, value] : log.replay()) {
    const auto of_quote = quoted.values.find(index);
    if (of_quote != quoted.values.end() && of_quote->second == value) continue;
    const std::string name = "RTMR" + std::to_string(index - 1) + " ";
    out.refuse(appraisal::Aspect::software, kRule, of_quote == quoted.values.end() ? name : name + to_hex(of_quote->second),
               name + to_hex(value), "get quote and log again from the same boot of the machine");
    return out.take();
  }
  std::string names;
  for (const RuntimeEvent& event : log.events()) {
    if (event.rtmr != kRuntimeRegister) continue;
    if (event.name == kRuntimeMarker) break;
    const std::string shown = event.payload.empty() ? "" : " " + to_hex(event.payload);
    names += (names.empty() ? "" : "; ") + event.name + shown;
  }
  out.pass(appraisal::Aspect::software, kRule, "what was quoted", "the runtime log replays to RTMR0 to RTMR3: " + names);
  return out.take();
}

bool looks_like_runtime_log(ByteSpan bytes) {
  const std::string_view text = as_text(bytes);
  return bytes.size() <= kLogBytesMax && text.find_first_of('[') <= 2 && text.find("\"event_payload\"") != std::string_view::npos;
}

}  // namespace openpcc::tpm
