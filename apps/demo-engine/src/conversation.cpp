// Messages and their parts.
#include <algorithm>
#include <array>

#include "openpcc/crypto/hash.h"
#include "prompt_reader.h"
#include "tokens.h"

namespace openpcc::demo_engine {
namespace {

constexpr std::string_view kDataScheme = "data:";
constexpr std::string_view kBase64Mark = ";base64,";

Parsed<void> add_base64(std::string_view media_type, std::string_view base64, std::string_view param, Prompt& out) {
  const auto content = from_base64(base64);
  if (!content) return bad("a medium is not base64", std::string(param));
  out.attachments.push_back(attachment(media_type, *content));
  return {};
}

Parsed<void> add_data_url(std::string_view url, std::string_view param, Prompt& out) {
  const size_t mark = url.find(kBase64Mark);
  if (!url.starts_with(kDataScheme) || mark == std::string_view::npos) {
    return bad("this engine fetches nothing: media must be data URLs with base64", std::string(param));
  }
  const std::string_view type = url.substr(kDataScheme.size(), mark - kDataScheme.size());
  return add_base64(type, url.substr(mark + kBase64Mark.size()), param, out);
}

// add_reference reads {"image_url": "data:…"} or {"image_url": {"url": "data:…"}}.
Parsed<void> add_reference(const json::value* reference, std::string_view param, Prompt& out) {
  const auto* object = reference == nullptr ? nullptr : reference->if_object();
  const auto* url = object == nullptr ? reference : member(*object, "url");
  if (url == nullptr || !url->is_string()) return bad("a medium needs a data URL", std::string(param));
  return add_data_url(view(url->get_string()), param, out);
}

// add_source reads Anthropic's {"type":"base64","media_type":…,"data":…}.
Parsed<void> add_source(const json::object& part, std::string_view param, Prompt& out) {
  OPENPCC_LET(const json::object* const source, object_of(part, "source"));
  if (source == nullptr || !is_text(*source, "type", "base64")) {
    return bad("this engine fetches nothing: a source must be of type \"base64\"", std::string(param));
  }
  OPENPCC_LET(const std::string media_type, required_text(*source, "media_type"));
  OPENPCC_LET(const std::string data, required_text(*source, "data"));
  return add_base64(media_type, data, param, out);
}

Parsed<void> add_audio(const json::object& part, std::string_view param, Prompt& out) {
  OPENPCC_LET(const json::object* const audio, object_of(part, "input_audio"));
  if (audio == nullptr) return bad("input_audio is required", std::string(param));
  OPENPCC_LET(const std::string format, required_text(*audio, "format"));
  OPENPCC_LET(const std::string data, required_text(*audio, "data"));
  return add_base64("audio/" + format, data, param, out);
}

Parsed<std::string> text_of(const json::value* content, std::string_view param, Prompt& out);

// text_of_part returns a part's text; media are noted in `out`.
Parsed<std::string> text_of_part(const json::object& part, std::string_view param, Prompt& out) {
  OPENPCC_LET(const std::string type, required_text(part, "type"));
  if (type == "text" || type == "input_text" || type == "output_text") return required_text(part, "text");
  if (type == "tool_result") return text_of(member(part, "content"), param, out);
  if (type == "tool_use") return json::serialize(part);
  if (type == "thinking" || type == "redacted_thinking") return std::string();
  Parsed<void> added;
  if (type == "image_url" || type == "input_image") {
    added = add_reference(member(part, "image_url"), param, out);
  } else if (type == "image" || type == "document") {
    added = add_source(part, param, out);
  } else if (type == "input_audio") {
    added = add_audio(part, param, out);
  } else if (type == "input_file") {
    added = add_reference(member(part, "file_data"), param, out);
  } else {
    return bad("this engine knows no parts of that type", std::string(param));
  }
  if (!added) return std::unexpected(added.error());
  return std::string();
}

Parsed<std::string> text_of(const json::value* content, std::string_view param, Prompt& out) {
  if (content == nullptr) return std::string();
  if (const auto* text = content->if_string()) return std::string(*text);
  const auto* parts = content->if_array();
  if (parts == nullptr) return bad("a message's content must be text or a list of parts", std::string(param));
  std::string joined;
  for (const json::value& part : *parts) {
    if (!part.is_object()) return bad("a part must be an object", std::string(param));
    OPENPCC_LET(const std::string text, text_of_part(part.get_object(), param, out));
    joined += text;
  }
  return joined;
}

std::string joined(const std::vector<std::string>& words) {
  constexpr size_t kShown = 40;
  std::string out;
  for (size_t i = 0; i < std::min(words.size(), kShown); ++i) out += (i == 0 ? "" : ", ") + words[i];
  if (words.size() > kShown) out += " and " + std::to_string(words.size() - kShown) + " more";
  return out;
}

}  // namespace

Attachment attachment(std::string_view media_type, ByteSpan content) {
  constexpr size_t kShown = 80;  // a media type is the sender's own text
  std::string type(media_type.substr(0, kShown));
  std::erase_if(type, [](char c) { return c <= ' ' || c > '~'; });
  return {.media_type = std::move(type), .bytes = content.size(), .sha256 = to_hex(crypto::sha256(content))};
}

Parsed<void> add_message(std::string_view role, const json::value* content, std::string_view param, Prompt& out) {
  OPENPCC_LET(std::string text, text_of(content, param, out));
  out.roles.emplace_back(role);
  out.characters += code_points(text);
  out.ids.push_back(role_id(role));
  for (const uint64_t id : token_ids(text)) out.ids.push_back(id);
  out.tokens = out.ids.size();
  if (role == "user") out.question = std::move(text);
  return {};
}

Parsed<void> finish_messages(std::string_view param, Prompt& out) {
  if (out.roles.empty()) return bad(std::string(param) + " must be a list with at least one message", std::string(param));
  out.inputs = std::to_string(out.roles.size()) + (out.roles.size() == 1 ? " message (" : " messages (") + joined(out.roles) + ")";
  return {};
}

}  // namespace openpcc::demo_engine
