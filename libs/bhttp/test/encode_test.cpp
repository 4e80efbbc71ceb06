#include "openpcc/testkit/testkit.h"
#include "transcript.h"

namespace openpcc::bhttp {
namespace {

using testkit::hex;

const RequestHead kRequest{"POST", "https", "a.example", "/v1", {{"content-type", "application/json"}, {"x", ""}}};
const ResponseHead kResponse{429, {{"retry-after", "1"}}};

Bytes bytes(std::string_view text) { return {as_bytes(text).begin(), as_bytes(text).end()}; }

TEST(Encode, known_length_request_byte_for_byte) {
  EXPECT_EQ(to_hex(encode_request({"GET", "https", "a", "/", {{"b", "cd"}}}, as_bytes("ef"))),
            "00"
            "03474554"
            "056874747073"
            "0161"
            "012f"
            "05"
            "0162"
            "026364"
            "026566"
            "00");
}

TEST(Encode, indeterminate_length_response_byte_for_byte) {
  Bytes out = hex("ff");  // what the caller had there stays
  append_response_head(out, {200, {{"b", "cd"}}});
  append_content(out, as_bytes("ef"));
  append_content(out, {});
  append_content(out, as_bytes("g"));
  append_end(out);
  EXPECT_EQ(to_hex(out),
            "ff"
            "03"
            "40c8"
            "0162"
            "026364"
            "00"
            "026566"
            "0167"
            "00"
            "00");
}

TEST(Encode, what_is_encoded_decodes) {
  for (const size_t n : {0u, 1u, 63u, 64u, 16383u, 16384u, 100000u}) {
    const Bytes content(n, 'x');
    const auto request = decode_request(encode_request(kRequest, content));
    ASSERT_OK(request);
    EXPECT_EQ(request->head, kRequest);
    EXPECT_EQ(request->content, content);
    const auto response = decode_response(encode_response(kResponse, content));
    ASSERT_OK(response);
    EXPECT_EQ(response->head, kResponse);
    EXPECT_EQ(response->content, content);
  }
}

TEST(Encode, streamed_messages_decode_while_they_are_written) {
  Decoder<RequestHead> decoder;
  Transcript<RequestHead> got;
  const auto pass = [&](const Bytes& piece) {
    decoder.feed(piece);
    ASSERT_OK(drain(decoder, got));
  };
  Bytes out;
  append_request_head(out, kRequest);
  pass(out);
  EXPECT_EQ(got.head, kRequest);
  out.clear();
  append_content(out, as_bytes("one "));
  pass(out);
  EXPECT_EQ(got.content, bytes("one "));
  out.clear();
  append_content(out, as_bytes("two"));
  append_end(out);
  pass(out);
  EXPECT_EQ(got.content, bytes("one two"));
  EXPECT_TRUE(got.end);
}

}  // namespace
}  // namespace openpcc::bhttp
