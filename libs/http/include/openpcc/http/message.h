// The parts of an HTTP message that handlers see (RFC 9110). Framing, chunking and connection fields never appear here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace openpcc::http {

struct Field {
  std::string name;  // lower case
  std::string value;
};

// Fields keeps the order of the lines as they came.
class Fields {
 public:
  Fields() = default;
  Fields(std::initializer_list<Field> lines) : lines_(lines) {}
  void add(std::string_view name, std::string_view value);
  // find returns the first value of `name` (lower case), or nullopt.
  std::optional<std::string_view> find(std::string_view name) const;
  size_t count(std::string_view name) const;
  const std::vector<Field>& lines() const { return lines_; }

 private:
  std::vector<Field> lines_;
};

// RequestHead: `target` is path and query as on the wire, beginning with '/'; `authority` the Host (RFC 9110 s7.2), empty where a client
// leaves it to the endpoint.
struct RequestHead {
  std::string method;
  std::string target;
  std::string authority;
  Fields fields;
};

struct ResponseHead {
  uint16_t status = 200;
  Fields fields;
};

}  // namespace openpcc::http
