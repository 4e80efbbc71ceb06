#include "openpcc/node/request_filter.h"

#include <algorithm>
#include <charconv>

#include "openpcc/node/json_members.h"

namespace openpcc::node {
namespace {

struct Route {
  std::string_view method;
  std::string_view path;
};
constexpr Route kListModels{"GET", "/v1/models"};
constexpr Route kRoutes[] = {kListModels, {"POST", "/v1/chat/completions"}, {"POST", "/v1/completions"}, {"POST", "/v1/embeddings"}};

constexpr std::string_view kModelKey = "model";

// What the node says in the body, and no client.
//   cache_salt, cache_prompt   keep requests from sharing cached prefixes (vLLM; llama.cpp)
// What no engine needs to know: it names people, ties requests together, keeps what was said, overtakes others, or reaches into the
// engine's insides.
constexpr std::string_view kOwned[] = {
    "cache_salt",       "cache_prompt",           "store",    "user",    "metadata",           "safety_identifier", "request_id",
    "prompt_cache_key", "prompt_cache_retention", "priority", "id_slot", "kv_transfer_params", "logits_processors",
};

// Descriptions of data for the model to make: an engine reads no URL in them.
constexpr std::string_view kSchemas[] = {"tools", "functions", "response_format"};

bool is_one_of(std::span<const std::string_view> names, std::string_view key) {
  return std::any_of(names.begin(), names.end(), [&](std::string_view name) { return same_key(name, key); });
}

// only returns the value of a field that stands exactly once.
std::optional<std::string_view> only(const bhttp::Fields& fields, std::string_view name) {
  const auto named = [&](const bhttp::Field& field) { return field.name == name; };
  const auto first = std::find_if(fields.begin(), fields.end(), named);
  if (first == fields.end() || std::any_of(first + 1, fields.end(), named)) return std::nullopt;
  return first->value;
}

bool is_json(std::string_view content_type) {
  const std::string_view type = content_type.substr(0, content_type.find(';'));
  const std::string_view trimmed = type.substr(0, type.find_last_not_of(" \t") + 1);
  return same_key(trimmed, "application/json");
}

bool names_media(std::string_view key) {
  constexpr std::string_view kSuffix = "_url";
  return key.size() > kSuffix.size() && same_key(key.substr(key.size() - kSuffix.size()), kSuffix);
}

// A media reference is {"image_url": {"url": "..."}} or {"image_url": "..."}, and so for every other kind.
Result<> refuse_remote_media(const JsonString& string) {
  if (is_one_of(kOwned, string.member) || is_one_of(kSchemas, string.member)) return {};
  const bool reference = names_media(string.key) || (same_key(string.key, "url") && names_media(string.owner));
  if (reference && !string.raw.starts_with("data:")) return fail(Code::rejected, "node.filter.media");
  return {};
}

Result<const Model*> find_model(const std::vector<JsonMember>& members, std::span<const Model> models) {
  const auto member = std::find_if(members.begin(), members.end(), [](const JsonMember& m) { return same_key(m.key, kModelKey); });
  if (member == members.end() || member->kind != JsonKind::string) return fail(Code::malformed, "node.filter.no_model");
  const std::string name = json_unescape(member->value.substr(1, member->value.size() - 2));
  const auto model = std::find_if(models.begin(), models.end(), [&](const Model& m) { return m.name == name; });
  if (model == models.end()) return fail(Code::rejected, "node.filter.model");
  return &*model;
}

// engine_body writes the node's members, and then the application's own as they are.
SecretBytes engine_body(const std::vector<JsonMember>& members, size_t content_bytes, const Model& model, const Secret<32>& salt) {
  std::string front =
      "{\"model\":" + json_quote(model.engine_name) + ",\"cache_salt\":\"" + to_hex(salt.reveal()) + "\",\"cache_prompt\":false";
  Bytes body;
  // Reserved once: a buffer that grew would leave copies of the prompt in freed memory.
  body.reserve(front.size() + content_bytes + members.size() + 1);
  const auto append = [&](std::string_view text) { body.insert(body.end(), text.begin(), text.end()); };
  append(front);
  for (const JsonMember& member : members) {
    if (same_key(member.key, kModelKey) || is_one_of(kOwned, member.key)) continue;
    append(",");
    append(member.text);
  }
  append("}");
  return SecretBytes::adopt(std::move(body));
}

Result<Route> route_of(const bhttp::RequestHead& head) {
  if (head.scheme != "https") return fail(Code::rejected, "node.filter.scheme");
  if (head.authority != kInnerAuthority) return fail(Code::rejected, "node.filter.authority");
  const auto route = std::find_if(std::begin(kRoutes), std::end(kRoutes), [&](const Route& r) { return r.path == head.path; });
  if (route == std::end(kRoutes)) return fail(Code::rejected, "node.filter.path");
  if (route->method != head.method) return fail(Code::rejected, "node.filter.method");
  return *route;
}

}  // namespace

Result<> check_not_after(const bhttp::Fields& fields, UnixSeconds now) {
  if (!bhttp::find(fields, envelope::kNotAfterField)) return fail(Code::malformed, "node.not_after.missing");
  const auto text = only(fields, envelope::kNotAfterField);
  if (!text || text->empty() || text->front() == '-') return fail(Code::malformed, "node.not_after.form");
  UnixSeconds not_after = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), not_after);
  if (error != std::errc() || end != text->data() + text->size()) return fail(Code::malformed, "node.not_after.form");
  if (not_after < now) return fail(Code::rejected, "node.not_after.passed");
  if (not_after - now > envelope::kNotAfterAheadMax_s) return fail(Code::rejected, "node.not_after.ahead");
  return {};
}

Result<envelope::Profile> profile_of(const bhttp::Fields& fields) {
  if (!bhttp::find(fields, envelope::kProfileField)) return envelope::Profile::balanced;
  const auto name = only(fields, envelope::kProfileField);
  const auto profile = name ? envelope::parse_profile(*name) : std::nullopt;
  if (!profile) return fail(Code::rejected, "node.filter.profile");
  return *profile;
}

Result<Filtered> filter_request(const bhttp::RequestHead& head, ByteSpan content, const Secret<32>& salt, std::span<const Model> models) {
  OPENPCC_LET(const Route route, route_of(head));
  if (route.path == kListModels.path) return ListModels{};
  const auto type = only(head.fields, "content-type");
  if (!type || !is_json(*type)) return fail(Code::rejected, "node.filter.content_type");
  OPENPCC_LET(const std::vector<JsonMember> members, scan_members(as_text(content), refuse_remote_media));
  OPENPCC_LET(const Model* const model, find_model(members, models));
  EngineRequest request;
  request.path = route.path;
  request.body = engine_body(members, content.size(), *model, salt);
  return request;
}

}  // namespace openpcc::node
