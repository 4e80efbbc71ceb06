// Spec: spec/evidence.md s5, the table [azure].
#include "hardware.h"
#include "openpcc/policy/pcrs.h"
#include "values.h"

namespace openpcc::policy {
namespace {

constexpr size_t kMeasurementBytes = 48;

}  // namespace

Result<std::optional<AzureRequirements>> read_azure(TomlReader& top) {
  if (!top.has("azure")) return std::optional<AzureRequirements>();
  OPENPCC_LET(TomlReader reader, top.table("azure"));
  AzureRequirements out;
  OPENPCC_LET(out.paravisors, hex_list(reader, "paravisors", kMeasurementBytes, kMeasurementBytes));
  OPENPCC_LET(const std::string pcrs, reader.text("pcrs"));
  const std::optional<uint32_t> mask = read_pcrs(pcrs);
  if (!mask) return fail(Code::malformed, "policy.parse.value", "pcrs in [azure] must name " + std::string(kPcrsForm));
  out.pcrs = *mask;
  OPENPCC_LET(out.secure_boot, reader.boolean("secure_boot"));
  if (reader.has("no_console")) {
    OPENPCC_LET(out.no_console, reader.boolean("no_console"));
  }
  OPENPCC_TRY(reader.end());
  return std::optional(std::move(out));
}

}  // namespace openpcc::policy
