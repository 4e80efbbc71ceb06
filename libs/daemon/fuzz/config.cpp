// A configuration is its operator's, not a peer's; but what parses it must not fall over either, and what it accepts must survive a round
// through --print-config.
#include <unistd.h>

#include <fstream>

#include "openpcc/daemon/options.h"

using namespace openpcc;

namespace {

struct Row {
  std::string name;
  http::Endpoint endpoint;
};

struct Settings {
  bool flag = false;
  std::string text = "t";
  uint16_t number = 1;
  std::chrono::milliseconds pause{10};
  std::vector<std::string> words;
  std::vector<Row> rows;
  http::Endpoint listen;

  daemon::Options options() {
    daemon::Options out({"fuzz", "Reads settings."});
    out.add("flag", flag, "a flag");
    out.add("a.text", text, "a text");
    out.add("a.number", number, daemon::Range{0, 65535}, "a number");
    out.add("a.b.pause", pause, "a pause");
    out.add("words", words, "words");
    out.add("listen", listen, "an endpoint");
    out.add_tables<Row>("row", rows, "rows", [](daemon::Options& o, Row& row) {
      o.add("name", row.name, "a name");
      o.add("endpoint", row.endpoint, "an endpoint", daemon::Presence::required);
    });
    return out;
  }
};

// load reads one configuration by way of a file, as programs do.
Result<std::string> load(std::string_view text) {
  static const std::string path = "/tmp/openpcc-fuzz-config-" + std::to_string(::getpid()) + ".toml";
  std::ofstream(path, std::ios::binary) << text;
  Settings settings;
  daemon::Options options = settings.options();
  const std::vector<std::string> arguments{"--config", path};
  const auto loaded = options.load(arguments, {});
  ::unlink(path.c_str());
  if (!loaded) return std::unexpected(loaded.error());
  return options.effective();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto first = load(as_text({data, size}));
  if (!first) return 0;
  const auto second = load(*first);
  OPENPCC_CHECK(second.has_value() && *second == *first);
  return 0;
}
