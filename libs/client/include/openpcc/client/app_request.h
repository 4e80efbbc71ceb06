// What an application may ask of the local proxy, judged before anything is sealed. Pure functions.
#pragma once

#include <optional>
#include <string>

#include "openpcc/api/api.h"
#include "openpcc/bhttp/bhttp.h"
#include "openpcc/envelope/envelope.h"
#include "openpcc/http/message.h"

namespace openpcc::client {

inline constexpr size_t kJsonDepthMax = 64;  // of an application's body

// Door is what the proxy demands of whoever connects.
struct Door {
  uint16_t port = 0;                   // where we listen
  std::optional<std::string> api_key;  // demanded when set: "Authorization: Bearer <key>" or "x-api-key: <key>"
  std::vector<std::string> hosts;      // names that may stand in Host, besides the loopback ones
};

// check_door refuses what a web page could make a browser send: a page must not spend the user's tokens.
//   client.proxy.host     Host is not a loopback name (DNS rebinding)
//   client.proxy.origin   any Origin but our own
//   client.proxy.key      no key, or a wrong one
Result<> check_door(const http::RequestHead& request, const Door& door);

// model_of finds the model's name in a body: JSON, or a form where `content_type` says multipart/form-data.
//   client.proxy.json    not a JSON object        client.proxy.model   no model named
//   form.*               not a form
Result<std::string> model_of(std::string_view content_type, ByteSpan body);

// without_model turns an error of model_of into one about the path where no request to a model goes there: it is not the body that is wrong.
//   client.proxy.path   no node serves the path
Error without_model(std::string_view path, Error error);

// inner_request keeps what a node needs of the application's request: method, path and content type. All else stays here: an Accept or a
// query, too, tells one client library from another, and no engine chooses by it.
bhttp::RequestHead inner_request(const http::RequestHead& request);

// profile_of reads the application's wish from the field openpcc-profile; none: `standard`.
//   client.proxy.profile   no such profile
Result<envelope::Profile> profile_of(const http::RequestHead& request, envelope::Profile standard);

// explain turns a refusal into a sentence for the application's user, with the remedy.
std::string explain(const Error& error);

// Refusal is what the application is told of an error; its code is the rule id.
struct Refusal {
  uint16_t status;
  std::string message;
  std::string_view rule;
  api::Failure failure() const { return {.status = status, .message = message, .code = rule, .type = "openpcc_error"}; }
};
Refusal refusal_of(const Error& error);

}  // namespace openpcc::client
