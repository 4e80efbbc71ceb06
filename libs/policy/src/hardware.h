// What a policy demands of real TEEs: its tables [snp], [tdx] and [nvgpu]. Private to this library.
#pragma once

#include "openpcc/policy/policy.h"
#include "toml_reader.h"

namespace openpcc::policy {

// Each reads its table where it is there; without it evidence of that kind is refused.
Result<std::optional<snp::Demands>> read_snp(TomlReader& top, const Exceptions& exceptions);
Result<std::optional<TdxRequirements>> read_tdx(TomlReader& top, const Exceptions& exceptions);
Result<std::optional<nvgpu::Demands>> read_nvgpu(TomlReader& top, const Exceptions& exceptions);

// The same of [azure], which counts beside one of the two.
Result<std::optional<AzureRequirements>> read_azure(TomlReader& top);

}  // namespace openpcc::policy
