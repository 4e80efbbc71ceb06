// How the APIs that applications speak name what went wrong. The proxy and the node answer in the dialect of the path that was asked.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace openpcc::api {

enum class Dialect : uint8_t {
  openai,     // chat completions, completions, embeddings, audio, images, and what engines add beside them
  responses,  // OpenAI's /v1/responses: errors as above, but events of a type
  anthropic,  // /v1/messages
};

// path_of cuts a query off a request's target.
std::string_view path_of(std::string_view target);
Dialect dialect_of(std::string_view path);

// model_paths are the paths of all requests to a model. A node serves no others, but may know more of them than an older proxy does.
std::span<const std::string_view> model_paths();

// Failure is what an error says. Texts are UTF-8; none of them holds content of a request.
struct Failure {
  uint16_t status = 502;
  std::string_view message = {};
  std::string_view code = {};   // a rule id, or what clients of OpenAI look for
  std::string_view type = {};   // OpenAI's word; Anthropic's follows from the status
  std::string_view param = {};  // the parameter at fault; empty: none
};

// error_body is the whole body of an error answer, JSON.
std::string error_body(Dialect dialect, const Failure& failure);
// error_event is a server-sent event, for a stream that has begun.
std::string error_event(Dialect dialect, const Failure& failure);

// quote writes UTF-8 text as a JSON string with its quotes.
std::string quote(std::string_view text);

}  // namespace openpcc::api
