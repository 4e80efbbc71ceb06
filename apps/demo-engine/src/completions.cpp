// POST /v1/completions
#include "apis.h"
#include "openai.h"
#include "prompt_reader.h"
#include "tokens.h"

namespace openpcc::demo_engine {
namespace {

constexpr size_t kPromptsMax = 64;
constexpr uint32_t kTokensDefault = 16;  // as in vLLM, and in OpenAI's API before it

class CompletionsWriter final : public OpenAiWriter {
 public:
  // `echoes`: what stands before each prompt's completion.
  CompletionsWriter(Generation generation, std::vector<std::string> echoes)
      : OpenAiWriter(std::move(generation), "text_completion"), echoes_(std::move(echoes)) {}

 private:
  std::string_view whole_object() const override { return "text_completion"; }

  static json::object choice_of(std::string_view text, json::value finish_reason, json::value reason) {
    return {{"text", js(text)}, {"logprobs", nullptr}, {"finish_reason", std::move(finish_reason)}, {"stop_reason", std::move(reason)}};
  }

  json::object opening_choice(const Completion&, size_t prompt) override {
    return echoes_[prompt].empty() ? json::object{} : choice_of(echoes_[prompt], nullptr, nullptr);
  }
  json::object token_choice(const Completion& completion, size_t step) override {
    return choice_of(completion.tokens[step], nullptr, nullptr);
  }
  json::object ending_choice(const Completion& completion) override {
    return choice_of("", js(completion.finish_reason), stop_reason(completion));
  }
  json::object whole_choice(const Completion& completion, size_t prompt) override {
    json::object out = choice_of(echoes_[prompt] + text_of(completion), js(completion.finish_reason), stop_reason(completion));
    out.emplace("prompt_logprobs", nullptr);
    return out;
  }

  std::vector<std::string> echoes_;
};

}  // namespace

Parsed<Job> completions(ByteSpan bytes, const Context& context) {
  OPENPCC_LET(const json::object body, parse_object(bytes));
  Prompt prompt;
  read_field_names(body, prompt);
  OPENPCC_TRY(read_model(body, context.served));
  OPENPCC_LET(const std::vector<Text> inputs, texts(body, "prompt", kPromptsMax));
  for (const Text& input : inputs) prompt.tokens = std::max(prompt.tokens, input.tokens);  // each has the context for itself
  OPENPCC_TRY(read_stream(body, prompt));
  OPENPCC_TRY(read_choices(body, prompt));
  OPENPCC_TRY(read_lengths(body, {"max_tokens"}, context.served, prompt));
  OPENPCC_TRY(read_stops(body, "stop", prompt));
  OPENPCC_TRY(read_cache_salt(body, prompt));
  OPENPCC_LET(const bool echo, flag(body, "echo"));
  OPENPCC_LET(const json::object* const format, object_of(body, "response_format"));
  OPENPCC_TRY(read_format(format, true, "response_format", prompt));
  if (!prompt.max_tokens)
    prompt.max_tokens = std::min<uint32_t>(kTokensDefault, context.served.max_model_len - static_cast<uint32_t>(prompt.tokens));
  if (prompt.min_tokens > *prompt.max_tokens) return bad("min_tokens must not be over max_tokens", "min_tokens");

  prompt.inputs = std::to_string(inputs.size()) + (inputs.size() == 1 ? " prompt" : " prompts");
  size_t tokens = 0;
  for (const Text& input : inputs) {
    prompt.characters += code_points(input.text);
    tokens += input.tokens;
  }
  std::vector<Completion> all;
  std::vector<std::string> echoes;
  for (const Text& input : inputs) {
    prompt.question = input.text;
    all.push_back(complete(prompt, report(prompt, context.fields, context.served), context.served));
    echoes.push_back(echo ? input.text : std::string());
  }
  Generation generation = generate(std::move(prompt), context, "cmpl-");
  generation.completions = std::move(all);
  generation.prompt.tokens = tokens;
  return generation_job<CompletionsWriter>(std::move(generation), kJson, kEvents, std::move(echoes));
}

}  // namespace openpcc::demo_engine
