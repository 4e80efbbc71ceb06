// One setting, whatever its type: how it is read, assigned and shown.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "openpcc/daemon/options.h"
#include "value.h"

namespace openpcc::daemon {

// Shape is how text from the environment or the command line becomes a Value.
enum class Shape : uint8_t { boolean, integer, text, list, rows };

// Setting: `assign` returns what is wrong with a value, as a sentence that begins with "expects", or nothing. `show` returns lines of TOML
// to stand after "key = ", or nothing while there is no value.
struct Setting {
  std::string key;
  std::string help;
  std::string form;  // the type's name for --help
  Presence presence = Presence::optional;
  Shape shape = Shape::text;
  std::function<std::optional<std::string>(const Value&)> assign = {};
  std::function<std::optional<std::string>()> show = {};
  // For Shape::rows alone: the settings of a row, as --help shows them, and the rows as [[key]] tables.
  std::function<std::string()> row_help = {};
  std::function<std::string()> show_rows = {};
  std::optional<std::string> default_value = {};  // show() before anything was read
  bool given = false;
};

struct Options::State {
  Program program;
  std::vector<Setting> settings;
  std::vector<std::function<Result<>()>> conditions;
  Bytes file_bytes;

  void add(Setting setting);
  Setting* find(std::string_view key);
  bool has_below(std::string_view prefix) const;
  // assign_table assigns what stands in a table of TOML; `prefix` is its key with a dot, or empty.
  Result<> assign_table(const Table& table, std::string_view prefix, std::string_view where);
  Result<> assign(Setting& setting, const Value& value, std::string_view where);
  // require fails for the first required setting that got no value.
  Result<> require(std::string_view where) const;
  std::string nearest(std::string_view key) const;
};

// from_text makes a Value of the setting's shape out of one line of text; what cannot be one stays text, which assign() then refuses.
Value from_text(Shape shape, const std::string& text);
// environment_name is OPENPCC_LOG_FORMAT for "log.format", argument_name log-format.
std::string environment_name(std::string_view key);
std::string argument_name(std::string_view key);

// show_settings writes settings as TOML, show_help as --help does.
std::string show_settings(const std::vector<Setting>& settings);
std::string show_help(const std::vector<Setting>& settings, std::string_view indent);

}  // namespace openpcc::daemon
