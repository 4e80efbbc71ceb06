// A service that a cloud gives its machines at an address of their own link: plain HTTP, which no network carries.
#pragma once

#include <memory>
#include <string_view>

#include "openpcc/core/bytes.h"
#include "openpcc/http/loop.h"

namespace openpcc::fetch {

struct LocalTimes {
  http::Milliseconds connect{10'000};
  http::Milliseconds answer{30'000};  // of one request, once there is a connection
};

// LocalService asks on an event loop of its own, and blocks while it does; no outgoing proxy stands before it. One thread at a time.
class LocalService {
 public:
  //   fetch.url   not http://host[:port]/path with a host of loopback or of the link (169.254.0.0/16)
  static Result<std::unique_ptr<LocalService>> create(std::string_view url, LocalTimes times = {});
  ~LocalService();

  // post sends JSON and gives the body of the answer.
  //   http.client.*            with the URL in the detail, as all of these
  //   fetch.timeout            not all of the answer came in time (unavailable)
  //   fetch.answer.status      another status than 200 (unavailable)
  //   fetch.answer.too_large   more than answer_bytes_max (limit)
  Result<Bytes> post(ByteSpan json, size_t answer_bytes_max);

 private:
  struct State;
  explicit LocalService(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace openpcc::fetch
