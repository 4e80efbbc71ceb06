// TomlReader takes the values of a TOML table by name, and refuses what nobody took. The parser's headers stay in one .cpp file.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "openpcc/core/bytes.h"

namespace openpcc::policy {

// Errors: policy.parse.toml, policy.parse.empty, and of the accessors policy.parse.missing, policy.parse.type. Their details begin with the line,
// where there is one, and name what was meant where a name is almost one that is known.
class TomlReader {
 public:
  static Result<TomlReader> parse(std::string_view text);

  bool has(std::string_view name);
  // at says where a value stands: "line 12: nodes.releases"; without the line where it is not there.
  std::string at(std::string_view name) const;
  Result<std::string> text(std::string_view name);
  Result<int64_t> integer(std::string_view name);
  Result<bool> boolean(std::string_view name);
  Result<std::vector<std::string>> texts(std::string_view name);
  // table is the table of this name; an absent one reads as empty where `optional`.
  Result<TomlReader> table(std::string_view name, bool optional = false);
  // names are those of all values, in order.
  std::vector<std::string> names() const;
  // end: policy.parse.unknown_key for a value that nobody took.
  Result<> end() const;

 private:
  struct Document;
  TomlReader(std::shared_ptr<const Document> document, const void* table, std::string path)
      : document_(std::move(document)), table_(table), path_(std::move(path)) {}
  template <class T>
  Result<T> value(std::string_view name, const char* type);
  std::unexpected<Error> missing(std::string_view name) const;

  std::shared_ptr<const Document> document_;  // keeps what table_ points into
  const void* table_;                         // a toml::table
  std::string path_;                          // "nodes." within [nodes]
  std::set<std::string, std::less<>> taken_;  // what was read
  std::set<std::string, std::less<>> known_;  // what was asked for: every name that has a meaning here
};

// empty_tables names the tables of a policy that hold nothing, with their lines. The text parsed as a policy, whose tables are few and shallow.
std::vector<std::string> empty_tables(std::string_view text);

}  // namespace openpcc::policy
