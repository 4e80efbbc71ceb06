// POST /score and /rerank: how many words two texts share.
#include <algorithm>
#include <cctype>
#include <set>

#include "apis.h"
#include "read.h"
#include "tokens.h"

namespace openpcc::demo_engine {
namespace {

constexpr size_t kTextsMax = 1024;

std::set<std::string> words_of(std::string_view text) {
  std::set<std::string> out;
  for (std::string word : tokenize(text)) {
    // Letters and digits alone, in lower case; bytes of other alphabets as they are.
    std::erase_if(word, [](char c) { return static_cast<uint8_t>(c) < 0x80 && !std::isalnum(static_cast<uint8_t>(c)); });
    std::ranges::transform(word, word.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    if (!word.empty()) out.insert(std::move(word));
  }
  return out;
}

// overlap is the share of common words among all words of both texts, 0 to 1.
double overlap(std::string_view a, std::string_view b) {
  const auto first = words_of(a);
  const auto second = words_of(b);
  const auto common = static_cast<size_t>(std::ranges::count_if(first, [&](const std::string& word) { return second.contains(word); }));
  const size_t all = first.size() + second.size() - common;
  return all == 0 ? 0 : static_cast<double>(common) / static_cast<double>(all);
}

// text_of reads a text, or an object with one (Jina's documents).
std::optional<std::string> text_of(const json::value& value) {
  if (const auto* text = value.if_string()) return std::string(*text);
  const auto* object = value.if_object();
  const auto* text = object == nullptr ? nullptr : member(*object, "text");
  if (text == nullptr || !text->is_string()) return std::nullopt;
  return std::string(text->get_string());
}

// texts_of reads one text or a list of them, from the first of the names that is there.
Parsed<std::vector<std::string>> texts_of(const json::object& body, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    const auto* value = member(body, name);
    if (value == nullptr) continue;
    const json::array one{*value};
    const json::array& all = value->is_array() ? value->get_array() : one;
    std::vector<std::string> out;
    for (const json::value& element : all) {
      auto text = text_of(element);
      if (!text) return bad(std::string(name) + " must be text or a list of texts", std::string(name));
      out.push_back(std::move(*text));
    }
    if (out.empty() || out.size() > kTextsMax) return bad(std::string(name) + " must hold 1 to 1024 texts", std::string(name));
    return out;
  }
  return bad(std::string(*names.begin()) + " is required", std::string(*names.begin()));
}

size_t tokens_of(const std::vector<std::string>& texts) {
  size_t out = 0;
  for (const std::string& text : texts) out += pieces(text).size();
  return out;
}

}  // namespace

Parsed<Job> score(ByteSpan bytes, const Context& context) {
  OPENPCC_LET(const json::object body, parse_object(bytes));
  OPENPCC_TRY(read_model(body, context.served));
  OPENPCC_LET(const std::vector<std::string> first, texts_of(body, {"text_1", "queries", "data_1"}));
  OPENPCC_LET(const std::vector<std::string> second, texts_of(body, {"text_2", "documents", "data_2"}));
  if (first.size() != 1 && first.size() != second.size()) return bad("Input lengths must be either 1:1, 1:N or N:N", "text_1");
  json::array data;
  for (size_t i = 0; i < second.size(); ++i) {
    const double value = overlap(first[first.size() == 1 ? 0 : i], second[i]);
    data.push_back(json::object{{"index", i}, {"object", "score"}, {"score", value}});
  }
  const size_t tokens = tokens_of(first) + tokens_of(second);
  return timed_job(
      json::serialize(json::object{{"id", "score-" + std::to_string(context.number)},
                                   {"object", "list"},
                                   {"created", context.now},
                                   {"model", context.served.name},
                                   {"data", std::move(data)},
                                   {"usage", json::object{{"prompt_tokens", tokens}, {"total_tokens", tokens}, {"completion_tokens", 0}}}}),
      1);
}

Parsed<Job> rerank(ByteSpan bytes, const Context& context) {
  OPENPCC_LET(const json::object body, parse_object(bytes));
  OPENPCC_TRY(read_model(body, context.served));
  OPENPCC_LET(const std::string query, required_text(body, "query"));
  if (member(body, "documents") != nullptr && !member(body, "documents")->is_array()) return bad("documents must be a list", "documents");
  OPENPCC_LET(const std::vector<std::string> documents, texts_of(body, {"documents"}));
  OPENPCC_LET(const std::optional<uint32_t> top_n, count(body, "top_n", 0, INT32_MAX));
  OPENPCC_LET(const bool documents_wanted, flag(body, "return_documents"));
  const bool with_documents = documents_wanted || member(body, "return_documents") == nullptr;  // vLLM always returns them

  struct Ranked {
    size_t index;
    double score;
  };
  std::vector<Ranked> ranking;
  for (size_t i = 0; i < documents.size(); ++i) ranking.push_back({i, overlap(query, documents[i])});
  // By index where equal. Not stable_sort: libstdc++ 12's uses what clang calls deprecated.
  std::ranges::sort(ranking, [](const Ranked& a, const Ranked& b) { return a.score != b.score ? a.score > b.score : a.index < b.index; });
  if (top_n.value_or(0) > 0 && *top_n < ranking.size()) ranking.resize(*top_n);
  json::array results;
  for (const Ranked& ranked : ranking) {
    json::object result{{"index", ranked.index}, {"relevance_score", ranked.score}};
    if (with_documents) result.emplace("document", json::object{{"text", documents[ranked.index]}});
    results.push_back(std::move(result));
  }
  const size_t tokens = pieces(query).size() + tokens_of(documents);
  return timed_job(json::serialize(json::object{{"id", "rerank-" + std::to_string(context.number)},
                                                {"model", context.served.name},
                                                {"usage", json::object{{"prompt_tokens", tokens}, {"total_tokens", tokens}}},
                                                {"results", std::move(results)}}),
                   1);
}

}  // namespace openpcc::demo_engine
