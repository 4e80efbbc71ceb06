#include "openpcc/client/app_request.h"

#include <algorithm>
#include <boost/json.hpp>

#include "openpcc/form/form.h"

namespace openpcc::client {
namespace {

namespace json = boost::json;

bool is_loopback_name(std::string_view host) { return host == "localhost" || host == "127.0.0.1" || host == "[::1]"; }

// split_authority cuts "host:port"; no port means 80.
std::pair<std::string_view, std::string_view> split_authority(std::string_view authority) {
  const size_t colon = authority.rfind(':');
  if (colon == std::string_view::npos || authority.ends_with(']')) return {authority, "80"};
  return {authority.substr(0, colon), authority.substr(colon + 1)};
}

bool is_ours(std::string_view authority, const Door& door) {
  const auto [host, port] = split_authority(authority);
  if (port != std::to_string(door.port)) return false;
  return is_loopback_name(host) || std::find(door.hosts.begin(), door.hosts.end(), host) != door.hosts.end();
}

// holds_key looks where OpenAI's clients put their key, and where Anthropic's do.
bool holds_key(const http::RequestHead& request, const std::string& key) {
  const auto is = [&request](std::string_view name, const std::string& wanted) {
    const auto given = request.fields.find(name);
    return given && equals_ct(as_bytes(*given), as_bytes(wanted));
  };
  return is("authorization", "Bearer " + key) || is("x-api-key", key);
}

json::parse_options strict() {
  json::parse_options options;
  options.max_depth = kJsonDepthMax;
  return options;
}

// is_type says whether a content type is `wanted` (lower case), whatever its parameters.
bool is_type(std::string_view type, std::string_view wanted) {
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; };
  const std::string_view essence = type.substr(0, type.find_first_of("; \t"));
  return std::equal(essence.begin(), essence.end(), wanted.begin(), wanted.end(), same);
}
bool is_form(std::string_view type) { return is_type(type, "multipart/form-data"); }

Result<std::string> model_of_json(ByteSpan body) {
  boost::system::error_code failed;
  const json::value parsed = json::parse(as_text(body), failed, {}, strict());
  if (failed || !parsed.is_object()) return fail(Code::malformed, "client.proxy.json");
  const json::value* model = parsed.as_object().if_contains("model");
  if (model == nullptr || !model->is_string()) return fail(Code::malformed, "client.proxy.model");
  return std::string(model->as_string());
}

Result<std::string> model_of_form(std::string_view content_type, ByteSpan body) {
  OPENPCC_LET(const std::vector<form::Part> parts, form::parse(content_type, body));
  const auto model = std::find_if(parts.begin(), parts.end(), [](const form::Part& part) { return part.name == "model"; });
  if (model == parts.end()) return fail(Code::malformed, "client.proxy.model");
  return std::string(as_text(model->content));
}

uint16_t status_of(const Error& error) {
  if (error.rule == Rule("client.proxy.key")) return 401;
  if (error.rule == Rule("client.proxy.host") || error.rule == Rule("client.proxy.origin")) return 403;
  if (error.rule == Rule("client.unknown_model") || error.rule == Rule("client.proxy.path")) return 404;
  if (error.rule == Rule("http.server.too_large") || error.rule == Rule("envelope.seal.too_large")) return 413;
  if (error.rule.id().starts_with("client.proxy.") || error.rule.id().starts_with("form.")) return 400;
  if (error.rule == Rule("client.no_bundle") || error.rule == Rule("directory.draw.too_few")) return 503;
  return 502;
}

}  // namespace

Result<> check_door(const http::RequestHead& request, const Door& door) {
  if (!is_ours(request.authority, door)) return fail(Code::rejected, "client.proxy.host");
  if (const auto origin = request.fields.find("origin")) {
    const bool ours = origin->starts_with("http://") && is_ours(origin->substr(7), door);
    if (!ours || request.fields.count("origin") != 1) return fail(Code::rejected, "client.proxy.origin");
  }
  if (door.api_key && !holds_key(request, *door.api_key)) return fail(Code::rejected, "client.proxy.key");
  return {};
}

Result<std::string> model_of(std::string_view content_type, ByteSpan body) {
  return is_form(content_type) ? model_of_form(content_type, body) : model_of_json(body);
}

Error without_model(std::string_view path, Error error) {
  const auto paths = api::model_paths();
  if (std::ranges::find(paths, path) != paths.end()) return error;
  return fail(Code::rejected, "client.proxy.path").error();
}

bhttp::RequestHead inner_request(const http::RequestHead& request) {
  bhttp::RequestHead head;
  head.method = request.method;
  head.path = api::path_of(request.target);
  if (const auto type = request.fields.find("content-type")) {
    // JSON's type is spelled in one way: its parameters and letter case tell one client library from another.
    head.fields.push_back({"content-type", std::string(is_type(*type, "application/json") ? "application/json" : *type)});
  }
  return head;
}

Result<envelope::Profile> profile_of(const http::RequestHead& request, envelope::Profile standard) {
  const auto name = request.fields.find(envelope::kProfileField);
  if (!name) return standard;
  const auto profile = envelope::parse_profile(*name);
  if (!profile) return fail(Code::rejected, "client.proxy.profile", "use low-latency, balanced or strict");
  return *profile;
}

std::string explain(const Error& error) {
  struct Text {
    std::string_view rule;
    std::string_view text;
  };
  static constexpr Text kTexts[] = {
      {"client.proxy.host", "This address may be used as localhost or 127.0.0.1 only; a web page must not reach it under another name."},
      {"client.proxy.origin", "Requests from web pages are refused: a page must not spend your tokens."},
      {"client.proxy.key",
       "Missing or wrong API key for the local proxy; send the key of its api_key_file as a bearer token or as x-api-key."},
      {"client.proxy.json", "The request body is not a JSON object."},
      {"client.proxy.model", "The request names no model; GET /v1/models lists those that verified nodes serve."},
      {"client.proxy.path", "No node serves this path."},
      {"client.proxy.method", "Only POST requests travel the private path."},
      {"client.proxy.profile", "Unknown openpcc-profile; use low-latency, balanced or strict."},
      {"client.proxy.cache", "Unknown openpcc-cache; use none, conversation or day."},
      {"client.unknown_model", "No verified node serves this model; GET /v1/models lists those that are served."},
      {"client.no_bundle", "No valid directory of nodes is at hand, so nothing was sent."},
      {"directory.draw.too_few", "Too few verified nodes serve this model right now, so nothing was sent. Try again later."},
      {"client.relay.connect", "The relay cannot be reached. Check the relays in the configuration, or try again."},
      {"client.relay.status", "The relay did not pass the request on."},
      {"client.gateway.busy", "The service is busy or its nodes are changing keys. Try again later."},
      {"client.gateway.refused", "The gateway refused the request."},
      {"client.answer.truncated", "The answer was cut off before its end. What arrived so far is incomplete."},
      {"http.server.too_large", "The request is larger than 32 MiB."},
  };
  if (error.rule.id().starts_with("form.")) return "The body is not a well-formed multipart/form-data (" + error.detail + ").";
  const auto* found = std::find_if(std::begin(kTexts), std::end(kTexts), [&](const Text& t) { return t.rule == error.rule.id(); });
  std::string text(found != std::end(kTexts) ? found->text : "The answer failed its checks, so it is not shown.");
  if (!error.detail.empty()) text += " (" + error.detail + ")";
  return text;
}

Refusal refusal_of(const Error& error) { return {status_of(error), explain(error), error.rule.id()}; }

}  // namespace openpcc::client
