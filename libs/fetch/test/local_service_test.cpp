// A service on loopback that answers what a test says, byte for byte.
#include "openpcc/fetch/local_service.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "openpcc/testkit/testkit.h"

namespace openpcc::fetch {
namespace {

constexpr size_t kAnswerMax = 1000;

// Server takes one connection, reads one request to its end and writes `answer`; without one it says nothing until its client leaves.
class Server {
 public:
  explicit Server(std::string answer) : answer_(std::move(answer)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const at = reinterpret_cast<sockaddr*>(&address);
    OPENPCC_CHECK(::bind(listener_, at, size) == 0 && ::listen(listener_, 1) == 0 && ::getsockname(listener_, at, &size) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() { end(); }

  std::string url(const std::string& path = "/acc/tdquote") const { return "http://127.0.0.1:" + std::to_string(port_) + path; }
  // request is what was asked, once the exchange is over.
  const std::string& request() {
    end();
    return request_;
  }

 private:
  void end() {
    if (thread_.joinable()) thread_.join();
    if (listener_ >= 0) ::close(std::exchange(listener_, -1));
  }
  void serve() {
    const int connection = ::accept(listener_, nullptr, nullptr);
    char piece[4096];
    while (!request_.ends_with("}")) {
      const ssize_t n = ::read(connection, piece, sizeof piece);
      if (n <= 0) break;
      request_.append(piece, static_cast<size_t>(n));
    }
    if (answer_.empty()) {
      while (::read(connection, piece, sizeof piece) > 0) {
      }
    } else {
      static_cast<void>(::send(connection, answer_.data(), answer_.size(), MSG_NOSIGNAL));
    }
    ::close(connection);
  }

  std::string answer_, request_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::thread thread_;
};

std::string answer(const std::string& status, const std::string& body) {
  return "HTTP/1.1 " + status + "\r\ncontent-length: " + std::to_string(body.size()) + "\r\nconnection: close\r\n\r\n" + body;
}

Result<Bytes> asked(const Server& server, LocalTimes times = {}) {
  const auto service = LocalService::create(server.url(), times);
  OPENPCC_CHECK(service.has_value());
  return (*service)->post(as_bytes(R"({"report":"AAA"})"), kAnswerMax);
}

TEST(LocalService, posts_json_and_gives_the_answer) {
  Server server(answer("200 OK", R"({"quote":"BBB"})"));
  const auto body = asked(server);
  ASSERT_OK(body);
  EXPECT_EQ(as_text(*body), R"({"quote":"BBB"})");
  const std::string& request = server.request();
  EXPECT_TRUE(request.starts_with("POST /acc/tdquote HTTP/1.1\r\n")) << request;
  EXPECT_NE(request.find("content-type: application/json"), std::string::npos) << request;
  EXPECT_TRUE(request.ends_with("\r\n\r\n{\"report\":\"AAA\"}")) << request;
}

TEST(LocalService, an_answer_as_large_as_it_may_be_and_one_byte_more) {
  const Server fits(answer("200 OK", std::string(kAnswerMax, 'x'))), larger(answer("200 OK", std::string(kAnswerMax + 1, 'x')));
  EXPECT_EQ(asked(fits)->size(), kAnswerMax);
  const auto refused = asked(larger);
  EXPECT_RULE(refused, "fetch.answer.too_large");
  EXPECT_NE(refused.error().detail.find(larger.url()), std::string::npos) << refused.error().detail;
}

TEST(LocalService, what_is_no_answer) {
  for (const std::string status : {"404 Not Found", "500 Internal Server Error", "429 Too Many Requests", "204 No Content"}) {
    const Server server(status.starts_with("204") ? "HTTP/1.1 204 No Content\r\n\r\n" : answer(status, "{}"));
    EXPECT_RULE(asked(server), "fetch.answer.status") << status;
  }
  const Server moved("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\ncontent-length: 0\r\n\r\n");
  EXPECT_RULE(asked(moved), "fetch.answer.status") << "no redirect is followed";
  const Server garbage("SSH-2.0-OpenSSH\r\n\r\n"), cut("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx");
  EXPECT_RULE(asked(garbage), "http.client.malformed");
  EXPECT_RULE(asked(cut), "http.client.truncated");
}

TEST(LocalService, silence_ends) {
  const Server server("");
  EXPECT_RULE(asked(server, {http::Milliseconds(5'000), http::Milliseconds(50)}), "fetch.timeout");
}

TEST(LocalService, urls) {
  for (const char* url : {"https://127.0.0.1/x", "http://127.0.0.1", "http://example.org/x", "http://169.254.evil.example/x",
                          "http://169.254.1.1.1/x", "http://169.254.999.1/x", "unix:/x", "http://10.0.0.1/x", "169.254.169.254/x"}) {
    EXPECT_RULE(LocalService::create(url), "fetch.url") << url;
  }
  for (const char* url : {"http://169.254.169.254/acc/tdquote", "http://localhost:1/x", "http://[::1]:1/x"}) {
    EXPECT_OK(LocalService::create(url)) << url;
  }
}

}  // namespace
}  // namespace openpcc::fetch
