// The admin endpoint's paths.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>

#include "openpcc/daemon/metrics.h"
#include "openpcc/http/server.h"

namespace openpcc::daemon {

// Admin answers GET /livez, /readyz (503 while `ready` says no) and /metrics, and the paths that a program adds.
class Admin {
 public:
  Admin(std::function<bool()> ready, std::function<std::string()> metrics);
  void add(std::string_view method, std::string_view path, http::Handler handler);
  http::Task<> handle(http::ServerExchange& exchange) const;

 private:
  std::map<std::string, std::map<std::string, http::Handler>> routes_;  // path, then method
};

}  // namespace openpcc::daemon
