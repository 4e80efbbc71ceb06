// What is bound to what. Spec: spec/evidence.md s3 (envelope s4).
#include "openpcc/attest/evidence.h"

namespace openpcc::attest {
namespace {

// labelled joins the label, a zero byte, and the rest.
Bytes labelled(std::string_view label, ByteSpan rest) { return ByteWriter().text(label).u8(0).bytes(rest).take(); }

}  // namespace

Binding binding(ByteSpan encoded_claims) { return crypto::sha512(labelled("openpcc node binding v1", encoded_claims)); }

NodeId node_id(const Binding& binding) { return crypto::sha256(labelled("openpcc node id v1", binding)); }

GpuNonce gpu_nonce(ByteSpan hpke_public_key, const crypto::Sha256Digest& freshness, size_t rank) {
  OPENPCC_CHECK(rank < kGpusMax);
  ByteWriter fields;
  fields.lp(hpke_public_key).lp(freshness).u8(static_cast<uint8_t>(rank));
  return crypto::sha256(labelled("openpcc gpu nonce v1", fields.view()));
}

GpuDigest gpu_digest(const std::vector<Bytes>& ids, const std::vector<Device>& gpus) {
  OPENPCC_CHECK(ids.size() == gpus.size());
  ByteWriter fields;
  for (size_t i = 0; i < gpus.size(); ++i) {
    Bytes chain;
    for (const Item& certificate : gpus[i].chain) chain.insert(chain.end(), certificate.bytes.begin(), certificate.bytes.end());
    fields.lp(ids[i]).lp(gpus[i].report.bytes).lp(chain);
  }
  return crypto::sha256(labelled("openpcc gpu digest v1", fields.view()));
}

}  // namespace openpcc::attest
