// POST /v1/embeddings
#include <bit>
#include <cmath>

#include "apis.h"
#include "openpcc/crypto/hash.h"
#include "prompt_reader.h"
#include "sse.h"

namespace openpcc::demo_engine {
namespace {

constexpr size_t kInputsMax = 2048;
constexpr uint32_t kDimensionsDefault = 64;
constexpr uint32_t kDimensionsMax = 4096;

// embedding spreads a text's hash over a unit vector: equal texts have equal vectors, any others lie at about right angles.
std::vector<float> embedding(std::string_view text, uint32_t dimensions) {
  Bytes hash(2 * size_t{dimensions});
  crypto::shake256(as_bytes(text), hash);
  std::vector<double> values;
  double square = 0;
  for (size_t i = 0; i < hash.size(); i += 2) {
    // Odd, so that no vector is zero.
    values.push_back(2.0 * (hash[i] * 256 + hash[i + 1]) - 65'535.0);
    square += values.back() * values.back();
  }
  std::vector<float> out;
  for (const double value : values) out.push_back(static_cast<float>(value / std::sqrt(square)));
  return out;
}

json::value as_numbers(const std::vector<float>& vector) {
  json::array out;
  for (const float value : vector) out.push_back(value);
  return out;
}

// as_base64 writes little-endian floats, as numpy reads them.
json::value as_base64(const std::vector<float>& vector) {
  Bytes bytes;
  for (const float value : vector) {
    const auto bits = std::bit_cast<uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<uint8_t>(bits >> shift));
  }
  return js(to_base64(bytes));
}

}  // namespace

Parsed<Job> embeddings(ByteSpan bytes, const Context& context) {
  OPENPCC_LET(const json::object body, parse_object(bytes));
  OPENPCC_TRY(read_model(body, context.served));
  OPENPCC_LET(const std::vector<Text> inputs, texts(body, "input", kInputsMax));
  OPENPCC_LET(const std::optional<uint32_t> dimensions, count(body, "dimensions", 1, kDimensionsMax));
  OPENPCC_LET(const std::optional<std::string> format, text(body, "encoding_format"));
  if (format && *format != "float" && *format != "base64") return bad("encoding_format must be float or base64", "encoding_format");
  json::array data;
  size_t tokens = 0;
  for (const Text& input : inputs) {
    if (input.tokens > context.served.max_model_len) {
      return bad("This model's maximum context length is " + std::to_string(context.served.max_model_len) + " tokens.", "input");
    }
    tokens += input.tokens;
    const auto vector = embedding(input.text, dimensions.value_or(kDimensionsDefault));
    json::value written = format == "base64" ? as_base64(vector) : as_numbers(vector);
    data.push_back(json::object{{"index", data.size()}, {"object", "embedding"}, {"embedding", std::move(written)}});
  }
  return timed_job(
      json::serialize(json::object{{"id", "embd-" + std::to_string(context.number)},
                                   {"object", "list"},
                                   {"created", context.now},
                                   {"model", context.served.name},
                                   {"data", std::move(data)},
                                   {"usage", json::object{{"prompt_tokens", tokens}, {"total_tokens", tokens}, {"completion_tokens", 0}}}}),
      1);
}

}  // namespace openpcc::demo_engine
