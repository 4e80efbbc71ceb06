// What a kind of item is called in messages.
#pragma once

#include "openpcc/attest/platform.h"

namespace openpcc::collect {

std::string_view words_for(attest::PlatformItem kind);

}  // namespace openpcc::collect
