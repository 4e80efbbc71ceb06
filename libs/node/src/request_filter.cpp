#include "openpcc/node/request_filter.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "openpcc/api/api.h"
#include "openpcc/crypto/hash.h"
#include "openpcc/form/form.h"
#include "openpcc/node/json_members.h"
#include "openpcc/node/routes.h"

namespace openpcc::node {
namespace {

constexpr std::string_view kModelKey = "model";

// What the node says in the body, and no client.
//   cache_salt, cache_prompt   keep requests from sharing cached prefixes (vLLM; llama.cpp)
// What no engine needs to know: it names people, ties requests together, keeps what was said, overtakes others, or reaches into the
// engine's insides (some of these name files, or are unpickled).
constexpr std::string_view kOwned[] = {
    "cache_salt",
    "cache_prompt",
    "extra_key",  // caches
    "user",
    "metadata",
    "client_metadata",
    "safety_identifier",
    "request_id",
    "rid",
    "session_params",  // people and their requests
    "prompt_cache_key",
    "prompt_cache_retention",
    "store",  // keeping
    "priority",
    "id_slot",
    "slot_id",
    "data_parallel_rank",  // scheduling
    "kv_transfer_params",
    "bootstrap_host",
    "bootstrap_port",
    "bootstrap_room",  // transfers between engines
    "logits_processors",
    "custom_logit_processor",
    "lora_path",
    "prompt_embeds",
    "vllm_xargs",  // code, files, tensors
};

// What an engine could only do if it kept state between requests, or went on without anybody to answer to.
constexpr std::string_view kStateful[] = {"previous_response_id", "conversation", "background"};

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

// A media reference is {"image_url": {"url": "..."}} or {"image_url": "..."}, and so for every other kind; Anthropic's is {"source": {"url": "..."}}.
Result<> refuse_remote_media(const JsonString& string) {
  if (is_one_of(kOwned, string.member) || is_one_of(kSchemas, string.member)) return {};
  const bool held = names_media(string.owner) || same_key(string.owner, "source");
  const bool reference = names_media(string.key) || (same_key(string.key, "url") && held);
  if (reference && !string.raw.starts_with("data:")) return fail(Code::rejected, "node.filter.media");
  return {};
}

// refuse_remote looks at strings anywhere: among descriptions of tools, too, a server to be asked is a connection.
Result<> refuse_remote(const JsonString& string) {
  if (same_key(string.key, "server_url") && !is_one_of(kOwned, string.member)) return fail(Code::rejected, "node.filter.media");
  return refuse_remote_media(string);
}

Result<> refuse_state(const std::vector<JsonMember>& members) {
  for (const JsonMember& member : members) {
    const bool nothing = member.value == "null" || member.value == "false";
    if (is_one_of(kStateful, member.key) && !nothing) return fail(Code::rejected, "node.filter.state");
  }
  return {};
}

Result<const Model*> find_model(std::string_view name, std::span<const Model> models) {
  const auto model = std::find_if(models.begin(), models.end(), [&](const Model& m) { return m.name == name; });
  if (model == models.end()) return fail(Code::rejected, "node.filter.model");
  return &*model;
}

Result<const Model*> model_of(const std::vector<JsonMember>& members, std::span<const Model> models) {
  const auto member = std::find_if(members.begin(), members.end(), [](const JsonMember& m) { return same_key(m.key, kModelKey); });
  if (member == members.end() || member->kind != JsonKind::string) return fail(Code::malformed, "node.filter.no_model");
  return find_model(json_unescape(member->value.substr(1, member->value.size() - 2)), models);
}

// front_of is what the node says of its own: the engine's name of the model, and what keeps requests apart.
std::string front_of(const Route& route, const Model& model, const Secret<32>& salt) {
  std::string front = "{\"model\":" + api::quote(model.engine_name);
  if (route.salted) front += ",\"cache_salt\":\"" + to_hex(salt.reveal()) + "\",\"cache_prompt\":false";
  if (api::dialect_of(route.path) == api::Dialect::responses) front += ",\"store\":false";
  return front;
}

// json_body writes the node's members, and then the application's own as they are.
SecretBytes json_body(const std::string& front, const std::vector<JsonMember>& members, size_t content_bytes) {
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

Result<EngineRequest> filter_json(const Route& route, ByteSpan content, const Secret<32>& salt, std::span<const Model> models) {
  OPENPCC_LET(const std::vector<JsonMember> members, scan_members(as_text(content), refuse_remote));
  OPENPCC_LET(const Model* const model, model_of(members, models));
  OPENPCC_TRY(refuse_state(members));
  return EngineRequest{std::string(route.path), "application/json", json_body(front_of(route, *model, salt), members, content.size())};
}

bool is_plain(std::string_view text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' || c == '[' ||
           c == ']';
  };
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), plain);
}

// upload_name keeps of a file's name how it ends, by which engines tell formats apart: the rest is the user's.
std::string upload_name(std::string_view filename) {
  const size_t dot = filename.rfind('.');
  const std::string_view ending = dot == std::string_view::npos ? "" : filename.substr(dot + 1);
  const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); };
  const bool good = !ending.empty() && ending.size() <= 8 && std::all_of(ending.begin(), ending.end(), alphanumeric);
  return good ? "upload." + std::string(ending) : "upload";
}

// boundary_for is one that stands in no content, since whoever wrote it could not know the salt; the hash keeps the salt itself back.
std::string boundary_for(const Secret<32>& salt) {
  const SecretBytes input = SecretBytes::adopt(concat({as_bytes("openpcc node form boundary v1"), salt.reveal()}));
  return "openpcc-" + to_hex(crypto::sha256(input.reveal())).substr(0, 40);
}

// EnginePart is one field of the form that the engine gets.
struct EnginePart {
  form::PartHead head;
  std::string filename;
  ByteSpan content;
};

Result<std::vector<EnginePart>> engine_parts(const std::vector<form::Part>& parts, std::span<const Model> models) {
  std::vector<EnginePart> out;
  bool model_seen = false;
  bool file_seen = false;
  for (const form::Part& part : parts) {
    if (!is_plain(part.name)) return fail(Code::rejected, "node.filter.form");
    if (is_one_of(kOwned, part.name)) continue;
    EnginePart next{{part.name}, {}, part.content};
    if (same_key(part.name, kModelKey)) {
      if (std::exchange(model_seen, true)) return fail(Code::rejected, "node.filter.form");
      OPENPCC_LET(const Model* const model, find_model(as_text(part.content), models));
      next.head.name = kModelKey;
      next.content = as_bytes(model->engine_name);
    } else if (part.filename) {
      if (std::exchange(file_seen, true)) return fail(Code::rejected, "node.filter.form");
      next.filename = upload_name(*part.filename);
      next.head.content_type = "application/octet-stream";
    }
    out.push_back(std::move(next));
  }
  if (!model_seen) return fail(Code::malformed, "node.filter.no_model");
  return out;
}

Result<EngineRequest> filter_form(const Route& route, std::string_view content_type, ByteSpan content, const Secret<32>& salt,
                                  std::span<const Model> models) {
  OPENPCC_LET(const std::vector<form::Part> parts, form::parse(content_type, content));
  OPENPCC_LET(std::vector<EnginePart> kept, engine_parts(parts, models));
  const std::string boundary = boundary_for(salt);
  size_t bytes = form::close_bytes(boundary);
  for (EnginePart& part : kept) {
    if (!part.filename.empty()) part.head.filename = part.filename;
    bytes += form::part_bytes(boundary, part.head, part.content.size());
  }
  Bytes body;
  body.reserve(bytes);
  for (const EnginePart& part : kept) form::append_part(body, boundary, part.head, part.content);
  form::append_close(body, boundary);
  return EngineRequest{std::string(route.path), form::content_type(boundary), SecretBytes::adopt(std::move(body))};
}

Result<const Route*> route_of(const bhttp::RequestHead& head) {
  if (head.scheme != "https") return fail(Code::rejected, "node.filter.scheme");
  if (head.authority != kInnerAuthority) return fail(Code::rejected, "node.filter.authority");
  const Route* const route = find_route(head.path);
  if (route == nullptr) return fail(Code::rejected, "node.filter.path");
  if (route->method != head.method) return fail(Code::rejected, "node.filter.method");
  return route;
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
  OPENPCC_LET(const Route* const route, route_of(head));
  if (route->body == BodyKind::none) return ListModels{};
  const auto type = only(head.fields, "content-type");
  const bool form = route->body == BodyKind::form;
  if (!type || (!form && !is_json(*type)) || (form && is_json(*type))) return fail(Code::rejected, "node.filter.content_type");
  OPENPCC_LET(EngineRequest request, form ? filter_form(*route, *type, content, salt, models) : filter_json(*route, content, salt, models));
  return request;
}

}  // namespace openpcc::node
