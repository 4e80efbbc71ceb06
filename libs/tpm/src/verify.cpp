#include "openpcc/tpm/verify.h"

#include <algorithm>

namespace openpcc::tpm {
namespace {

Result<> check_rsa(const crypto::RsaPublic& key, ByteSpan message, const Signature& signature) {
  const auto digest = signature.hash == Hash::sha256 ? crypto::RsaDigest::sha256 : crypto::RsaDigest::sha384;
  return signature.scheme == Scheme::rsassa ? key.verify_pkcs1(digest, message, signature.value)
                                            : key.verify_pss_tpm(digest, message, signature.value);
}

// fits: the key is of the scheme's kind and strength, and not bound to another one.
bool fits(const AttestationKey& key, const Signature& signature) {
  const auto& bound = key.bound();
  if (bound && (bound->scheme != signature.scheme || bound->hash != signature.hash)) return false;
  const auto* ec = std::get_if<crypto::EcdsaPublic>(&key.key());
  if (ec == nullptr) return signature.scheme != Scheme::ecdsa;
  return signature.scheme == Scheme::ecdsa && crypto::coordinate_bytes(ec->curve()) == digest_bytes(signature.hash);
}

Result<> check_signature(const AttestationKey& key, ByteSpan message, const Signature& signature) {
  if (!fits(key, signature)) {
    return fail(Code::verification_failed, "tpm.scheme",
                "the key does not sign by " + std::string(to_string(signature.scheme)) + " with " + std::string(to_string(signature.hash)));
  }
  const auto* ec = std::get_if<crypto::EcdsaPublic>(&key.key());
  const Result<> checked =
      ec != nullptr ? ec->verify(message, signature.value) : check_rsa(std::get<crypto::RsaPublic>(key.key()), message, signature);
  if (!checked) return fail(Code::verification_failed, "tpm.signature", "the key did not sign this quote");
  return {};
}

// exact: values of the selected PCRs, of all of them and of no others.
bool exact(const Selections& selections, const Banks& values) {
  size_t wanted = 0, given = 0;
  for (const auto& [bank, pcrs] : values) given += pcrs.size();
  for (const Selection& selection : selections) {
    const auto bank = values.find(selection.bank);
    for (uint8_t pcr = 0; pcr < kPcrs; ++pcr) {
      if (!selection.has(pcr)) continue;
      ++wanted;
      const auto value = bank == values.end() ? Bank::const_iterator() : bank->second.find(pcr);
      const bool there = bank != values.end() && value != bank->second.end();
      if (!there || value->second.size() != digest_bytes(selection.bank)) return false;
    }
  }
  return wanted == given;
}

// joined: bank by bank in the order of the selection, each in ascending order of its indices.
Bytes joined(const Selections& selections, const Banks& values) {
  Bytes out;
  out.reserve(kPcrs * 64);
  for (const Selection& selection : selections) {
    const auto bank = values.find(selection.bank);
    if (bank == values.end()) continue;
    for (const auto& [pcr, value] : bank->second) out.insert(out.end(), value.begin(), value.end());
  }
  return out;
}

}  // namespace

const Bytes* VerifiedQuote::value(Hash bank, unsigned pcr) const {
  const auto found = values_.find(bank);
  if (found == values_.end() || pcr >= kPcrs) return nullptr;
  const auto value = found->second.find(static_cast<uint8_t>(pcr));
  return value == found->second.end() ? nullptr : &value->second;
}

class Verifier {
 public:
  static Verification run(ByteSpan bytes, const Result<Signature>& signature, const AttestationKey& key, Banks values) {
    Verification out;
    auto quote = parse_quote(bytes);
    if (!quote) out.failures.push_back(quote.error());
    const Result<> is_signed = signature ? check_signature(key, bytes, *signature) : Result<>(std::unexpected(signature.error()));
    if (!is_signed) out.failures.push_back(is_signed.error());
    if (!quote || !signature) return out;
    if (!exact(quote->selections, values)) {
      out.failures.push_back(
          fail(Code::verification_failed, "tpm.pcrs", "not exactly the values of " + text_of(quote->selections)).error());
    } else if (!equal(digest(signature->hash, joined(quote->selections, values)), quote->pcr_digest)) {
      out.failures.push_back(fail(Code::verification_failed, "tpm.digest", "the values are not those that were quoted").error());
    }
    if (out.failures.empty()) out.verified = VerifiedQuote(std::move(*quote), key, signature->scheme, std::move(values));
    return out;
  }
};

Verification verify(ByteSpan quote, const Signature& signature, const AttestationKey& key, Banks values) {
  return Verifier::run(quote, signature, key, std::move(values));
}

Verification verify(ByteSpan quote, ByteSpan signature, const AttestationKey& key, Banks values) {
  return Verifier::run(quote, parse_signature(signature), key, std::move(values));
}

}  // namespace openpcc::tpm
