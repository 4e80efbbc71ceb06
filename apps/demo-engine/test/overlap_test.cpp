#include "ask.h"

namespace openpcc::demo_engine {
namespace {

TEST(Score, is_the_share_of_common_words) {
  const auto parsed = json_of(score, R"({"model":"openpcc-demo","text_1":"One two","text_2":["two, one!","two three",{"text":"x"},""]})");
  EXPECT_EQ(parsed.at("object"), "list");
  EXPECT_EQ(parsed.at("data").at(0).at("score").to_number<double>(), 1);
  EXPECT_NEAR(parsed.at("data").at(1).at("score").to_number<double>(), 1.0 / 3, 1e-9);
  EXPECT_EQ(parsed.at("data").at(2).at("score").to_number<double>(), 0);
  EXPECT_EQ(parsed.at("data").at(3).at("index"), 3);
}

TEST(Score, pairs_lists) {
  const auto parsed = json_of(score, R"({"queries":["a","b"],"documents":["b","b"]})");
  EXPECT_EQ(parsed.at("data").at(0).at("score").to_number<double>(), 0);
  EXPECT_EQ(parsed.at("data").at(1).at("score").to_number<double>(), 1);
  EXPECT_EQ(json_of(score, R"({"text_1":"","text_2":""})").at("data").at(0).at("score").to_number<double>(), 0);
}

TEST(Rerank, sorts_by_relevance) {
  const auto parsed = json_of(rerank, R"({"query":"red cat","documents":["dog","a red dog",{"text":"red cat"},"cow"],"top_n":3})");
  const auto& results = parsed.at("results").as_array();
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(results[0].at("index"), 2);
  EXPECT_EQ(results[0].at("document").at("text"), "red cat");
  EXPECT_EQ(results[1].at("index"), 1);
  EXPECT_EQ(results[2].at("index"), 0);  // of equals the first
  EXPECT_EQ(results[0].at("relevance_score").to_number<double>(), 1);
}

TEST(Rerank, leaves_documents_out_where_asked) {
  const auto parsed = json_of(rerank, R"({"query":"a","documents":["a"],"return_documents":false,"top_n":0})");
  EXPECT_FALSE(parsed.at("results").at(0).as_object().contains("document"));
}

TEST(Overlap, refuses) {
  expect_error(score, "{}", 400, "text_1 is required");
  expect_error(score, R"({"text_1":"a"})", 400, "text_2 is required");
  expect_error(score, R"({"text_1":7,"text_2":"a"})", 400, "text_1 must be");
  expect_error(score, R"({"text_1":["a","b"],"text_2":["a","b","c"]})", 400, "Input lengths");
  expect_error(score, R"({"text_1":[],"text_2":"a"})", 400, "1 to 1024");
  expect_error(rerank, "{}", 400, "query is required");
  expect_error(rerank, R"({"query":"a"})", 400, "documents is required");
  expect_error(rerank, R"({"query":"a","documents":"b"})", 400, "documents must be a list");
  expect_error(rerank, R"({"query":"a","documents":[{"x":1}]})", 400, "documents must be");
  expect_error(rerank, R"({"query":"a","documents":["b"],"top_n":-1})", 400, "top_n");
  expect_error(rerank, R"({"query":"a","documents":["b"],"return_documents":1})", 400, "return_documents");
}

}  // namespace
}  // namespace openpcc::demo_engine
