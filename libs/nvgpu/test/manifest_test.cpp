#include "openpcc/nvgpu/manifest.h"

#include "nvgpu_forge.h"

namespace openpcc::nvgpu {
namespace {

using forge::Author;
using forge::kNow;
using forge::ManifestText;
using forge::refused;
namespace x = x509::forge;

ManifestText text_of_one() {
  ManifestText out;
  out.entries = {{0, true, {Bytes(48, 1), Bytes(48, 2)}}, {1, false, {Bytes(48, 0)}}};
  return out;
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  const size_t at = text.find(what);
  OPENPCC_CHECK(at != std::string::npos);
  return text.replace(at, what.size(), by);
}

// judge_changed changes a signed document.
ManifestVerification judge_changed(std::string_view what, std::string_view by) {
  return forge::verify(replaced(text_of_one().sign(), what, by));
}

// judge_signed signs content of another form, so that nothing but the form is wrong.
ManifestVerification judge_signed(const std::string& content) {
  const ManifestText text = text_of_one();
  const std::string whole = text.root_start() + content + "</SoftwareIdentity>";
  return forge::verify(text.root_start() + content + forge::signature(whole, Author::one(), forge::root_namespaces()) +
                       "</SoftwareIdentity>");
}
ManifestVerification judge_content(std::string_view what, std::string_view by) {
  return judge_signed(replaced(text_of_one().content(), what, by));
}

TEST(NvgpuManifest, a_good_one) {
  const ManifestVerification verification = forge::verify(text_of_one().sign());
  ASSERT_TRUE(verification.verified) << describe(verification.failures.front());
  const Manifest& manifest = verification.verified->manifest();
  EXPECT_EQ(manifest.version, "550.90.07");
  EXPECT_EQ(manifest.edition, "GPU");
  EXPECT_EQ(manifest.product, "GH100");
  ASSERT_EQ(manifest.references.size(), 2u);
  EXPECT_EQ(manifest.active_count(), 1u);
  EXPECT_EQ(manifest.references[0].alternatives.size(), 2u);
  EXPECT_EQ(verification.verified->window(), (x509::Window{kNow - 1000, kNow + 1000}));
  EXPECT_EQ(verification.verified->digest(), crypto::sha384(as_bytes(text_of_one().whole())));
  EXPECT_FALSE(verification.verified->revocation_checked());
  EXPECT_EQ(certificates_of_manifest(as_bytes(text_of_one().sign())).size(), 2u);
  EXPECT_TRUE(certificates_of_manifest(as_bytes("<a></a>")).empty());
}

TEST(NvgpuManifest, what_is_no_manifest) {
  EXPECT_TRUE(refused(forge::verify(""), "rim.size"));
  EXPECT_TRUE(refused(forge::verify(std::string(kManifestBytesMax + 1, ' ')), "rim.size"));
  const std::string good = text_of_one().sign();
  EXPECT_TRUE(refused(forge::verify("<!DOCTYPE a [<!ENTITY b \"c\">]>" + good), "rim.xml.dtd"));
  EXPECT_TRUE(refused(judge_changed("<Payload>", "<Payload><![CDATA[x]]>"), "rim.xml.dtd"));
  EXPECT_TRUE(refused(judge_changed("NVIDIA Corporation", "NVIDIA &amp; others"), "rim.xml.entity"));
  EXPECT_TRUE(refused(judge_changed("NVIDIA Corporation", "&#78;VIDIA"), "rim.xml.entity"));
  EXPECT_TRUE(refused(judge_changed("<Payload>", "<Payload><!-- here -->"), "rim.xml.syntax"));
  EXPECT_TRUE(refused(forge::verify("<?xml version=\"1.0\"?>" + good), "rim.xml.syntax"));
  EXPECT_TRUE(refused(forge::verify(good + "<a></a>"), "rim.xml.syntax"));
  EXPECT_TRUE(refused(judge_changed("</Payload>", ""), "rim.xml.syntax"));
}

TEST(NvgpuManifest, what_was_changed) {
  EXPECT_TRUE(refused(judge_changed(to_hex(Bytes(48, 1)), to_hex(Bytes(48, 3))), "rim.digest"));
  EXPECT_TRUE(refused(judge_changed("active=\"True\"", "active=\"False\""), "rim.digest"));
  EXPECT_TRUE(refused(judge_changed("name=\"GH100\"", "name=\"GB100\""), "rim.digest")) << "an attribute of the root";
  EXPECT_TRUE(refused(judge_changed("<Payload>\n", "<Payload>\n\n"), "rim.digest")) << "white space is signed too";
  // What has the same canonical form is the same document.
  EXPECT_TRUE(judge_changed("<Entity name=\"NVIDIA Corporation\"></Entity>", "<Entity  name='NVIDIA Corporation' />").verified);
  EXPECT_TRUE(judge_changed(" name=\"GH100\" tagId=\"1\">", " tagId=\"1\" name=\"GH100\">").verified);
  EXPECT_TRUE(forge::verify(text_of_one().sign() + "\n").verified);
}

TEST(NvgpuManifest, who_signed) {
  const Author other;
  EXPECT_TRUE(refused(forge::verify(text_of_one().sign(other)), "rim.chain.root")) << "perfect names under keys of their own";
  Author impostor;
  impostor.root = Author::one().root;
  std::string text = text_of_one().sign(impostor);
  const std::string begin = "<ds:X509Certificate>", end = "</ds:X509Certificate>";
  const size_t from = text.rfind(begin) + begin.size();
  text.replace(from, text.rfind(end) - from, to_base64(x::certificate(Author::one().root, Author::one().root_key)));
  EXPECT_TRUE(refused(forge::verify(text), "rim.chain.signature")) << "the genuine root above an impostor's leaf";
  // The genuine chain beside a signature of somebody else's.
  std::string swapped = text_of_one().sign();
  const std::string foreign = text_of_one().sign(other);
  const auto value = [](const std::string& of) {
    const size_t at = of.find("<ds:SignatureValue>");
    return of.substr(at, of.find("</ds:SignatureValue>") - at);
  };
  swapped = replaced(swapped, value(swapped), value(foreign));
  EXPECT_TRUE(refused(forge::verify(swapped), "rim.signature"));
}

TEST(NvgpuManifest, its_chain) {
  const auto with = [](auto change) {
    Author author;
    change(author);
    return forge::verify(text_of_one().sign(author), kNow, author);
  };
  EXPECT_TRUE(refused(forge::verify(text_of_one().sign(), kNow - 1001), "rim.chain.early"));
  EXPECT_TRUE(refused(forge::verify(text_of_one().sign(), kNow + 1001), "rim.chain.expired"));
  EXPECT_TRUE(refused(with([](Author& a) { a.signer.issuer = x::name("another"); }), "rim.chain.issuer"));
  EXPECT_TRUE(refused(with([](Author& a) { a.root.extensions = {x::basic_constraints(false), x::key_usage(x::kSignsCertificates)}; }),
                      "rim.chain.ca"));
  EXPECT_TRUE(refused(with([](Author& a) { a.signer.spki = x::Key(x509::Algorithm::ecdsa_sha256).spki(); }), "rim.chain.key"));
  EXPECT_TRUE(refused(with([](Author& a) { a.signer.extensions[0] = x::key_usage(x::kSignsLists); }), "rim.chain.ca")) << "for lists";
  EXPECT_TRUE(refused(with([](Author& a) { a.signer.extensions.erase(a.signer.extensions.begin()); }), "rim.chain.ca")) << "for nothing";
  EXPECT_TRUE(refused(with([](Author& a) { a.signer.extensions.push_back(x::basic_constraints(true)); }), "rim.chain.ca")) << "a CA";
  const std::string good = text_of_one().sign();
  const size_t second = good.rfind("<ds:X509Certificate>");
  const std::string end = "</ds:X509Certificate>";
  const std::string without_root = good.substr(0, second) + good.substr(good.find(end, second) + end.size());
  EXPECT_TRUE(refused(forge::verify(without_root), "rim.chain.count"));
  EXPECT_TRUE(refused(judge_changed("<ds:X509Certificate>MII", "<ds:X509Certificate>MIH"), "rim.chain.syntax"));
  EXPECT_TRUE(refused(judge_changed("<ds:X509Certificate>MII", "<ds:X509Certificate>M-I"), "rim.chain.syntax"));
}

TEST(NvgpuManifest, revocation_of_its_signer) {
  const Author& author = Author::one();
  const auto answered = [&](Bytes status) {
    const x::OcspFields fields{.issuer_name = author.root.subject,
                               .issuer_spki = author.root.spki,
                               .serial = author.signer.serial,
                               .status = std::move(status),
                               .this_update = kNow - 10,
                               .next_update = kNow + 10};
    const Bytes answer = x::ocsp(fields, author.root_key);
    return forge::verify(text_of_one().sign(), kNow, author, {{answer}, {}});
  };
  const ManifestVerification good = answered({0x80, 0});
  ASSERT_TRUE(good.verified);
  EXPECT_TRUE(good.verified->revocation_checked());
  // The one refusal that a released tool's test data describes, and whose answer is not published: the driver's signer on hold.
  EXPECT_TRUE(refused(answered(x::revoked(kNow, 6)), "nvgpu.ocsp.revoked"));
}

// goxmldsig, GHSA-479m-364c-43vc: with more than one reference, the one that was checked was not the one that was read.
TEST(NvgpuManifest, two_references) {
  const std::string good = text_of_one().sign();
  const size_t from = good.find("<ds:Reference");
  const std::string reference = good.substr(from, good.find("</ds:Reference>") + 15 - from);
  EXPECT_TRUE(refused(judge_changed(reference, reference + reference), "rim.signature.reference"));
  EXPECT_TRUE(refused(judge_changed(reference, ""), "rim.signature.reference"));
  EXPECT_TRUE(refused(judge_changed("URI=\"\"", "URI=\"#a\""), "rim.signature.reference"));
  EXPECT_TRUE(refused(judge_changed(" URI=\"\"", ""), "rim.signature.reference"));
  EXPECT_TRUE(refused(judge_changed(" URI=\"\"", " URI=\"\" Id=\"a\""), "rim.signature.reference"));
}

TEST(NvgpuManifest, two_signatures) {
  const std::string good = text_of_one().sign();
  const size_t from = good.find("<ds:Signature ");
  const std::string signature = good.substr(from, good.find("</ds:Signature>") + 15 - from);
  const auto with = [&](const std::string& instead) { return forge::verify(replaced(good, signature, instead)); };
  EXPECT_TRUE(refused(with(signature + signature), "rim.signature.count"));
  EXPECT_TRUE(refused(with(""), "rim.signature.count"));
  EXPECT_TRUE(refused(with(signature + "<Payload></Payload>"), "rim.signature.count")) << "content after it";
  EXPECT_TRUE(refused(judge_changed("<Payload>", "<Payload><Signature></Signature>"), "rim.signature.count")) << "in whatever namespace";
}

// A signed manifest inside another one, whose measurements a careless reader would take.
TEST(NvgpuManifest, a_wrapped_one) {
  const std::string inner = text_of_one().sign();
  ManifestText evil = text_of_one();
  evil.entries = {{0, true, {Bytes(48, 0xee)}}};
  EXPECT_TRUE(refused(forge::verify(evil.root_start() + evil.content() + inner + "</SoftwareIdentity>"), "rim.signature.count"));
  const size_t from = inner.find("<ds:Signature ");
  const std::string signature = inner.substr(from, inner.find("</ds:Signature>") + 15 - from);
  const std::string unsigned_inner = replaced(inner, signature, "");
  EXPECT_TRUE(
      refused(forge::verify(evil.root_start() + evil.content() + unsigned_inner + signature + "</SoftwareIdentity>"), "rim.digest"));
  EXPECT_TRUE(refused(forge::verify("<Wrapper>" + inner + "</Wrapper>"), "rim.signature.count"));
  // The original moved into the signature's own element, where the digest does not look.
  EXPECT_TRUE(
      refused(judge_changed("</ds:KeyInfo>", "</ds:KeyInfo><ds:Object>" + unsigned_inner + "</ds:Object>"), "rim.signature.syntax"));
}

TEST(NvgpuManifest, other_transforms_and_algorithms) {
  EXPECT_TRUE(refused(judge_changed("#enveloped-signature", "#base64"), "rim.signature.transforms"));
  EXPECT_TRUE(
      refused(judge_changed("<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"></ds:Transform>", ""),
              "rim.signature.transforms"));
  EXPECT_TRUE(
      refused(judge_changed("<ds:Transforms>",
                            "<ds:Transforms><ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xslt-19991116\"></ds:Transform>"),
              "rim.signature.transforms"));
  EXPECT_TRUE(refused(judge_changed("<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2006/12/xml-c14n11\">",
                                    "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\">"),
                      "rim.signature.algorithm"));
  EXPECT_TRUE(refused(judge_changed("#ecdsa-sha384", "#ecdsa-sha1"), "rim.signature.algorithm"));
  EXPECT_TRUE(refused(judge_changed("#ecdsa-sha384", "#hmac-sha384"), "rim.signature.algorithm"));
  EXPECT_TRUE(refused(judge_changed("xmldsig-more#sha384\">", "xmldsig-more#sha384\"><a></a>"), "rim.signature.algorithm")) << "parameters";
}

TEST(NvgpuManifest, other_forms_of_a_signature) {
  EXPECT_TRUE(refused(judge_changed("<ds:SignatureValue>", "<ds:SignatureValue Id=\"a\">"), "rim.signature.syntax"));
  EXPECT_TRUE(refused(judge_changed("<ds:SignedInfo>", "<ds:SignedInfo Id=\"a\">"), "rim.signature.syntax"));
  EXPECT_TRUE(refused(judge_changed("<ds:SignatureValue>", "<ds:SignatureValue>AAAA"), "rim.signature.syntax"));
  EXPECT_TRUE(refused(judge_changed("<ds:DigestValue>", "<ds:DigestValue>AAAA"), "rim.signature.syntax"));
  EXPECT_TRUE(refused(judge_changed("<ds:DigestValue>", "<ds:DigestValue>-"), "rim.signature.syntax"));
  EXPECT_TRUE(refused(judge_changed("<ds:X509Data>", "<ds:X509Data><ds:X509SubjectName></ds:X509SubjectName>"), "rim.signature.syntax"));
  EXPECT_TRUE(refused(judge_changed("<ds:KeyInfo>", "<ds:KeyInfo><ds:KeyName></ds:KeyName>"), "rim.signature.syntax"));
  EXPECT_TRUE(refused(judge_changed("<ds:KeyInfo>", "text<ds:KeyInfo>"), "rim.signature.syntax"));
  EXPECT_TRUE(refused(judge_changed("<ds:DigestMethod", "<ds:Digest></ds:Digest><ds:DigestMethod"), "rim.signature.syntax"));
}

TEST(NvgpuManifest, what_it_must_say) {
  EXPECT_TRUE(refused(judge_content("colloquialVersion=\"550.90.07\" ", ""), "rim.content"));
  EXPECT_TRUE(refused(judge_content("product=\"GH100\"", "product=\"\""), "rim.content"));
  EXPECT_TRUE(refused(judge_content("edition=\"GPU\"", "edition=\"G U\""), "rim.content"));
  EXPECT_TRUE(refused(judge_content("index=\"1\"", "index=\"0\""), "rim.content")) << "twice";
  EXPECT_TRUE(refused(judge_content("index=\"1\"", "index=\"01\""), "rim.content"));
  EXPECT_TRUE(refused(judge_content("index=\"1\"", "index=\"128\""), "rim.content"));
  EXPECT_TRUE(refused(judge_content("alternatives=\"2\"", "alternatives=\"1\""), "rim.content")) << "a hash more than it says";
  EXPECT_TRUE(refused(judge_content("alternatives=\"2\"", "alternatives=\"3\""), "rim.content"));
  EXPECT_TRUE(refused(judge_content("alternatives=\"2\"", "alternatives=\"0\""), "rim.content"));
  EXPECT_TRUE(refused(judge_content("ns2:Hash1", "ns2:Hash7"), "rim.content"));
  EXPECT_TRUE(refused(judge_content("0101", "01"), "rim.content"));
  EXPECT_TRUE(refused(judge_content("active=\"True\"", "active=\"true\""), "rim.content"));
  EXPECT_TRUE(refused(judge_content("size=\"48\"", "size=\"32\""), "rim.content"));
  EXPECT_TRUE(refused(judge_content("type=\"Measurement\"", "type=\"Other\""), "rim.content"));
  EXPECT_TRUE(refused(judge_content("<Payload>\n", "<Payload>\ntext"), "rim.content"));
  EXPECT_TRUE(refused(judge_content("  <Payload>", "  <Payload></Payload><Payload>"), "rim.content")) << "two of them";
  EXPECT_TRUE(refused(judge_signed("<Entity></Entity>"), "rim.content"));
  EXPECT_TRUE(refused(judge_content("active=\"True\"", "active=\"False\""), "rim.empty"));
}

// What is read is what was verified: the caller's bytes may change as soon as the call is over.
TEST(NvgpuManifest, the_original_does_not_count_after_verification) {
  std::string text = text_of_one().sign();
  const ManifestVerification verification = forge::verify(text);
  ASSERT_TRUE(verification.verified);
  for (size_t at = text.find(to_hex(Bytes(48, 1))); at != std::string::npos; at = text.find(to_hex(Bytes(48, 1))))
    text.replace(at, 96, 96, 'e');
  EXPECT_EQ(verification.verified->manifest().references[0].alternatives[0], (Digest{[] {
              Digest out;
              out.fill(1);
              return out;
            }()}));
  EXPECT_TRUE(refused(forge::verify(text), "rim.digest"));
}

}  // namespace
}  // namespace openpcc::nvgpu
