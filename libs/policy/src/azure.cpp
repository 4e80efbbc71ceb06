// Spec: spec/evidence.md s5, the table [azure].
#include <charconv>

#include "hardware.h"
#include "values.h"

namespace openpcc::policy {
namespace {

constexpr size_t kMeasurementBytes = 48;
constexpr uint8_t kPcrMax = 23;

// selection reads "4,7,9", ascending, as the mask of these PCRs.
Result<uint32_t> selection(std::string_view text) {
  const auto bad = [] {
    return fail(Code::malformed, "policy.parse.value",
                "pcrs in [azure] must name PCRs 0 to 23, ascending, like 4,7,9, and others than 16 and 23, which a guest sets as it likes");
  };
  uint32_t out = 0;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    const std::string_view name = text.substr(at, end - at);
    uint8_t pcr = 0;
    const auto [stop, error] = std::from_chars(name.data(), name.data() + name.size(), pcr);
    if (error != std::errc() || stop != name.data() + name.size() || pcr > kPcrMax || out >> pcr != 0) return bad();
    out |= uint32_t{1} << pcr;
    at = end + 1;
  }
  constexpr uint32_t kResettable = uint32_t{1} << 16 | uint32_t{1} << 23;  // by any guest, to any value
  if ((out & ~kResettable) == 0) return bad();
  return out;
}

}  // namespace

Result<std::optional<AzureRequirements>> read_azure(TomlReader& top) {
  if (!top.has("azure")) return std::optional<AzureRequirements>();
  OPENPCC_LET(TomlReader reader, top.table("azure"));
  AzureRequirements out;
  OPENPCC_LET(out.paravisors, hex_list(reader, "paravisors", kMeasurementBytes, kMeasurementBytes));
  OPENPCC_LET(const std::string pcrs, reader.text("pcrs"));
  OPENPCC_LET(out.pcrs, selection(pcrs));
  OPENPCC_LET(out.secure_boot, reader.boolean("secure_boot"));
  if (reader.has("no_console")) {
    OPENPCC_LET(out.no_console, reader.boolean("no_console"));
  }
  OPENPCC_TRY(reader.end());
  return std::optional(std::move(out));
}

}  // namespace openpcc::policy
