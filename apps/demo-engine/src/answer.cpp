#include "answer.h"

#include <algorithm>
#include <array>
#include <set>

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

std::string cache_sentence(const ChatRequest& request) {
  if (!request.cache_salt_characters) {
    return "No cache salt was set: an engine with a prefix cache could show one user, by its speed, what another one asked.";
  }
  return "A cache salt of " + std::to_string(*request.cache_salt_characters) +
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

}  // namespace

std::string report(const ChatRequest& request, const http::Fields& fields, const Served& served) {
  const bool one = request.roles.size() == 1;
  return "I am the demo engine of OpenPCC, not a language model, and I report what reached me.\n\n"
         "Your question begins: \"" +
         opening(request.question) +
         "\"\n"
         "Model: " +
         served.name + ". " + std::to_string(request.roles.size()) + (one ? " message (" : " messages (") + joined(request.roles) +
         ") with " + std::to_string(request.prompt_characters) +
         " characters.\n"
         "Fields of the body: " +
         joined(request.body_fields) + ".\n" + cache_sentence(request) +
         "\n"
         "Names of the header fields: " +
         joined(names_of(fields)) + ".\n" + who_asked(fields) +
         "\n\n"
         "If you read this through openpcc, your question was encrypted on your machine and opened only beside me.";
}

Completion complete(const ChatRequest& request, std::string_view text, const Served& served) {
  Completion out{.tokens = tokenize(text), .finish_reason = "stop", .stop_reason = std::nullopt};
  const size_t room = served.max_model_len - request.prompt_tokens;
  const size_t most = request.max_tokens.value_or(static_cast<uint32_t>(room));
  if (request.ignore_eos) fill(out.tokens, most);
  fill(out.tokens, std::min<size_t>(request.min_tokens, room));
  if (out.tokens.size() > most || request.ignore_eos) {
    out.tokens.resize(most);
    out.finish_reason = "length";
  }
  stop_at(out, request.stops);
  return out;
}

}  // namespace openpcc::demo_engine
