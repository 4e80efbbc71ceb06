// The closed list of what an engine may be asked. Its control endpoints are not on it, so nobody outside can reach them.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace openpcc::node {

enum class BodyKind : uint8_t { none, json, form };

struct Route {
  std::string_view method;
  std::string_view path;
  BodyKind body;
  bool salted;  // the engine computes over a prompt whose prefixes it might cache
};

inline constexpr std::string_view kListModels = "/v1/models";  // answered by the node itself

// routes is the whole list; find_route gives the one of a path, nullptr where there is none.
std::span<const Route> routes();
const Route* find_route(std::string_view path);

}  // namespace openpcc::node
