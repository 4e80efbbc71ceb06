// A setting's value between its sources (TOML, environment, command line) and the member that it is bound to.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "openpcc/core/result.h"

namespace openpcc::daemon {

struct Member;
// Value: std::monostate stands for TOML's types that no setting has (floats, dates).
struct Value {
  std::variant<std::monostate, bool, int64_t, std::string, std::vector<Value>, std::vector<Member>> data;
  unsigned line = 0;  // where it stands in its file, from 1
};
using List = std::vector<Value>;
using Table = std::vector<Member>;
struct Member {
  std::string name;
  Value value;
};

// parse_toml reads a document. Error: daemon.config.syntax, with "line N" in the detail.
Result<Table> parse_toml(std::string_view text);

// toml_string quotes text as a TOML basic string.
std::string toml_string(std::string_view text);
std::string toml_list(const std::vector<std::string>& texts);

}  // namespace openpcc::daemon
