#include "openpcc/core/secret.h"

#include <type_traits>

#include "openpcc/testkit/testkit.h"

namespace openpcc {
namespace {

static_assert(!std::is_copy_constructible_v<Secret<32>> && !std::is_copy_assignable_v<Secret<32>>);
static_assert(!std::is_copy_constructible_v<SecretBytes>);

TEST(Secret, moving_wipes_the_source) {
  const std::array<uint8_t, 4> key = {1, 2, 3, 4};
  auto a = Secret<4>::copy_of(key);
  const Secret<4> b = std::move(a);
  EXPECT_TRUE(equal(b.reveal(), key));
  EXPECT_TRUE(equal(a.reveal(), std::array<uint8_t, 4>{}));  // NOLINT(bugprone-use-after-move): that is the test
}

TEST(Secret, destruction_wipes) {
  alignas(Secret<32>) std::array<uint8_t, sizeof(Secret<32>)> place{};
  std::array<uint8_t, 32> key;
  key.fill(0xaa);
  auto* secret = new (place.data()) Secret<32>(Secret<32>::copy_of(key));
  secret->~Secret<32>();
  EXPECT_TRUE(equal(place, std::array<uint8_t, sizeof(Secret<32>)>{}));
}

TEST(Secret, equals_ct) {
  const std::array<uint8_t, 3> a = {1, 2, 3};
  std::array<uint8_t, 3> b = a;
  EXPECT_TRUE(equals_ct(a, b));
  b[2] ^= 1;
  EXPECT_FALSE(equals_ct(a, b));
  EXPECT_FALSE(equals_ct(a, ByteSpan(a).first(2)));
}

}  // namespace
}  // namespace openpcc
