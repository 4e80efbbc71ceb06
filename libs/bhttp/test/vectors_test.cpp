// The examples of RFC 9292 s5.
#include <boost/json.hpp>

#include "openpcc/testkit/testkit.h"
#include "transcript.h"

namespace openpcc::bhttp {
namespace {

class Rfc9292 : public testing::Test {
 protected:
  void SetUp() override {
    const auto path = testkit::shared_file("vectors/bhttp-rfc9292/examples.json");
    if (!path) GTEST_SKIP() << "the shared vectors are absent: RFC 9292's examples are not checked";
    const Bytes text = testkit::read_file(*path);
    vectors_ = boost::json::parse(as_text(text));
  }
  Bytes example(std::string_view name) const { return testkit::hex(vectors_.at("binary").at(name).as_string()); }

 private:
  boost::json::value vectors_;
};

const RequestHead kRequest{
    "GET",
    "https",
    "",
    "/hello.txt",
    {{"user-agent", "curl/7.16.3 libcurl/7.16.3 OpenSSL/0.9.7l zlib/1.2.3"}, {"host", "www.example.com"}, {"accept-language", "en, mi"}}};

TEST_F(Rfc9292, known_length_request_and_back) {
  const Bytes message = example("ex-bink-request");
  const auto got = read<RequestHead>(message, 1);
  ASSERT_OK(got);
  EXPECT_EQ(*got, (Transcript<RequestHead>{kRequest, {}, {}, true}));
  EXPECT_EQ(encode_request(kRequest, {}), message);
}

TEST_F(Rfc9292, known_length_request_truncated) {
  const Bytes message = example("ex-bink-request");
  for (const size_t cut : {1u, 2u}) EXPECT_OK(read<RequestHead>(ByteSpan(message).first(message.size() - cut), 1));
  EXPECT_RULE(read<RequestHead>(ByteSpan(message).first(message.size() - 3), 1), "bhttp.3.8.truncated");
}

TEST_F(Rfc9292, indeterminate_length_request_with_padding_and_truncated) {
  const Bytes message = example("ex-bini-request");
  for (size_t cut = 0; cut <= 12; ++cut) {
    const auto got = read<RequestHead>(ByteSpan(message).first(message.size() - cut), 2);
    ASSERT_OK(got);
    EXPECT_EQ(*got, (Transcript<RequestHead>{kRequest, {}, {}, true}));
  }
  EXPECT_RULE(read<RequestHead>(ByteSpan(message).first(message.size() - 13), 2), "bhttp.3.8.truncated");
  Bytes encoded;
  append_request_head(encoded, kRequest);
  append_end(encoded);
  encoded.resize(encoded.size() + 10);
  EXPECT_EQ(encoded, message);
}

TEST_F(Rfc9292, indeterminate_length_response_with_interim_responses) {
  const auto got = read<ResponseHead>(example("ex-bini-response"), 1);
  ASSERT_OK(got);
  ASSERT_TRUE(got->head);
  EXPECT_EQ(got->head->status, 200);
  EXPECT_EQ(got->head->fields.size(), 8u);
  EXPECT_EQ(find(got->head->fields, "etag"), "\"34aa387-d-1568eb00\"");
  EXPECT_EQ(as_text(got->content), "Hello World! My content includes a trailing CRLF.\r\n");
}

TEST_F(Rfc9292, known_length_response_with_trailers) {
  const auto got = read<ResponseHead>(example("ex-bink-chunked"), 1);
  ASSERT_OK(got);
  EXPECT_EQ(got->head, (ResponseHead{200, {}}));
  EXPECT_EQ(as_text(got->content), "This content contains CRLF.\r\n");
  EXPECT_EQ(got->trailers, (Fields{{"trailer", "text"}}));
}

}  // namespace
}  // namespace openpcc::bhttp
