#include "wire_format.h"

#include <boost/json.hpp>

namespace openpcc::demo_engine {
namespace {

namespace json = boost::json;

std::string quoted(std::string_view text) { return json::serialize(json::value(json::string_view(text.data(), text.size()))); }

json::object usage_object(const Usage& usage) {
  return {{"prompt_tokens", usage.prompt}, {"total_tokens", usage.prompt + usage.completion}, {"completion_tokens", usage.completion}};
}

std::string text_of(const Completion& completion) {
  std::string out;
  for (const std::string& token : completion.tokens) out += token;
  return out;
}

json::value stop_reason(const Completion& completion) {
  return completion.stop_reason ? json::value(*completion.stop_reason) : json::value(nullptr);
}

constexpr std::string_view kNotFinished = R"("logprobs":null,"finish_reason":null)";

}  // namespace

ChunkWriter::ChunkWriter(std::string id, UnixSeconds created, const std::string& model, bool continuous_usage)
    : head_("data: {\"id\":" + quoted(id) + ",\"object\":\"chat.completion.chunk\",\"created\":" + std::to_string(created) +
            ",\"model\":" + quoted(model) + ",\"choices\":["),
      continuous_usage_(continuous_usage) {}

std::string ChunkWriter::event(uint32_t choice, std::string_view delta, std::string_view ending, const Usage& usage,
                               std::string_view tail) const {
  std::string out =
      head_ + "{\"index\":" + std::to_string(choice) + ",\"delta\":{" + std::string(delta) + "}," + std::string(ending) + "}]";
  out += tail;
  if (continuous_usage_) out += ",\"usage\":" + json::serialize(usage_object(usage));
  return out + "}\n\n";
}

std::string ChunkWriter::role(uint32_t choice, const Usage& usage) const {
  return event(choice, R"("role":"assistant","content":"")", kNotFinished, usage);
}

std::string ChunkWriter::text(uint32_t choice, std::string_view token, const Usage& usage) const {
  return event(choice, "\"content\":" + quoted(token), kNotFinished, usage);
}

std::string ChunkWriter::finish(uint32_t choice, const Completion& completion, const Usage& usage) const {
  const std::string ending = "\"logprobs\":null,\"finish_reason\":" + quoted(completion.finish_reason) +
                             ",\"stop_reason\":" + json::serialize(stop_reason(completion));
  return event(choice, "\"content\":\"\"", ending, usage, R"(,"system_fingerprint":"openpcc-demo-engine")");
}

std::string ChunkWriter::usage(const Usage& usage) const { return head_ + "],\"usage\":" + json::serialize(usage_object(usage)) + "}\n\n"; }

std::string ChunkWriter::done() { return "data: [DONE]\n\n"; }

std::string whole_answer(const std::string& id, UnixSeconds created, const std::string& model, const Completion& completion,
                         uint32_t choices, size_t prompt_tokens) {
  const json::object message{{"role", "assistant"}, {"content", text_of(completion)}, {"refusal", nullptr}, {"tool_calls", json::array{}}};
  json::array list;
  for (uint32_t i = 0; i < choices; ++i) {
    list.push_back(json::object{{"index", i},
                                {"message", message},
                                {"logprobs", nullptr},
                                {"finish_reason", json::string_view(completion.finish_reason.data(), completion.finish_reason.size())},
                                {"stop_reason", stop_reason(completion)}});
  }
  const Usage usage{.prompt = prompt_tokens, .completion = completion.tokens.size() * choices};
  return json::serialize(json::object{{"id", id},
                                      {"object", "chat.completion"},
                                      {"created", created},
                                      {"model", model},
                                      {"choices", std::move(list)},
                                      {"service_tier", nullptr},
                                      {"system_fingerprint", "openpcc-demo-engine"},
                                      {"usage", usage_object(usage)}});
}

std::string models_answer(const Served& served, UnixSeconds created) {
  const json::object model{{"id", served.name},
                           {"object", "model"},
                           {"created", created},
                           {"owned_by", "openpcc-demo-engine"},
                           {"root", served.name},
                           {"parent", nullptr},
                           {"max_model_len", served.max_model_len}};
  return json::serialize(json::object{{"object", "list"}, {"data", json::array{model}}});
}

std::string error_answer(const ApiError& error) {
  const json::value param = error.param.empty() ? json::value(nullptr) : json::value(error.param);
  const json::object inner{{"message", error.message}, {"type", error.type}, {"param", param}, {"code", error.status}};
  return json::serialize(json::object{{"error", inner}});
}

}  // namespace openpcc::demo_engine
