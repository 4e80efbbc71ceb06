// Spec: XML Signature Syntax and Processing 1.1, of which this is one case: one enveloped signature over the whole document.
#include "signed_xml.h"

#include <algorithm>

#include "xml.h"

namespace openpcc::nvgpu {
namespace {

using xml::Document;
using xml::Node;

constexpr std::string_view kSignatures = "http://www.w3.org/2000/09/xmldsig#";
constexpr std::string_view kSwid = "http://standards.iso.org/iso/19770/-2/2015/schema.xsd";
constexpr std::string_view kCanonical = "http://www.w3.org/2006/12/xml-c14n11";
constexpr std::string_view kEnveloped = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
constexpr std::string_view kEcdsaSha384 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384";
constexpr std::string_view kSha384 = "http://www.w3.org/2001/04/xmldsig-more#sha384";

std::unexpected<Error> bad_signature(std::string_view why) { return fail(Code::malformed, "rim.signature.syntax", std::string(why)); }

// names_algorithm: the element says this algorithm and nothing else.
bool names_algorithm(const Node& element, std::string_view algorithm) {
  return element.attributes.size() == 1 && element.attribute("Algorithm") == algorithm && element.children.empty();
}

// decoded reads base64 that may be broken into lines.
Result<Bytes> decoded(const Node& element) {
  std::string text(element.text());
  std::erase(text, '\n');
  return from_base64(text);
}

Result<const Node*> find_signature(const Document& document) {
  const std::vector<const Node*> children = document.root().elements();
  const bool there = document.root().is(kSwid, "SoftwareIdentity") && !children.empty() && children.back()->is(kSignatures, "Signature");
  if (!there || document.count("Signature") != 1) {
    return fail(Code::malformed, "rim.signature.count", "not one Signature as the last child of SoftwareIdentity");
  }
  return children.back();
}

// check_signed_info takes the one shape that SignedInfo has, and gives its DigestValue.
Result<const Node*> check_signed_info(const Node& signed_info) {
  const std::vector<const Node*> parts = signed_info.only(kSignatures, {"CanonicalizationMethod", "SignatureMethod", "Reference"});
  if (parts.empty()) return fail(Code::malformed, "rim.signature.reference", "not one Reference after the methods");
  const Node& reference = *parts[2];
  if (reference.attribute("URI") != "" || reference.attributes.size() != 1) {
    return fail(Code::malformed, "rim.signature.reference", "not to the whole document");
  }
  const std::vector<const Node*> of_reference = reference.only(kSignatures, {"Transforms", "DigestMethod", "DigestValue"});
  if (of_reference.empty()) return bad_signature("Reference");
  const std::vector<const Node*> transforms = of_reference[0]->only(kSignatures, {"Transform", "Transform"});
  if (transforms.empty() || !names_algorithm(*transforms[0], kEnveloped) || !names_algorithm(*transforms[1], kCanonical)) {
    return fail(Code::unsupported, "rim.signature.transforms", "not enveloped signature and canonical XML 1.1");
  }
  if (!names_algorithm(*parts[0], kCanonical) || !names_algorithm(*parts[1], kEcdsaSha384) || !names_algorithm(*of_reference[1], kSha384)) {
    return fail(Code::unsupported, "rim.signature.algorithm", "not canonical XML 1.1, ECDSA with SHA-384 and SHA-384");
  }
  if (!signed_info.attributes.empty() || !of_reference[0]->attributes.empty() || !of_reference[2]->attributes.empty()) {
    return bad_signature("an attribute");
  }
  return of_reference[2];
}

Result<Digest> read_digest(const Node& digest_value) {
  const auto digest = decoded(digest_value);
  if (!digest || digest->size() != kDigestBytes) return bad_signature("DigestValue is not base64 of 48 bytes");
  return to_array<kDigestBytes>(*digest, "rim.signature.syntax");
}

// read_signed_info reads the digest from the bytes that the signature covers, whatever the document around them looked like.
Result<Digest> read_signed_info(ByteSpan canonical) {
  OPENPCC_LET(const Document document, Document::parse(canonical));
  if (!document.root().is(kSignatures, "SignedInfo")) return bad_signature("SignedInfo");
  OPENPCC_LET(const Node* digest_value, check_signed_info(document.root()));
  return read_digest(*digest_value);
}

Result<std::vector<Bytes>> read_certificates(const Node& key_info) {
  const std::vector<const Node*> data = key_info.only(kSignatures, {"X509Data"});
  if (data.empty() || !key_info.attributes.empty() || !data[0]->attributes.empty() || data[0]->has_text()) return bad_signature("KeyInfo");
  std::vector<Bytes> out;
  for (const Node* element : data[0]->elements()) {
    if (!element->is(kSignatures, "X509Certificate") || !element->attributes.empty()) return bad_signature("X509Data");
    auto der = decoded(*element);
    if (!der) return fail(Code::malformed, "rim.chain.syntax", "not base64");
    out.push_back(std::move(*der));
  }
  return out;
}

}  // namespace

Result<SignedXml> open_signed_xml(ByteSpan xml) {
  OPENPCC_LET(const Document document, Document::parse(xml));
  OPENPCC_LET(const Node* signature, find_signature(document));
  const std::vector<const Node*> parts = signature->only(kSignatures, {"SignedInfo", "SignatureValue", "KeyInfo"});
  if (parts.empty() || !signature->attributes.empty() || !parts[1]->attributes.empty()) return bad_signature("Signature");
  OPENPCC_TRY(check_signed_info(*parts[0]));
  SignedXml out;
  out.signed_info = Document::canonical_of(*parts[0]);
  OPENPCC_LET(out.digest, read_signed_info(out.signed_info));
  const auto value = decoded(*parts[1]);
  if (!value || value->size() != kSignatureBytes) return bad_signature("SignatureValue is not base64 of 96 bytes");
  OPENPCC_LET(out.signature, to_array<kSignatureBytes>(*value, "rim.signature.syntax"));
  OPENPCC_LET(out.certificates, read_certificates(*parts[2]));
  out.content = document.canonical(signature);
  return out;
}

}  // namespace openpcc::nvgpu
