// JSON that is valid for a schema.
#pragma once

#include <boost/json.hpp>
#include <optional>

namespace openpcc::demo_engine {

// minimal_instance makes a small value for a JSON Schema: the required properties by their types, first choices, least lengths and numbers.
// `pattern` and conditions (`if`, `not`, `dependent…`) are not looked at. nullopt: the smallest value would be larger than an engine should
// make, or a reference leads nowhere.
std::optional<boost::json::value> minimal_instance(const boost::json::value& schema);

}  // namespace openpcc::demo_engine
