// Which roots an https endpoint is judged by.
#include "openpcc/daemon/tls.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "certificates.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::daemon {
namespace {

namespace fs = std::filesystem;
using crypto::test::Authority;

class RootsTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / ("openpcc-roots-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string write(const std::string& name, std::string_view text) {
    const fs::path path = folder_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path.string();
  }
  // trusts tells whether a handshake with a server of `authority` succeeds.
  static bool trusts(const Result<std::shared_ptr<const crypto::TlsContext>>& client, const Authority& authority) {
    if (!client || !*client) return false;
    auto near = crypto::TlsSession::client(*client, "localhost");
    auto far = crypto::TlsSession::server(*crypto::TlsContext::server(authority.issue("DNS:localhost").config({"http/1.1"})));
    Bytes buffer(32 * 1024);
    for (int i = 0; i < 4; ++i) {
      for (auto [from, to] : {std::pair(&near, &far), std::pair(&far, &near)}) {
        const size_t n = from->pull(buffer);
        if (n != 0 && !to->feed(ByteSpan(buffer).first(n))) return false;
      }
    }
    return near.established();
  }
  static TlsSettings with_file(const std::string& path) {
    TlsSettings out;
    out.ca_file = path;
    return out;
  }

  fs::path folder_;
  Authority a_{"a"};
  Authority b_{"b"};
  Authority c_{"c"};
};

TEST_F(RootsTest, the_setting_wins_over_the_environment) {
  const TlsSettings settings = with_file(write("a.pem", a_.pem()));
  const auto client = settings.client({{"SSL_CERT_FILE", write("b.pem", b_.pem())}});
  EXPECT_TRUE(trusts(client, a_));
  EXPECT_FALSE(trusts(client, b_));
}

TEST_F(RootsTest, file_and_folders_of_the_environment_count_together) {
  const std::string file = write("a.pem", a_.pem());
  const std::string one = fs::path(write("one/b.pem", b_.pem())).parent_path().string();
  const std::string two = fs::path(write("two/c.crt", c_.pem())).parent_path().string();
  write("two/README", "no certificate");
  fs::create_symlink("c.crt", folder_ / "two" / "0123abcd.0");
  const auto client = TlsSettings{}.client({{"SSL_CERT_FILE", file}, {"SSL_CERT_DIR", one + ":" + two}});
  for (const Authority* authority : {&a_, &b_, &c_}) EXPECT_TRUE(trusts(client, *authority));
  EXPECT_FALSE(trusts(client, Authority("other")));
  const auto roots = TlsSettings{}.roots({{"SSL_CERT_DIR", two}});
  ASSERT_OK(roots);
  EXPECT_EQ(roots->source, "SSL_CERT_DIR " + two);
  EXPECT_EQ(roots->pem.find("BEGIN"), roots->pem.rfind("BEGIN")) << "a link counted again";
}

TEST_F(RootsTest, an_empty_variable_is_none) {
  const auto roots = TlsSettings{}.roots({{"SSL_CERT_FILE", ""}, {"SSL_CERT_DIR", ""}});
  ASSERT_OK(roots);
  EXPECT_EQ(roots->source.find("SSL_CERT"), std::string::npos);
}

TEST_F(RootsTest, what_cannot_be_read_is_named_with_its_variable) {
  const auto names = [](const auto& result, std::string_view name) { return !result && result.error().detail.starts_with(name); };
  const std::string absent = (folder_ / "absent").string();
  const auto file = TlsSettings{}.client({{"SSL_CERT_FILE", absent}});
  EXPECT_RULE(file, "daemon.tls.read");
  EXPECT_TRUE(names(file, "SSL_CERT_FILE " + absent));
  const auto folder = TlsSettings{}.client({{"SSL_CERT_DIR", absent}});
  EXPECT_RULE(folder, "daemon.tls.read");
  EXPECT_TRUE(names(folder, "SSL_CERT_DIR " + absent));
  const auto setting = with_file(absent).client({});
  EXPECT_RULE(setting, "daemon.tls.read");
  EXPECT_TRUE(names(setting, "tls.ca_file " + absent));
  EXPECT_RULE(with_file(write("empty", "")).client({}), "daemon.tls.read");
  EXPECT_RULE(with_file(folder_.string()).client({}), "daemon.tls.read");
  fs::create_directories(folder_ / "nothing");
  EXPECT_RULE(TlsSettings{}.client({{"SSL_CERT_DIR", (folder_ / "nothing").string()}}), "daemon.tls.read");
  EXPECT_RULE(with_file(write("large", std::string((4u << 20) + 1, '\n'))).client({}), "daemon.tls.read");
}

TEST_F(RootsTest, what_is_no_certificate_is_named_with_its_variable) {
  const std::string path = write("text", "no PEM");
  const auto client = TlsSettings{}.client({{"SSL_CERT_FILE", path}});
  EXPECT_RULE(client, "crypto.tls.certificate");
  EXPECT_TRUE(!client && client.error().detail.starts_with("SSL_CERT_FILE " + path));
}

}  // namespace
}  // namespace openpcc::daemon
