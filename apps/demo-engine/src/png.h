// PNG images of one colour.
#pragma once

#include <array>
#include <cstdint>

#include "openpcc/core/bytes.h"

namespace openpcc::demo_engine {

// plain_png is a square of `side` pixels (1..4096), all of one colour (red, green, blue).
Bytes plain_png(uint32_t side, std::array<uint8_t, 3> colour);

}  // namespace openpcc::demo_engine
