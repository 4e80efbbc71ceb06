// POST /v1/responses
#include <array>

#include "answer.h"
#include "apis.h"
#include "prompt_reader.h"
#include "responses_writer.h"

namespace openpcc::demo_engine {
namespace {

constexpr std::array<std::string_view, 4> kRoles{"user", "assistant", "system", "developer"};

// add_item reads one element of a list of inputs: a message, a call, a call's outcome.
Parsed<void> add_item(const json::object& item, Prompt& out) {
  OPENPCC_LET(const std::optional<std::string> type, text(item, "type"));
  if (type == "function_call" || type == "custom_tool_call") {
    return add_message("assistant", member(item, type == "function_call" ? "arguments" : "input"), "input", out);
  }
  if (type == "function_call_output" || type == "custom_tool_call_output") return add_message("tool", member(item, "output"), "input", out);
  if (type == "reasoning") return {};
  if (type && *type != "message") return bad("this engine knows no inputs of that type", "input");
  OPENPCC_LET(const std::string role, required_text(item, "role"));
  if (std::ranges::find(kRoles, role) == kRoles.end()) return bad("a message must have a known role", "input");
  return add_message(role, member(item, "content"), "input", out);
}

Parsed<void> read_input(const json::object& body, Prompt& out) {
  const auto* input = member(body, "input");
  if (input == nullptr) return bad("input is required", "input");
  if (const auto* instructions = member(body, "instructions")) {
    if (!instructions->is_string()) return bad("instructions must be text", "instructions");
    OPENPCC_TRY(add_message("system", instructions, "instructions", out));
  }
  const size_t before = out.roles.size();
  if (input->is_string()) {
    OPENPCC_TRY(add_message("user", input, "input", out));
    return finish_messages("input", out);
  }
  const auto* items = input->if_array();
  if (items == nullptr) return bad("input must be text or a list", "input");
  for (const json::value& item : *items) {
    if (!item.is_object()) return bad("an input must be an object", "input");
    OPENPCC_TRY(add_item(item.get_object(), out));
  }
  if (out.roles.size() == before) return bad("input must hold at least one message", "input");
  return finish_messages("input", out);
}

// refuse_memory refuses what an engine could only do that keeps what was said.
Parsed<void> refuse_memory(const json::object& body) {
  OPENPCC_LET(const std::optional<std::string> previous, text(body, "previous_response_id"));
  if (previous) {
    return std::unexpected(ApiError{.status = 404,
                                    .message = "Response with id '" + *previous + "' not found.",
                                    .type = "NotFoundError",
                                    .param = "previous_response_id"});
  }
  OPENPCC_LET(const bool background, flag(body, "background"));
  if (background) return bad("background needs a store, which this engine has not", "background");
  return {};
}

Parsed<void> read_text_format(const json::object& body, Prompt& out) {
  OPENPCC_LET(const json::object* const settings, object_of(body, "text"));
  if (settings == nullptr) return {};
  OPENPCC_LET(const json::object* const format, object_of(*settings, "format"));
  return read_format(format, false, "text.format", out);
}

// echo repeats what of the request OpenAI's API repeats in its answer.
json::object echo(const json::object& body) {
  json::object out{{"instructions", nullptr},
                   {"max_output_tokens", nullptr},
                   {"temperature", 1.0},
                   {"top_p", 1.0},
                   {"tool_choice", "auto"},
                   {"tools", json::array{}},
                   {"metadata", json::object{}},
                   {"parallel_tool_calls", true},
                   {"text", json::object{{"format", json::object{{"type", "text"}}}}}};
  for (auto& pair : out) {
    if (const auto* given = member(body, pair.key())) pair.value() = *given;
  }
  return out;
}

}  // namespace

Parsed<Job> responses(ByteSpan bytes, const Context& context) {
  OPENPCC_LET(const json::object body, parse_object(bytes));
  Prompt prompt;
  read_field_names(body, prompt);
  OPENPCC_TRY(read_model(body, context.served));
  OPENPCC_TRY(refuse_memory(body));
  OPENPCC_TRY(read_input(body, prompt));
  OPENPCC_LET(prompt.stream, flag(body, "stream"));
  OPENPCC_TRY(read_lengths(body, {"max_output_tokens"}, context.served, prompt));
  OPENPCC_TRY(read_cache_salt(body, prompt));
  OPENPCC_TRY(read_text_format(body, prompt));
  OPENPCC_LET(const std::vector<Tool> tools, read_tools(body, false, "parameters"));
  OPENPCC_LET(const ToolChoice choice, read_tool_choice(body, false));
  OPENPCC_TRY(choose_tool(tools, choice, prompt));
  return generation_job<ResponsesWriter>(generate(std::move(prompt), context, "resp_"), kJson, kEvents, echo(body));
}

}  // namespace openpcc::demo_engine
