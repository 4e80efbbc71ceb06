// Whatever the inner request says, what reaches the engine is one JSON object with the node's salt and model in it, once.
#include "openpcc/node/request_filter.h"

#include <algorithm>

#include "openpcc/form/form.h"
#include "openpcc/node/inner_answer.h"
#include "openpcc/node/json_members.h"
#include "openpcc/node/routes.h"

namespace {

using namespace openpcc;

void check_body(std::string_view body, const Secret<32>& salt, bool salted) {
  const auto members =
      node::scan_members(body, [](const node::JsonString&) -> Result<> { return {}; }, {.depth_max = 64, .members_max = 260});
  OPENPCC_CHECK(members.has_value());
  const auto& first = members->front();
  OPENPCC_CHECK(first.key == "model" && first.value == "\"engine\"");
  if (!salted) return;
  const auto& second = members->at(1);
  OPENPCC_CHECK(second.key == "cache_salt" && second.value == "\"" + to_hex(salt.reveal()) + "\"");
}

// A form has the engine's model in it, once, and no name or file name that the user chose.
void check_form(std::string_view type, ByteSpan body) {
  const auto parts = form::parse(type, body);
  OPENPCC_CHECK(parts.has_value());
  OPENPCC_CHECK(std::count_if(parts->begin(), parts->end(), [](const form::Part& part) { return part.name == "model"; }) == 1);
  for (const form::Part& part : *parts) {
    if (part.name == "model") OPENPCC_CHECK(as_text(part.content) == "engine");
    if (part.filename) OPENPCC_CHECK(part.filename->starts_with("upload"));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteSpan input(data, size);
  Secret<32> salt;
  salt.reveal_mutable()[31] = 7;
  const std::vector<node::Model> models{{"m", "engine"}};
  // The input is an inner request, or the body of one.
  const auto decoded = bhttp::decode_request(input);
  bhttp::Request request;
  if (decoded) {
    request = *decoded;
  } else {
    request.head = {"POST", "https", std::string(node::kInnerAuthority), "/v1/completions", {{"content-type", "application/json"}}};
    request.content.assign(input.begin(), input.end());
  }
  const auto late = node::check_not_after(request.head.fields, 1'000'000);
  const auto profile = node::profile_of(request.head.fields);
  static_cast<void>(late);
  static_cast<void>(profile);
  const auto filtered = node::filter_request(request.head, request.content, salt, models);
  if (!filtered) {
    OPENPCC_CHECK(node::error_answer(filtered.error()).status < 500);
  } else if (const auto* engine = std::get_if<node::EngineRequest>(&*filtered)) {
    const node::Route* route = node::find_route(engine->path);
    OPENPCC_CHECK(route != nullptr);
    if (route->body == node::BodyKind::form) {
      check_form(engine->content_type, engine->body.reveal());
    } else {
      check_body(as_text(engine->body.reveal()), salt, route->salted);
    }
  }
  return 0;
}
