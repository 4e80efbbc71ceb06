#include "ask.h"
#include "png.h"

namespace openpcc::demo_engine {
namespace {

TEST(Images, are_pngs_whose_colour_the_prompt_decides) {
  const auto parsed = json_of(images, R"({"model":"openpcc-demo","prompt":"a red cat","n":2})");
  ASSERT_EQ(parsed.at("data").as_array().size(), 2u);
  const auto png = from_base64(std::string(parsed.at("data").at(0).at("b64_json").as_string()));
  ASSERT_OK(png);
  EXPECT_TRUE(as_text(*png).starts_with("\x89PNG\r\n\x1a\n"));
  EXPECT_NE(parsed.at("data").at(0), parsed.at("data").at(1));
  EXPECT_EQ(parsed.at("data"), json_of(images, R"({"prompt":"a red cat","n":2})").at("data"));
  EXPECT_NE(parsed.at("data").at(0), json_of(images, R"({"prompt":"a blue cat"})").at("data").at(0));
  EXPECT_EQ(ask(images, R"({"prompt":"x","n":3})")->steps.size(), 3u);
}

TEST(Images, refuse) {
  expect_error(images, "{}", 400, "prompt is required");
  expect_error(images, R"({"prompt":"x","n":11})", 400, "n must be");
  expect_error(images, R"({"prompt":"x","response_format":"url"})", 400, "b64_json");
  expect_error(images, R"({"prompt":"x","output_format":"webp"})", 400, "png only");
  expect_error(images, R"({"prompt":"x","stream":true})", 400, "streams no images");
  expect_error(images, R"({"prompt":"x","model":"m"})", 404, "does not exist");
}

TEST(PlainPng, is_exactly_this) {
  // One red pixel; Python's zlib agrees with its checksums and its content.
  EXPECT_EQ(to_hex(plain_png(1, {255, 0, 0})),
            "89504e470d0a1a0a0000000d494844520000000100000001010300000025db56ca"
            "00000003504c5445ff000019e209370000000d494441547801010200fdff0000000200017e050dd20000000049454e44ae426082");
}

TEST(PlainPng, may_need_several_blocks) {
  const Bytes png = plain_png(1024, {1, 2, 3});
  EXPECT_EQ(png.size(), 8u + 25 + 15 + 12 + (1024 * 129 + 3 * 5 + 6) + 12);
}

}  // namespace
}  // namespace openpcc::demo_engine
