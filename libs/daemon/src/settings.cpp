#include "settings.h"

#include <algorithm>
#include <charconv>
#include <numeric>

namespace openpcc::daemon {
namespace {

bool is_key(std::string_view key) {
  const auto good = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.'; };
  return !key.empty() && std::ranges::all_of(key, good);
}

// distance is how many letters have to change, come or go (Levenshtein).
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, change}));
    }
  }
  return row.back();
}

std::string place(std::string_view where, unsigned line) {
  return line == 0 ? std::string(where) : std::string(where) + ":" + std::to_string(line);
}

std::string joined(std::string_view key, char separator, int (*letter)(int)) {
  std::string out;
  for (const char c : key) out += c == '.' || c == '_' ? separator : static_cast<char>(letter(static_cast<unsigned char>(c)));
  return out;
}

// table_of is what stands before a key's last dot, with the dot.
std::string_view table_of(std::string_view key) {
  const size_t dot = key.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : key.substr(0, dot + 1);
}

}  // namespace

void Options::State::add(Setting setting) {
  OPENPCC_CHECK(is_key(setting.key) && !setting.help.empty());
  for (const Setting& other : settings) OPENPCC_CHECK(environment_name(other.key) != environment_name(setting.key));
  if (setting.show && setting.presence == Presence::optional) setting.default_value = setting.show();
  settings.push_back(std::move(setting));
}

Setting* Options::State::find(std::string_view key) {
  const auto found = std::ranges::find(settings, key, &Setting::key);
  return found == settings.end() ? nullptr : &*found;
}

bool Options::State::has_below(std::string_view prefix) const {
  return std::ranges::any_of(settings, [prefix](const Setting& s) { return s.key.starts_with(prefix); });
}

std::string Options::State::nearest(std::string_view key) const {
  const auto closer = [key](const Setting& a, const Setting& b) { return distance(a.key, key) < distance(b.key, key); };
  const auto best = std::ranges::min_element(settings, closer);
  if (best == settings.end() || distance(best->key, key) > 3) return "--help lists every key";
  return "did you mean " + best->key + "?";
}

Result<> Options::State::assign_table(const Table& table, std::string_view prefix, std::string_view where) {
  for (const Member& member : table) {
    const std::string key = std::string(prefix) + member.name;
    const auto* inner = std::get_if<Table>(&member.value.data);
    if (Setting* setting = find(key)) {
      OPENPCC_TRY(assign(*setting, member.value, where));
    } else if (inner != nullptr && has_below(key + ".")) {
      OPENPCC_TRY(assign_table(*inner, key + ".", where));
    } else {
      return fail(Code::malformed, "daemon.config.unknown",
                  place(where, member.value.line) + ": there is no key " + key + "; " + nearest(key));
    }
  }
  return {};
}

Result<> Options::State::assign(Setting& setting, const Value& value, std::string_view where) {
  if (const auto complaint = setting.assign(value)) {
    return fail(Code::malformed, "daemon.config.value", place(where, value.line) + ": " + setting.key + " " + *complaint);
  }
  setting.given = true;
  return {};
}

Result<> Options::State::require(std::string_view where) const {
  for (const Setting& setting : settings) {
    if (setting.presence == Presence::optional || setting.given) continue;
    return fail(Code::malformed, "daemon.config.missing", std::string(where) + setting.key + " has no value: it is " + setting.help);
  }
  return {};
}

Value from_text(Shape shape, const std::string& text) {
  Value out{.data = text, .line = 0};
  if (shape == Shape::boolean && (text == "true" || text == "false")) out.data = text == "true";
  if (shape == Shape::integer) {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size()) out.data = number;
  }
  const bool as_toml = shape == Shape::rows || (shape == Shape::list && text.starts_with('['));
  if (as_toml) {
    const auto parsed = parse_toml("value = " + text);
    // Exactly one member: text with a line break could bring others.
    if (parsed && parsed->size() == 1) out.data = parsed->front().value.data;
  } else if (shape == Shape::list) {
    List list;
    for (size_t at = 0; at < text.size();) {
      const size_t comma = std::min(text.find(',', at), text.size());
      list.push_back({.data = text.substr(at, comma - at), .line = 0});
      at = comma + 1;
    }
    out.data = std::move(list);
  }
  return out;
}

std::string environment_name(std::string_view key) { return "OPENPCC_" + joined(key, '_', std::toupper); }
std::string argument_name(std::string_view key) { return joined(key, '-', std::tolower); }

std::string show_settings(const std::vector<Setting>& settings) {
  std::vector<std::string_view> tables{""};  // top-level keys come first, or they would belong to a table
  for (const Setting& setting : settings) {
    if (std::ranges::find(tables, table_of(setting.key)) == tables.end()) tables.push_back(table_of(setting.key));
  }
  std::string out;
  for (const std::string_view table : tables) {
    if (!table.empty()) out += "\n[" + std::string(table.substr(0, table.size() - 1)) + "]\n";
    for (const Setting& setting : settings) {
      if (table_of(setting.key) != table || setting.shape == Shape::rows) continue;
      const auto value = setting.show();
      const std::string name = setting.key.substr(table.size());
      out += value ? name + " = " + *value + "\n" : "# " + name + " has no value\n";
    }
  }
  for (const Setting& setting : settings) {
    if (setting.shape == Shape::rows) out += setting.show_rows();
  }
  return out;
}

std::string show_help(const std::vector<Setting>& settings, std::string_view indent) {
  std::string out;
  for (const Setting& setting : settings) {
    out += std::string(indent) + (setting.shape == Shape::rows ? "[[" + setting.key + "]]" : setting.key);
    if (setting.default_value) out += " = " + *setting.default_value;
    out += "   (" + setting.form + (setting.presence == Presence::required ? ", required)\n" : ")\n");
    out += std::string(indent) + "    " + setting.help + "\n";
    if (setting.row_help) out += setting.row_help();
  }
  return out;
}

}  // namespace openpcc::daemon
