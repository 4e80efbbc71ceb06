// Strict JSON: what Boost.JSON accepts, minus what makes two readers see different things. Include <boost/json.hpp> to use the value.
#pragma once

#include <boost/json/fwd.hpp>

#include "openpcc/core/bytes.h"

namespace openpcc::json {

inline constexpr size_t kDepthMax = 16;

// parse_strict reads one JSON value of at most `bytes_max` bytes and kDepthMax levels. A name twice in one object, invalid UTF-8, comments,
// trailing commas and bytes after the value are refused. Every failure is malformed with `rule`.
Result<boost::json::value> parse_strict(ByteSpan text, size_t bytes_max, Rule rule);

}  // namespace openpcc::json
