#include "tap.h"

#include <fmt/format.h>

#include <array>
#include <fstream>

namespace openpcc::app {
namespace {

constexpr http::Milliseconds kConnectTimeout{5'000};
constexpr http::Milliseconds kWriteTimeout{60'000};

// pump copies one direction until it ends. A clean end is passed on as one; anything else resets both sides, as the wire would.
http::Task<> pump(std::shared_ptr<http::Stream> from, std::shared_ptr<http::Stream> to, std::shared_ptr<std::ofstream> copy) {
  std::array<uint8_t, 16 * 1024> buffer;
  for (;;) {
    const MutableByteSpan space = buffer;
    const auto n = co_await from->read_some(space, http::Stream::kForever);
    if (!n) break;
    if (*n == 0) {
      const auto finished = co_await to->finish(kWriteTimeout);
      if (!finished) break;
      co_return;
    }
    copy->write(reinterpret_cast<const char*>(buffer.data()), static_cast<std::streamsize>(*n));
    copy->flush();
    const std::array<ByteSpan, 1> pieces{ByteSpan(buffer).first(*n)};
    const std::span<const ByteSpan> view = pieces;
    const auto written = co_await to->write(view, kWriteTimeout);
    if (!written) break;
  }
  from->abort();
  to->abort();
}

}  // namespace

Tap::Tap(http::Loop& loop, std::string hop, std::unique_ptr<http::Listener> listener, http::Endpoint target, std::filesystem::path folder)
    : loop_(loop), hop_(std::move(hop)), listener_(std::move(listener)), target_(std::move(target)), folder_(std::move(folder)) {}

Result<std::unique_ptr<Tap>> Tap::open(http::Loop& loop, std::string hop, const http::Endpoint& listen, http::Endpoint target,
                                       std::filesystem::path folder) {
  OPENPCC_LET(auto listener, http::Listener::bind(loop.executor(), listen));
  std::unique_ptr<Tap> tap(new Tap(loop, std::move(hop), std::move(listener), std::move(target), std::move(folder)));
  loop.spawn(tap->accept_all());
  return tap;
}

http::Task<> Tap::accept_all() {
  for (;;) {
    auto incoming = co_await listener_->accept();
    if (!incoming) co_return;
    loop_.spawn(serve(std::move(*incoming)));
  }
}

http::Task<> Tap::serve(std::unique_ptr<http::Stream> incoming) {
  const size_t number = ++connections_;
  const std::shared_ptr<http::Stream> near = std::move(incoming);
  auto opened = co_await http::connect(target_, kConnectTimeout);
  if (!opened) {
    near->abort();
    co_return;
  }
  const std::shared_ptr<http::Stream> far = std::move(*opened);
  const auto file = [&](std::string_view suffix) {
    return std::make_shared<std::ofstream>(folder_ / fmt::format("{}-{:04}.{}", hop_, number, suffix), std::ios::binary);
  };
  const auto sent = file("sent");
  const auto received = file("received");
  loop_.spawn(pump(near, far, sent));
  co_await pump(far, near, received);
}

}  // namespace openpcc::app
