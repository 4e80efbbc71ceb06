// What a peer may send: a public key (to senders), or an encapsulated key and a message (to recipients).
// Input: one byte (bit 0: the KEM, bit 1: which of the two), then the bytes.
#include "openpcc/hpke/hpke.h"

#include <algorithm>

namespace openpcc::hpke {
namespace {

class ConstantRandom final : public Random {
 public:
  void fill(MutableByteSpan out) override { std::ranges::fill(out, uint8_t{0x42}); }
};

Suite suite_of(KemId kem) { return {kem, KdfId::hkdf_sha256, AeadId::aes_256_gcm}; }

const PrivateKey& private_key(KemId kem) {
  static const PrivateKey x25519 = PrivateKey::derive(KemId::dhkem_x25519_hkdf_sha256, {});
  static const PrivateKey x_wing = PrivateKey::derive(KemId::x_wing, {});
  return kem == KemId::x_wing ? x_wing : x25519;
}

// A key that was accepted can be sent to, whatever it is.
void as_sender(KemId kem, ByteSpan bytes) {
  const auto pkR = PublicKey::parse(kem, bytes);
  if (!pkR) {
    OPENPCC_CHECK(pkR.error().rule.id() == "hpke.7.1.public_key");
    return;
  }
  OPENPCC_CHECK(equal(pkR->bytes(), bytes));
  ConstantRandom random;
  OPENPCC_CHECK(encapsulate(*pkR, random).enc.size() == enc_bytes(kem));
}

void as_recipient(KemId kem, ByteSpan bytes) {
  const size_t n = std::min(enc_bytes(kem), bytes.size());
  auto recipient = setup_recipient(suite_of(kem), private_key(kem), bytes.first(n), {});
  if (!recipient) {
    OPENPCC_CHECK(recipient.error().rule.id() == "hpke.7.1.enc");
    return;
  }
  const ByteSpan sealed = bytes.subspan(n);
  Bytes opened(sealed.size() < crypto::kAeadTagBytes ? 0 : sealed.size() - crypto::kAeadTagBytes);
  const Result<> result = recipient->open({}, sealed, opened);
  OPENPCC_CHECK(result || result.error().rule.id() == "hpke.5.2.open");
  OPENPCC_CHECK(result || opened == Bytes(opened.size()));
}

}  // namespace
}  // namespace openpcc::hpke

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace openpcc;
  if (size == 0) return 0;
  const hpke::KemId kem = (data[0] & 1) != 0 ? hpke::KemId::x_wing : hpke::KemId::dhkem_x25519_hkdf_sha256;
  const ByteSpan bytes = ByteSpan(data, size).subspan(1);
  if ((data[0] & 2) != 0) {
    hpke::as_recipient(kem, bytes);
  } else {
    hpke::as_sender(kem, bytes);
  }
  return 0;
}
