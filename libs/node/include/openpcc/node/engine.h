// Where the engine is.
#pragma once

#include <string>

#include "openpcc/http/endpoint.h"

namespace openpcc::node {

struct Engine {
  http::Endpoint endpoint;
  std::string key;  // what it wants as a bearer token; empty: nothing
};

}  // namespace openpcc::node
