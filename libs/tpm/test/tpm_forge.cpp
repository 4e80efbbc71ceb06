#include "tpm_forge.h"

#include "openpcc/x509/der.h"

namespace openpcc::tpm::forge {
namespace {

namespace der = x509::der;
using x509::Algorithm;

bool is_ec(Algorithm algorithm) { return algorithm == Algorithm::ecdsa_sha256 || algorithm == Algorithm::ecdsa_sha384; }

void put_sized(ByteWriter& out, ByteSpan bytes) { out.u16(static_cast<uint16_t>(bytes.size())).bytes(bytes); }

// modulus_of takes n out of an RSA key's SubjectPublicKeyInfo.
Bytes modulus_of(ByteSpan spki) {
  der::Reader outer(*der::only(spki, der::kSequence));
  OPENPCC_CHECK(outer.next());
  const auto bits = *der::bit_string(*outer.content(der::kBitString));
  der::Reader numbers(*der::only(bits, der::kSequence));
  const ByteSpan n = *der::magnitude(*numbers.content(der::kInteger));
  return {n.begin(), n.end()};
}

}  // namespace

Banks values(Hash bank, std::initializer_list<uint8_t> pcrs) {
  Banks out;
  for (const uint8_t pcr : pcrs) out[bank][pcr] = Bytes(digest_bytes(bank), static_cast<uint8_t>(0xa0 + pcr));
  return out;
}

Machine::Machine(Algorithm algorithm) : key(algorithm) {}

Hash Machine::hash() const {
  return key.algorithm() == Algorithm::ecdsa_sha256 || key.algorithm() == Algorithm::rsa_pkcs1_sha256 ? Hash::sha256 : Hash::sha384;
}

Scheme Machine::scheme() const {
  if (is_ec(key.algorithm())) return Scheme::ecdsa;
  return key.algorithm() == Algorithm::rsa_pss_sha384 ? Scheme::rsapss : Scheme::rsassa;
}

Bytes Machine::quote() const {
  ByteWriter out;
  out.u32(magic).u16(type);
  put_sized(out, signer);
  put_sized(out, nonce);
  out.u64(123'456).u32(7).u32(1).u8(safe).u64(0x2019'1023'0016'3636);
  if (raw_selections) {
    out.bytes(*raw_selections);
  } else {
    out.u32(static_cast<uint32_t>(selections.size()));
    for (const Selection& s : selections) {
      out.u16(static_cast<uint16_t>(s.bank))
          .u8(3)
          .u8(static_cast<uint8_t>(s.pcrs))
          .u8(static_cast<uint8_t>(s.pcrs >> 8))
          .u8(static_cast<uint8_t>(s.pcrs >> 16));
    }
  }
  Bytes joined;
  for (const Selection& s : selections) {
    const auto bank = pcrs.find(s.bank);
    if (bank == pcrs.end()) continue;
    for (const auto& [pcr, value] : bank->second) joined.insert(joined.end(), value.begin(), value.end());
  }
  put_sized(out, digest ? *digest : tpm::digest(hash(), joined));
  return out.bytes(after).take();
}

Bytes Machine::signature_of(ByteSpan quote) const {
  ByteWriter out;
  out.u16(static_cast<uint16_t>(scheme())).u16(static_cast<uint16_t>(hash()));
  if (scheme() != Scheme::ecdsa) {
    put_sized(out, key.sign(quote));
    return out.take();
  }
  const Bytes r_s = key.sign_raw(quote);
  put_sized(out, ByteSpan(r_s).first(r_s.size() / 2));
  put_sized(out, ByteSpan(r_s).last(r_s.size() / 2));
  return out.take();
}

Bytes Machine::public_area() const {
  const bool ec = is_ec(key.algorithm());
  ByteWriter out;
  out.u16(ec ? 0x0023 : 0x0001).u16(0x000b).u32(attributes).u16(0).u16(0x0010);
  out.u16(static_cast<uint16_t>(scheme())).u16(static_cast<uint16_t>(hash()));
  if (ec) {
    const Bytes point = key.point();
    out.u16(key.algorithm() == Algorithm::ecdsa_sha256 ? 0x0003 : 0x0004).u16(0x0010);
    put_sized(out, ByteSpan(point).first(point.size() / 2));
    put_sized(out, ByteSpan(point).last(point.size() / 2));
  } else {
    out.u16(2048).u32(0);
    put_sized(out, modulus_of(key.spki()));
  }
  return out.take();
}

testing::AssertionResult refused(const Verification& verification, std::string_view rule) {
  if (verification.failures.empty()) return testing::AssertionFailure() << "accepted, expected " << rule;
  if (verification.verified) return testing::AssertionFailure() << "verified in spite of failures";
  return testkit::trips(Result<int>(std::unexpected(verification.failures.front())), rule);
}

}  // namespace openpcc::tpm::forge
