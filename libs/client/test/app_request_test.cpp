#include "openpcc/client/app_request.h"

#include "openpcc/form/form.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::client {
namespace {

http::RequestHead request(std::string authority, std::initializer_list<http::Field> fields = {}) {
  return {"POST", "/v1/chat/completions", std::move(authority), http::Fields(fields)};
}

const Door kDoor{.port = 8787, .api_key = std::nullopt, .hosts = {}};

TEST(Door, loopback_names_with_our_port_may_enter) {
  for (const char* host : {"localhost:8787", "127.0.0.1:8787", "[::1]:8787"}) EXPECT_OK(check_door(request(host), kDoor));
}

TEST(Door, any_other_host_is_refused) {
  for (const char* host : {"evil.example:8787", "localhost", "localhost:80", "127.0.0.1.evil.example:8787", "", "10.0.0.1:8787"}) {
    EXPECT_RULE(check_door(request(host), kDoor), "client.proxy.host");
  }
}

TEST(Door, configured_names_may_enter) {
  const Door door{.port = 8787, .api_key = std::nullopt, .hosts = {"proxy.lan"}};
  EXPECT_OK(check_door(request("proxy.lan:8787"), door));
}

TEST(Door, a_web_page_is_refused_and_our_own_is_not) {
  EXPECT_OK(check_door(request("localhost:8787", {{"origin", "http://localhost:8787"}}), kDoor));
  for (const char* origin : {"https://evil.example", "null", "http://localhost:3000", "https://localhost:8787"}) {
    EXPECT_RULE(check_door(request("localhost:8787", {{"origin", origin}}), kDoor), "client.proxy.origin");
  }
  EXPECT_RULE(check_door(request("localhost:8787", {{"origin", "http://localhost:8787"}, {"origin", "https://evil.example"}}), kDoor),
              "client.proxy.origin");
}

TEST(Door, key_is_demanded_where_there_is_one) {
  const Door door{.port = 8787, .api_key = "s3cret", .hosts = {}};
  EXPECT_OK(check_door(request("localhost:8787", {{"authorization", "Bearer s3cret"}}), door));
  EXPECT_OK(check_door(request("localhost:8787", {{"x-api-key", "s3cret"}}), door));
  EXPECT_OK(check_door(request("localhost:8787", {{"authorization", "Bearer of something else"}, {"x-api-key", "s3cret"}}), door));
  EXPECT_RULE(check_door(request("localhost:8787"), door), "client.proxy.key");
  EXPECT_RULE(check_door(request("localhost:8787", {{"x-api-key", "s3creT"}}), door), "client.proxy.key");
  EXPECT_RULE(check_door(request("localhost:8787", {{"x-api-key", "Bearer s3cret"}}), door), "client.proxy.key");
  EXPECT_RULE(check_door(request("localhost:8787", {{"authorization", "s3cret"}}), door), "client.proxy.key");
  EXPECT_RULE(check_door(request("localhost:8787", {{"authorization", "Bearer s3creT"}}), door), "client.proxy.key");
}

TEST(Model, is_read_from_the_body) { EXPECT_EQ(*model_of("application/json", as_bytes(R"({"messages":[],"model":"m"})")), "m"); }

TEST(Model, refuses_what_is_no_object) {
  for (const char* body : {"", "[]", "{", "1", "{}x"}) EXPECT_RULE(model_of("application/json", as_bytes(body)), "client.proxy.json");
  EXPECT_RULE(model_of("application/json", as_bytes(std::string(100, '[') + std::string(100, ']'))), "client.proxy.json");
}

TEST(Model, refuses_a_body_that_names_none) {
  EXPECT_RULE(model_of("application/json", as_bytes("{}")), "client.proxy.model");
  EXPECT_RULE(model_of("application/json", as_bytes(R"({"model":3})")), "client.proxy.model");
  const auto none = model_of("application/json", as_bytes("{}"));
  EXPECT_RULE(Result<>(std::unexpected(without_model("/v1/chat/completions", none.error()))), "client.proxy.model");
  EXPECT_RULE(Result<>(std::unexpected(without_model("/v1/files", none.error()))), "client.proxy.path");
  EXPECT_EQ(refusal_of(without_model("/v1/files", none.error())).status, 404);
}

TEST(Model, is_read_from_a_form) {
  Bytes body;
  form::append_part(body, "b", {"file", "a.wav", "audio/wav"}, as_bytes("RIFF"));
  form::append_part(body, "b", {"model"}, as_bytes("whisper"));
  form::append_close(body, "b");
  EXPECT_EQ(*model_of(form::content_type("b"), body), "whisper");
  EXPECT_RULE(model_of("multipart/form-data; boundary=other", body), "form.syntax");
  Bytes empty;
  form::append_part(empty, "b", {"x"}, {});
  form::append_close(empty, "b");
  EXPECT_RULE(model_of(form::content_type("b"), empty), "client.proxy.model");
}

TEST(Inner, a_query_stays_here) {
  http::RequestHead with = request("h");
  with.target = "/v1/messages?beta=true";
  EXPECT_EQ(inner_request(with).path, "/v1/messages");
}

TEST(Inner, only_what_the_node_needs_travels) {
  const bhttp::RequestHead head = inner_request(request("localhost:8787", {{"content-type", "application/json"},
                                                                           {"authorization", "Bearer x"},
                                                                           {"user-agent", "OpenAI/Python"},
                                                                           {"x-stainless-os", "Linux"},
                                                                           {"accept", "text/event-stream"}}));
  EXPECT_EQ(head.fields, (bhttp::Fields{{"content-type", "application/json"}}));
  EXPECT_EQ(head.path, "/v1/chat/completions");
}

TEST(Inner, json_is_spelled_in_one_way) {
  for (const char* type : {"application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8"}) {
    EXPECT_EQ(inner_request(request("h", {{"content-type", type}})).fields, (bhttp::Fields{{"content-type", "application/json"}}));
  }
  EXPECT_EQ(inner_request(request("h", {{"content-type", "application/jsonl"}})).fields,
            (bhttp::Fields{{"content-type", "application/jsonl"}}));
}

TEST(Profile, is_the_applications_choice) {
  EXPECT_EQ(*profile_of(request("h"), envelope::Profile::balanced), envelope::Profile::balanced);
  EXPECT_EQ(*profile_of(request("h", {{"openpcc-profile", "strict"}}), envelope::Profile::balanced), envelope::Profile::strict);
  EXPECT_RULE(profile_of(request("h", {{"openpcc-profile", "fast"}}), envelope::Profile::balanced), "client.proxy.profile");
}

TEST(Errors, say_rule_and_status) {
  const Refusal refusal = refusal_of(fail(Code::unavailable, "client.no_bundle").error());
  EXPECT_EQ(refusal.status, 503);
  EXPECT_EQ(refusal.failure().code, "client.no_bundle");
  EXPECT_EQ(refusal.failure().type, "openpcc_error");
  const std::pair<Error, uint16_t> statuses[] = {
      {fail(Code::rejected, "client.proxy.key").error(), 401},     {fail(Code::rejected, "client.proxy.origin").error(), 403},
      {fail(Code::rejected, "client.unknown_model").error(), 404}, {fail(Code::limit, "http.server.too_large").error(), 413},
      {fail(Code::malformed, "form.syntax").error(), 400},         {fail(Code::closed, "client.answer.truncated").error(), 502}};
  for (const auto& [error, status] : statuses) EXPECT_EQ(refusal_of(error).status, status) << error.rule.id();
}

TEST(Errors, an_unknown_rule_still_says_that_nothing_is_shown) {
  EXPECT_EQ(explain(fail(Code::verification_failed, "test.rule").error()), "The answer failed its checks, so it is not shown.");
}

}  // namespace
}  // namespace openpcc::client
