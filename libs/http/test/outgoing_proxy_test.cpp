#include "openpcc/http/outgoing_proxy.h"

#include "openpcc/testkit/testkit.h"

namespace openpcc::http {
namespace {

Endpoint at(std::string_view text) { return *Endpoint::parse(text); }

std::string credentials_of(std::string_view url) {
  const auto proxy = OutgoingProxy::parse(url);
  return proxy ? std::string(as_text(proxy->authorization())) : describe(proxy.error());
}

TEST(OutgoingProxy, parses_each_form) {
  struct Case {
    std::string_view url, endpoint;
  };
  for (const Case& c : std::initializer_list<Case>{{"http://proxy.corp:3128", "http://proxy.corp:3128"},
                                                   {"http://proxy.corp:3128/", "http://proxy.corp:3128"},
                                                   {"HTTP://proxy.corp:3128", "http://proxy.corp:3128"},
                                                   {"proxy.corp:3128", "http://proxy.corp:3128"},
                                                   {"proxy.corp", "http://proxy.corp:1080"},
                                                   {"http://[2001:db8::1]", "http://[2001:db8::1]:1080"},
                                                   {"http://[2001:db8::1]:8080", "http://[2001:db8::1]:8080"},
                                                   {"https://proxy.corp", "https://proxy.corp:443"},
                                                   {"http://u:p@10.0.0.1:80", "http://10.0.0.1:80"}}) {
    const auto proxy = OutgoingProxy::parse(c.url);
    ASSERT_OK(proxy) << c.url;
    EXPECT_EQ(proxy->endpoint().to_string(), c.endpoint);
  }
}

// The first is the example of RFC 7617 s2.
TEST(OutgoingProxy, user_and_password_become_basic_credentials) {
  EXPECT_EQ(credentials_of("http://Aladdin:open%20sesame@p:1"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  EXPECT_EQ(credentials_of("http://u:a%40b%3ac@p:1"), "Basic " + to_base64(as_bytes("u:a@b:c")));
  EXPECT_EQ(credentials_of("http://u:a@b@p:1"), "Basic " + to_base64(as_bytes("u:a@b")));
  EXPECT_EQ(credentials_of("http://u@p:1"), "Basic " + to_base64(as_bytes("u:")));
  EXPECT_EQ(credentials_of("http://p:1"), "");
  auto proxy = *OutgoingProxy::parse("http://u:p@p:1");
  proxy.set_credentials(as_bytes("other:one"));
  EXPECT_EQ(as_text(proxy.authorization()), "Basic " + to_base64(as_bytes("other:one")));
}

TEST(OutgoingProxy, refuses_what_is_no_proxy_and_repeats_nothing_of_it) {
  for (const std::string& url :
       {std::string("socks5://u:hunter2@p:1"), std::string("ftp://u:hunter2@p"), std::string(""), std::string("http://u:hunter2@"),
        std::string("http://u:hunter2@p:0"), std::string("http://u:hunter2@p:x"), std::string("http://u:hunter2@p/path"),
        std::string("http://u:hunter2@p?q"), std::string("http://u:hunter2%4@p"), std::string("http://u:hunter2%zz@p"),
        std::string("http://u:hunter2%0a@p"), "http://u:hunter2" + std::string(2000, 'x') + "@p"}) {
    const auto proxy = OutgoingProxy::parse(url);
    EXPECT_RULE(proxy, "http.proxy.url") << url;
    EXPECT_TRUE(!proxy && proxy.error().detail.find("hunter2") == std::string::npos);
  }
}

TEST(NoProxy, names_cover_themselves_and_all_below) {
  for (const char* item : {"example.org", ".example.org", "*.example.org", "EXAMPLE.org.", "a, example.org", "a example.org"}) {
    const auto list = NoProxy::parse(item);
    ASSERT_OK(list) << item;
    EXPECT_TRUE(list->covers(at("https://example.org"))) << item;
    EXPECT_TRUE(list->covers(at("https://relay.Example.org:8443"))) << item;
    EXPECT_TRUE(list->covers(at("https://relay.example.org."))) << item;
    EXPECT_FALSE(list->covers(at("https://notexample.org"))) << item;
    EXPECT_FALSE(list->covers(at("https://example.org.evil"))) << item;
  }
  EXPECT_FALSE(NoProxy::parse("")->covers(at("https://example.org")));
  EXPECT_FALSE(NoProxy::parse(" , ")->covers(at("https://example.org")));
  EXPECT_TRUE(NoProxy::parse("*")->covers(at("https://example.org")));
  EXPECT_TRUE(NoProxy::parse("a,*")->covers(at("http://10.0.0.1")));
}

TEST(NoProxy, ports_count_where_they_are_given) {
  const auto list = NoProxy::parse("example.org:8443 10.0.0.1:80 [2001:db8::1]:81");
  ASSERT_OK(list);
  EXPECT_TRUE(list->covers(at("https://example.org:8443")));
  EXPECT_FALSE(list->covers(at("https://example.org")));
  EXPECT_TRUE(list->covers(at("http://10.0.0.1")));
  EXPECT_FALSE(list->covers(at("http://10.0.0.1:81")));
  EXPECT_TRUE(list->covers(at("http://[2001:db8::1]:81")));
  EXPECT_FALSE(list->covers(at("http://[2001:db8::1]")));
}

TEST(NoProxy, addresses_and_networks) {
  const auto list = NoProxy::parse("192.0.2.7,10.0.0.0/9,2001:db8::7,[2001:db8:1::7],fd00::/7,203.0.113.5/32");
  ASSERT_OK(list);
  for (const char* inside : {"http://192.0.2.7", "http://10.127.255.255", "http://[2001:db8:0::7]", "http://[2001:db8:1::7]",
                             "http://[fc00::1]", "http://203.0.113.5"}) {
    EXPECT_TRUE(list->covers(at(inside))) << inside;
  }
  for (const char* outside : {"http://192.0.2.8", "http://10.128.0.0", "http://[2001:db8::8]", "http://[fe00::1]", "http://203.0.113.4",
                              "http://7.192.0.2.7.example"}) {
    EXPECT_FALSE(list->covers(at(outside))) << outside;
  }
  EXPECT_TRUE(NoProxy::parse("0.0.0.0/0")->covers(at("http://8.8.8.8")));
  EXPECT_FALSE(NoProxy::parse("0.0.0.0/0")->covers(at("http://[2001:db8::1]")));
  EXPECT_FALSE(NoProxy::parse("0.0.2.7")->covers(at("http://192.0.2.7")));
}

TEST(NoProxy, refuses_what_can_never_match) {
  for (const char* text :
       {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x", "a/8", "fd00::/129", "10.*", "<local>", "a:0", "a:70000", ":80", "."}) {
    const auto list = NoProxy::parse(std::string("b,") + text);
    EXPECT_RULE(list, "http.proxy.no_proxy") << text;
    const NoProxy known = NoProxy::parse_known(std::string("b,") + text + ",c");
    EXPECT_TRUE(known.covers(at("http://b")) && known.covers(at("http://c")) && !known.covers(at("http://d"))) << text;
  }
}

TEST(ProxyRules, the_scheme_chooses_and_loopback_is_never_proxied) {
  ProxyRules rules;
  rules.for_http = std::make_shared<const OutgoingProxy>(*OutgoingProxy::parse("http://one"));
  rules.direct = *NoProxy::parse("direct.example");
  EXPECT_EQ(proxy_for(rules, at("http://relay.example")), rules.for_http.get());
  EXPECT_EQ(proxy_for(rules, at("https://relay.example")), nullptr);
  rules.for_https = std::make_shared<const OutgoingProxy>(*OutgoingProxy::parse("http://two"));
  EXPECT_EQ(proxy_for(rules, at("https://relay.example")), rules.for_https.get());
  for (const char* text :
       {"https://direct.example", "http://localhost:80", "https://127.9.9.9", "http://[::1]:1", "unix:/run/relay.sock"}) {
    EXPECT_EQ(proxy_for(rules, at(text)), nullptr) << text;
  }
  EXPECT_EQ(proxy_for({}, at("http://relay.example")), nullptr);
}

}  // namespace
}  // namespace openpcc::http
