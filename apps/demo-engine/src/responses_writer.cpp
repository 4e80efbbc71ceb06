#include "responses_writer.h"

namespace openpcc::demo_engine {

namespace json = boost::json;

json::object ResponsesWriter::part(std::string_view text) {
  return {{"type", "output_text"}, {"text", js(text)}, {"annotations", json::array{}}, {"logprobs", json::array{}}};
}

json::object ResponsesWriter::item(std::string_view status, json::array content, std::string_view arguments) const {
  if (is_call()) {
    return {{"id", item_id()},
            {"type", "function_call"},
            {"call_id", "call_" + generation_.id},
            {"name", generation_.prompt.call->name},
            {"arguments", js(arguments)},
            {"status", js(status)}};
  }
  return {{"id", item_id()}, {"type", "message"}, {"role", "assistant"}, {"status", js(status)}, {"content", std::move(content)}};
}

json::object ResponsesWriter::final_item() const {
  const std::string text = text_of(completion());
  return item(final_status(), {part(text)}, text);
}

json::object ResponsesWriter::response(std::string_view status, json::array output) const {
  json::object out{{"id", generation_.id},
                   {"object", "response"},
                   {"created_at", generation_.created},
                   {"status", js(status)},
                   {"background", false},
                   {"error", nullptr},
                   {"incomplete_details", nullptr},
                   {"model", generation_.model},
                   {"output", std::move(output)},
                   {"previous_response_id", nullptr},
                   {"store", false},
                   {"usage", nullptr}};
  for (const auto& pair : echo_) out.emplace(pair.key(), pair.value());
  if (status == "in_progress") return out;
  const size_t input = generation_.prompt.tokens;
  const size_t made = generation_.completion_tokens();
  out["usage"] = json::object{{"input_tokens", input},
                              {"input_tokens_details", json::object{{"cached_tokens", 0}}},
                              {"output_tokens", made},
                              {"output_tokens_details", json::object{{"reasoning_tokens", 0}}},
                              {"total_tokens", input + made}};
  if (is_cut()) out["incomplete_details"] = json::object{{"reason", "max_output_tokens"}};
  return out;
}

std::string ResponsesWriter::event(std::string_view type, json::object members) {
  json::object out{{"type", js(type)}, {"sequence_number", sequence_++}};
  for (auto& pair : members) out.emplace(pair.key(), std::move(pair.value()));
  return named_sse(out);
}

std::string ResponsesWriter::item_event(std::string_view type, json::object members) {
  json::object out{{"item_id", item_id()}, {"output_index", 0}};
  if (!is_call()) out.emplace("content_index", 0);
  for (auto& pair : members) out.emplace(pair.key(), std::move(pair.value()));
  return event(type, std::move(out));
}

std::string ResponsesWriter::opening() {
  std::string out = event("response.created", {{"response", response("in_progress", {})}});
  out += event("response.in_progress", {{"response", response("in_progress", {})}});
  out += event("response.output_item.added", {{"output_index", 0}, {"item", item("in_progress", {}, "")}});
  if (!is_call()) out += item_event("response.content_part.added", {{"part", part("")}});
  return out;
}

std::string ResponsesWriter::token(size_t step) {
  const std::string& token = completion().tokens[step];
  if (is_call()) return item_event("response.function_call_arguments.delta", {{"delta", token}});
  return item_event("response.output_text.delta", {{"delta", token}, {"logprobs", json::array{}}});
}

std::string ResponsesWriter::ending() {
  const std::string text = text_of(completion());
  std::string out;
  if (is_call()) {
    out += item_event("response.function_call_arguments.done", {{"arguments", text}, {"name", generation_.prompt.call->name}});
  } else {
    out += item_event("response.output_text.done", {{"text", text}, {"logprobs", json::array{}}});
    out += item_event("response.content_part.done", {{"part", part(text)}});
  }
  out += event("response.output_item.done", {{"output_index", 0}, {"item", final_item()}});
  return out + event(is_cut() ? "response.incomplete" : "response.completed", {{"response", response(final_status(), {final_item()})}});
}

std::string ResponsesWriter::whole() { return json::serialize(response(final_status(), {final_item()})); }

}  // namespace openpcc::demo_engine
