#include "openpcc/node/inner_answer.h"

#include <algorithm>

namespace openpcc::node {
namespace {

struct Explanation {
  std::string_view rule;
  uint16_t status;
  std::string_view message;
};

constexpr Explanation kExplanations[] = {
    {"node.filter.scheme", 400, "The request inside the envelope must use the scheme https."},
    {"node.filter.authority", 400, "The request inside the envelope must name the authority node.invalid."},
    {"node.filter.path", 404, "This node does not serve this path."},
    {"node.filter.method", 405, "This method is not allowed here."},
    {"node.filter.content_type", 415, "The body must be application/json, or multipart/form-data where a file is uploaded."},
    {"node.filter.profile", 400, "openpcc-profile must be low-latency, balanced or strict."},
    {"node.filter.no_model", 400, "You must provide a model parameter."},
    {"node.filter.model", 404, "The model does not exist on this node. GET /v1/models lists those that do."},
    {"node.filter.media", 400, "The node fetches nothing and calls no servers: give images, sounds and videos as data: URLs."},
    {"node.filter.state", 400, "The node keeps nothing between requests: send the whole conversation, and wait for its answer."},
    {"node.filter.shared_cache", 501,
     "This node's engine would share cached prefixes between users on this path, so it is not served here. Another path of the API may "
     "be."},
    {"node.filter.form", 400, "The form must have one model, at most one file, and plain names."},
    {"node.json.syntax", 400, "The body is not a JSON object."},
    {"node.json.utf8", 400, "The body is not valid UTF-8, or a string in it holds a control character."},
    {"node.json.escape", 400, "A string in the body holds an invalid escape."},
    {"node.json.depth", 400, "The body is nested too deeply."},
    {"node.json.members", 400, "The body has too many parameters."},
    {"node.json.key", 400, "A parameter's name is not printable ASCII."},
    {"node.json.duplicate", 400, "A parameter stands in the body twice."},
    {"node.engine.unreachable", 503, "The inference engine of this node cannot be reached."},
    {"node.engine.unframed", 502, "The inference engine of this node does not say where its answers end."},
    {"node.engine.encoded", 502, "The inference engine of this node compressed an answer unasked."},
    {"node.answer.too_long", 504, "The inference engine of this node took too long."},
    {"node.engine.failed", 502, "The inference engine of this node did not answer as it should."},
};
// What a form's own rules say in detail helps nobody who did not write it by hand.
constexpr Explanation kForm{"form", 400, "The body is not a well-formed multipart/form-data."};
constexpr Explanation kOther{"", 500, "The node could not answer."};

const Explanation& explain(const Error& error) {
  if (error.rule.id().starts_with("form.")) return kForm;
  const auto found =
      std::find_if(std::begin(kExplanations), std::end(kExplanations), [&](const Explanation& e) { return e.rule == error.rule.id(); });
  return found == std::end(kExplanations) ? kOther : *found;
}

}  // namespace

InnerAnswer error_answer(const Error& error, api::Dialect dialect) {
  const Explanation& why = explain(error);
  const bool unknown_model = why.rule == "node.filter.model";
  api::Failure failure{.status = why.status, .message = why.message};
  failure.code = unknown_model ? "model_not_found" : error.rule.id();  // the former is what OpenAI's clients look for
  failure.type = why.status >= 500 ? "openpcc_error" : "invalid_request_error";
  if (unknown_model) failure.param = "model";
  return {why.status, api::error_body(dialect, failure)};
}

InnerAnswer models_answer(std::span<const Model> models) {
  std::string body = "{\"object\":\"list\",\"data\":[";
  for (const Model& model : models) {
    if (&model != models.data()) body += ",";
    body += "{\"id\":" + api::quote(model.name) + ",\"object\":\"model\",\"created\":0,\"owned_by\":\"openpcc\"}";
  }
  return {200, body + "]}"};
}

}  // namespace openpcc::node
