// POST /v1/chat/completions
#include "chat.h"

#include <algorithm>
#include <array>

#include "apis.h"
#include "openai.h"

namespace openpcc::demo_engine {
namespace {

constexpr std::array<std::string_view, 6> kRoles{"system", "developer", "user", "assistant", "tool", "function"};

// token_logprobs makes up what a model would say of a token: likely itself, its alternatives less and less.
json::object token_logprobs(std::string_view token, uint32_t alternatives) {
  const auto one = [](std::string_view text, double logprob) {
    json::array bytes;
    for (const char c : text) bytes.push_back(static_cast<uint8_t>(c));
    return json::object{{"token", js(text)}, {"logprob", logprob}, {"bytes", std::move(bytes)}};
  };
  json::array top;
  for (uint32_t i = 0; i < alternatives; ++i) {
    top.push_back(i == 0 ? one(token, -0.125) : one(" other" + std::to_string(i), -2.5 - i));
  }
  json::object out = one(token, -0.125);
  out.emplace("top_logprobs", std::move(top));
  return out;
}

class ChatWriter final : public OpenAiWriter {
 public:
  explicit ChatWriter(Generation generation) : OpenAiWriter(std::move(generation), "chat.completion.chunk") {}

 private:
  std::string_view whole_object() const override { return "chat.completion"; }

  static json::object choice_of(json::object delta, json::value logprobs, json::value finish_reason) {
    return {{"delta", std::move(delta)}, {"logprobs", std::move(logprobs)}, {"finish_reason", std::move(finish_reason)}};
  }

  json::object call(std::string_view arguments) const {
    const ToolCall& call = *generation().prompt.call;
    return {{"id", "call-" + generation().id},
            {"type", "function"},
            {"index", 0},
            {"function", json::object{{"name", call.name}, {"arguments", js(arguments)}}}};
  }

  json::value logprobs(std::span<const std::string> tokens) const {
    const auto& wanted = generation().prompt.logprobs;
    if (!wanted || generation().prompt.call) return nullptr;
    json::array out;
    for (const std::string& token : tokens) out.push_back(token_logprobs(token, *wanted));
    return json::object{{"content", std::move(out)}};
  }

  json::object opening_choice(const Completion&, size_t) override {
    json::object delta{{"role", "assistant"}, {"content", ""}};
    if (generation().prompt.call) delta.emplace("tool_calls", json::array{call("")});
    return choice_of(std::move(delta), nullptr, nullptr);
  }

  json::object token_choice(const Completion& completion, size_t step) override {
    const std::string& token = completion.tokens[step];
    if (generation().prompt.call) {
      const json::object piece{{"index", 0}, {"function", json::object{{"arguments", token}}}};
      return choice_of({{"tool_calls", json::array{piece}}}, nullptr, nullptr);
    }
    return choice_of({{"content", token}}, logprobs({&token, 1}), nullptr);
  }

  json::object ending_choice(const Completion& completion) override {
    json::object out = choice_of({{"content", ""}}, nullptr, js(completion.finish_reason));
    out.emplace("stop_reason", stop_reason(completion));
    return out;
  }

  json::object whole_choice(const Completion& completion, size_t) override {
    json::object message{{"role", "assistant"}, {"content", nullptr}, {"refusal", nullptr}, {"tool_calls", json::array{}}};
    if (generation().prompt.call) {
      json::object made = call(text_of(completion));
      made.erase("index");
      message["tool_calls"] = json::array{std::move(made)};
    } else {
      message["content"] = text_of(completion);
    }
    return {{"message", std::move(message)},
            {"logprobs", logprobs(completion.tokens)},
            {"finish_reason", js(completion.finish_reason)},
            {"stop_reason", stop_reason(completion)}};
  }
};

Parsed<void> read_logprobs(const json::object& body, Prompt& out) {
  OPENPCC_LET(const bool wanted, flag(body, "logprobs"));
  OPENPCC_LET(const std::optional<uint32_t> alternatives, count(body, "top_logprobs", 0, 20));
  if (alternatives.value_or(0) > 0 && !wanted) return bad("when using `top_logprobs`, `logprobs` must be set to true.", "top_logprobs");
  if (wanted) out.logprobs = alternatives.value_or(0);
  return {};
}

}  // namespace

Parsed<void> read_chat_messages(const json::object& body, Prompt& out) {
  OPENPCC_LET(const json::array* const messages, list(body, "messages"));
  const json::array none;
  for (const json::value& message : messages == nullptr ? none : *messages) {
    const auto* object = message.if_object();
    const auto* role = object == nullptr ? nullptr : member(*object, "role");
    if (role == nullptr || !role->is_string() || std::ranges::find(kRoles, view(role->get_string())) == kRoles.end()) {
      return bad("a message must have a known role", "messages");
    }
    OPENPCC_TRY(add_message(view(role->get_string()), member(*object, "content"), "messages", out));
  }
  return finish_messages("messages", out);
}

Parsed<Prompt> parse_chat(ByteSpan bytes, const Served& served) {
  OPENPCC_LET(const json::object body, parse_object(bytes));
  Prompt out;
  read_field_names(body, out);
  OPENPCC_TRY(read_model(body, served));
  OPENPCC_TRY(read_chat_messages(body, out));
  OPENPCC_TRY(read_stream(body, out));
  OPENPCC_TRY(read_choices(body, out));
  OPENPCC_TRY(read_lengths(body, {"max_completion_tokens", "max_tokens"}, served, out));
  OPENPCC_TRY(read_stops(body, "stop", out));
  OPENPCC_TRY(read_cache_salt(body, out));
  OPENPCC_TRY(read_logprobs(body, out));
  OPENPCC_LET(const json::object* const format, object_of(body, "response_format"));
  OPENPCC_TRY(read_format(format, true, "response_format", out));
  OPENPCC_LET(const std::vector<Tool> tools, read_tools(body, true, "parameters"));
  OPENPCC_LET(const ToolChoice choice, read_tool_choice(body, true));
  OPENPCC_TRY(choose_tool(tools, choice, out));
  return out;
}

Parsed<Job> chat(ByteSpan body, const Context& context) {
  OPENPCC_LET(Prompt prompt, parse_chat(body, context.served));
  return generation_job<ChatWriter>(generate(std::move(prompt), context, "chatcmpl-"), kJson, kEvents);
}

}  // namespace openpcc::demo_engine
