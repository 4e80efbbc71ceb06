// POST /v1/messages and /v1/messages/count_tokens: Anthropic's API.
#include "answer.h"
#include "apis.h"
#include "prompt_reader.h"
#include "sse.h"

namespace openpcc::demo_engine {
namespace {

json::value stop_reason_of(const Completion& completion) {
  if (completion.finish_reason == "tool_calls") return "tool_use";
  if (completion.finish_reason == "length") return "max_tokens";
  return completion.stop_reason ? "stop_sequence" : "end_turn";
}

json::value stop_sequence_of(const Completion& completion) {
  return completion.stop_reason ? js(*completion.stop_reason) : json::value(nullptr);
}

class MessagesWriter final : public Writer {
 public:
  explicit MessagesWriter(Generation generation) : generation_(std::move(generation)) {}

  std::string opening() override {
    json::object block{{"type", "text"}, {"text", ""}};
    if (call()) block = tool_use(json::object{});
    return named_sse({{"type", "message_start"}, {"message", message({}, nullptr, nullptr, 0)}}) +
           named_sse({{"type", "content_block_start"}, {"index", 0}, {"content_block", std::move(block)}});
  }

  std::string token(size_t step) override {
    const std::string& token = completion().tokens[step];
    json::object delta{{"type", "text_delta"}, {"text", token}};
    if (call()) delta = {{"type", "input_json_delta"}, {"partial_json", token}};
    return named_sse({{"type", "content_block_delta"}, {"index", 0}, {"delta", std::move(delta)}});
  }

  std::string ending() override {
    const json::object delta{{"stop_reason", stop_reason_of(completion())}, {"stop_sequence", stop_sequence_of(completion())}};
    const json::object usage{{"input_tokens", generation_.prompt.tokens}, {"output_tokens", completion().tokens.size()}};
    return named_sse({{"type", "content_block_stop"}, {"index", 0}}) +
           named_sse({{"type", "message_delta"}, {"delta", delta}, {"usage", usage}}) + named_sse({{"type", "message_stop"}});
  }

  std::string whole() override {
    json::object block{{"type", "text"}, {"text", text_of(completion())}};
    if (call()) {
      // Arguments that max_tokens cut are no JSON, and Anthropic's API has no place for half an object.
      boost::system::error_code cut;
      json::value input = json::parse(text_of(completion()), cut);
      block = tool_use(cut ? json::value(json::object{}) : std::move(input));
    }
    return json::serialize(
        message({std::move(block)}, stop_reason_of(completion()), stop_sequence_of(completion()), completion().tokens.size()));
  }

 private:
  const Completion& completion() const { return generation_.completions.front(); }
  bool call() const { return generation_.prompt.call.has_value(); }

  json::object tool_use(json::value input) const {
    return {{"type", "tool_use"}, {"id", "toolu_" + generation_.id}, {"name", generation_.prompt.call->name}, {"input", std::move(input)}};
  }

  json::object message(json::array content, json::value stop_reason, json::value stop_sequence, size_t output_tokens) const {
    return {{"id", generation_.id},
            {"type", "message"},
            {"role", "assistant"},
            {"content", std::move(content)},
            {"model", generation_.model},
            {"stop_reason", std::move(stop_reason)},
            {"stop_sequence", std::move(stop_sequence)},
            {"usage", json::object{{"input_tokens", generation_.prompt.tokens}, {"output_tokens", output_tokens}}}};
  }

  Generation generation_;
};

// read_conversation reads what both endpoints have in common.
Parsed<void> read_conversation(const json::object& body, const Served& served, Prompt& out) {
  read_field_names(body, out);
  OPENPCC_TRY(read_model(body, served));
  if (const auto* system = member(body, "system")) {
    OPENPCC_TRY(add_message("system", system, "system", out));
  }
  OPENPCC_LET(const json::array* const messages, list(body, "messages"));
  const json::array none;
  bool any = false;
  for (const json::value& message : messages == nullptr ? none : *messages) {
    const auto* object = message.if_object();
    if (object == nullptr || (!is_text(*object, "role", "user") && !is_text(*object, "role", "assistant"))) {
      return bad("messages: a message must have the role \"user\" or \"assistant\"", "messages");
    }
    const auto* content = member(*object, "content");
    if (content == nullptr) return bad("messages: content is required", "messages");
    OPENPCC_TRY(add_message(is_text(*object, "role", "user") ? "user" : "assistant", content, "messages", out));
    any = true;
  }
  if (!any) return bad("messages: at least one message is required", "messages");
  return finish_messages("messages", out);
}

Parsed<ToolChoice> read_choice(const json::object& body) {
  OPENPCC_LET(const json::object* const choice, object_of(body, "tool_choice"));
  if (choice == nullptr || is_text(*choice, "type", "auto") || is_text(*choice, "type", "none")) return ToolChoice{};
  if (is_text(*choice, "type", "any")) return ToolChoice{.must_call = true};
  if (!is_text(*choice, "type", "tool")) return bad("tool_choice must be of type auto, any, tool or none", "tool_choice");
  OPENPCC_LET(std::string name, required_text(*choice, "name"));
  return ToolChoice{.must_call = true, .name = std::move(name)};
}

Parsed<void> read_output_format(const json::object& body, Prompt& out) {
  OPENPCC_LET(const json::object* const config, object_of(body, "output_config"));
  if (config == nullptr) return {};
  OPENPCC_LET(const json::object* const format, object_of(*config, "format"));
  return read_format(format, false, "output_config", out);
}

}  // namespace

Parsed<Job> messages(ByteSpan bytes, const Context& context) {
  OPENPCC_LET(const json::object body, parse_object(bytes));
  Prompt prompt;
  OPENPCC_TRY(read_conversation(body, context.served, prompt));
  OPENPCC_TRY(read_stream(body, prompt));
  OPENPCC_TRY(read_lengths(body, {"max_tokens"}, context.served, prompt));
  if (!prompt.max_tokens) return bad("max_tokens: Field required", "max_tokens");
  OPENPCC_TRY(read_stops(body, "stop_sequences", prompt));
  OPENPCC_TRY(read_cache_salt(body, prompt));
  OPENPCC_TRY(read_output_format(body, prompt));
  OPENPCC_LET(const std::vector<Tool> tools, read_tools(body, false, "input_schema"));
  OPENPCC_LET(const ToolChoice choice, read_choice(body));
  OPENPCC_TRY(choose_tool(tools, choice, prompt));
  return generation_job<MessagesWriter>(generate(std::move(prompt), context, "msg_"), kJson, kEvents);
}

Parsed<Job> count_tokens(ByteSpan bytes, const Context& context) {
  OPENPCC_LET(const json::object body, parse_object(bytes));
  Prompt prompt;
  OPENPCC_TRY(read_conversation(body, context.served, prompt));
  return instant_job(json::serialize(json::object{{"input_tokens", prompt.tokens}}));
}

std::string anthropic_error(const ApiError& error) {
  std::string_view type = "api_error";
  if (error.status == 404) type = "not_found_error";
  if (error.status == 400) type = "invalid_request_error";
  return json::serialize(json::object{{"type", "error"}, {"error", json::object{{"type", js(type)}, {"message", error.message}}}});
}

}  // namespace openpcc::demo_engine
