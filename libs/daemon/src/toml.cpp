// The only file that sees toml++.
#include <toml_checked.h>

#include "value.h"

namespace openpcc::daemon {
namespace {

Table from_table(const toml::table& table);

List from_array(const toml::array& array);

Value from_node(const toml::node& node) {
  Value out{.data = std::monostate{}, .line = node.source().begin.line};
  if (const auto* v = node.as_boolean()) out.data = v->get();
  if (const auto* v = node.as_integer()) out.data = v->get();
  if (const auto* v = node.as_string()) out.data = v->get();
  if (const auto* v = node.as_array()) out.data = from_array(*v);
  if (const auto* v = node.as_table()) out.data = from_table(*v);
  return out;
}

Table from_table(const toml::table& table) {
  Table out;
  for (const auto& [key, node] : table) {
    Member member{.name = std::string(key.str()), .value = from_node(node)};
    member.value.line = key.source().begin.line;  // a table's own position is its header's, an implicit one's is none
    out.push_back(std::move(member));
  }
  return out;
}

List from_array(const toml::array& array) {
  List out;
  for (const auto& node : array) out.push_back(from_node(node));
  return out;
}

}  // namespace

Result<Table> parse_toml(std::string_view text) {
  try {
    return from_table(toml_checked::parse(text));
  } catch (const toml::parse_error& error) {
    return fail(Code::malformed, "daemon.config.syntax",
                "line " + std::to_string(error.source().begin.line) + ": " + std::string(error.description()));
  } catch (const toml_checked::NotToml& error) {
    return fail(Code::malformed, "daemon.config.syntax", error.what());
  }
}

}  // namespace openpcc::daemon
