#include "openpcc/gateway/outer_request.h"

#include "openpcc/envelope/envelope.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::gateway {
namespace {

bhttp::RequestHead good_head() {
  return {"POST", "https", "gateway.example", "/v1/envelope", {{"content-type", std::string(envelope::kRequestType)}}};
}

Bytes good_body() {
  Bytes body;
  envelope::append_no_authorisation(body);
  body.insert(body.end(), {1, 2, 3});
  return body;
}

Result<OuterRequest> parse(const bhttp::RequestHead& head, const Bytes& body) {
  return parse_outer_request(bhttp::encode_request(head, body), "gateway.example");
}

TEST(OuterRequest, envelope_is_what_follows_the_authorisation) {
  const auto request = parse(good_head(), good_body());
  ASSERT_OK(request);
  EXPECT_EQ(std::get<EnvelopeRequest>(*request).envelope, (Bytes{1, 2, 3}));
}

TEST(OuterRequest, indeterminate_length_is_the_same_request) {
  Bytes message;
  bhttp::append_request_head(message, good_head());
  bhttp::append_content(message, good_body());
  bhttp::append_end(message);
  EXPECT_OK(parse_outer_request(message, "gateway.example"));
}

TEST(OuterRequest, foreign_clients_get_the_bundle) {
  bhttp::RequestHead head = good_head();
  head.method = "GET";
  head.fields.clear();
  head.path = "/v1/bundle";
  EXPECT_FALSE(std::get<BundleRequest>(*parse(head, {})).signature);
  head.path = "/v1/bundle.sig";
  EXPECT_TRUE(std::get<BundleRequest>(*parse(head, {})).signature);
}

TEST(OuterRequest, refuses_bytes_that_are_no_request) {
  EXPECT_RULE(parse_outer_request(Bytes{9, 9, 9}, "gateway.example"), "gateway.outer.malformed");
}

TEST(OuterRequest, refuses_a_body_that_ends_before_the_envelope) {
  Bytes body;
  envelope::append_no_authorisation(body);
  EXPECT_RULE(parse(good_head(), body), "gateway.outer.malformed");
}

TEST(OuterRequest, refuses_every_other_target) {
  for (const auto change :
       {+[](bhttp::RequestHead& h) { h.authority = "other.example"; }, +[](bhttp::RequestHead& h) { h.scheme = "http"; },
        +[](bhttp::RequestHead& h) { h.path = "/v1/envelope?x"; }, +[](bhttp::RequestHead& h) { h.method = "PUT"; }}) {
    bhttp::RequestHead head = good_head();
    change(head);
    EXPECT_RULE(parse(head, good_body()), "gateway.outer.target");
  }
}

TEST(OuterRequest, refuses_any_field_that_could_tell_clients_apart) {
  bhttp::RequestHead head = good_head();
  head.fields.push_back({"user-agent", "x"});
  EXPECT_RULE(parse(head, good_body()), "gateway.outer.fields");
  head.fields.clear();
  EXPECT_RULE(parse(head, good_body()), "gateway.outer.fields");
}

TEST(OuterRequest, refuses_an_unknown_version) {
  Bytes body = good_body();
  body[0] = 2;
  EXPECT_RULE(parse(good_head(), body), "gateway.outer.version");
}

TEST(OuterRequest, refuses_an_authorisation_where_there_are_no_tokens) {
  for (const size_t at : {size_t{1}, envelope::kAuthorisationBytes - 1}) {
    Bytes body = good_body();
    body[at] = 1;
    EXPECT_RULE(parse(good_head(), body), "gateway.outer.authorisation");
  }
}

TEST(ErrorAnswer, all_statuses_have_the_same_size_and_no_fields) {
  const auto busy = bhttp::decode_response(error_answer(503));
  ASSERT_OK(busy);
  EXPECT_EQ(busy->head.status, 503);
  EXPECT_TRUE(busy->head.fields.empty());
  EXPECT_EQ(busy->content, Bytes(kErrorBodyBytes));
  EXPECT_EQ(error_answer(400).size(), error_answer(503).size());
}

TEST(ErrorAnswer, status_follows_the_rule) {
  EXPECT_EQ(status_of(fail(Code::rejected, "gateway.outer.authorisation").error()), 401);
  EXPECT_EQ(status_of(fail(Code::rejected, "gateway.replay").error()), 409);
  EXPECT_EQ(status_of(fail(Code::unavailable, "gateway.node.failed").error()), 502);
  EXPECT_EQ(status_of(fail(Code::unavailable, "gateway.node.busy").error()), 503);
  EXPECT_EQ(status_of(fail(Code::malformed, "gateway.outer.malformed").error()), 400);
}

}  // namespace
}  // namespace openpcc::gateway
