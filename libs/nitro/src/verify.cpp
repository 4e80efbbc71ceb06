#include "openpcc/nitro/verify.h"

#include <algorithm>

#include "openpcc/crypto/hash.h"
#include "openpcc/x509/der.h"

namespace openpcc::nitro {
namespace {

namespace der = x509::der;
using crypto::EcdsaPublic;
using x509::Certificate;

constexpr std::array<uint8_t, 3> kKeyUsage{0x55, 0x1d, 0x0f};
constexpr std::array<uint8_t, 3> kBasicConstraints{0x55, 0x1d, 0x13};
constexpr uint8_t kDigitalSignature = 0x80;  // bit 0 of the first byte, counted from its high end

Result<Certificate> read_certificate(ByteSpan der) {
  constexpr Rule kRule = "nitro.chain.syntax";
  auto certificate = Certificate::parse(der);
  if (!certificate) return fail(certificate.error().code, kRule, describe(certificate.error()));
  if (certificate->signature().algorithm != x509::Algorithm::ecdsa_sha384)
    return fail(Code::unsupported, kRule, "another algorithm than AWS's");
  return certificate;
}

// read_chain reads the root first, the leaf last.
Result<std::vector<Certificate>> read_chain(const Document& document) {
  std::vector<Certificate> out;
  for (const ByteSpan der : document.cabundle) {
    OPENPCC_LET(Certificate certificate, read_certificate(der));
    out.push_back(std::move(certificate));
  }
  OPENPCC_LET(Certificate leaf, read_certificate(document.certificate));
  out.push_back(std::move(leaf));
  return out;
}

Result<> check_root(const Certificate& root, std::span<const PinnedRoot> roots) {
  const auto digest = crypto::sha256(root.spki());
  if (std::ranges::any_of(roots, [&](const PinnedRoot& pinned) { return equal(pinned, digest); })) return {};
  return fail(Code::verification_failed, "nitro.chain.root", "the key of " + std::string(root.common_name()) + " is not AWS's");
}

Rule rule_of_link(const Error& error) {
  if (error.rule == Rule("x509.issuer.name")) return "nitro.chain.issuer";
  if (error.rule == Rule("x509.signature.wrong") || error.rule == Rule("x509.signature.algorithm")) return "nitro.chain.signature";
  return "nitro.chain.ca";
}

// `below` counts the CAs between the issuer and the leaf.
Result<> check_link(const Certificate& subject, const Certificate& issuer, size_t below) {
  const auto key = issuer.key();
  if (!key) return fail(key.error().code, "nitro.chain.signature", describe(key.error()));
  const auto issued = x509::check_issued(subject, issuer, *key, below);
  if (!issued) return fail(issued.error().code, rule_of_link(issued.error()), describe(issued.error()));
  return {};
}

const Certificate& issuer_of(const std::vector<Certificate>& chain, size_t i) { return chain[i == 0 ? 0 : i - 1]; }

Result<> check_links(const std::vector<Certificate>& chain) {
  const size_t leaf = chain.size() - 1;
  for (size_t i = 0; i <= leaf; ++i) {
    if (equal(chain[i].issuer(), issuer_of(chain, i).subject())) continue;
    return fail(Code::verification_failed, "nitro.chain.issuer", std::string(chain[i].common_name()) + " names another issuer");
  }
  for (size_t i = 0; i <= leaf; ++i) {
    OPENPCC_TRY(check_link(chain[i], issuer_of(chain, i), leaf - std::max<size_t>(i, 1)));
  }
  return {};
}

// A CA's key signs certificates for others; one that signs documents as well could be anybody's below it.
Result<> check_leaf(const Certificate& leaf) {
  constexpr Rule kRule = "nitro.chain.ca";
  const x509::Extension* constraints = leaf.extension(kBasicConstraints);
  if (constraints != nullptr) {
    const auto content = der::only(constraints->value, der::kSequence);
    if (!content || !content->empty()) return fail(Code::verification_failed, kRule, "the leaf is a CA");
  }
  const x509::Extension* usage = leaf.extension(kKeyUsage);
  const auto bits = usage == nullptr ? Result<ByteSpan>(ByteSpan()) : der::only(usage->value, der::kBitString);
  if (!bits || bits->size() < 2 || ((*bits)[1] & kDigitalSignature) == 0)
    return fail(Code::verification_failed, kRule, "its key is not for signatures");
  return {};
}

Result<> check_times(const std::vector<Certificate>& chain, UnixSeconds now) {
  for (const Certificate& certificate : chain) {
    const auto in_time = x509::check_time(certificate, now);
    if (in_time) continue;
    const bool early = in_time.error().rule == Rule("x509.time.early");
    return fail(Code::verification_failed, early ? Rule("nitro.chain.early") : Rule("nitro.chain.expired"), in_time.error().detail);
  }
  return {};
}

Result<> check_signature(const Document& document, const Certificate& leaf) {
  const auto key = leaf.key();
  const auto* p384 = key ? std::get_if<EcdsaPublic>(&*key) : nullptr;
  if (p384 == nullptr || p384->curve() != crypto::Curve::p384)
    return fail(Code::verification_failed, "nitro.chain.key", "the leaf has no key on P-384");
  if (p384->verify(signed_bytes(document), document.signature)) return {};
  return fail(Code::verification_failed, "nitro.signature", "the certified key did not sign this document");
}

}  // namespace

std::span<const PinnedRoot> aws_roots() {
  static constexpr PinnedRoot kRoots[] = {{0xf2, 0xca, 0xf5, 0xec, 0xc6, 0x19, 0x0b, 0x4a, 0x83, 0x99, 0xb7, 0x8b, 0xc5, 0x8a, 0x2b, 0xbc,
                                           0xd0, 0x38, 0x23, 0x75, 0xdb, 0x8a, 0x1b, 0xfd, 0x78, 0xa8, 0x27, 0x43, 0x87, 0x4f, 0xd2, 0x25}};
  return kRoots;
}

Result<VerifiedDocument> verify(ByteSpan bytes, UnixSeconds now, std::span<const PinnedRoot> roots) {
  OPENPCC_LET(Document document, parse_document(bytes));
  OPENPCC_LET(const std::vector<Certificate> chain, read_chain(document));
  OPENPCC_TRY(check_root(chain.front(), roots));
  OPENPCC_TRY(check_links(chain));
  OPENPCC_TRY(check_leaf(chain.back()));
  OPENPCC_TRY(check_times(chain, now));
  OPENPCC_TRY(check_signature(document, chain.back()));
  x509::Window window = chain.front().window();
  for (const Certificate& certificate : chain) window = window.intersect(certificate.window());
  return VerifiedDocument(std::move(document), window);
}

}  // namespace openpcc::nitro
