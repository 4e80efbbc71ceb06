#include "api.h"

#include <boost/json.hpp>

#include "apis.h"
#include "sse.h"

namespace openpcc::demo_engine {
namespace {

namespace json = boost::json;

class ReadyWriter final : public Writer {
 public:
  explicit ReadyWriter(std::string body) : body_(std::move(body)) {}
  std::string whole() override { return std::move(body_); }

 private:
  std::string body_;
};

constexpr Route kRoutes[] = {
    {"/v1/chat/completions", chat, error_answer},
    {"/v1/completions", completions, error_answer},
    {"/v1/embeddings", embeddings, error_answer},
    {"/v1/responses", responses, error_answer},
    {"/v1/messages", messages, anthropic_error},
    {"/v1/messages/count_tokens", count_tokens, anthropic_error},
    {"/tokenize", tokenize_text, error_answer},
    {"/detokenize", detokenize, error_answer},
    {"/v1/audio/transcriptions", transcriptions, error_answer},
    {"/v1/audio/translations", translations, error_answer},
    {"/v1/audio/speech", speech, error_answer},
    {"/v1/images/generations", images, error_answer},
    {"/score", score, error_answer},
    {"/v1/score", score, error_answer},
    {"/rerank", rerank, error_answer},
    {"/v1/rerank", rerank, error_answer},
};

}  // namespace

std::span<const Route> routes() { return kRoutes; }

Job instant_job(std::string body) { return timed_job(std::move(body), 0); }

Job timed_job(std::string body, size_t steps) {
  return {.steps = std::vector<uint32_t>(steps, 0),
          .stream = false,
          .content_type = std::string(kJson),
          .writer = std::make_unique<ReadyWriter>(std::move(body))};
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
