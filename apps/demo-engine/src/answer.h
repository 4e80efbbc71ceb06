// The answer: a report on what of the request arrived, the same for the same request.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "chat.h"
#include "openpcc/http/message.h"

namespace openpcc::demo_engine {

// report says in plain English which fields of body and head arrived, whether anything in them could tell who asks, and how the question
// begins. Values of header fields are never repeated.
std::string report(const ChatRequest& request, const http::Fields& fields, const Served& served);

// Completion is one choice of an answer.
struct Completion {
  std::vector<std::string> tokens;
  std::string_view finish_reason;          // "stop" or "length"
  std::optional<std::string> stop_reason;  // the stop that was met
};

// complete cuts or fills the report to what the request asks for.
Completion complete(const ChatRequest& request, std::string_view text, const Served& served);

}  // namespace openpcc::demo_engine
