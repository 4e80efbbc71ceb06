#include "openpcc/crypto/tls.h"

#include "certificates.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::crypto {
namespace {

using test::Authority;

// Pair is a client and a server in one process; pump carries their bytes to each other, `step` bytes at a time.
struct Pair {
  TlsSession client;
  TlsSession server;

  // pump returns the first error of either side; both sides' alerts are still delivered.
  Result<> pump(size_t step = 16 * 1024) {
    Result<> outcome;
    for (bool moved = true; moved;) {
      moved = false;
      for (const auto& [from, to] : {std::pair{&client, &server}, std::pair{&server, &client}}) {
        Bytes buffer(step);
        const size_t n = from->pull(buffer);
        if (n == 0) continue;
        moved = true;
        const Result<> fed = to->feed(ByteSpan(buffer).first(n));
        if (!fed && outcome) outcome = fed;
      }
    }
    return outcome;
  }
};

std::shared_ptr<const TlsContext> made(Result<std::shared_ptr<const TlsContext>> context) {
  OPENPCC_CHECK(context.has_value());
  return *context;
}

Pair pair_of(const Authority& trusted, const Authority::Issued& issued, const std::string& name) {
  return {TlsSession::client(made(TlsContext::client(trusted.trusted())), name),
          TlsSession::server(made(TlsContext::server(issued.config())))};
}

Result<std::string> read_text(TlsSession& session) {
  std::string out;
  Bytes buffer(1000);
  for (;;) {
    OPENPCC_LET(const size_t n, session.read(buffer));
    if (n == 0) return out;
    out += as_text(ByteSpan(buffer).first(n));
  }
}

TEST(Tls, handshake_then_data_both_ways) {
  const Authority root;
  Pair pair = pair_of(root, root.issue("DNS:localhost"), "localhost");
  EXPECT_FALSE(pair.client.established());
  EXPECT_TRUE(pair.client.wants_to_send());
  EXPECT_EQ(pair.client.group(), "");
  ASSERT_OK(pair.pump());
  ASSERT_TRUE(pair.client.established());
  ASSERT_TRUE(pair.server.established());
  EXPECT_EQ(pair.client.group(), "X25519MLKEM768");
  EXPECT_EQ(pair.server.group(), "X25519MLKEM768");

  const std::string large(100'000, 'q');
  ASSERT_OK(pair.client.write(as_bytes("ping")));
  ASSERT_OK(pair.server.write(as_bytes(large)));
  ASSERT_OK(pair.pump());
  EXPECT_EQ(*read_text(pair.server), "ping");
  EXPECT_EQ(*read_text(pair.client), large);
}

TEST(Tls, works_byte_by_byte) {
  const Authority root;
  Pair pair = pair_of(root, root.issue("IP:127.0.0.1"), "127.0.0.1");
  ASSERT_OK(pair.pump(1));
  ASSERT_OK(pair.client.write(as_bytes("ping")));
  ASSERT_OK(pair.pump(1));
  EXPECT_EQ(*read_text(pair.server), "ping");
}

TEST(Tls, nothing_is_sent_after_the_handshake_that_could_resume_it) {
  const Authority root;
  Pair pair = pair_of(root, root.issue("DNS:localhost"), "localhost");
  ASSERT_OK(pair.pump());
  EXPECT_FALSE(pair.server.wants_to_send());
}

TEST(Tls, close_notify_is_a_clean_end) {
  const Authority root;
  Pair pair = pair_of(root, root.issue("DNS:localhost"), "localhost");
  ASSERT_OK(pair.pump());
  ASSERT_OK(pair.server.write(as_bytes("last words")));
  pair.server.close();
  ASSERT_OK(pair.pump());
  ASSERT_OK(pair.client.feed({}));
  EXPECT_EQ(*read_text(pair.client), "last words");
  EXPECT_TRUE(pair.client.closed_by_peer());
  // The other direction is still open.
  ASSERT_OK(pair.client.write(as_bytes("answer")));
  ASSERT_OK(pair.pump());
  EXPECT_EQ(*read_text(pair.server), "answer");
}

TEST(Tls, end_without_close_notify_is_refused_after_what_came_before) {
  const Authority root;
  Pair pair = pair_of(root, root.issue("DNS:localhost"), "localhost");
  ASSERT_OK(pair.pump());
  ASSERT_OK(pair.server.write(as_bytes("cut")));
  ASSERT_OK(pair.pump());
  ASSERT_OK(pair.client.feed({}));
  Bytes buffer(100);
  EXPECT_EQ(*pair.client.read(buffer), 3u);
  EXPECT_RULE(pair.client.read(buffer), "crypto.tls.truncated");
  EXPECT_RULE(pair.client.read(buffer), "crypto.tls.truncated");
  EXPECT_RULE(pair.client.write(buffer), "crypto.tls.truncated");
  EXPECT_FALSE(pair.client.closed_by_peer());
}

TEST(Tls, end_inside_the_handshake_is_refused) {
  const Authority root;
  Pair pair = pair_of(root, root.issue("DNS:localhost"), "localhost");
  EXPECT_RULE(pair.client.feed({}), "crypto.tls.truncated");
  EXPECT_RULE(pair.server.feed({}), "crypto.tls.truncated");
}

TEST(Tls, wrong_name_root_or_time_is_refused) {
  const Authority root;
  const Authority other("other root");
  const auto good = root.issue("DNS:localhost,DNS:*.example.org,IP:127.0.0.1");
  struct Case {
    const char* what;
    const Authority* trusted;
    Authority::Issued issued;
    const char* name;
    const char* reason;
  };
  const Case cases[] = {
      {"name", &root, good, "elsewhere", "hostname mismatch"},
      {"address", &root, good, "127.0.0.2", "IP address mismatch"},
      {"a wildcard covers one label", &root, good, "a.b.example.org", "hostname mismatch"},
      {"an address is no name", &root, root.issue("DNS:127.0.0.1"), "127.0.0.1", "IP address mismatch"},
      {"root", &other, good, "localhost", "unable to get local issuer certificate"},
      {"expired", &root, root.issue("DNS:localhost", 0), "localhost", "certificate has expired"},
  };
  for (const Case& c : cases) {
    Pair pair = pair_of(*c.trusted, c.issued, c.name);
    const Result<> outcome = pair.pump();
    EXPECT_RULE(outcome, "crypto.tls.handshake") << c.what;
    EXPECT_EQ(outcome ? "" : outcome.error().detail, std::string(c.reason) + " (a certificate issued by CN=test root)") << c.what;
    EXPECT_FALSE(pair.client.established()) << c.what;
    Bytes buffer(10);
    EXPECT_RULE(pair.server.read(buffer), "crypto.tls.handshake") << c.what;  // it was told by an alert
  }
}

TEST(Tls, wildcard_covers_a_label) {
  const Authority root;
  Pair pair = pair_of(root, root.issue("DNS:*.example.org"), "gateway.example.org");
  EXPECT_OK(pair.pump());
}

TEST(Tls, bytes_that_are_not_tls_are_refused) {
  const Authority root;
  TlsSession server = TlsSession::server(made(TlsContext::server(root.issue("DNS:localhost").config())));
  EXPECT_RULE(server.feed(as_bytes("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")), "crypto.tls.handshake");
  EXPECT_RULE(server.feed({}), "crypto.tls.handshake");
}

// A ClientHello that offers TLS 1.2 at most has no supported_versions extension: renaming the extension takes it away.
TEST(Tls, older_versions_are_refused) {
  const Authority root;
  Pair pair = pair_of(root, root.issue("DNS:localhost"), "localhost");
  Bytes hello(4096);
  hello.resize(pair.client.pull(hello));
  const Bytes supported_versions = testkit::hex("002b0003020304");
  const auto at = std::search(hello.begin(), hello.end(), supported_versions.begin(), supported_versions.end());
  ASSERT_NE(at, hello.end());
  *(at + 1) = 0x7b;
  EXPECT_RULE(pair.server.feed(hello), "crypto.tls.handshake");
}

TEST(Tls, changed_record_is_refused) {
  const Authority root;
  Pair pair = pair_of(root, root.issue("DNS:localhost"), "localhost");
  ASSERT_OK(pair.pump());
  ASSERT_OK(pair.client.write(as_bytes("secret")));
  Bytes record(200);
  record.resize(pair.client.pull(record));
  record.back() ^= 1;
  ASSERT_OK(pair.server.feed(record));
  Bytes buffer(100);
  EXPECT_RULE(pair.server.read(buffer), "crypto.tls.record");
  EXPECT_RULE(pair.server.feed(record), "crypto.tls.record");
}

TEST(Tls, protocols_are_negotiated_or_refused) {
  const Authority root;
  const auto issued = root.issue("DNS:localhost");
  const auto outcome_of = [&](std::vector<std::string> offered, std::vector<std::string> spoken) {
    Pair pair{TlsSession::client(made(TlsContext::client(root.trusted(std::move(offered)))), "localhost"),
              TlsSession::server(made(TlsContext::server(issued.config(std::move(spoken)))))};
    const Result<> outcome = pair.pump();
    return outcome ? "protocol " + pair.client.alpn() + pair.server.alpn() : std::string(outcome.error().rule.id());
  };
  EXPECT_EQ(outcome_of({"h2", "http/1.1"}, {"http/1.1"}), "protocol http/1.1http/1.1");
  EXPECT_EQ(outcome_of({"http/1.1", "h2"}, {"h2", "http/1.1"}), "protocol h2h2");
  EXPECT_EQ(outcome_of({}, {"h2"}), "protocol ");
  EXPECT_EQ(outcome_of({"h2"}, {}), "protocol ");
  EXPECT_EQ(outcome_of({"h3"}, {"h2"}), "crypto.tls.handshake");
}

TEST(Tls, contexts_refuse_what_they_cannot_read) {
  const Authority root;
  const auto issued = root.issue("DNS:localhost");
  const auto other = root.issue("DNS:localhost");
  const std::string half = issued.chain_pem.substr(0, issued.chain_pem.size() / 2);
  for (const std::string& roots : {std::string(), std::string("no PEM"), half, root.pem() + half, std::string(4 * 1024 * 1024 + 1, '\n')}) {
    EXPECT_RULE(TlsContext::client({roots, {}}), "crypto.tls.certificate");
  }
  const auto server = [](const std::string& chain, const std::string& key) {
    return TlsContext::server({chain, SecretBytes::copy_of(as_bytes(key)), {}});
  };
  EXPECT_OK(server(issued.chain_pem + root.pem(), issued.key_pem));
  EXPECT_RULE(server("", issued.key_pem), "crypto.tls.certificate");
  EXPECT_RULE(server(issued.chain_pem, ""), "crypto.tls.certificate");
  EXPECT_RULE(server(issued.chain_pem, other.key_pem), "crypto.tls.certificate");
  EXPECT_RULE(server(issued.chain_pem, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n"),
              "crypto.tls.certificate");
}

}  // namespace
}  // namespace openpcc::crypto
