#include "openpcc/node/routes.h"

#include <algorithm>

namespace openpcc::node {
namespace {

constexpr bool kSalted = true;

constexpr Route kRoutes[] = {
    {"GET", kListModels, BodyKind::none, !kSalted},
    {"POST", "/v1/chat/completions", BodyKind::json, kSalted},
    {"POST", "/v1/completions", BodyKind::json, kSalted},
    {"POST", "/v1/responses", BodyKind::json, kSalted},
    {"POST", "/v1/messages", BodyKind::json, kSalted},
    {"POST", "/v1/messages/count_tokens", BodyKind::json, !kSalted},
    {"POST", "/v1/embeddings", BodyKind::json, kSalted},
    {"POST", "/score", BodyKind::json, kSalted},
    {"POST", "/v1/score", BodyKind::json, kSalted},
    {"POST", "/rerank", BodyKind::json, kSalted},
    {"POST", "/v1/rerank", BodyKind::json, kSalted},
    {"POST", "/tokenize", BodyKind::json, !kSalted},
    {"POST", "/detokenize", BodyKind::json, !kSalted},
    {"POST", "/v1/audio/speech", BodyKind::json, !kSalted},
    {"POST", "/v1/images/generations", BodyKind::json, !kSalted},
    {"POST", "/v1/audio/transcriptions", BodyKind::form, !kSalted},
    {"POST", "/v1/audio/translations", BodyKind::form, !kSalted},
};

}  // namespace

std::span<const Route> routes() { return kRoutes; }

const Route* find_route(std::string_view path) {
  const auto* const found = std::find_if(std::begin(kRoutes), std::end(kRoutes), [&](const Route& route) { return route.path == path; });
  return found == std::end(kRoutes) ? nullptr : found;
}

}  // namespace openpcc::node
