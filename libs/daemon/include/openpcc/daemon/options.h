// The configuration of a program: declared once as typed settings, read from TOML, environment and command line.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "openpcc/core/bytes.h"
#include "openpcc/core/secret.h"
#include "openpcc/http/endpoint.h"

namespace openpcc::daemon {

// Program names a program and says in a sentence or two what it does; both stand at the top of --help.
struct Program {
  std::string_view name;
  std::string_view purpose;
};

// Presence: a required setting has no default, and its absence is an error.
enum class Presence : uint8_t { optional, required };

// Range bounds an integer, both ends included.
struct Range {
  int64_t min = 0;
  int64_t max = std::numeric_limits<int64_t>::max();
};

// Choices are the words that a setting may have.
using Choices = std::vector<std::string_view>;

// Accept says what is wrong with a text, as a sentence that begins with "expects", or nothing. It must not repeat the text.
using Accept = std::function<std::optional<std::string>(std::string_view)>;

// Environment is a snapshot of the environment variables that this project reads.
using Environment = std::map<std::string, std::string, std::less<>>;

// Options binds settings to the members of the program's own struct. What a member holds when it is added is its default. A key is lower
// case with '_'; dots nest ("log.format" is `format` in the table [log]). Later sources win:
//   default  <  TOML of --config FILE  <  environment OPENPCC_LOG_FORMAT  <  command line --log-format
// Keys of secrets do not exist: a secret is named by the path of its file, under a key that ends in "_file", and read by read_secret.
//
//   Settings settings;
//   Options options({"openpcc-relay", "Forwards sealed requests to the gateway and forgets who sent them."});
//   options.add("listen", settings.listen, "where clients connect");
//   options.add("queue", settings.queue, Range{1, 4096}, "requests that may wait");
class Options {
 public:
  explicit Options(Program program);
  Options(Options&&) noexcept;
  Options& operator=(Options&&) noexcept;
  ~Options();

  // add declares a setting; `value` must outlive the Options. `help` is one sentence without a final dot.
  void add(std::string_view key, bool& value, std::string_view help);
  void add(std::string_view key, std::string& value, std::string_view help, Presence presence = Presence::optional);
  void add(std::string_view key, std::string& value, Choices choices, std::string_view help);
  void add(std::string_view key, std::string& value, Accept accept, std::string_view help);
  void add(std::string_view key, std::filesystem::path& value, std::string_view help, Presence presence = Presence::optional);
  void add(std::string_view key, std::vector<std::string>& value, std::string_view help, Presence presence = Presence::optional);
  // Durations are written "250ms", "10s", "5m" or "2h".
  void add(std::string_view key, std::chrono::milliseconds& value, std::string_view help);
  void add(std::string_view key, http::Endpoint& value, std::string_view help, Presence presence = Presence::optional);
  void add(std::string_view key, std::optional<http::Endpoint>& value, std::string_view help);
  void add(std::string_view key, std::vector<http::Endpoint>& value, std::string_view help, Presence presence = Presence::optional);
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  void add(std::string_view key, T& value, Range range, std::string_view help) {
    add_integer(key, range, help, [&value] { return static_cast<int64_t>(value); }, [&value](int64_t v) { value = static_cast<T>(v); });
  }
  // add_tables declares an array of tables ([[key]]); `declare` adds the settings of one row. In the environment and on the command line
  // its value is a TOML array of inline tables.
  template <class Row>
  void add_tables(std::string_view key, std::vector<Row>& rows, std::string_view help, std::function<void(Options&, Row&)> declare,
                  Presence presence = Presence::optional) {
    add_rows(key, help, presence,
             {.clear = [&rows] { rows.clear(); },
              .size = [&rows] { return rows.size(); },
              .append = [&rows] { rows.emplace_back(); },
              .bind = [&rows, declare](Options& row, size_t i) { declare(row, rows[i]); },
              .bind_blank =
                  [declare](Options& row, const std::function<void()>& use) {
                    Row blank{};
                    declare(row, blank);
                    use();
                  }});
  }
  // check adds a condition on the settings together, asked after everything was read.
  void check(std::function<Result<>()> condition);

  // load reads the command line (without the program's name) and `environment` into the settings.
  // Returns what to print before leaving with status 0 (--help, --version, --print-config), or nullopt: go on and run.
  // Every error names the key, where it stands and the remedy; a program leaves with status 2:
  //   daemon.options.argument   an argument that does not exist or lacks its value
  //   daemon.config.read        the file cannot be read, or is over 1 MiB
  //   daemon.config.syntax      it is not TOML
  //   daemon.config.unknown     a key that does not exist
  //   daemon.config.value       a value of another type, or outside what the setting accepts
  //   daemon.config.missing     a required setting without a value
  Result<std::optional<std::string>> load(std::span<const std::string> arguments, const Environment& environment);

  std::string_view program() const;
  // file_bytes are the exact bytes of the configuration file, empty without one.
  const Bytes& file_bytes() const;
  // effective is the configuration in force, as TOML: what --print-config prints.
  std::string effective() const;
  // help is what --help prints.
  std::string help() const;

 private:
  struct State;
  struct Rows {
    std::function<void()> clear;
    std::function<size_t()> size;
    std::function<void()> append;
    std::function<void(Options&, size_t)> bind;
    std::function<void(Options&, const std::function<void()>&)> bind_blank;
  };

  void add_integer(std::string_view key, Range range, std::string_view help, std::function<int64_t()> get,
                   std::function<void(int64_t)> set);
  void add_rows(std::string_view key, std::string_view help, Presence presence, Rows rows);

  std::unique_ptr<State> state_;
};

// parse_duration reads "250ms", "10s", "5m", "2h" (at most 10,000 h) and nothing else; format_duration writes the shortest such form.
//   daemon.duration   anything else
Result<std::chrono::milliseconds> parse_duration(std::string_view text);
std::string format_duration(std::chrono::milliseconds duration);

// read_secret reads a secret's file of at most `bytes_max`; one line break at its end is not part of it.
//   daemon.secret.read          it cannot be read, or is not an ordinary file
//   daemon.secret.permissions   others than its owner and group may read or write it
//   daemon.secret.size          it is empty or larger
Result<SecretBytes> read_secret(const std::filesystem::path& path, size_t bytes_max = 64 * 1024);

// current_environment copies the OPENPCC_* variables of this process, and those that many programs share: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY,
// NO_PROXY (and the same in lower case), SSL_CERT_FILE, SSL_CERT_DIR.
Environment current_environment();

}  // namespace openpcc::daemon
