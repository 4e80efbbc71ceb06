#include "openpcc/tpm/certificate.h"

#include <algorithm>

#include "openpcc/x509/der.h"

namespace openpcc::tpm {
namespace {

namespace der = x509::der;
using x509::Certificate;

constexpr std::array<uint8_t, 3> kKeyUsage{0x55, 0x1d, 0x0f};
constexpr std::array<uint8_t, 3> kAlternativeName{0x55, 0x1d, 0x11};  // critical where the subject is empty
constexpr std::array<uint8_t, 3> kBasicConstraints{0x55, 0x1d, 0x13};
constexpr std::array<uint8_t, 3> kExtendedKeyUsage{0x55, 0x1d, 0x25};
constexpr std::array<uint8_t, 5> kEndorsementKey{0x67, 0x81, 0x05, 0x08, 0x01};  // tcg-kp-EKCertificate: Google's for both kinds of key
constexpr std::array<uint8_t, 5> kIdentityKey{0x67, 0x81, 0x05, 0x08, 0x03};     // tcg-kp-AIKCertificate
constexpr std::array<uint8_t, 10> kInstance{0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x01, 0x15};
constexpr uint8_t kDigitalSignature = 0x80;
constexpr size_t kTextBytesMax = 256;

constexpr PinnedRoot kGoogleRoots[] = {
    {0x56, 0xa6, 0x13, 0xf5, 0x71, 0x26, 0xa3, 0x85, 0xdd, 0x69, 0x49, 0x29, 0x4e, 0x93, 0xb0, 0xb5,
     0x66, 0xf9, 0x6a, 0xb0, 0x57, 0x3b, 0xe0, 0xc2, 0x36, 0x8e, 0x6f, 0x5c, 0xa7, 0x79, 0x83, 0x1f},  // EK/AK CA Root
    {0xf2, 0x30, 0x57, 0xf4, 0xf9, 0x7d, 0x1d, 0x90, 0xe4, 0xca, 0xe0, 0xce, 0x91, 0xd5, 0xa0, 0xfc,
     0x99, 0x06, 0x9f, 0x0a, 0x1b, 0xc1, 0x47, 0x02, 0x1d, 0xca, 0x33, 0xb1, 0xe9, 0xc4, 0xd0, 0xd9},  // tpm_ek_v1_cloud_host_root
};

std::unexpected<Error> renamed(const Error& error, Rule rule) { return fail(error.code, rule, describe(error)); }

Result<std::string> read_text(der::Reader& reader) {
  OPENPCC_LET(const ByteSpan content, reader.content(der::kUtf8String));
  if (content.size() > kTextBytesMax) return fail(Code::malformed, "x509.der", "a name too long");
  return std::string(as_text(content));
}

Result<uint64_t> read_number(der::Reader& reader) {
  OPENPCC_LET(const ByteSpan content, reader.content(der::kInteger));
  return der::unsigned_integer(content);
}

// read_instance reads { zone, projectNumber, projectId, instanceId, instanceName, securityProperties [0] OPTIONAL }. The last one is about how the
// host runs the machine, which the host itself says.
Result<Instance> read_instance(ByteSpan value) {
  OPENPCC_LET(const ByteSpan content, der::only(value, der::kSequence));
  der::Reader reader(content);
  Instance out;
  OPENPCC_LET(out.zone, read_text(reader));
  OPENPCC_LET(out.project_number, read_number(reader));
  OPENPCC_LET(out.project_id, read_text(reader));
  OPENPCC_LET(out.instance_id, read_number(reader));
  OPENPCC_LET(out.instance_name, read_text(reader));
  if (reader.next_is(der::context(0))) {
    OPENPCC_TRY(reader.next());
  }
  OPENPCC_TRY(reader.end());
  return out;
}

std::unexpected<Error> not_fit(std::string_view what) {
  return fail(Code::verification_failed, "tpm.chain.ca", "the key's certificate: " + std::string(what));
}

// check_purpose: the first certificate is of an attestation key and of nothing that could sign certificates.
Result<> check_purpose(const Certificate& leaf) {
  if (const auto* constraints = leaf.extension(kBasicConstraints)) {
    const auto content = der::only(constraints->value, der::kSequence);
    if (!content || !content->empty()) return not_fit("a CA's");
  }
  const auto* usage = leaf.extension(kKeyUsage);
  const auto bits = usage == nullptr ? Result<ByteSpan>(ByteSpan()) : der::only(usage->value, der::kBitString);
  if (usage == nullptr || !bits || bits->size() != 2 || (*bits)[1] != kDigitalSignature) return not_fit("not for signatures alone");
  const auto* purposes = leaf.extension(kExtendedKeyUsage);
  if (purposes == nullptr) return not_fit("it does not say that the key attests");
  const auto list = der::only(purposes->value, der::kSequence);
  if (!list) return not_fit("its purposes cannot be read");
  der::Reader reader(*list);
  bool found = false;
  while (!reader.empty()) {
    const auto purpose = reader.content(der::kOid);
    if (!purpose) return not_fit("its purposes cannot be read");
    found = found || equal(*purpose, kEndorsementKey) || equal(*purpose, kIdentityKey);
  }
  if (!found) return not_fit("not of an attestation key");
  return {};
}

Rule rule_of(const Error& error) {
  if (error.rule == Rule("x509.issuer.name")) return "tpm.chain.issuer";
  if (error.rule == Rule("x509.signature.wrong") || error.rule == Rule("x509.signature.algorithm")) return "tpm.chain.signature";
  return "tpm.chain.ca";
}

Result<std::vector<Certificate>> parse_all(std::span<const ByteSpan> chain) {
  constexpr Rule kRule = "tpm.chain.syntax";
  if (chain.size() < 2 || chain.size() > kChainMax) return fail(Code::malformed, kRule, std::to_string(chain.size()) + " certificates");
  std::vector<Certificate> out;
  for (const ByteSpan der : chain) {
    auto certificate = Certificate::parse(der);
    if (!certificate) return renamed(certificate.error(), kRule);
    out.push_back(std::move(*certificate));
  }
  return out;
}

Result<> check_links(const std::vector<Certificate>& chain) {
  const ByteSpan understood[] = {kAlternativeName, kExtendedKeyUsage};
  for (size_t i = chain.size(); i > 0; --i) {
    const Certificate& subject = chain[i - 1];
    const Certificate& issuer = chain[std::min(i, chain.size() - 1)];
    const auto key = issuer.key();
    if (!key) return renamed(key.error(), "tpm.chain.syntax");
    const size_t below = i == chain.size() ? i - 2 : i - 1;
    const bool leaf = i == 1;
    const auto issued =
        x509::check_issued(subject, issuer, *key, below, {}, leaf ? std::span<const ByteSpan>(understood) : std::span<const ByteSpan>());
    if (!issued) return renamed(issued.error(), rule_of(issued.error()));
  }
  return check_purpose(chain.front());
}

}  // namespace

std::span<const PinnedRoot> google_roots() { return kGoogleRoots; }

Result<CertifiedKey> verify_chain(std::span<const ByteSpan> chain, UnixSeconds now, std::span<const PinnedRoot> roots) {
  OPENPCC_LET(const std::vector<Certificate> certificates, parse_all(chain));
  const Certificate& root = certificates.back();
  if (std::ranges::find(roots, crypto::sha256(root.spki())) == roots.end()) {
    return fail(Code::verification_failed, "tpm.chain.root", "the key of " + std::string(root.common_name()) + " is not pinned");
  }
  OPENPCC_TRY(check_links(certificates));
  x509::Window window = root.window();
  for (const Certificate& certificate : certificates) {
    const auto in_time = x509::check_time(certificate, now);
    if (!in_time)
      return renamed(in_time.error(),
                     in_time.error().rule == Rule("x509.time.early") ? Rule("tpm.chain.early") : Rule("tpm.chain.expired"));
    window = window.intersect(certificate.window());
  }
  std::optional<Instance> instance;
  if (const auto* extension = certificates.front().extension(kInstance)) {
    auto read = read_instance(extension->value);
    if (!read) return renamed(read.error(), "tpm.chain.syntax");
    instance = std::move(*read);
  }
  OPENPCC_LET(AttestationKey key, AttestationKey::from_spki(certificates.front().spki()));
  return CertifiedKey{std::move(key), std::string(root.common_name()), std::move(instance), window};
}

}  // namespace openpcc::tpm
