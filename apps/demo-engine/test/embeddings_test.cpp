#include <cmath>

#include "ask.h"

namespace openpcc::demo_engine {
namespace {

std::vector<double> vector_of(const json::value& answer, size_t index) {
  std::vector<double> out;
  for (const json::value& value : answer.at("data").at(index).at("embedding").as_array()) out.push_back(value.to_number<double>());
  return out;
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double out = 0;
  for (size_t i = 0; i < a.size(); ++i) out += a[i] * b[i];
  return out;
}

TEST(Embeddings, are_unit_vectors_of_their_texts) {
  const auto parsed = json_of(embeddings, R"({"model":"openpcc-demo","input":["one two","other","one two"]})");
  EXPECT_EQ(parsed.at("object"), "list");
  EXPECT_EQ(parsed.at("data").at(1).at("index"), 1);
  EXPECT_EQ(parsed.at("usage").at("prompt_tokens"), 5);
  EXPECT_EQ(parsed.at("usage").at("total_tokens"), 5);
  const auto first = vector_of(parsed, 0);
  EXPECT_EQ(first.size(), 64u);
  EXPECT_NEAR(dot(first, first), 1, 1e-5);
  EXPECT_EQ(first, vector_of(parsed, 2));
  EXPECT_LT(std::abs(dot(first, vector_of(parsed, 1))), 0.8);
}

TEST(Embeddings, have_the_dimensions_that_are_asked) {
  for (const size_t dimensions : {1u, 3u, 4096u}) {
    const auto parsed = json_of(embeddings, R"({"input":"x","dimensions":)" + std::to_string(dimensions) + "}");
    const auto vector = vector_of(parsed, 0);
    EXPECT_EQ(vector.size(), dimensions);
    EXPECT_NEAR(dot(vector, vector), 1, 1e-5);
  }
}

TEST(Embeddings, as_base64_are_the_same_floats) {
  const auto numbers = vector_of(json_of(embeddings, R"({"input":"x","dimensions":5,"encoding_format":"float"})"), 0);
  const auto parsed = json_of(embeddings, R"({"input":"x","dimensions":5,"encoding_format":"base64"})");
  const auto bytes = from_base64(std::string(parsed.at("data").at(0).at("embedding").as_string()));
  ASSERT_OK(bytes);
  ASSERT_EQ(bytes->size(), 20u);
  for (size_t i = 0; i < 5; ++i) {
    float value = 0;
    std::memcpy(&value, bytes->data() + 4 * i, 4);
    EXPECT_EQ(value, static_cast<float>(numbers[i]));
  }
}

TEST(Embeddings, read_token_numbers) {
  const auto parsed = json_of(embeddings, R"({"input":[[354],[354,354]]})");
  EXPECT_EQ(vector_of(parsed, 0), vector_of(json_of(embeddings, R"({"input":"b"})"), 0));
  EXPECT_EQ(parsed.at("usage").at("prompt_tokens"), 3);
}

TEST(Embeddings, refuse) {
  expect_error(embeddings, "{}", 400, "input is required");
  expect_error(embeddings, R"({"input":{}})", 400, "input must be");
  expect_error(embeddings, R"({"input":"x","dimensions":0})", 400, "dimensions");
  expect_error(embeddings, R"({"input":"x","encoding_format":"int8"})", 400, "encoding_format");
  expect_error(embeddings, R"({"input":"x","model":"m"})", 404, "does not exist");
  expect_error(embeddings, R"({"input":")" + std::string(7000, 'x') + R"("})", 400, "maximum context length");
}

}  // namespace
}  // namespace openpcc::demo_engine
