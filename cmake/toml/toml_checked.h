// toml++ for text that others may have written. Version 3 of its parser rests on assumptions about the text that hostile text breaks: some
// are assertions ("[/" as a table's header), which would end the process or, with NDEBUG, be taken as true by the optimiser; here they throw.
// Others are unreachable branches (a character outside ASCII where only a key may stand), which parse() rules out beforehand.
#pragma once

#include <stdexcept>
#include <string_view>

namespace openpcc::toml_checked {

// NotToml says that the text was refused where toml++ itself could not have done it.
struct NotToml : std::runtime_error {
  using std::runtime_error::runtime_error;
};
[[noreturn]] inline void broken_assumption() { throw NotToml("not TOML"); }

}  // namespace openpcc::toml_checked

#pragma push_macro("NDEBUG")
#undef NDEBUG
#define TOML_ASSERT(expression) ((expression) ? static_cast<void>(0) : ::openpcc::toml_checked::broken_assumption())
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")

namespace openpcc::toml_checked {

// parse reads a document. Throws toml::parse_error, which knows the line, or NotToml.
toml::table parse(std::string_view text);

}  // namespace openpcc::toml_checked
