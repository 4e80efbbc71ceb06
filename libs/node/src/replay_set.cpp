#include "openpcc/node/replay_set.h"

namespace openpcc::node {
namespace {

std::array<uint8_t, 16> draw_seed(Random& random) {
  std::array<uint8_t, 16> seed;
  random.fill(seed);
  return seed;
}

}  // namespace

size_t ReplaySet::SeededHash::operator()(const crypto::Sha256Digest& hh) const {
  const crypto::Sha256Digest digest = crypto::sha256({seed, hh});
  size_t out;
  std::memcpy(&out, digest.data(), sizeof out);
  return out;
}

ReplaySet::ReplaySet(Random& random, size_t entries_max) : entries_max_(entries_max), seen_(0, SeededHash{draw_seed(random)}) {}

Result<> ReplaySet::admit(const crypto::Sha256Digest& hh) {
  if (seen_.contains(hh)) return fail(Code::rejected, "node.replay.repeated");
  if (full()) return fail(Code::unavailable, "node.replay.full");
  seen_.insert(hh);
  return {};
}

}  // namespace openpcc::node
