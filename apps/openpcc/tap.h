// A tap on one hop of `openpcc up --record`: it forwards bytes unchanged and keeps a copy, so that what each party saw can be read afterwards.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "openpcc/http/endpoint.h"
#include "openpcc/http/loop.h"
#include "openpcc/http/stream.h"

namespace openpcc::app {

class Tap {
 public:
  // open listens on `listen` for connections meant for `target`, and writes <folder>/<hop>-<number>.sent and .received, as the one who
  // connects sees it. Errors: http.stream.bind.
  static Result<std::unique_ptr<Tap>> open(http::Loop& loop, std::string hop, const http::Endpoint& listen, http::Endpoint target,
                                           std::filesystem::path folder);

 private:
  struct Connection;
  Tap(http::Loop& loop, std::string hop, std::unique_ptr<http::Listener> listener, http::Endpoint target, std::filesystem::path folder);

  http::Task<> accept_all();
  http::Task<> serve(std::unique_ptr<http::Stream> incoming);

  http::Loop& loop_;
  std::string hop_;
  std::unique_ptr<http::Listener> listener_;
  http::Endpoint target_;
  std::filesystem::path folder_;
  size_t connections_ = 0;
};

}  // namespace openpcc::app
