// POST /v1/images/generations: squares whose colour the prompt decides.
#include "apis.h"
#include "openpcc/crypto/hash.h"
#include "png.h"
#include "read.h"
#include "tokens.h"

namespace openpcc::demo_engine {
namespace {

constexpr uint32_t kImagesMax = 10;
constexpr uint32_t kSide = 64;

}  // namespace

Parsed<Job> images(ByteSpan bytes, const Context& context) {
  OPENPCC_LET(const json::object body, parse_object(bytes));
  OPENPCC_TRY(read_model(body, context.served));
  OPENPCC_LET(const std::string prompt, required_text(body, "prompt"));
  OPENPCC_LET(const std::optional<uint32_t> n, count(body, "n", 1, kImagesMax));
  OPENPCC_LET(const std::optional<std::string> response_format, text(body, "response_format"));
  if (response_format && *response_format != "b64_json") return bad("this engine keeps no images: only b64_json", "response_format");
  OPENPCC_LET(const std::optional<std::string> output_format, text(body, "output_format"));
  if (output_format && *output_format != "png") return bad("this engine paints png only", "output_format");
  OPENPCC_LET(const bool stream, flag(body, "stream"));
  if (stream) return bad("this engine streams no images", "stream");
  json::array data;
  for (uint32_t i = 0; i < n.value_or(1); ++i) {
    const auto hash = crypto::sha256({as_bytes(prompt), as_bytes("#" + std::to_string(i))});
    data.push_back(json::object{{"b64_json", to_base64(plain_png(kSide, {hash[0], hash[1], hash[2]}))}});
  }
  const size_t tokens = pieces(prompt).size();
  const size_t painted = data.size();
  const json::object usage{{"input_tokens", tokens},
                           {"input_tokens_details", json::object{{"text_tokens", tokens}, {"image_tokens", 0}}},
                           {"output_tokens", painted},
                           {"total_tokens", tokens + painted}};
  return timed_job(json::serialize(json::object{{"created", context.now}, {"data", std::move(data)}, {"usage", usage}}), painted);
}

}  // namespace openpcc::demo_engine
