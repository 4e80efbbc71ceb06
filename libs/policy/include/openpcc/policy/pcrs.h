// A selection of PCRs as people write it, in a policy and in a node's settings alike.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace openpcc::policy {

inline constexpr std::string_view kPcrsForm =
    "PCRs 0 to 23, ascending, like 4,7,9, and others than 16 and 23, which a guest sets as it likes";

// read_pcrs reads "4,7,9" as the mask of these PCRs; nullopt: not of the form that kPcrsForm tells.
std::optional<uint32_t> read_pcrs(std::string_view text);

}  // namespace openpcc::policy
