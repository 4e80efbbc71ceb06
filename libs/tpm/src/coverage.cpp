// Spec: PC Client Platform Firmware Profile s10.4: what of an event is measured.
#include <algorithm>

#include "openpcc/tpm/eventlog.h"
#include "variable.h"

namespace openpcc::tpm {
namespace {

// is_of_data: the specification says that the digest is that of the data. Of EV_EFI_VARIABLE_AUTHORITY and EV_S_CRTM_VERSION it says so too, but
// boot loaders and firmware that are in use measure otherwise: where they do, the data is not covered.
bool is_of_data(EventType type) {
  switch (type) {
    case EventType::separator:
    case EventType::action:
    case EventType::efi_variable_driver_config:
    case EventType::efi_gpt_event:
    case EventType::efi_action:
    case EventType::efi_variable_boot2:
    case EventType::efi_hcrtm_event: return true;
    default: return false;
  }
}

// text_of is the text without its end mark, and without what stands before the first ": " where `prefixed`.
ByteSpan text_of(ByteSpan data, bool prefixed) {
  std::string_view text = as_text(data);
  if (prefixed) {
    const size_t colon = text.find(": ");
    if (colon == std::string_view::npos) return {};
    text.remove_prefix(colon + 2);
  }
  while (text.ends_with('\0')) text.remove_suffix(1);
  return as_bytes(text);
}

Coverage coverage_by(Hash hash, ByteSpan wanted, const Event& event) {
  const auto is = [&](ByteSpan bytes) { return !bytes.empty() && equal(digest(hash, bytes), wanted); };
  if (is(event.data)) return Coverage::whole;
  if (is_of_data(event.type)) return Coverage::broken;
  if (event.type == EventType::ipl && (is(text_of(event.data, false)) || is(text_of(event.data, true)))) return Coverage::text;
  if (const auto variable = read_variable(event.data); variable && is(variable->value)) return Coverage::value;
  return Coverage::none;
}

}  // namespace

std::string_view to_string(Coverage coverage) {
  switch (coverage) {
    case Coverage::whole: return "covered";
    case Coverage::text: return "text covered";
    case Coverage::value: return "value covered";
    case Coverage::none: return "not covered";
    case Coverage::broken: return "not what was measured";
    case Coverage::no_event: return "not measured";
  }
  return "not covered";
}

Coverage EventLog::coverage(const Event& event) const {
  if (!event.measured()) return Coverage::no_event;
  std::optional<Coverage> out;
  for (size_t i = 0; i < algorithms_.size(); ++i) {
    const Coverage one = coverage_by(algorithms_[i], event.digests[i], event);
    out = out ? std::max(*out, one) : one;
  }
  return out.value_or(Coverage::none);
}

}  // namespace openpcc::tpm
