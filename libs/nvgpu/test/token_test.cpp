#include "openpcc/nvgpu/token.h"

#include "openpcc/testkit/testkit.h"

namespace openpcc::nvgpu {
namespace {

std::string jws(std::string_view header, std::string_view claims, std::string_view signature) {
  return to_base64url(as_bytes(header)) + "." + to_base64url(as_bytes(claims)) + "." + to_base64url(as_bytes(signature));
}
std::string token(const std::string& overall, const std::string& device) {
  return R"([["JWT",")" + overall + R"("],{"GPU-0":")" + device + R"("}])";
}

testing::AssertionResult refused(const std::string& text, std::string_view rule) {
  return testkit::trips(Result<int>(std::unexpected(refuse_token(as_bytes(text)))), rule);
}

TEST(NvgpuToken, none_is_taken) {
  const std::string es384 = jws(R"({"alg":"ES384"})", "{}", "signature"), none = jws(R"({"alg":"none"})", "{}", "");
  EXPECT_TRUE(refused(token(es384, es384), "nvgpu.eat.key"));
  EXPECT_TRUE(refused(token(none, none), "nvgpu.eat.alg_none"));
  EXPECT_TRUE(refused(token(es384, none), "nvgpu.eat.alg_none"));
  EXPECT_TRUE(refused(token(es384, jws(R"({"alg":"ES384"})", "{}", "")), "nvgpu.eat.alg_none")) << "an empty signature";
  EXPECT_TRUE(refused(token(jws(R"({"alg":"HS256"})", "{}", "signature"), es384), "nvgpu.eat.alg"));
}

TEST(NvgpuToken, what_is_no_token) {
  const std::string es384 = jws(R"({"alg":"ES384"})", "{}", "signature");
  EXPECT_TRUE(refused("", "nvgpu.eat.syntax"));
  EXPECT_TRUE(refused("{}", "nvgpu.eat.syntax"));
  EXPECT_TRUE(refused(R"([["JWT",")" + es384 + R"("],{}])", "nvgpu.eat.syntax"));
  EXPECT_TRUE(refused(R"([["JWT",1],{"GPU-0":"a"}])", "nvgpu.eat.syntax"));
  EXPECT_TRUE(refused(R"([["JWT",")" + es384 + R"("],{"GPU-0":1}])", "nvgpu.eat.syntax"));
  EXPECT_TRUE(refused(token(es384, "a.b"), "nvgpu.eat.syntax"));
  EXPECT_TRUE(refused(token(es384, es384 + ".a"), "nvgpu.eat.syntax"));
  EXPECT_TRUE(refused(token(es384, "=.=.="), "nvgpu.eat.syntax"));
  EXPECT_TRUE(refused(token(es384, jws(R"({"alg":"ES384","alg":"none"})", "{}", "s")), "nvgpu.eat.syntax")) << "a member twice";
  EXPECT_TRUE(refused(token(es384, jws("{}", "{}", "s")), "nvgpu.eat.syntax"));
  EXPECT_TRUE(refused(std::string(kTokenBytesMax + 1, ' '), "nvgpu.eat.syntax"));
}

TEST(NvgpuToken, is_told_from_other_documents) {
  EXPECT_TRUE(looks_like_token(as_bytes(R"([["JWT","a"],{}])")));
  EXPECT_TRUE(looks_like_token(as_bytes(R"({"claims":[],"detached_eat":[]})")));
  EXPECT_FALSE(looks_like_token(as_bytes(R"({"tcbInfo":{}})")));
}

TEST(NvgpuToken, those_of_the_corpus) {
  const auto folder = testkit::shared_file("evidence/nvidia/eat");
  if (!folder) GTEST_SKIP() << "no shared evidence";
  const auto text = [&](const char* name) {
    const Bytes bytes = testkit::read_file(*folder / name);
    EXPECT_TRUE(looks_like_token(bytes)) << name;
    return std::string(as_text(bytes));
  };
  EXPECT_TRUE(refused(text("dstack_gpu_attestation_h100.json"), "nvgpu.eat.alg_none"));
  EXPECT_TRUE(refused(text("hopperClaimsv3_detached_eat.json"), "nvgpu.eat.key"));
}

}  // namespace
}  // namespace openpcc::nvgpu
