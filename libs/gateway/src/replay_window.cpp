#include "openpcc/gateway/replay_window.h"

namespace openpcc::gateway {

Result<> ReplayWindow::admit(const std::array<uint8_t, 32>& enc_digest) {
  if (seen_.contains(enc_digest)) return fail(Code::rejected, "gateway.replay");
  if (seen_.size() >= entries_max_) return fail(Code::unavailable, "gateway.replay_full");
  seen_.insert(enc_digest);
  return {};
}

}  // namespace openpcc::gateway
