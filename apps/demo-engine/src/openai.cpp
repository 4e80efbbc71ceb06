#include "openai.h"

namespace openpcc::demo_engine {

namespace json = boost::json;

json::object usage_object(const Usage& usage) {
  return {{"prompt_tokens", usage.prompt}, {"total_tokens", usage.prompt + usage.completion}, {"completion_tokens", usage.completion}};
}

json::value stop_reason(const Completion& completion) {
  return completion.stop_reason ? js(*completion.stop_reason) : json::value(nullptr);
}

OpenAiWriter::OpenAiWriter(Generation generation, std::string_view chunk_object)
    : generation_(std::move(generation)), chunk_object_(chunk_object), usage_{.prompt = generation_.prompt.tokens, .completion = 0} {}

json::object OpenAiWriter::head(std::string_view object) const {
  return {{"id", generation_.id}, {"object", js(object)}, {"created", generation_.created}, {"model", generation_.model}};
}

std::string OpenAiWriter::chunk(size_t choice, json::object members, bool last) const {
  if (members.empty()) return {};
  json::object one{{"index", choice}};
  for (auto& pair : members) one.emplace(pair.key(), std::move(pair.value()));
  json::object out = head(chunk_object_);
  out.emplace("choices", json::array{std::move(one)});
  if (last) out.emplace("system_fingerprint", "openpcc-demo-engine");
  if (generation_.prompt.continuous_usage) out.emplace("usage", usage_object(usage_));
  return sse(out);
}

std::string OpenAiWriter::opening() {
  std::string out;
  size_t choice = 0;
  for (size_t prompt = 0; prompt < generation_.completions.size(); ++prompt) {
    for (uint32_t n = 0; n < generation_.prompt.choices; ++n)
      out += chunk(choice++, opening_choice(generation_.completions[prompt], prompt));
  }
  return out;
}

std::string OpenAiWriter::token(size_t step) {
  for (const Completion& completion : generation_.completions) {
    if (step < completion.tokens.size()) usage_.completion += generation_.prompt.choices;
  }
  std::string out;
  size_t choice = 0;
  for (const Completion& completion : generation_.completions) {
    for (uint32_t n = 0; n < generation_.prompt.choices; ++n, ++choice) {
      if (step < completion.tokens.size()) out += chunk(choice, token_choice(completion, step));
    }
  }
  return out;
}

std::string OpenAiWriter::ending() {
  std::string out;
  size_t choice = 0;
  for (const Completion& completion : generation_.completions) {
    for (uint32_t n = 0; n < generation_.prompt.choices; ++n) out += chunk(choice++, ending_choice(completion), true);
  }
  if (generation_.prompt.include_usage) {
    json::object usage = head(chunk_object_);
    usage.emplace("choices", json::array{});
    usage.emplace("usage", usage_object(usage_));
    out += sse(usage);
  }
  return out + std::string(kSseDone);
}

std::string OpenAiWriter::whole() {
  json::array choices;
  for (size_t prompt = 0; prompt < generation_.completions.size(); ++prompt) {
    for (uint32_t n = 0; n < generation_.prompt.choices; ++n) {
      json::object one{{"index", choices.size()}};
      for (auto& pair : whole_choice(generation_.completions[prompt], prompt)) one.emplace(pair.key(), std::move(pair.value()));
      choices.push_back(std::move(one));
    }
  }
  json::object out = head(whole_object());
  out.emplace("choices", std::move(choices));
  out.emplace("service_tier", nullptr);
  out.emplace("system_fingerprint", "openpcc-demo-engine");
  out.emplace("usage", usage_object({.prompt = usage_.prompt, .completion = generation_.completion_tokens()}));
  return json::serialize(out);
}

}  // namespace openpcc::demo_engine
