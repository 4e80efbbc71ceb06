#include "openpcc/gateway/keys.h"

namespace openpcc::gateway {

Result<std::vector<ohttp::GatewayKey>> keys_from_seed(ByteSpan file) {
  auto decoded = from_hex(as_text(file));
  if (!decoded || decoded->size() != 32) return fail(Code::malformed, "gateway.key_file", "expected 64 hexadecimal digits");
  const SecretBytes seed = SecretBytes::adopt(std::move(*decoded));
  const auto derived = [&seed](hpke::KemId kem, std::string_view label) {
    const SecretBytes ikm = SecretBytes::adopt(concat({seed.reveal(), as_bytes(label)}));
    return hpke::PrivateKey::derive(kem, ikm.reveal());
  };
  using hpke::AeadId, hpke::KdfId, hpke::KemId;
  std::vector<ohttp::GatewayKey> keys;
  keys.push_back({1, derived(KemId::x_wing, "openpcc gateway x-wing v1"), {{KdfId::hkdf_sha256, AeadId::aes_256_gcm}}});
  keys.push_back({2,
                  derived(KemId::dhkem_x25519_hkdf_sha256, "openpcc gateway x25519 v1"),
                  {{KdfId::hkdf_sha256, AeadId::aes_128_gcm}, {KdfId::hkdf_sha256, AeadId::chacha20_poly1305}}});
  return keys;
}

}  // namespace openpcc::gateway
