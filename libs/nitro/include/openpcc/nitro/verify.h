// Whether a document is genuine: a pure function of bytes and time. What it says may still be unacceptable; a policy judges that.
//
//   pinned key = root --signs--> region --signs--> zone --signs--> instance --signs--> leaf --signs--> document
#pragma once

#include <array>
#include <span>

#include "openpcc/nitro/document.h"
#include "openpcc/x509/x509.h"

namespace openpcc::nitro {

// PinnedRoot is the SHA-256 of a root's SubjectPublicKeyInfo.
using PinnedRoot = std::array<uint8_t, 32>;
// aws_roots are AWS's: aws.nitro-enclaves, G1.
std::span<const PinnedRoot> aws_roots();

// VerifiedDocument is a document whose chain of signatures up to a pinned root is good. Only verify() makes one.
class VerifiedDocument {
 public:
  // document's views live as long as the bytes given to verify().
  const Document& document() const { return document_; }
  // window is when all certificates hold: about three hours, those of the leaf.
  const x509::Window& window() const { return window_; }

 private:
  friend Result<VerifiedDocument> verify(ByteSpan bytes, UnixSeconds now, std::span<const PinnedRoot> roots);
  VerifiedDocument(Document document, const x509::Window& window) : document_(std::move(document)), window_(window) {}
  Document document_;
  x509::Window window_;
};

// verify checks all of it, in this order, and stops at the first thing that is wrong:
//   those of parse_document
//   nitro.chain.syntax      not a certificate signed by ECDSA with SHA-384
//   nitro.chain.root        the first certificate's key is not a pinned one
//   nitro.chain.issuer      a certificate names another issuer than the one before it
//   nitro.chain.signature   its signature does not verify under that one's key, or the key is not on P-384
//   nitro.chain.ca          who may sign certificates at its place, and that the leaf may sign documents alone; a critical extension
//   nitro.chain.early, nitro.chain.expired
//   nitro.chain.key         the leaf's key is not a point on P-384
//   nitro.signature         that key did not sign the document
// AWS's own advice is not to ask its revocation lists: a leaf lives for three hours.
Result<VerifiedDocument> verify(ByteSpan bytes, UnixSeconds now, std::span<const PinnedRoot> roots = aws_roots());

}  // namespace openpcc::nitro
