// Whether what a genuine document says is acceptable. Demands are data, strict as they come; every check gives a finding, so that nothing is left out
// unseen.
#pragma once

#include <set>

#include "openpcc/appraisal/finding.h"
#include "openpcc/nitro/verify.h"

namespace openpcc::nitro {

// ExpectedPcrs are the registers that a release has. One that expects nothing does not exist: an empty list would take any image.
class ExpectedPcrs {
 public:
  // create takes each register's allowed values; a document must have every register that is named, with one of them. A value of another size than
  // kPcrBytes is none that a document has.
  //   nitro.expected.empty   no register, or one without a value
  //   nitro.expected.index   over 31
  static Result<ExpectedPcrs> create(std::map<uint8_t, std::vector<Bytes>> allowed);
  const std::map<uint8_t, std::vector<Bytes>>& allowed() const { return allowed_; }

 private:
  explicit ExpectedPcrs(std::map<uint8_t, std::vector<Bytes>> allowed) : allowed_(std::move(allowed)) {}
  std::map<uint8_t, std::vector<Bytes>> allowed_;
};

inline constexpr uint32_t kAgeMax_s = 300;   // how long ago a document may have been made
inline constexpr uint32_t kAheadMax_s = 60;  // how far its maker's clock may be ahead

struct Demands {
  std::set<Source> sources{Source::enclave};          // an instance's registers can be extended by whoever owns it
  std::optional<ExpectedPcrs> pcrs;                   // none: not checked, and the finding says so
  std::optional<Bytes> nonce, public_key, user_data;  // each exactly this one; none: not checked
};

// appraise judges each of, in this order:
//   nitro.source  nitro.debug  nitro.pcr.missing, nitro.pcr  nitro.time, nitro.nonce, nitro.public_key, nitro.user_data
appraisal::Findings appraise(const VerifiedDocument& verified, const Demands& demands, UnixSeconds now);

}  // namespace openpcc::nitro
