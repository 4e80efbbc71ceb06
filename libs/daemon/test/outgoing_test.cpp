#include "openpcc/daemon/outgoing.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "openpcc/testkit/testkit.h"

namespace openpcc::daemon {
namespace {

// Chosen returns the proxy for `url` as "http://host:port credentials", "direct", or the error.
std::string chosen(const OutgoingSettings& settings, const Environment& environment, std::string_view url) {
  const auto rules = settings.rules(environment);
  if (!rules) return describe(rules.error());
  const http::OutgoingProxy* proxy = http::proxy_for(**rules, *http::Endpoint::parse(url));
  if (proxy == nullptr) return "direct";
  const std::string credentials(as_text(proxy->authorization()));
  return proxy->endpoint().to_string() + (credentials.empty() ? "" : " " + credentials);
}

TEST(Outgoing, the_environment_is_read_as_curl_reads_it) {
  const Environment all{{"HTTPS_PROXY", "http://S"}, {"https_proxy", "http://s"}, {"HTTP_PROXY", "http://H"}, {"http_proxy", "http://h"}};
  EXPECT_EQ(chosen({}, all, "https://relay.example"), "http://s:1080");
  EXPECT_EQ(chosen({}, all, "http://relay.example"), "http://h:1080");
  const Environment upper{
      {"HTTPS_PROXY", "http://S"}, {"https_proxy", ""}, {"ALL_PROXY", "http://u:p@A:1"}, {"NO_PROXY", "odd.*,near.example"}};
  EXPECT_EQ(chosen({}, upper, "https://relay.example"), "http://S:1080");
  EXPECT_EQ(chosen({}, upper, "http://relay.example"), "http://A:1 Basic dTpw");
  EXPECT_EQ(chosen({}, upper, "https://near.example"), "direct");
  EXPECT_EQ(chosen({}, {}, "https://relay.example"), "direct");
  EXPECT_EQ(chosen({}, all, "https://localhost"), "direct");
}

TEST(Outgoing, settings_win) {
  const Environment environment{{"HTTPS_PROXY", "http://s"}, {"NO_PROXY", "near.example"}};
  EXPECT_EQ(chosen({.proxy = "none", .auth_file = {}, .no_proxy = {}}, environment, "https://relay.example"), "direct");
  EXPECT_EQ(chosen({.proxy = "http://t:3128", .auth_file = {}, .no_proxy = {}}, environment, "https://relay.example"), "http://t:3128");
  EXPECT_EQ(chosen({.proxy = "http://t:3128", .auth_file = {}, .no_proxy = {}}, environment, "http://relay.example"), "http://t:3128");
  EXPECT_EQ(chosen({.proxy = {}, .auth_file = {}, .no_proxy = "none"}, environment, "https://near.example"), "http://s:1080");
  EXPECT_EQ(chosen({.proxy = {}, .auth_file = {}, .no_proxy = ".far.example"}, environment, "https://a.far.example"), "direct");
}

TEST(Outgoing, source_names_the_setting_or_variable) {
  using Kind = http::Endpoint::Kind;
  EXPECT_EQ((OutgoingSettings{}.source(Kind::tls, {{"ALL_PROXY", "http://a"}})), "ALL_PROXY");
  EXPECT_EQ((OutgoingSettings{.proxy = "http://t", .auth_file = {}, .no_proxy = {}}.source(Kind::tcp, {})), "outgoing_proxy");
  EXPECT_EQ((OutgoingSettings{}.source(Kind::tls, {{"http_proxy", "http://a"}})), "");
}

TEST(Outgoing, an_unreadable_variable_is_named_and_not_shown) {
  const auto rules = OutgoingSettings{}.rules({{"HTTPS_PROXY", "socks5://u:hunter2@p"}});
  EXPECT_RULE(rules, "http.proxy.url");
  EXPECT_TRUE(!rules && rules.error().detail.starts_with("HTTPS_PROXY: ") && rules.error().detail.find("hunter2") == std::string::npos);
}

TEST(Outgoing, credentials_come_from_a_file) {
  const std::string path = testing::TempDir() + "openpcc-proxy-auth-" + std::to_string(::getpid());
  std::ofstream(path) << "u:p\n";
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  EXPECT_EQ(chosen({.proxy = "http://t:1", .auth_file = path, .no_proxy = {}}, {}, "https://relay.example"), "http://t:1 Basic dTpw");
  ::chmod(path.c_str(), 0644);
  EXPECT_RULE((OutgoingSettings{.proxy = "http://t:1", .auth_file = path, .no_proxy = {}}.rules({})), "daemon.secret.permissions");
  ::unlink(path.c_str());
}

Result<std::optional<std::string>> load(std::vector<std::string> arguments, const Environment& environment = {}) {
  OutgoingSettings settings;
  Options options({"openpcc-test", "Tests settings."});
  settings.declare(options);
  return options.load(arguments, environment);
}

TEST(Outgoing, settings_are_checked_and_never_hold_a_password) {
  EXPECT_OK(load({"--outgoing-proxy", "http://proxy:3128", "--no-proxy", "a,10.0.0.0/8"}));
  EXPECT_OK(load({"--outgoing-proxy", "none", "--no-proxy", "none"}));
  EXPECT_RULE(load({"--outgoing-proxy", "socks5://proxy"}), "daemon.config.value");
  EXPECT_RULE(load({"--no-proxy", "10.0.0.0/33"}), "daemon.config.value");
  const auto secret = load({"--print-config"}, {{"OPENPCC_OUTGOING_PROXY", "http://u:hunter2@proxy"}});
  EXPECT_RULE(secret, "daemon.config.value");
  EXPECT_TRUE(!secret && secret.error().detail.find("hunter2") == std::string::npos);
  const auto shown = load({"--print-config"}, {{"HTTPS_PROXY", "http://u:hunter2@proxy"}});
  ASSERT_OK(shown);
  EXPECT_EQ((*shown)->find("hunter2"), std::string::npos);
}

}  // namespace
}  // namespace openpcc::daemon
