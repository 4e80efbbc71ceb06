// The guest's side: how a node makes evidence for its keys, whatever TEE it runs in.
#pragma once

#include "openpcc/attest/evidence.h"

namespace openpcc::attest {

// kPending is no refusal: a report is being made, and the same call gives it later. So speaks an Attester that would block (unavailable).
inline constexpr Rule kPending = "attest.pending";

// Attester is a TEE as the node inside it sees it. Implementations say what fails in their own rules.
class Attester {
 public:
  virtual ~Attester() = default;
  virtual size_t gpu_count() const = 0;
  // gpu_id is the device id of GPU number `rank`, ascending.
  virtual Bytes gpu_id(size_t rank) const = 0;
  virtual Result<Device> gpu_report(size_t rank, const GpuNonce& nonce) = 0;
  // cpu_quote puts B into the report data.
  virtual Result<Device> cpu_quote(const Binding& binding) = 0;
};

struct MadeEvidence {
  Bytes bytes;  // what GET /v1/evidence answers
  NodeId node_id;
};

// make_evidence asks the GPUs, then the CPU, and binds all of it to `claims`, whose gpu_digest is filled in here.
//   attest.make.too_large   the result exceeds kEvidenceBytesMax
Result<MadeEvidence> make_evidence(Claims claims, Attester& tee);

}  // namespace openpcc::attest
