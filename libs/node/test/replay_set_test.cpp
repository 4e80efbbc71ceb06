#include "openpcc/node/replay_set.h"

#include "openpcc/testkit/testkit.h"

namespace openpcc::node {
namespace {

crypto::Sha256Digest digest(uint32_t i) { return crypto::sha256(ByteWriter().u32(i).view()); }

TEST(ReplaySet, admits_each_hash_once) {
  testkit::TestRandom random;
  ReplaySet set(random);
  EXPECT_OK(set.admit(digest(1)));
  EXPECT_OK(set.admit(digest(2)));
  EXPECT_RULE(set.admit(digest(1)), "node.replay.repeated");
  EXPECT_EQ(set.entries(), 2u);
}

TEST(ReplaySet, a_full_set_refuses_and_forgets_nothing) {
  testkit::TestRandom random;
  ReplaySet set(random, 3);
  for (uint32_t i = 0; i < 3; ++i) EXPECT_OK(set.admit(digest(i)));
  EXPECT_TRUE(set.full());
  EXPECT_RULE(set.admit(digest(3)), "node.replay.full");
  for (uint32_t i = 0; i < 3; ++i) EXPECT_RULE(set.admit(digest(i)), "node.replay.repeated");
}

TEST(ReplaySet, holds_as_many_as_the_specification_says) {
  testkit::TestRandom random;
  ReplaySet set(random);
  for (uint32_t i = 0; i < 1u << 20; ++i) {
    if (!set.admit(digest(i))) FAIL() << i;
  }
  EXPECT_RULE(set.admit(digest(1u << 20)), "node.replay.full");
  EXPECT_RULE(set.admit(digest(0)), "node.replay.repeated");
}

}  // namespace
}  // namespace openpcc::node
