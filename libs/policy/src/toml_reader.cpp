#include "toml_reader.h"

#include <toml_checked.h>

#include <algorithm>
#include <numeric>

namespace openpcc::policy {
namespace {

const toml::table& as_table(const void* table) { return *static_cast<const toml::table*>(table); }

std::string line_of(const toml::node& node) { return "line " + std::to_string(node.source().begin.line) + ": "; }

// edits is how many letters must be put in, taken out or changed to make one name of the other.
size_t edits(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t before = std::exchange(row[0], i + 1);
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t changed = before + (a[i] == b[j] ? 0 : 1);
      before = std::exchange(row[j + 1], std::min({changed, row[j] + 1, row[j + 1] + 1}));
    }
  }
  return row[b.size()];
}

constexpr size_t kNameBytesMax = 64;  // longer ones resemble nothing that we know

// nearest is the name that another one may have been meant to be; empty where none is near.
template <class Names>
std::string nearest(std::string_view name, const Names& names) {
  std::string out;
  size_t fewest = std::max<size_t>(2, name.size() / 3) + 1;
  for (const std::string& other : names) {
    if (name.size() > kNameBytesMax || other.size() > kNameBytesMax) continue;
    const size_t n = edits(name, other);
    if (n >= fewest) continue;
    fewest = n;
    out = other;
  }
  return out;
}

void add_empty_tables(const toml::table& table, const std::string& path, std::vector<std::string>& out) {
  for (const auto& [key, node] : table) {
    const toml::table* inner = node.as_table();
    if (inner == nullptr) continue;
    const std::string name = path + std::string(key.str());
    if (inner->empty()) out.push_back(line_of(*inner) + "[" + name + "]");
    add_empty_tables(*inner, name + ".", out);
  }
}

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

bool TomlReader::has(std::string_view name) {
  known_.emplace(name);
  return as_table(table_).contains(name);
}

std::string TomlReader::at(std::string_view name) const {
  const toml::node* node = as_table(table_).get(name);
  return (node == nullptr ? "" : line_of(*node)) + path_ + std::string(name);
}

std::unexpected<Error> TomlReader::missing(std::string_view name) const {
  std::vector<std::string> others;
  for (const auto& [key, node] : as_table(table_)) {
    if (!known_.contains(key.str())) others.emplace_back(key.str());
  }
  const std::string other = nearest(name, others);
  return fail(Code::malformed, "policy.parse.missing",
              path_ + std::string(name) + (other.empty() ? "" : "; is it meant by " + other + " (" + at(other) + ")?"));
}

template <class T>
Result<T> TomlReader::value(std::string_view name, const char* type) {
  const toml::node* node = as_table(table_).get(name);
  known_.emplace(name);
  if (node == nullptr) return missing(name);
  taken_.emplace(name);
  const auto* typed = node->as<T>();
  if (typed == nullptr) return fail(Code::malformed, "policy.parse.type", at(name) + " must be " + type);
  return typed->get();
}

Result<std::string> TomlReader::text(std::string_view name) { return value<std::string>(name, "a string"); }
Result<int64_t> TomlReader::integer(std::string_view name) { return value<int64_t>(name, "an integer"); }
Result<bool> TomlReader::boolean(std::string_view name) { return value<bool>(name, "true or false"); }

Result<std::vector<std::string>> TomlReader::texts(std::string_view name) {
  const toml::node* node = as_table(table_).get(name);
  known_.emplace(name);
  if (node == nullptr) return missing(name);
  taken_.emplace(name);
  const toml::array* array = node->as_array();
  if (array == nullptr) return fail(Code::malformed, "policy.parse.type", at(name) + " must be a list of strings");
  std::vector<std::string> out;
  for (const toml::node& element : *array) {
    const auto* string = element.as_string();
    if (string == nullptr) return fail(Code::malformed, "policy.parse.type", at(name) + " must hold strings alone");
    out.push_back(string->get());
  }
  return out;
}

Result<TomlReader> TomlReader::table(std::string_view name, bool optional) {
  static const toml::table kEmpty;
  const toml::node* node = as_table(table_).get(name);
  known_.emplace(name);
  if (node == nullptr && !optional) return missing(name);
  taken_.emplace(name);
  const toml::table* table = node == nullptr ? &kEmpty : node->as_table();
  if (table == nullptr) return fail(Code::malformed, "policy.parse.type", at(name) + " must be a table");
  return TomlReader(document_, table, path_ + std::string(name) + ".");
}

std::vector<std::string> TomlReader::names() const {
  std::vector<std::string> out;
  for (const auto& [key, node] : as_table(table_)) out.emplace_back(key.str());
  return out;
}

Result<> TomlReader::end() const {
  for (const auto& [key, node] : as_table(table_)) {
    if (taken_.contains(key.str())) continue;
    std::vector<std::string> absent;
    for (const std::string& name : known_) {
      if (!as_table(table_).contains(name)) absent.push_back(name);
    }
    const std::string other = nearest(key.str(), absent);
    return fail(Code::malformed, "policy.parse.unknown_key", at(key.str()) + (other.empty() ? "" : "; did you mean " + other + "?"));
  }
  return {};
}

std::vector<std::string> empty_tables(std::string_view text) {
  std::vector<std::string> out;
  add_empty_tables(toml_checked::parse(text), "", out);
  return out;
}

}  // namespace openpcc::policy
