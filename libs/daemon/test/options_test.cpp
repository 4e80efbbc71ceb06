#include "openpcc/daemon/options.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "openpcc/testkit/testkit.h"

namespace openpcc::daemon {
namespace {

using namespace std::chrono_literals;

struct Upstream {
  std::string name;
  http::Endpoint endpoint;
  uint32_t weight = 1;
};

struct Settings {
  http::Endpoint listen;
  std::optional<http::Endpoint> status;
  bool verbose = false;
  uint16_t workers = 4;
  std::chrono::milliseconds timeout{10'000};
  std::vector<std::string> models{"a"};
  std::vector<http::Endpoint> peers;
  std::vector<Upstream> upstreams;
  std::filesystem::path key_file;
  std::string format = "text";
  std::string name = "none";

  Options options() {
    Options out({"openpcc-test", "Tests settings."});
    out.add("listen", listen, "where clients connect", Presence::required);
    out.add("status", status, "where it reports");
    out.add("verbose", verbose, "whether it says more");
    out.add("workers", workers, Range{1, 64}, "how many at once");
    out.add("limits.timeout", timeout, "how long it waits");
    out.add("models", models, "what is served");
    out.add("peers", peers, "the others");
    out.add("key_file", key_file, "file of the private key");
    out.add("log.format", format, Choices{"text", "json"}, "how lines look");
    out.add("name", name, "its name");
    out.add_tables<Upstream>("upstream", upstreams, "what stands behind", [](Options& row, Upstream& upstream) {
      row.add("name", upstream.name, "its name", Presence::required);
      row.add("endpoint", upstream.endpoint, "where it listens", Presence::required);
      row.add("weight", upstream.weight, Range{1, 100}, "its share");
    });
    return out;
  }
};

class OptionsTest : public testing::Test {
 protected:
  std::string file(std::string_view text) {
    const std::string path =
        testing::TempDir() + "openpcc-options-" + std::to_string(::getpid()) + "-" + std::to_string(files_++) + ".toml";
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  Result<std::optional<std::string>> load(std::string_view toml, const Environment& environment = {}, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments{"--config", file(toml)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return options_.load(arguments, environment);
  }

  Settings settings_;
  Options options_ = settings_.options();
  int files_ = 0;
};

constexpr std::string_view kMinimal = "listen = \"http://127.0.0.1:8080\"\n";

void expect_detail(const Result<std::optional<std::string>>& result, std::string_view part) {
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().detail.find(part), std::string::npos) << result.error().detail;
}

TEST_F(OptionsTest, reads_every_type_from_toml) {
  const auto loaded = load(R"(
listen = "http://127.0.0.1:8080"
status = "unix:/run/status"
verbose = true
workers = 64
models = ["x", "y"]
peers = ["https://one.example", "http://[::1]:9"]
key_file = "/run/key"
name = "it \"is\""
limits.timeout = "250ms"
[log]
format = "json"
[[upstream]]
name = "first"
endpoint = "http://127.0.0.1:1"
[[upstream]]
name = "second"
endpoint = "unix:/run/second"
weight = 7
)");
  ASSERT_OK(loaded);
  EXPECT_FALSE(loaded->has_value());
  EXPECT_EQ(settings_.listen.port, 8080);
  ASSERT_TRUE(settings_.status.has_value());
  EXPECT_EQ(settings_.status->kind, http::Endpoint::Kind::unix_socket);
  EXPECT_TRUE(settings_.verbose);
  EXPECT_EQ(settings_.workers, 64);
  EXPECT_EQ(settings_.timeout, 250ms);
  EXPECT_EQ(settings_.models, (std::vector<std::string>{"x", "y"}));
  ASSERT_EQ(settings_.peers.size(), 2u);
  EXPECT_EQ(settings_.peers[0].kind, http::Endpoint::Kind::tls);
  EXPECT_EQ(settings_.key_file, "/run/key");
  EXPECT_EQ(settings_.name, "it \"is\"");
  EXPECT_EQ(settings_.format, "json");
  ASSERT_EQ(settings_.upstreams.size(), 2u);
  EXPECT_EQ(settings_.upstreams[0].weight, 1u);
  EXPECT_EQ(settings_.upstreams[1].name, "second");
  EXPECT_EQ(settings_.upstreams[1].weight, 7u);
}

TEST_F(OptionsTest, later_sources_win) {
  const auto loaded =
      load("listen = \"http://127.0.0.1:1\"\nworkers = 2\nname = \"file\"\n[log]\nformat = \"json\"\n",
           {{"OPENPCC_WORKERS", "3"}, {"OPENPCC_NAME", "environment"}, {"OPENPCC_LIMITS_TIMEOUT", "5m"}, {"OPENPCC_UNRELATED", "x"}},
           {"--name", "line", "--verbose"});
  ASSERT_OK(loaded);
  EXPECT_EQ(settings_.workers, 3);
  EXPECT_EQ(settings_.name, "line");
  EXPECT_EQ(settings_.timeout, 5min);
  EXPECT_EQ(settings_.format, "json");
  EXPECT_TRUE(settings_.verbose);
}

TEST_F(OptionsTest, lists_and_tables_come_from_the_environment_too) {
  const auto loaded = load(kMinimal, {{"OPENPCC_MODELS", "x,y"},
                                      {"OPENPCC_PEERS", R"(["http://127.0.0.1:1"])"},
                                      {"OPENPCC_UPSTREAM", R"([{name = "n", endpoint = "http://127.0.0.1:2"}])"}});
  ASSERT_OK(loaded);
  EXPECT_EQ(settings_.models, (std::vector<std::string>{"x", "y"}));
  ASSERT_EQ(settings_.peers.size(), 1u);
  ASSERT_EQ(settings_.upstreams.size(), 1u);
  EXPECT_EQ(settings_.upstreams[0].endpoint.port, 2);
}

TEST_F(OptionsTest, flags_can_be_switched_off) {
  settings_.verbose = true;
  ASSERT_OK(load(kMinimal, {}, {"--verbose=false"}));
  EXPECT_FALSE(settings_.verbose);
}

TEST_F(OptionsTest, refuses_an_unknown_key_with_its_line_and_the_nearest_one) {
  const auto loaded = load("listen = \"http://127.0.0.1:1\"\n\nwrokers = 3\n");
  EXPECT_RULE(loaded, "daemon.config.unknown");
  expect_detail(loaded, ".toml:3: there is no key wrokers; did you mean workers?");
}

TEST_F(OptionsTest, refuses_an_unknown_table_and_a_key_inside_a_known_one) {
  EXPECT_RULE(load("[logs]\nformat = \"text\"\n"), "daemon.config.unknown");
  const auto loaded = load("[log]\nfromat = \"text\"\n");
  EXPECT_RULE(loaded, "daemon.config.unknown");
  expect_detail(loaded, ":2: there is no key log.fromat; did you mean log.format?");
}

TEST_F(OptionsTest, refuses_values_of_another_type) {
  for (const std::string_view bad : {"verbose = 1",
                                     "verbose = \"true\"",
                                     "workers = \"3\"",
                                     "workers = 3.0",
                                     "workers = 0",
                                     "workers = 65",
                                     "models = \"x\"",
                                     "models = [1]",
                                     "peers = [\"nowhere\"]",
                                     "listen = \"ftp://x\"",
                                     "listen = 80",
                                     "status = \"\"",
                                     "key_file = 1",
                                     "key_file = \"a\\u0000b\"",
                                     "name = 1979-05-27",
                                     "limits.timeout = 10",
                                     "limits.timeout = \"10\"",
                                     "log.format = \"xml\"",
                                     "log = 3",
                                     "upstream = 3",
                                     "upstream = [3]"}) {
    const auto loaded = load(bad);
    ASSERT_FALSE(loaded) << bad;
    if (bad == "log = 3") continue;  // a table's name with a value is an unknown key
    EXPECT_RULE(loaded, "daemon.config.value") << bad;
    expect_detail(loaded, ".toml:1: ");
    expect_detail(loaded, " expects ");
  }
}

TEST_F(OptionsTest, refuses_bad_rows) {
  const auto unknown = load("[[upstream]]\nname = \"n\"\nendpoint = \"http://127.0.0.1:1\"\nwieght = 3\n");
  EXPECT_RULE(unknown, "daemon.config.value");
  expect_detail(unknown, "did you mean weight?");
  const auto incomplete = load("[[upstream]]\nname = \"n\"\n");
  EXPECT_RULE(incomplete, "daemon.config.value");
  expect_detail(incomplete, "endpoint has no value");
}

TEST_F(OptionsTest, refuses_bad_text_from_environment_and_command_line) {
  const auto from_environment = load(kMinimal, {{"OPENPCC_WORKERS", "4x"}});
  EXPECT_RULE(from_environment, "daemon.config.value");
  expect_detail(from_environment, "OPENPCC_WORKERS: workers expects a whole number from 1 to 64");
  EXPECT_RULE(load(kMinimal, {{"OPENPCC_VERBOSE", "yes"}}), "daemon.config.value");
  EXPECT_RULE(load(kMinimal, {{"OPENPCC_UPSTREAM", "[]\nother = 1"}}), "daemon.config.value");
  EXPECT_RULE(load(kMinimal, {}, {"--workers", "-1"}), "daemon.config.value");
}

TEST_F(OptionsTest, refuses_what_is_not_toml_and_files_that_cannot_be_read) {
  const auto syntax = load("listen = \"x\"\nworkers = = 3\n");
  EXPECT_RULE(syntax, "daemon.config.syntax");
  expect_detail(syntax, ".toml: line 2: ");
  EXPECT_RULE(load("a = 1\na = 2\n"), "daemon.config.syntax");
  EXPECT_RULE(options_.load(std::vector<std::string>{"--config", "/nonexistent/x.toml"}, {}), "daemon.config.read");
  EXPECT_RULE(options_.load(std::vector<std::string>{"--config", testing::TempDir()}, {}), "daemon.config.read");
  EXPECT_RULE(load(std::string((1 << 20) + 1, '#')), "daemon.config.read");
}

TEST_F(OptionsTest, refuses_a_missing_required_value) {
  const auto loaded = load("workers = 3\n");
  EXPECT_RULE(loaded, "daemon.config.missing");
  expect_detail(loaded, "listen has no value: it is where clients connect");
}

TEST_F(OptionsTest, refuses_bad_arguments) {
  for (const auto& bad : std::vector<std::vector<std::string>>{
           {"--no-such"}, {"positional"}, {"--workers"}, {"--workers", "1", "--workers", "2"}, {"--verbose", "--verbose"}, {"-x"}}) {
    EXPECT_RULE(options_.load(bad, {}), "daemon.options.argument");
  }
}

TEST_F(OptionsTest, asks_conditions_on_the_whole) {
  options_.check([this]() -> Result<> {
    if (settings_.workers > 8 && !settings_.verbose) return fail(Code::malformed, "test.condition", "more than 8 workers need verbose");
    return {};
  });
  EXPECT_OK(load(kMinimal));
  EXPECT_RULE(load(kMinimal, {{"OPENPCC_WORKERS", "9"}}), "test.condition");
}

TEST_F(OptionsTest, printed_configuration_reads_back_to_itself) {
  ASSERT_OK(
      load("listen = \"http://127.0.0.1:8080\"\nname = \"tab\\t \\\\ \\u0001\"\nlimits.timeout = \"90s\"\n"
           "[[upstream]]\nname = \"n\"\nendpoint = \"http://127.0.0.1:1\"\n"));
  const std::string printed = options_.effective();
  EXPECT_NE(printed.find("timeout = \"90s\""), std::string::npos) << printed;
  EXPECT_NE(printed.find("# status has no value"), std::string::npos) << printed;
  Settings again;
  Options options = again.options();
  ASSERT_OK(options.load(std::vector<std::string>{"--config", file(printed)}, {}));
  EXPECT_EQ(options.effective(), printed);
  EXPECT_EQ(again.name, settings_.name);
  ASSERT_EQ(again.upstreams.size(), 1u);
}

TEST_F(OptionsTest, print_config_shows_what_is_in_force_and_never_opens_secrets) {
  const std::string secret = file("do-not-print");
  const auto printed = load("workers = 9\n", {{"OPENPCC_NAME", "e"}}, {"--print-config", "--key-file", secret});
  ASSERT_OK(printed);
  ASSERT_TRUE(printed->has_value());
  EXPECT_NE((*printed)->find("workers = 9\n"), std::string::npos);
  EXPECT_NE((*printed)->find("name = \"e\"\n"), std::string::npos);
  EXPECT_NE((*printed)->find(secret), std::string::npos);
  EXPECT_NE((*printed)->find("# listen has no value"), std::string::npos);
  EXPECT_EQ((*printed)->find("do-not-print"), std::string::npos);
}

TEST_F(OptionsTest, help_teaches_every_key) {
  const auto help = options_.load(std::vector<std::string>{"--help"}, {});
  ASSERT_OK(help);
  for (const std::string_view part : {"listen   (endpoint, required)", "where clients connect", "workers = 4   (1 to 64)",
                                      "limits.timeout = \"10s\"   (duration)", "[[upstream]]", "weight = 1   (1 to 100)",
                                      "log.format = \"text\"   (\"text\" | \"json\")", "--print-config", "OPENPCC_LOG_FORMAT"}) {
    EXPECT_NE((*help)->find(part), std::string::npos) << part << "\n" << **help;
  }
}

TEST_F(OptionsTest, version_names_the_program) {
  const auto version = options_.load(std::vector<std::string>{"--version"}, {});
  ASSERT_OK(version);
  EXPECT_TRUE((*version)->starts_with("openpcc-test 0."));
}

TEST_F(OptionsTest, keeps_the_files_exact_bytes) {
  const std::string text = "# a comment\r\nlisten = \"http://127.0.0.1:8080\"\r\n";
  ASSERT_OK(load(text));
  EXPECT_EQ(as_text(options_.file_bytes()), text);
}

TEST(Duration, has_one_spelling_for_each_unit) {
  for (const auto& [text, duration] : std::vector<std::pair<std::string, std::chrono::milliseconds>>{
           {"0s", 0ms}, {"1ms", 1ms}, {"250ms", 250ms}, {"10s", 10s}, {"5m", 5min}, {"2h", 2h}, {"10000h", 10000h}}) {
    const auto parsed = parse_duration(text);
    ASSERT_OK(parsed);
    EXPECT_EQ(*parsed, duration);
    EXPECT_EQ(format_duration(duration), text);
  }
  EXPECT_EQ(format_duration(1500ms), "1500ms");
  EXPECT_EQ(format_duration(90s), "90s");
}

TEST(Duration, refuses_everything_else) {
  for (const std::string_view bad :
       {"", "s", "10", "10 s", " 10s", "-1s", "+1s", "1.5s", "10S", "10sec", "10001h", "99999999999999999999s"}) {
    EXPECT_RULE(parse_duration(bad), "daemon.duration") << bad;
  }
}

class SecretFileTest : public testing::Test {
 protected:
  void SetUp() override { path_ = testing::TempDir() + "openpcc-secret-" + std::to_string(::getpid()); }
  void TearDown() override { ::unlink(path_.c_str()); }
  void write(std::string_view text, mode_t mode) {
    std::ofstream(path_, std::ios::binary) << text;
    ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
  }
  std::string path_;
};

TEST_F(SecretFileTest, reads_without_the_line_break_at_the_end) {
  write("se\ncret\n", 0640);
  const auto secret = read_secret(path_);
  ASSERT_OK(secret);
  EXPECT_EQ(as_text(secret->reveal()), "se\ncret");
}

TEST_F(SecretFileTest, refuses_a_file_that_everybody_may_use) {
  write("secret", 0644);
  EXPECT_RULE(read_secret(path_), "daemon.secret.permissions");
}

TEST_F(SecretFileTest, refuses_empty_and_too_large_ones) {
  write("\n", 0600);
  EXPECT_RULE(read_secret(path_), "daemon.secret.size");
  write("12345678", 0600);
  EXPECT_OK(read_secret(path_, 8));
  EXPECT_RULE(read_secret(path_, 7), "daemon.secret.size");
  write("12345678\n\n", 0600);
  EXPECT_RULE(read_secret(path_, 8), "daemon.secret.size");
}

TEST_F(SecretFileTest, refuses_what_is_not_a_file) {
  EXPECT_RULE(read_secret("/nonexistent/secret"), "daemon.secret.read");
  EXPECT_RULE(read_secret("/dev/null"), "daemon.secret.read");
}

}  // namespace
}  // namespace openpcc::daemon
