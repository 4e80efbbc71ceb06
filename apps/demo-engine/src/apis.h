// The APIs, each in the file of its name.
#pragma once

#include "api.h"

namespace openpcc::demo_engine {

Parsed<Job> chat(ByteSpan body, const Context& context);
Parsed<Job> completions(ByteSpan body, const Context& context);

}  // namespace openpcc::demo_engine
