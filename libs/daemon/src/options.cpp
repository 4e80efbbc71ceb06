#include "openpcc/daemon/options.h"

#include <algorithm>

#include "arguments.h"
#include "files.h"
#include "settings.h"

extern char** environ;

namespace openpcc::daemon {
namespace {

using Complaint = std::optional<std::string>;

// texts_of returns the strings of a list, or nullopt where it holds anything else.
std::optional<std::vector<std::string>> texts_of(const Value& value) {
  const auto* list = std::get_if<List>(&value.data);
  if (list == nullptr) return std::nullopt;
  std::vector<std::string> out;
  for (const Value& item : *list) {
    const auto* text = std::get_if<std::string>(&item.data);
    if (text == nullptr) return std::nullopt;
    out.push_back(*text);
  }
  return out;
}

constexpr std::string_view kEndpointForm = "expects an endpoint: \"http://host:port\", \"https://host:port\" or \"unix:/path\"";

Complaint assign_endpoint(const Value& value, http::Endpoint& target) {
  const auto* text = std::get_if<std::string>(&value.data);
  if (text == nullptr) return std::string(kEndpointForm);
  auto parsed = http::Endpoint::parse(*text);
  if (!parsed) return std::string(kEndpointForm);
  target = std::move(*parsed);
  return std::nullopt;
}

std::optional<std::string> show_endpoint(const http::Endpoint& endpoint) {
  if (endpoint.host.empty()) return std::nullopt;
  return toml_string(endpoint.to_string());
}

std::string alternatives(const Choices& choices) {
  std::string out;
  for (const std::string_view choice : choices) out += (out.empty() ? "" : " | ") + toml_string(choice);
  return out;
}

// kFromArguments stands where a file would have its name and line.
constexpr std::string_view kFromArguments = "command line";

}  // namespace

std::string toml_string(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string toml_list(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts) out += (out.size() > 1 ? ", " : "") + toml_string(text);
  return out + "]";
}

Options::Options(Program program) : state_(std::make_unique<State>()) { state_->program = program; }
Options::Options(Options&&) noexcept = default;
Options& Options::operator=(Options&&) noexcept = default;
Options::~Options() = default;

void Options::add(std::string_view key, bool& value, std::string_view help) {
  state_->add({.key = std::string(key),
               .help = std::string(help),
               .form = "true | false",
               .shape = Shape::boolean,
               .assign = [&value](const Value& v) -> Complaint {
                 const auto* given = std::get_if<bool>(&v.data);
                 if (given == nullptr) return "expects true or false";
                 value = *given;
                 return std::nullopt;
               },
               .show = [&value] { return value ? "true" : "false"; }});
}

void Options::add(std::string_view key, std::string& value, std::string_view help, Presence presence) {
  state_->add({.key = std::string(key),
               .help = std::string(help),
               .form = "text",
               .presence = presence,
               .assign = [&value](const Value& v) -> Complaint {
                 const auto* given = std::get_if<std::string>(&v.data);
                 if (given == nullptr) return "expects text in quotes";
                 value = *given;
                 return std::nullopt;
               },
               .show = [&value] { return toml_string(value); }});
}

void Options::add(std::string_view key, std::string& value, Choices choices, std::string_view help) {
  OPENPCC_CHECK(std::ranges::find(choices, value) != choices.end());
  state_->add({.key = std::string(key),
               .help = std::string(help),
               .form = alternatives(choices),
               .assign = [&value, choices](const Value& v) -> Complaint {
                 const auto* given = std::get_if<std::string>(&v.data);
                 if (given == nullptr || std::ranges::find(choices, *given) == choices.end()) return "expects " + alternatives(choices);
                 value = *given;
                 return std::nullopt;
               },
               .show = [&value] { return toml_string(value); }});
}

void Options::add(std::string_view key, std::string& value, Accept accept, std::string_view help) {
  state_->add({.key = std::string(key),
               .help = std::string(help),
               .form = "text",
               .assign = [&value, accept = std::move(accept)](const Value& v) -> Complaint {
                 const auto* given = std::get_if<std::string>(&v.data);
                 if (given == nullptr) return "expects text in quotes";
                 if (auto complaint = accept(*given)) return complaint;
                 value = *given;
                 return std::nullopt;
               },
               .show = [&value] { return toml_string(value); }});
}

void Options::add(std::string_view key, std::filesystem::path& value, std::string_view help, Presence presence) {
  state_->add({.key = std::string(key),
               .help = std::string(help),
               .form = "path",
               .presence = presence,
               .assign = [&value](const Value& v) -> Complaint {
                 const auto* given = std::get_if<std::string>(&v.data);
                 if (given == nullptr || given->find('\0') != std::string::npos) return "expects a path in quotes";
                 value = *given;
                 return std::nullopt;
               },
               .show = [&value] { return toml_string(value.string()); }});
}

void Options::add(std::string_view key, std::vector<std::string>& value, std::string_view help, Presence presence) {
  state_->add({.key = std::string(key),
               .help = std::string(help),
               .form = "list of texts",
               .presence = presence,
               .shape = Shape::list,
               .assign = [&value](const Value& v) -> Complaint {
                 auto given = texts_of(v);
                 if (!given) return "expects a list of texts: [\"a\", \"b\"]";
                 value = std::move(*given);
                 return std::nullopt;
               },
               .show = [&value] { return toml_list(value); }});
}

void Options::add(std::string_view key, std::chrono::milliseconds& value, std::string_view help) {
  state_->add({.key = std::string(key),
               .help = std::string(help),
               .form = "duration",
               .assign = [&value](const Value& v) -> Complaint {
                 const auto* given = std::get_if<std::string>(&v.data);
                 const auto parsed =
                     given == nullptr ? std::chrono::milliseconds(-1) : parse_duration(*given).value_or(std::chrono::milliseconds(-1));
                 if (parsed.count() < 0) return "expects a duration: \"250ms\", \"10s\", \"5m\" or \"2h\"";
                 value = parsed;
                 return std::nullopt;
               },
               .show = [&value] { return toml_string(format_duration(value)); }});
}

void Options::add(std::string_view key, http::Endpoint& value, std::string_view help, Presence presence) {
  state_->add({.key = std::string(key),
               .help = std::string(help),
               .form = "endpoint",
               .presence = presence,
               .assign = [&value](const Value& v) { return assign_endpoint(v, value); },
               .show = [&value] { return show_endpoint(value); }});
}

void Options::add(std::string_view key, std::optional<http::Endpoint>& value, std::string_view help) {
  state_->add({.key = std::string(key),
               .help = std::string(help),
               .form = "endpoint",
               .assign = [&value](const Value& v) -> Complaint {
                 http::Endpoint endpoint;
                 auto complaint = assign_endpoint(v, endpoint);
                 if (!complaint) value = std::move(endpoint);
                 return complaint;
               },
               .show = [&value] { return value ? show_endpoint(*value) : std::nullopt; }});
}

void Options::add(std::string_view key, std::vector<http::Endpoint>& value, std::string_view help, Presence presence) {
  state_->add({.key = std::string(key),
               .help = std::string(help),
               .form = "list of endpoints",
               .presence = presence,
               .shape = Shape::list,
               .assign = [&value](const Value& v) -> Complaint {
                 const auto* list = std::get_if<List>(&v.data);
                 if (list == nullptr) return "expects a list of endpoints: [\"http://host:port\"]";
                 std::vector<http::Endpoint> endpoints(list->size());
                 for (size_t i = 0; i < list->size(); ++i) {
                   if (auto complaint = assign_endpoint((*list)[i], endpoints[i])) return complaint;
                 }
                 value = std::move(endpoints);
                 return std::nullopt;
               },
               .show =
                   [&value] {
                     std::vector<std::string> texts;
                     for (const http::Endpoint& endpoint : value) texts.push_back(endpoint.to_string());
                     return toml_list(texts);
                   }});
}

void Options::add_integer(std::string_view key, Range range, std::string_view help, std::function<int64_t()> get,
                          std::function<void(int64_t)> set) {
  const std::string form = std::to_string(range.min) + " to " + std::to_string(range.max);
  state_->add({.key = std::string(key),
               .help = std::string(help),
               .form = form,
               .shape = Shape::integer,
               .assign = [range, form, set](const Value& v) -> Complaint {
                 const auto* given = std::get_if<int64_t>(&v.data);
                 if (given == nullptr || *given < range.min || *given > range.max) return "expects a whole number from " + form;
                 set(*given);
                 return std::nullopt;
               },
               .show = [get] { return std::to_string(get()); }});
}

void Options::add_rows(std::string_view key, std::string_view help, Presence presence, Rows rows) {
  const std::string header = "\n[[" + std::string(key) + "]]\n";
  state_->add({.key = std::string(key),
               .help = std::string(help),
               .form = "array of tables",
               .presence = presence,
               .shape = Shape::rows,
               .assign = [rows](const Value& v) -> Complaint {
                 const auto* list = std::get_if<List>(&v.data);
                 if (list == nullptr) return "expects an array of tables";
                 rows.clear();
                 for (const Value& item : *list) {
                   const auto* table = std::get_if<Table>(&item.data);
                   if (table == nullptr) return "expects an array of tables";
                   rows.append();
                   Options row({});
                   rows.bind(row, rows.size() - 1);
                   const auto assigned = row.state_->assign_table(*table, "", "line");
                   if (!assigned) return "holds a table that cannot be used (" + assigned.error().detail + ")";
                   const auto complete = row.state_->require("");
                   if (!complete) return "holds a table that is not complete (" + complete.error().detail + ")";
                 }
                 return std::nullopt;
               },
               .row_help =
                   [rows] {
                     Options row({});
                     std::string out;
                     rows.bind_blank(row, [&] { out = show_help(row.state_->settings, "      "); });
                     return out;
                   },
               .show_rows =
                   [rows, header] {
                     std::string out;
                     for (size_t i = 0; i < rows.size(); ++i) {
                       Options row({});
                       rows.bind(row, i);
                       out += header + show_settings(row.state_->settings);
                     }
                     return out;
                   }});
}

void Options::check(std::function<Result<>()> condition) { state_->conditions.push_back(std::move(condition)); }

Result<std::optional<std::string>> Options::load(std::span<const std::string> arguments, const Environment& environment) {
  std::vector<Argument> accepted{{"config", false}, {"help", true}, {"version", true}, {"print-config", true}};
  const size_t fixed = accepted.size();
  for (const Setting& s : state_->settings) accepted.push_back({argument_name(s.key), s.shape == Shape::boolean});
  OPENPCC_LET(const auto given, parse_arguments(arguments, accepted));
  if (given[1]) return help();
  if (given[2]) return std::string(state_->program.name) + " " OPENPCC_VERSION "\n";

  if (given[0]) {
    OPENPCC_LET(state_->file_bytes, read_config_file(*given[0]));
    auto table = parse_toml(as_text(state_->file_bytes));
    if (!table) return fail(Code::malformed, "daemon.config.syntax", *given[0] + ": " + table.error().detail);
    OPENPCC_TRY(state_->assign_table(*table, "", *given[0]));
  }
  for (Setting& setting : state_->settings) {
    const std::string name = environment_name(setting.key);
    const auto found = environment.find(name);
    if (found == environment.end()) continue;
    OPENPCC_TRY(state_->assign(setting, from_text(setting.shape, found->second), name));
  }
  for (size_t i = 0; i < state_->settings.size(); ++i) {
    Setting& setting = state_->settings[i];
    const auto& text = given[fixed + i];
    if (!text) continue;
    OPENPCC_TRY(state_->assign(setting, from_text(setting.shape, *text), kFromArguments));
  }
  if (given[3]) return effective();
  OPENPCC_TRY(state_->require(""));
  for (const auto& condition : state_->conditions) {
    OPENPCC_TRY(condition());
  }
  return std::nullopt;
}

std::string_view Options::program() const { return state_->program.name; }

const Bytes& Options::file_bytes() const { return state_->file_bytes; }

std::string Options::effective() const { return show_settings(state_->settings); }

std::string Options::help() const {
  const std::string name(state_->program.name);
  return name + " " OPENPCC_VERSION ". " + std::string(state_->program.purpose) +
         "\n\n"
         "  " +
         name +
         " [--config FILE] [--KEY VALUE ...]\n\n"
         "  --config FILE    read settings from this TOML file; a key that does not exist is refused\n"
         "  --print-config   print the settings in force, as TOML, and leave\n"
         "  --version        print the version and leave\n"
         "  --help           print this and leave\n\n"
         "Every setting below is a key of the TOML file, an environment variable and an option; the later wins. For example log.format is\n"
         "  [log]\n"
         "  format = \"json\"           OPENPCC_LOG_FORMAT=json           --log-format json\n"
         "Secrets are never settings: a key that ends in _file names a file that holds one.\n\n" +
         show_help(state_->settings, "  ");
}

Environment current_environment() {
  constexpr std::string_view kShared[] = {"https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY",    "all_proxy",
                                          "ALL_PROXY",   "no_proxy",    "NO_PROXY",   "SSL_CERT_FILE", "SSL_CERT_DIR"};
  Environment out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = text.substr(0, equals);
    if (!name.starts_with("OPENPCC_") && std::ranges::find(kShared, name) == std::end(kShared)) continue;
    out.emplace(name, text.substr(equals + 1));
  }
  return out;
}

}  // namespace openpcc::daemon
