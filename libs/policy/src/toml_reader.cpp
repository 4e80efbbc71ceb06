#include "toml_reader.h"

#include <toml_checked.h>

namespace openpcc::policy {
namespace {

const toml::table& as_table(const void* table) { return *static_cast<const toml::table*>(table); }

}  // namespace

struct TomlReader::Document {
  toml::table root;
};

Result<TomlReader> TomlReader::parse(std::string_view text) {
  try {
    auto document = std::make_shared<const Document>(Document{toml_checked::parse(text)});
    if (document->root.empty()) return fail(Code::rejected, "policy.parse.empty", "an empty policy would accept nothing knowingly");
    const void* table = &document->root;
    return TomlReader(std::move(document), table, "");
  } catch (const toml::parse_error& error) {
    return fail(Code::malformed, "policy.parse.toml",
                "line " + std::to_string(error.source().begin.line) + ": " + std::string(error.description()));
  } catch (const toml_checked::NotToml& error) {
    return fail(Code::malformed, "policy.parse.toml", error.what());
  }
}

bool TomlReader::has(std::string_view name) const { return as_table(table_).contains(name); }

template <class T>
Result<T> TomlReader::value(std::string_view name, const char* type) {
  const toml::node* node = as_table(table_).get(name);
  if (node == nullptr) return fail(Code::malformed, "policy.parse.missing", path_ + std::string(name));
  taken_.emplace(name);
  const auto* typed = node->as<T>();
  if (typed == nullptr) return fail(Code::malformed, "policy.parse.type", path_ + std::string(name) + " must be " + type);
  return typed->get();
}

Result<std::string> TomlReader::text(std::string_view name) { return value<std::string>(name, "a string"); }
Result<int64_t> TomlReader::integer(std::string_view name) { return value<int64_t>(name, "an integer"); }
Result<bool> TomlReader::boolean(std::string_view name) { return value<bool>(name, "true or false"); }

Result<std::vector<std::string>> TomlReader::texts(std::string_view name) {
  const toml::node* node = as_table(table_).get(name);
  if (node == nullptr) return fail(Code::malformed, "policy.parse.missing", path_ + std::string(name));
  taken_.emplace(name);
  const toml::array* array = node->as_array();
  if (array == nullptr) return fail(Code::malformed, "policy.parse.type", path_ + std::string(name) + " must be a list of strings");
  std::vector<std::string> out;
  for (const toml::node& element : *array) {
    const auto* string = element.as_string();
    if (string == nullptr) return fail(Code::malformed, "policy.parse.type", path_ + std::string(name) + " must hold strings alone");
    out.push_back(string->get());
  }
  return out;
}

Result<TomlReader> TomlReader::table(std::string_view name, bool optional) {
  static const toml::table kEmpty;
  const toml::node* node = as_table(table_).get(name);
  taken_.emplace(name);
  if (node == nullptr && !optional) return fail(Code::malformed, "policy.parse.missing", "[" + path_ + std::string(name) + "]");
  const toml::table* table = node == nullptr ? &kEmpty : node->as_table();
  if (table == nullptr) return fail(Code::malformed, "policy.parse.type", path_ + std::string(name) + " must be a table");
  return TomlReader(document_, table, path_ + std::string(name) + ".");
}

Result<> TomlReader::end() const {
  for (const auto& [key, node] : as_table(table_)) {
    if (!taken_.contains(key.str())) return fail(Code::malformed, "policy.parse.unknown_key", path_ + std::string(key.str()));
  }
  return {};
}

}  // namespace openpcc::policy
