#include "openpcc/api/api.h"

#include <boost/json.hpp>

#include "openpcc/testkit/testkit.h"

namespace openpcc::api {
namespace {

namespace json = boost::json;

const Failure kFailure{
    .status = 404, .message = "no \"such\"\nmodel", .code = "model_not_found", .type = "invalid_request_error", .param = "model"};

TEST(Api, paths_have_dialects) {
  EXPECT_EQ(path_of("/v1/messages?beta=true"), "/v1/messages");
  EXPECT_EQ(dialect_of("/v1/messages"), Dialect::anthropic);
  EXPECT_EQ(dialect_of("/v1/messages/count_tokens"), Dialect::anthropic);
  EXPECT_EQ(dialect_of("/v1/messages/batches"), Dialect::openai);
  EXPECT_EQ(dialect_of("/v1/responses"), Dialect::responses);
  EXPECT_EQ(dialect_of("/v1/chat/completions"), Dialect::openai);
}

TEST(Api, openais_errors_are_an_object_named_error) {
  for (const Dialect dialect : {Dialect::openai, Dialect::responses}) {
    const json::value body = json::parse(error_body(dialect, kFailure));
    EXPECT_EQ(
        body,
        json::value(
            {{"error",
              {{"message", "no \"such\"\nmodel"}, {"type", "invalid_request_error"}, {"param", "model"}, {"code", "model_not_found"}}}}));
  }
}

TEST(Api, anthropics_errors_have_a_type_by_status) {
  const json::value body = json::parse(error_body(Dialect::anthropic, kFailure));
  EXPECT_EQ(body.at("type"), "error");
  EXPECT_EQ(body.at_pointer("/error/type"), "not_found_error");
  const std::pair<uint16_t, std::string_view> types[] = {{400, "invalid_request_error"}, {401, "authentication_error"},
                                                         {403, "permission_error"},      {413, "request_too_large"},
                                                         {429, "rate_limit_error"},      {500, "api_error"},
                                                         {503, "overloaded_error"}};
  for (const auto& [status, type] : types) {
    const json::value one = json::parse(error_body(Dialect::anthropic, {.status = status}));
    EXPECT_EQ(one.at_pointer("/error/type").as_string(), type);
  }
}

// data_of is the JSON of an event's one data line.
json::value data_of(const std::string& event) {
  const std::string_view begin = "event: error\ndata: ";
  EXPECT_TRUE(event.starts_with(begin) && event.ends_with("\n\n")) << event;
  return json::parse(event.substr(begin.size()));
}

TEST(Api, events_carry_what_each_client_looks_for) {
  EXPECT_EQ(data_of(error_event(Dialect::openai, kFailure)).at_pointer("/error/code"), "model_not_found");
  EXPECT_EQ(data_of(error_event(Dialect::anthropic, kFailure)).at("type"), "error");
  const json::value response = data_of(error_event(Dialect::responses, kFailure));
  EXPECT_EQ(response.at("type"), "error");
  EXPECT_EQ(response.at("message"), "no \"such\"\nmodel");
  EXPECT_EQ(response.at_pointer("/error/message"), "no \"such\"\nmodel");
}

TEST(Api, quoted_text_reads_back) {
  const std::string text("\x00\x1f\"\\/é\n", 8);
  EXPECT_EQ(json::parse(quote(text)).as_string(), text);
}

}  // namespace
}  // namespace openpcc::api
