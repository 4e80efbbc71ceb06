#include "openpcc/collect/quote_service.h"

#include "openpcc/testkit/testkit.h"

namespace openpcc::collect {
namespace {

Result<Bytes> read(std::string_view body) { return read_quote_answer(as_bytes(body)); }

TEST(QuoteService, a_request_and_its_answer) {
  Bytes asked;
  const QuoteService service = quote_service_by([&](ByteSpan body) -> Result<Bytes> {
    asked.assign(body.begin(), body.end());
    const std::string_view answer = R"({"quote":"AQID_w"})";
    return Bytes(answer.begin(), answer.end());
  });
  const auto quote = service(Bytes{0xfb, 0xff, 1, 2});
  ASSERT_OK(quote);
  EXPECT_EQ(*quote, (Bytes{1, 2, 3, 0xff}));
  EXPECT_EQ(as_text(asked), R"({"report":"-_8BAg"})");
}

TEST(QuoteService, padding_and_other_members_are_taken) {
  EXPECT_EQ(*read(R"({"quote":"AQID_w=="})"), (Bytes{1, 2, 3, 0xff}));
  EXPECT_EQ(*read(R"({"quote":"AQI="})"), (Bytes{1, 2}));
  EXPECT_EQ(*read(R"( {"version":[1],"quote":"AQID"} )"), (Bytes{1, 2, 3}));
}

TEST(QuoteService, what_is_no_answer) {
  for (const std::string_view body :
       {"", "{}", "[]", "null", R"({"quote":1})", R"({"quote":"AQ+/"})", R"({"quote":"AQ==="})", R"({"quote":"A"})", R"({"quote":"AR"})",
        R"({"quote":"AQID","quote":"AQID"})", R"({"quote":"AQID"}x)", R"({"quote":"AQ ID"})"}) {
    EXPECT_RULE(read(body), "collect.quote_service.answer") << body;
  }
  const auto large = [](size_t bytes) { return R"({"quote":")" + std::string(bytes - 12, 'A') + "\"}"; };
  EXPECT_OK(read(large(kQuoteAnswerBytesMax)));
  EXPECT_RULE(read(large(kQuoteAnswerBytesMax + 4)), "collect.quote_service.answer");
  const QuoteService fails = quote_service_by([](ByteSpan) -> Result<Bytes> { return fail(Code::unavailable, "test.nobody"); });
  EXPECT_EQ(fails(Bytes(1024)).error().rule.id(), "test.nobody");
}

// What the service gives of a genuine TD.
TEST(QuoteService, a_recorded_quote) {
  const auto file = testkit::shared_file("evidence/azure/tdx-lunal-live/td_quote.bin");
  if (!file) GTEST_SKIP() << "no shared evidence";
  const Bytes quote = testkit::read_file(*file);
  EXPECT_EQ(*read(R"({"quote":")" + to_base64url(quote) + "\"}"), quote);
}

}  // namespace
}  // namespace openpcc::collect
