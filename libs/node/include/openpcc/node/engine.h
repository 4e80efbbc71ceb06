// Where the engine is, and what it is.
#pragma once

#include <string>

#include "openpcc/http/endpoint.h"
#include "openpcc/node/engine_profile.h"

namespace openpcc::node {

struct Engine {
  http::Endpoint endpoint;
  std::string key = {};  // what it wants as a bearer token; empty: nothing
  EngineKind kind = EngineKind::openai;
  std::string canary = "/v1/chat/completions";  // the path of the question that it must answer before the node is ready
};

}  // namespace openpcc::node
