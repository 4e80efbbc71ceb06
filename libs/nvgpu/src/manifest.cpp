// Spec: ISO/IEC 19770-2:2015, TCG Reference Integrity Manifest Information Model; the rest is what NVIDIA's manifests show.
#include "openpcc/nvgpu/manifest.h"

#include <algorithm>
#include <charconv>

#include "links.h"
#include "signed_xml.h"
#include "xml.h"

namespace openpcc::nvgpu {
namespace {

using x509::Certificate;
using xml::Node;

constexpr std::string_view kSwid = "http://standards.iso.org/iso/19770/-2/2015/schema.xsd";
constexpr std::string_view kHashes = "http://www.w3.org/2001/04/xmlenc#sha384";
constexpr size_t kCertificatesMin = 2, kCertificatesMax = 6;
constexpr size_t kTextBytesMax = 64;

// Spelled as rules, so that the list of ids finds them: they do not begin with a library's name.
constexpr ChainRules kRules{Rule("rim.chain.syntax"), Rule("rim.chain.root"),  Rule("rim.chain.issuer"), Rule("rim.chain.signature"),
                            Rule("rim.chain.ca"),     Rule("rim.chain.early"), Rule("rim.chain.expired")};

std::unexpected<Error> bad_content(std::string_view why) { return fail(Code::malformed, "rim.content", std::string(why)); }

Result<std::string> short_text(const Node& element, std::string_view name) {
  const auto value = element.attribute(name);
  if (!value || value->empty() || value->size() > kTextBytesMax) return bad_content(name);
  if (std::ranges::any_of(*value, [](char c) { return c < 0x21 || c > 0x7e; })) return bad_content(name);
  return std::string(*value);
}

Result<size_t> number(const Node& element, std::string_view name, size_t min, size_t max) {
  const std::string_view text = element.attribute(name).value_or("");
  size_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  const bool shortest = text.size() == 1 || !text.starts_with('0');
  if (error != std::errc() || end != text.data() + text.size() || !shortest || out < min || out > max) return bad_content(name);
  return out;
}

Result<Reference> read_resource(const Node& resource) {
  if (!resource.is(kSwid, "Resource") || resource.attribute("type") != "Measurement" || !resource.elements().empty()) {
    return bad_content("something else than a measurement");
  }
  Reference out{};
  OPENPCC_LET(const size_t index, number(resource, "index", 0, kManifestIndexMax));
  out.index = static_cast<uint8_t>(index);
  const std::string_view active = resource.attribute("active").value_or("");
  if (active != "True" && active != "False") return bad_content("active");
  out.active = active == "True";
  OPENPCC_TRY(number(resource, "size", kDigestBytes, kDigestBytes));
  OPENPCC_LET(const size_t alternatives, number(resource, "alternatives", 1, kAlternativesMax));
  const auto hashes = static_cast<size_t>(std::ranges::count(resource.attributes, kHashes, &xml::Attribute::name_space));
  if (hashes != alternatives) return bad_content("not as many hashes as alternatives");
  for (size_t i = 0; i < alternatives; ++i) {
    const auto digest = from_hex(resource.attribute("Hash" + std::to_string(i), kHashes).value_or(""));
    if (!digest || digest->size() != kDigestBytes) return bad_content("a hash that is not 48 bytes");
    std::ranges::copy(*digest, out.alternatives.emplace_back().begin());
  }
  return out;
}

// read_manifest reads what was digested.
Result<Manifest> read_manifest(ByteSpan canonical) {
  OPENPCC_LET(const xml::Document document, xml::Document::parse(canonical));
  const std::vector<const Node*> parts = document.root().only(kSwid, {"Entity", "Meta", "Payload"});
  if (parts.empty() || !document.root().is(kSwid, "SoftwareIdentity")) return bad_content("not Entity, Meta and Payload");
  Manifest out;
  OPENPCC_LET(out.version, short_text(*parts[1], "colloquialVersion"));
  OPENPCC_LET(out.edition, short_text(*parts[1], "edition"));
  OPENPCC_LET(out.product, short_text(*parts[1], "product"));
  if (parts[2]->has_text()) return bad_content("text in Payload");
  for (const Node* resource : parts[2]->elements()) {
    OPENPCC_LET(Reference reference, read_resource(*resource));
    if (std::ranges::find(out.references, reference.index, &Reference::index) != out.references.end()) return bad_content("an index twice");
    out.references.push_back(std::move(reference));
  }
  if (out.active_count() == 0) return fail(Code::malformed, "rim.empty", out.version);
  return out;
}

Result<std::vector<Certificate>> read_certificates(const std::vector<Bytes>& list) {
  if (list.size() < kCertificatesMin || list.size() > kCertificatesMax) {
    return fail(Code::malformed, "rim.chain.count", std::to_string(list.size()) + " certificates");
  }
  std::vector<Certificate> out;
  for (const Bytes& der : list) {
    auto certificate = Certificate::parse(der);
    if (!certificate) return std::unexpected(renamed(certificate.error(), "rim.chain.syntax"));
    out.push_back(std::move(*certificate));
  }
  return out;
}

}  // namespace

size_t Manifest::active_count() const { return static_cast<size_t>(std::ranges::count(references, true, &Reference::active)); }

// ManifestVerifier collects what fails. What the signature does not cover is never looked at for its content.
class ManifestVerifier {
 public:
  ManifestVerifier(UnixSeconds now, std::span<const PinnedKey> roots, CheckedLinks* links) : now_(now), roots_(roots), links_(links) {}

  ManifestVerification run(ByteSpan bytes, const Statements& statements) {
    if (bytes.empty() || bytes.size() > kManifestBytesMax) {
      return refused(fail(Code::limit, "rim.size", std::to_string(bytes.size()) + " bytes").error());
    }
    const auto opened = open_signed_xml(bytes);
    if (!opened) return refused(opened.error());
    const auto chain = read_certificates(opened->certificates);
    Revocation revocation;
    if (chain) {
      ChainCheck(kRules, roots_, now_, links_, failures_).run(*chain);
      revocation = check_revocation(*chain, statements, now_, failures_);
    } else {
      failures_.push_back(chain.error());
    }
    const auto key = chain ? p384_key(chain->front()) : std::nullopt;
    if (chain && !key) add(fail(Code::verification_failed, "rim.chain.key", "no key on P-384"));
    const Digest digest = crypto::sha384(opened->content);
    if (digest != opened->digest) add(fail(Code::verification_failed, "rim.digest", "the document is not the one that was signed"));
    if (key && !key->verify(opened->signed_info, opened->signature)) {
      add(fail(Code::verification_failed, "rim.signature", "the certified key did not sign SignedInfo"));
    }
    if (!failures_.empty()) return {std::move(failures_), std::nullopt};
    auto manifest = read_manifest(opened->content);
    if (!manifest) return refused(std::move(manifest).error());
    return {{}, VerifiedManifest(std::move(*manifest), revocation.window, revocation.checked, digest)};
  }

 private:
  void add(std::unexpected<Error> failure) { failures_.push_back(std::move(failure).error()); }
  static ManifestVerification refused(const Error& error) { return {{error}, std::nullopt}; }

  UnixSeconds now_;
  std::span<const PinnedKey> roots_;
  CheckedLinks* links_;
  std::vector<Error> failures_;
};

ManifestVerification verify_manifest(ByteSpan xml, const Statements& statements, UnixSeconds now, std::span<const PinnedKey> roots,
                                     CheckedLinks* links) {
  return ManifestVerifier(now, roots, links).run(xml, statements);
}

std::vector<Certificate> certificates_of_manifest(ByteSpan xml) {
  if (xml.empty() || xml.size() > kManifestBytesMax) return {};
  const auto opened = open_signed_xml(xml);
  auto certificates = opened ? read_certificates(opened->certificates) : Result<std::vector<Certificate>>(std::vector<Certificate>());
  return certificates ? std::move(*certificates) : std::vector<Certificate>();
}

}  // namespace openpcc::nvgpu
