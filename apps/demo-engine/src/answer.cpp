#include "answer.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <set>

#include "tokens.h"

namespace openpcc::demo_engine {
namespace {

// Fields that carry a client's address, and fields that carry who or what the client is.
constexpr std::array<std::string_view, 9> kAddressFields{"forwarded",   "x-forwarded-for",  "x-forwarded-host", "x-real-ip",
                                                         "x-client-ip", "cf-connecting-ip", "true-client-ip",   "x-original-forwarded-for",
                                                         "via"};
constexpr std::array<std::string_view, 9> kIdentityFields{"authorization", "proxy-authorization", "cookie",
                                                          "x-api-key",     "openai-organization", "openai-project",
                                                          "x-request-id",  "x-client-request-id", "user-agent"};
constexpr size_t kQuestionWords = 8;
constexpr size_t kQuestionBytes = 80;
constexpr size_t kNamesShown = 40;

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (size_t i = 0; i < std::min(words.size(), kNamesShown); ++i) out += (i == 0 ? "" : ", ") + words[i];
  if (words.size() > kNamesShown) out += " and " + std::to_string(words.size() - kNamesShown) + " more";
  return out.empty() ? "none" : out;
}

std::vector<std::string> names_of(const http::Fields& fields) {
  std::set<std::string> names;
  for (const http::Field& field : fields.lines()) names.insert(field.name);
  return {names.begin(), names.end()};
}

template <size_t N>
std::vector<std::string> present(const http::Fields& fields, const std::array<std::string_view, N>& names) {
  std::vector<std::string> out;
  for (const std::string_view name : names) {
    if (fields.count(name) > 0) out.emplace_back(name);
  }
  return out;
}

std::string who_asked(const http::Fields& fields) {
  const auto addresses = present(fields, kAddressFields);
  const auto identities = present(fields, kIdentityFields);
  std::string out = addresses.empty() ? "No field with a client's address reached me."
                                      : "A client's address may have reached me in: " + joined(addresses) + ".";
  out += identities.empty() ? " No Authorization, no cookie and no other field that names a client did either."
                            : " Fields that can tell who asks: " + joined(identities) + ".";
  return out;
}

std::string opening(const std::string& question) {
  const auto words = tokenize(question);
  std::string out;
  for (size_t i = 0; i < words.size() && i < kQuestionWords && out.size() + words[i].size() <= kQuestionBytes; ++i) out += words[i];
  const size_t start = std::min(out.find_first_not_of(" \t\r\n"), out.size());
  out.erase(0, start);
  return out.size() + start < question.size() ? out + " ..." : out;
}

std::string cache_sentence(const Prompt& prompt) {
  if (!prompt.cache_salt_characters) {
    return "No cache salt was set: an engine with a prefix cache could show one user, by its speed, what another one asked.";
  }
  return "A cache salt of " + std::to_string(*prompt.cache_salt_characters) +
         " characters was set, so that no other request shares this one's cached prefixes.";
}

// fill lengthens a token list with numbered words, so that any length is reproducible.
void fill(std::vector<std::string>& tokens, size_t wanted) {
  while (tokens.size() < wanted) tokens.push_back(" word" + std::to_string(tokens.size() + 1));
}

// stop_at cuts the tokens before the first stop in their text.
void stop_at(Completion& completion, const std::vector<std::string>& stops) {
  std::string text;
  for (const std::string& token : completion.tokens) text += token;
  size_t cut = std::string::npos;
  for (const std::string& stop : stops) {
    const size_t found = text.find(stop);
    if (found >= cut) continue;
    cut = found;
    completion.stop_reason = stop;
  }
  if (cut == std::string::npos) return;
  completion.finish_reason = "stop";
  completion.tokens = tokenize(std::string_view(text).substr(0, cut));
}

std::string attachments_sentence(const std::vector<Attachment>& attachments) {
  if (attachments.empty()) return {};
  std::vector<std::string> all;
  for (const Attachment& one : attachments) {
    const std::string type = one.media_type.empty() ? "no media type" : one.media_type;
    all.push_back(std::to_string(one.bytes) + " bytes of " + type + ", SHA-256 " + one.sha256);
  }
  return std::to_string(all.size()) + (all.size() == 1 ? " medium" : " media") + " came with it: " + joined(all) + ".\n";
}

// as_json puts the report into an object, where a request wants any JSON.
std::string as_json(std::string_view text) {
  return boost::json::serialize(boost::json::object{{"report", boost::json::string_view(text.data(), text.size())}});
}

Completion call_tool(const ToolCall& call, size_t most) {
  Completion out{.tokens = pieces(call.arguments), .finish_reason = "tool_calls", .stop_reason = std::nullopt};
  if (out.tokens.size() > most) {
    out.tokens.resize(most);
    out.finish_reason = "length";
  }
  return out;
}

}  // namespace

std::string report(const Prompt& prompt, const http::Fields& fields, const Served& served) {
  const std::string question = prompt.question ? "Your question begins: \"" + opening(*prompt.question) + "\"\n" : std::string();
  const std::string characters = prompt.characters == 0 ? std::string() : " with " + std::to_string(prompt.characters) + " characters";
  return "I am the demo engine of OpenPCC, not a language model, and I report what reached me.\n\n" + question + "Model: " + served.name +
         ". " + prompt.inputs + characters + ".\n" + attachments_sentence(prompt.attachments) +
         "Fields of the body: " + joined(prompt.body_fields) + ".\n" + cache_sentence(prompt) + "\n" +
         "Names of the header fields: " + joined(names_of(fields)) + ".\n" + who_asked(fields) +
         "\n\n"
         "If you read this through openpcc, your question was encrypted on your machine and opened only beside me.";
}

Completion complete(const Prompt& prompt, std::string_view text, const Served& served) {
  const size_t room = served.max_model_len - prompt.tokens;
  const size_t most = prompt.max_tokens.value_or(static_cast<uint32_t>(room));
  if (prompt.call) return call_tool(*prompt.call, most);
  Completion out{.tokens = tokenize(text), .finish_reason = "stop", .stop_reason = std::nullopt};
  if (prompt.report_as_json) out.tokens = tokenize(as_json(text));
  if (prompt.document) out.tokens = pieces(*prompt.document);
  if (prompt.ignore_eos) fill(out.tokens, most);
  fill(out.tokens, std::min<size_t>(prompt.min_tokens, room));
  if (out.tokens.size() > most || prompt.ignore_eos) {
    out.tokens.resize(most);
    out.finish_reason = "length";
  }
  stop_at(out, prompt.stops);
  return out;
}

std::string text_of(const Completion& completion) {
  std::string out;
  for (const std::string& token : completion.tokens) out += token;
  return out;
}

Generation generate(Prompt prompt, const Context& context, std::string_view id_prefix) {
  Completion completion = complete(prompt, report(prompt, context.fields, context.served), context.served);
  return {.id = std::string(id_prefix) + std::to_string(context.number),
          .created = context.now,
          .model = context.served.name,
          .prompt = std::move(prompt),
          .completions = {std::move(completion)}};
}

size_t Generation::completion_tokens() const {
  size_t out = 0;
  for (const Completion& completion : completions) out += completion.tokens.size() * prompt.choices;
  return out;
}

std::vector<uint32_t> Generation::steps() const {
  std::vector<uint32_t> out;
  for (const Completion& completion : completions) {
    if (completion.tokens.size() > out.size()) out.resize(completion.tokens.size());
    for (size_t i = 0; i < completion.tokens.size(); ++i) out[i] += prompt.choices;
  }
  return out;
}

}  // namespace openpcc::demo_engine
