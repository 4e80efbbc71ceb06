#include "openpcc/http/message.h"

#include <algorithm>

namespace openpcc::http {

void Fields::add(std::string_view name, std::string_view value) { lines_.push_back({std::string(name), std::string(value)}); }

std::optional<std::string_view> Fields::find(std::string_view name) const {
  for (const Field& line : lines_) {
    if (line.name == name) return line.value;
  }
  return std::nullopt;
}

size_t Fields::count(std::string_view name) const {
  return static_cast<size_t>(std::ranges::count_if(lines_, [&](const Field& line) { return line.name == name; }));
}

}  // namespace openpcc::http
