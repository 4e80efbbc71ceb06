#include "openpcc/attest/attester.h"

namespace openpcc::attest {

Result<MadeEvidence> make_evidence(Claims claims, Attester& tee) {
  std::vector<Bytes> ids;
  std::vector<Device> gpus;
  for (size_t rank = 0; rank < tee.gpu_count(); ++rank) {
    OPENPCC_LET(Device gpu, tee.gpu_report(rank, gpu_nonce(claims.hpke_public_key, claims.freshness, rank)));
    ids.push_back(tee.gpu_id(rank));
    gpus.push_back(std::move(gpu));
  }
  claims.gpu_digest = gpus.empty() ? std::nullopt : std::optional<GpuDigest>(gpu_digest(ids, gpus));
  const Bytes encoded = claims.encode();
  const Binding bound = binding(encoded);
  OPENPCC_LET(const Device cpu, tee.cpu_quote(bound));
  MadeEvidence out{encode_evidence(encoded, cpu, gpus), node_id(bound)};
  if (out.bytes.size() > kEvidenceBytesMax) return fail(Code::limit, "attest.make.too_large");
  return out;
}

}  // namespace openpcc::attest
