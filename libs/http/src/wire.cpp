// TCP and UNIX sockets behind Stream and Listener: the one file that makes system calls on sockets. Descriptors are non-blocking and closed
// on exec; the loop is only asked to wait when a call would block.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <vector>

#include "openpcc/http/stream.h"

namespace openpcc::http {
namespace asio = boost::asio;
namespace {

using Descriptor = asio::posix::stream_descriptor;
using Clock = std::chrono::steady_clock;
using ErrorCode = boost::system::error_code;

constexpr Milliseconds kNever = std::chrono::hours(24 * 3650);
constexpr Milliseconds kAcceptBackoff{100};  // no descriptors left: others must close some first
constexpr Milliseconds kConnectBackoff{10};  // a UNIX socket's backlog is full
constexpr int kCallsBeforeYield = 32;        // a connection that never blocks lets others run now and then

std::string reason(int error) { return std::generic_category().message(error); }
Milliseconds capped(Milliseconds timeout) { return std::min(timeout, kNever); }

std::unexpected<Error> closed(std::string detail) { return fail(Code::closed, "http.stream.closed", std::move(detail)); }
std::unexpected<Error> timed_out() { return fail(Code::unavailable, "http.stream.timeout"); }

// Watchdog interrupts an operation that takes too long. One timer serves all operations of one direction and is moved only when a deadline
// lies before it, so that the usual operation costs a clock reading and no timer at all.
class Watchdog : public std::enable_shared_from_this<Watchdog> {
 public:
  Watchdog(const Executor& executor, Descriptor& descriptor) : timer_(executor), descriptor_(descriptor) {}

  void start(Milliseconds timeout) {
    running_ = true;
    expired_ = false;
    deadline_ = Clock::now() + capped(timeout);
    if (timeout < kNever && (!armed_ || timer_.expiry() > deadline_)) arm();
  }
  // stop ends the operation's time; true: it had run out.
  bool stop() {
    running_ = false;
    return expired_;
  }
  void shut_down() {
    shut_down_ = true;
    timer_.cancel();
  }

 private:
  void arm() {
    armed_ = true;
    timer_.expires_at(deadline_);
    timer_.async_wait([weak = weak_from_this()](const ErrorCode& error) {
      const auto self = weak.lock();
      if (!error && self && !self->shut_down_) self->ring();
    });
  }
  void ring() {
    armed_ = false;
    if (!running_) return;
    if (Clock::now() < deadline_) return arm();
    expired_ = true;
    descriptor_.cancel();
  }

  asio::steady_timer timer_;
  Descriptor& descriptor_;  // lives as long: both belong to one Socket
  Clock::time_point deadline_;
  bool running_ = false;
  bool expired_ = false;
  bool armed_ = false;
  bool shut_down_ = false;
};

// Socket is what a stream and the operations on it share; an operation that is pending when the stream dies keeps it until it has ended.
struct Socket {
  explicit Socket(const Executor& executor)
      : descriptor(executor),
        reading(std::make_shared<Watchdog>(executor, descriptor)),
        writing(std::make_shared<Watchdog>(executor, descriptor)) {}
  // adopt takes a descriptor over; null (and the descriptor closed) where the system cannot watch one more.
  static std::shared_ptr<Socket> adopt(const Executor& executor, int fd) {
    auto out = std::make_shared<Socket>(executor);
    ErrorCode error;
    out->descriptor.assign(fd, error);
    if (!error) return out;
    ::close(fd);
    return nullptr;
  }

  int fd() { return descriptor.native_handle(); }
  bool open() const { return descriptor.is_open(); }
  void close() {
    ErrorCode ignored;
    descriptor.close(ignored);
    reading->shut_down();
    writing->shut_down();
  }

  Descriptor descriptor;
  std::shared_ptr<Watchdog> reading;
  std::shared_ptr<Watchdog> writing;
  int calls_without_waiting = 0;
  bool drained = false;          // the last read took all there was: waiting comes first
  bool blocked_writing = false;  // the peer does not take what was written
};

void reset_on_close(int fd) {
  const linger at_once{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

void set_option(int fd, int level, int name, int value) { setsockopt(fd, level, name, &value, sizeof value); }

void tune_tcp(int fd) {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  // A peer that vanished without a word is noticed after 75 s of silence.
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 45);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

// wait_ready suspends until the socket can read or write. An interruption that was meant for the other direction wakes it early, which
// costs the caller one more try.
Task<Result<>> wait_ready(std::shared_ptr<Socket> socket, Descriptor::wait_type direction, Milliseconds timeout) {
  const std::shared_ptr<Watchdog> watchdog = direction == Descriptor::wait_read ? socket->reading : socket->writing;
  socket->calls_without_waiting = 0;
  watchdog->start(timeout);
  if (direction == Descriptor::wait_write) socket->blocked_writing = true;
  ErrorCode error;
  co_await socket->descriptor.async_wait(direction, asio::redirect_error(asio::use_awaitable, error));
  const bool expired = watchdog->stop();
  if (!socket->open()) co_return closed("aborted");
  if (expired) co_return timed_out();
  if (error && error != asio::error::operation_aborted) co_return closed(error.message());
  if (direction == Descriptor::wait_write) socket->blocked_writing = false;
  co_return Result<>{};
}

Task<> yield_now() {
  const Executor executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, Clock::time_point::min());
  ErrorCode ignored;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

Task<Result<size_t>> read_some(std::shared_ptr<Socket> socket, MutableByteSpan into, Milliseconds timeout) {
  if (++socket->calls_without_waiting > kCallsBeforeYield) {
    socket->calls_without_waiting = 0;
    co_await yield_now();
  }
  for (;;) {
    if (!socket->open()) co_return closed("aborted");
    if (socket->drained) {
      const Result<> ready = co_await wait_ready(socket, Descriptor::wait_read, timeout);
      if (!ready) co_return std::unexpected(ready.error());
    }
    const ssize_t n = recv(socket->fd(), into.data(), into.size(), 0);
    socket->drained = n < 0 || static_cast<size_t>(n) < into.size();
    if (n >= 0) co_return static_cast<size_t>(n);
    if (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK) co_return closed(reason(errno));
  }
}

// Gather is what is left of a gathered write.
class Gather {
 public:
  explicit Gather(std::span<const ByteSpan> pieces) {
    OPENPCC_CHECK(pieces.size() <= pieces_.size());
    for (const ByteSpan piece : pieces) {
      if (!piece.empty()) pieces_[end_++] = {const_cast<uint8_t*>(piece.data()), piece.size()};  // NOLINT: iovec has no const form
    }
  }
  bool empty() const { return begin_ == end_; }
  msghdr message() {
    msghdr out{};
    out.msg_iov = &pieces_[begin_];
    out.msg_iovlen = end_ - begin_;
    return out;
  }
  void sent(size_t n) {
    while (n > 0) {
      iovec& first = pieces_[begin_];
      const size_t taken = std::min(n, first.iov_len);
      first.iov_base = static_cast<uint8_t*>(first.iov_base) + taken;
      first.iov_len -= taken;
      n -= taken;
      if (first.iov_len == 0) ++begin_;
    }
  }

 private:
  std::array<iovec, Stream::kPiecesMax> pieces_{};
  size_t begin_ = 0;
  size_t end_ = 0;
};

Task<Result<>> write_all(std::shared_ptr<Socket> socket, std::span<const ByteSpan> pieces, Milliseconds timeout) {
  Gather rest(pieces);
  if (++socket->calls_without_waiting > kCallsBeforeYield) {
    socket->calls_without_waiting = 0;
    co_await yield_now();
  }
  while (!rest.empty()) {
    if (!socket->open()) co_return closed("aborted");
    const msghdr message = rest.message();
    const ssize_t n = sendmsg(socket->fd(), &message, MSG_NOSIGNAL);
    if (n >= 0) {
      rest.sent(static_cast<size_t>(n));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) co_return closed(reason(errno));
    const Result<> ready = co_await wait_ready(socket, Descriptor::wait_write, timeout);
    if (!ready) co_return std::unexpected(ready.error());
  }
  co_return Result<>{};
}

Task<Result<>> shut_down_writing(std::shared_ptr<Socket> socket) {
  if (!socket->open()) co_return closed("aborted");
  if (shutdown(socket->fd(), SHUT_WR) != 0) co_return closed(reason(errno));
  co_return Result<>{};
}

class SocketStream final : public Stream {
 public:
  explicit SocketStream(std::shared_ptr<Socket> socket) : socket_(std::move(socket)) {}
  ~SocketStream() override { SocketStream::abort(); }

  Task<Result<size_t>> read_some(MutableByteSpan into, Milliseconds timeout) override { return http::read_some(socket_, into, timeout); }
  Task<Result<>> write(std::span<const ByteSpan> pieces, Milliseconds timeout) override { return write_all(socket_, pieces, timeout); }
  Task<Result<>> finish(Milliseconds) override { return shut_down_writing(socket_); }
  void abort() override {
    if (!socket_->open()) return;
    // What was written is still delivered, but not to a peer that does not take it: its buffers would outlive the connection.
    if (socket_->blocked_writing) reset_on_close(socket_->fd());
    socket_->close();
  }
  bool quiet() override {
    if (!socket_->open()) return false;
    uint8_t byte;
    const ssize_t n = recv(socket_->fd(), &byte, 1, MSG_PEEK);
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  }

 private:
  std::shared_ptr<Socket> socket_;
};

// ---- addresses

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
};

template <class T>
Address address_of(const T& specific) {
  Address out;
  std::memcpy(&out.storage, &specific, sizeof specific);
  out.size = sizeof specific;
  return out;
}

Address unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  OPENPCC_CHECK(path.size() < sizeof address.sun_path);
  std::memcpy(address.sun_path, path.data(), path.size());
  return address_of(address);
}

std::optional<Address> literal_address(const std::string& host, uint16_t port) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) return address_of(v4);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  if (inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) return address_of(v6);
  return std::nullopt;
}

Address address_of_endpoint(const asio::ip::tcp::endpoint& endpoint) {
  Address out;
  std::memcpy(&out.storage, endpoint.data(), endpoint.size());
  out.size = static_cast<socklen_t>(endpoint.size());
  return out;
}

// Lookup is shared with the resolver's thread: a lookup that outlives its caller's patience ends unseen.
struct Lookup {
  explicit Lookup(const Executor& executor) : resolver(executor), done(executor) {}
  asio::ip::tcp::resolver resolver;
  Event done;
  std::vector<Address> addresses;
};

Task<std::vector<Address>> resolve(const std::string& host, uint16_t port, Milliseconds timeout) {
  if (const auto literal = literal_address(host, port)) co_return std::vector<Address>{*literal};
  // Never asked of anybody (RFC 6761 s6.3): whoever answers for this name could have it lead elsewhere, and a machine may lack a hosts file.
  if (host == "localhost") co_return std::vector<Address>{*literal_address("127.0.0.1", port), *literal_address("::1", port)};
  const Executor executor = co_await asio::this_coro::executor;
  const auto lookup = std::make_shared<Lookup>(executor);
  lookup->resolver.async_resolve(host, std::to_string(port),
                                 [lookup](const ErrorCode& error, const asio::ip::tcp::resolver::results_type& found) {
                                   if (!error) {
                                     for (const auto& entry : found) lookup->addresses.push_back(address_of_endpoint(entry.endpoint()));
                                   }
                                   lookup->done.set();
                                 });
  const bool in_time = co_await lookup->done.wait(timeout);
  if (!in_time) lookup->resolver.cancel();
  co_return in_time ? std::move(lookup->addresses) : std::vector<Address>{};
}

// ---- connecting

std::unexpected<Error> connect_failed(std::string detail) { return fail(Code::unavailable, "http.stream.connect", std::move(detail)); }

int new_socket(int family) { return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

// connect_to returns 0 or the system's error number.
Task<int> connect_to(std::shared_ptr<Socket> socket, Address address, Clock::time_point deadline) {
  for (;;) {
    if (::connect(socket->fd(), address.get(), address.size) == 0) co_return 0;
    const int error = errno;
    const auto left = std::chrono::duration_cast<Milliseconds>(deadline - Clock::now());
    if (left <= Milliseconds::zero()) co_return ETIMEDOUT;
    if (error == EAGAIN) {
      co_await sleep_for(kConnectBackoff);
      continue;
    }
    if (error != EINPROGRESS && error != EINTR) co_return error;
    const Result<> ready = co_await wait_ready(socket, Descriptor::wait_write, left);
    if (!ready) co_return ETIMEDOUT;
    int outcome = 0;
    socklen_t size = sizeof outcome;
    getsockopt(socket->fd(), SOL_SOCKET, SO_ERROR, &outcome, &size);
    co_return outcome;
  }
}

Task<Result<std::unique_ptr<Stream>>> connect_any(std::vector<Address> addresses, Clock::time_point deadline, std::string name) {
  const Executor executor = co_await asio::this_coro::executor;
  int error = 0;
  for (const Address& address : addresses) {
    const int fd = new_socket(address.family());
    if (fd < 0) co_return connect_failed(name + ": " + reason(errno));
    const std::shared_ptr<Socket> socket = Socket::adopt(executor, fd);
    if (!socket) co_return connect_failed(name + ": no resources");
    error = co_await connect_to(socket, address, deadline);
    if (error == 0) {
      if (address.family() != AF_UNIX) tune_tcp(fd);
      co_return std::make_unique<SocketStream>(socket);
    }
    socket->close();
  }
  co_return connect_failed(name + ": " + (addresses.empty() ? "the name is unknown" : reason(error)));
}

// ---- listening

std::unexpected<Error> bind_failed(const Endpoint& endpoint, const std::string& detail) {
  return fail(Code::unavailable, "http.stream.bind", endpoint.to_string() + ": " + detail);
}

Result<Address> listening_address(const Endpoint& endpoint) {
  if (endpoint.kind == Endpoint::Kind::unix_socket) return unix_address(endpoint.host);
  const std::string host = endpoint.host == "localhost" ? "127.0.0.1" : endpoint.host;
  const auto literal = literal_address(host, endpoint.port);
  if (!literal) return bind_failed(endpoint, "an address to listen on is numeric, or localhost");
  return *literal;
}

// nobody_listens tells a socket's file that a dead process left behind from one in use.
bool nobody_listens(const Address& address) {
  const int probe = new_socket(AF_UNIX);
  if (probe < 0) return false;
  const bool refused = ::connect(probe, address.get(), address.size) != 0 && errno == ECONNREFUSED;
  ::close(probe);
  return refused;
}

// bind_to returns 0 or the system's error number.
int bind_to(int fd, const Address& address, const Endpoint& endpoint) {
  if (address.family() != AF_UNIX) {
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    return bind(fd, address.get(), address.size) == 0 ? 0 : errno;
  }
  if (bind(fd, address.get(), address.size) != 0) {
    if (errno != EADDRINUSE || !nobody_listens(address)) return errno == 0 ? EADDRINUSE : errno;
    unlink(endpoint.host.c_str());
    if (bind(fd, address.get(), address.size) != 0) return errno;
  }
  // Nobody can connect before listen(), so the file is never open to others.
  return chmod(endpoint.host.c_str(), S_IRUSR | S_IWUSR) == 0 ? 0 : errno;
}

uint16_t bound_port(int fd) {
  Address address;
  address.size = sizeof address.storage;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address.storage), &address.size) != 0) return 0;
  if (address.family() == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_port);
  return ntohs(reinterpret_cast<const sockaddr_in6*>(&address.storage)->sin6_port);
}

bool out_of_resources(int error) { return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM; }
bool worth_another_try(int error) { return error == EINTR || error == ECONNABORTED || error == EPROTO || error == EPERM; }

Task<Result<std::unique_ptr<Stream>>> accept_from(std::shared_ptr<Socket> listener, bool tcp) {
  const Executor executor = co_await asio::this_coro::executor;
  for (;;) {
    if (!listener->open()) co_return closed("no longer listening");
    const int fd = accept4(listener->fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      if (tcp) tune_tcp(fd);
      const std::shared_ptr<Socket> socket = Socket::adopt(executor, fd);
      if (socket) co_return std::make_unique<SocketStream>(socket);
    }
    const int error = fd >= 0 ? ENOMEM : errno;
    if (worth_another_try(error)) continue;
    if (out_of_resources(error)) {
      co_await sleep_for(kAcceptBackoff);
      continue;
    }
    if (error != EAGAIN && error != EWOULDBLOCK) co_return closed(reason(error));
    const Result<> ready = co_await wait_ready(listener, Descriptor::wait_read, Stream::kForever);
    if (!ready) co_return std::unexpected(ready.error());
  }
}

class SocketListener final : public Listener {
 public:
  SocketListener(std::shared_ptr<Socket> socket, Endpoint endpoint) : socket_(std::move(socket)), endpoint_(std::move(endpoint)) {}
  ~SocketListener() override { SocketListener::close(); }

  const Endpoint& endpoint() const override { return endpoint_; }
  Task<Result<std::unique_ptr<Stream>>> accept() override { return accept_from(socket_, endpoint_.kind != Endpoint::Kind::unix_socket); }
  void close() override {
    if (!socket_->open()) return;
    if (endpoint_.kind == Endpoint::Kind::unix_socket) unlink(endpoint_.host.c_str());
    socket_->close();
  }

 private:
  std::shared_ptr<Socket> socket_;
  Endpoint endpoint_;
};

}  // namespace

Result<std::unique_ptr<Listener>> Listener::bind(const Executor& executor, const Endpoint& endpoint) {
  OPENPCC_LET(const Address address, listening_address(endpoint));
  const int fd = new_socket(address.family());
  if (fd < 0) return bind_failed(endpoint, reason(errno));
  auto socket = Socket::adopt(executor, fd);
  if (!socket) return bind_failed(endpoint, "no resources");
  const int error = bind_to(fd, address, endpoint);
  if (error != 0) return bind_failed(endpoint, reason(error));
  if (listen(fd, SOMAXCONN) != 0) return bind_failed(endpoint, reason(errno));
  Endpoint bound = endpoint;
  if (endpoint.kind != Endpoint::Kind::unix_socket) bound.port = bound_port(fd);
  return std::make_unique<SocketListener>(std::move(socket), std::move(bound));
}

Task<Result<std::unique_ptr<Stream>>> connect(Endpoint endpoint, Milliseconds timeout) {
  const Clock::time_point deadline = Clock::now() + capped(timeout);
  std::vector<Address> addresses;
  if (endpoint.kind == Endpoint::Kind::unix_socket) {
    addresses.push_back(unix_address(endpoint.host));
  } else {
    addresses = co_await resolve(endpoint.host, endpoint.port, timeout);
  }
  std::string name = endpoint.to_string();
  Result<std::unique_ptr<Stream>> stream = co_await connect_any(std::move(addresses), deadline, std::move(name));
  co_return stream;
}

}  // namespace openpcc::http
