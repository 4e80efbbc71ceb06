// Key configurations: RFC 9458 s3.1, and their list, s3.2.
#include <algorithm>

#include "openpcc/ohttp/ohttp.h"

namespace openpcc::ohttp {
namespace {

constexpr size_t kKeyConfigsBytesMax = size_t{64} * 1024;
constexpr size_t kPairBytes = 4;

Result<std::vector<SymmetricAlgorithms>> parse_algorithms(hpke::KemId kem, ByteSpan bytes) {
  ByteReader reader(bytes, "ohttp.3.1.key_config");
  std::vector<SymmetricAlgorithms> out;
  while (!reader.empty()) {
    OPENPCC_LET(const uint16_t kdf, reader.u16());
    OPENPCC_LET(const uint16_t aead, reader.u16());
    const auto suite = hpke::parse_suite(static_cast<uint16_t>(kem), kdf, aead);
    if (!suite) continue;
    const SymmetricAlgorithms pair{suite->kdf, suite->aead};
    if (std::ranges::find(out, pair) == out.end()) out.push_back(pair);
  }
  if (out.empty()) return fail(Code::unsupported, "ohttp.3.1.key_config", "no algorithms that we speak");
  return out;
}

}  // namespace

Bytes KeyConfig::encode() const {
  OPENPCC_CHECK(public_key.size() == hpke::public_key_bytes(kem) && !algorithms.empty());
  ByteWriter w;
  w.u8(key_id).u16(static_cast<uint16_t>(kem)).bytes(public_key).u16(static_cast<uint16_t>(algorithms.size() * kPairBytes));
  for (const auto& [kdf, aead] : algorithms) w.u16(static_cast<uint16_t>(kdf)).u16(static_cast<uint16_t>(aead));
  return w.take();
}

Result<KeyConfig> KeyConfig::parse(ByteSpan bytes) {
  ByteReader reader(bytes, "ohttp.3.1.key_config");
  OPENPCC_LET(const uint8_t key_id, reader.u8());
  OPENPCC_LET(const uint16_t kem_number, reader.u16());
  const auto kem = hpke::parse_kem(kem_number);
  if (!kem) return fail(Code::unsupported, "ohttp.3.1.kem");
  OPENPCC_LET(const ByteSpan public_key, reader.bytes(hpke::public_key_bytes(*kem)));
  OPENPCC_LET(const uint16_t algorithms_bytes, reader.u16());
  OPENPCC_LET(const ByteSpan pairs, reader.bytes(algorithms_bytes));
  OPENPCC_TRY(reader.end());
  OPENPCC_LET(auto algorithms, parse_algorithms(*kem, pairs));
  if (!hpke::PublicKey::parse(*kem, public_key)) return fail(Code::malformed, "ohttp.3.1.key_config", "public key");
  return KeyConfig{key_id, *kem, Bytes(public_key.begin(), public_key.end()), std::move(algorithms)};
}

Bytes encode_key_configs(const std::vector<KeyConfig>& configs) {
  ByteWriter w;
  for (const KeyConfig& config : configs) {
    const Bytes encoded = config.encode();
    OPENPCC_CHECK(encoded.size() <= UINT16_MAX);
    w.u16(static_cast<uint16_t>(encoded.size())).bytes(encoded);
  }
  return w.take();
}

Result<std::vector<KeyConfig>> parse_key_configs(ByteSpan bytes) {
  if (bytes.size() > kKeyConfigsBytesMax) return fail(Code::limit, "ohttp.3.2.key_configs");
  ByteReader reader(bytes, "ohttp.3.2.key_configs");
  std::vector<KeyConfig> out;
  while (!reader.empty()) {
    OPENPCC_LET(const uint16_t n, reader.u16());
    OPENPCC_LET(const ByteSpan encoded, reader.bytes(n));
    auto config = KeyConfig::parse(encoded);
    if (config) {
      out.push_back(std::move(*config));
    } else if (config.error().code != Code::unsupported) {
      return std::unexpected(std::move(config).error());
    }
  }
  return out;
}

KeyConfig GatewayKey::config() const {
  const ByteSpan pk = key.public_key();
  return {key_id, key.kem(), Bytes(pk.begin(), pk.end()), algorithms};
}

}  // namespace openpcc::ohttp
