#include "openpcc/http/endpoint.h"

#include "openpcc/testkit/testkit.h"

namespace openpcc::http {
namespace {

using Kind = Endpoint::Kind;

TEST(Endpoint, parses_each_form) {
  const auto plain = Endpoint::parse("http://127.0.0.1:8080");
  ASSERT_OK(plain);
  EXPECT_EQ(plain->kind, Kind::tcp);
  EXPECT_EQ(plain->host, "127.0.0.1");
  EXPECT_EQ(plain->port, 8080);
  EXPECT_EQ(plain->base_path, "");

  const auto tls = Endpoint::parse("https://gateway.example/base/path/");
  ASSERT_OK(tls);
  EXPECT_EQ(tls->kind, Kind::tls);
  EXPECT_EQ(tls->port, 443);
  EXPECT_EQ(tls->base_path, "/base/path");

  const auto v6 = Endpoint::parse("http://[::1]:0");
  ASSERT_OK(v6);
  EXPECT_EQ(v6->host, "::1");
  EXPECT_EQ(v6->port, 0);

  const auto socket = Endpoint::parse("unix:/run/engine.sock");
  ASSERT_OK(socket);
  EXPECT_EQ(socket->kind, Kind::unix_socket);
  EXPECT_EQ(socket->host, "/run/engine.sock");
}

TEST(Endpoint, text_form_parses_back) {
  for (const char* text : {"http://localhost:80", "https://a-b.example:8443/v1", "http://[fe80::1]:1", "unix:/tmp/a b.sock"}) {
    const auto endpoint = Endpoint::parse(text);
    ASSERT_OK(endpoint);
    EXPECT_EQ(endpoint->to_string(), text);
  }
}

TEST(Endpoint, authority_leaves_out_the_default_port) {
  EXPECT_EQ(Endpoint::parse("http://a:80")->authority(), "a");
  EXPECT_EQ(Endpoint::parse("http://a:443")->authority(), "a:443");
  EXPECT_EQ(Endpoint::parse("https://a")->authority(), "a");
  EXPECT_EQ(Endpoint::parse("https://[::1]:444")->authority(), "[::1]:444");
  EXPECT_EQ(Endpoint::parse("unix:/x")->authority(), "localhost");
}

TEST(Endpoint, knows_loopback) {
  for (const char* text : {"http://localhost", "http://127.9.9.9:1", "http://[::1]", "unix:/x"})
    EXPECT_TRUE(Endpoint::parse(text)->is_loopback()) << text;
  for (const char* text : {"http://10.0.0.1", "http://0.0.0.0", "http://127.0.0.1.example", "https://[::]"}) {
    EXPECT_FALSE(Endpoint::parse(text)->is_loopback()) << text;
  }
}

TEST(Endpoint, refuses_everything_else) {
  const std::string long_path = "unix:/" + std::string(107, 'a');
  const std::string long_host = "http://" + std::string(254, 'a');
  for (const std::string& text : {std::string(""),
                                  std::string("ftp://a"),
                                  std::string("http://"),
                                  std::string("http://:80"),
                                  std::string("http://a:"),
                                  std::string("http://a:65536"),
                                  std::string("http://a:-1"),
                                  std::string("http://a:8x"),
                                  std::string("http://u@a"),
                                  std::string("http://a b"),
                                  std::string("http://[::1"),
                                  std::string("http://[a]"),
                                  std::string("http://[::1]8"),
                                  std::string("http://a/p?q"),
                                  std::string("http://a/p#f"),
                                  std::string("http://a/\x01"),
                                  std::string("HTTP://a"),
                                  std::string("unix:relative"),
                                  std::string("unix:"),
                                  std::string("unix:/a\n"),
                                  long_path,
                                  long_host}) {
    EXPECT_RULE(Endpoint::parse(text), "http.endpoint") << text;
  }
}

}  // namespace
}  // namespace openpcc::http
