// Each byte of a genuine report, of its chain and of manifests, flipped: refused, and first by a rule that the specification's table names.
#include <algorithm>
#include <set>

#include "nvgpu_forge.h"
#include "openpcc/x509/der.h"
#include "regions.h"

namespace openpcc::nvgpu {
namespace {

using x509::forge::Region;
using x509::forge::regions;

constexpr UnixSeconds kTime = 1'717'200'000;  // 2024-06-01, when all samples used here hold

Bytes read(const std::string& file) { return testkit::read_file(*testkit::shared_file("evidence/nvidia/" + file)); }
bool absent() { return !testkit::shared_file("evidence/nvidia"); }

void expect_first(const std::vector<Error>& failures, bool verified, const std::vector<std::string>& rules, const std::string& what) {
  ASSERT_FALSE(verified || failures.empty()) << what << ": accepted";
  EXPECT_NE(std::ranges::find(rules, failures.front().rule.id()), rules.end()) << what << ": " << describe(failures.front());
}

// flipped calls with all masked bits of the byte flipped, and then with one of them.
template <class Judge>
void flip(Bytes& bytes, size_t at, const Region& region, Judge&& judge) {
  for (const bool all : {true, false}) {
    const auto bits = static_cast<uint8_t>(all ? region.mask : region.mask & -region.mask);
    bytes[at] ^= bits;
    judge(all ? region.reasons : region.bit_reasons, region.field + ", byte " + std::to_string(at) + (all ? ", all bits" : ", one bit"));
    bytes[at] ^= bits;
  }
}

struct Sample {
  Bytes report, chain;
  explicit Sample(const std::string& folder) : report(read(folder + "/report.bin")), chain(read(folder + "/cert_chain.pem")) {}
};

// places_of are where a row of the report's table begins, with the length of what it is about where the row leaves that open.
std::vector<std::pair<size_t, size_t>> places_of(const Region& region, const Bytes& bytes, const Report& report) {
  const size_t blocks_end = 45 + report.measurements.size() * 55;
  std::vector<std::pair<size_t, size_t>> out;
  if (region.from.empty()) out.emplace_back(0, region.size);
  if (region.from == "response") out.emplace_back(37, region.size);
  if (region.from == "nonce") out.emplace_back(blocks_end, region.size);
  if (region.from == "opaque") out.emplace_back(blocks_end + 32, region.size);
  if (region.from == "signature") out.emplace_back(report.signed_bytes, region.size);
  if (region.from == "block") {
    for (size_t i = 0; i < report.measurements.size(); ++i) out.emplace_back(45 + i * 55, region.size);
  }
  if (region.from == "tlv") {
    for (const auto& [type, field] : report.opaque) out.emplace_back(field.offset - 4, region.size != 0 ? region.size : field.value.size());
  }
  EXPECT_FALSE(out.empty()) << region.from;
  EXPECT_EQ(bytes.size(), report.signed_bytes + 96);
  return out;
}

TEST(NvgpuMutation, every_byte_of_reports) {
  if (absent()) GTEST_SKIP() << "no shared evidence";
  for (const std::string folder : {"gpu/hopper-590-single", "gpu/blackwell-575", "switch/ls10-hgx4-0"}) {
    Sample sample(folder);
    CheckedLinks links;  // the chain is not what changes here
    const auto judge = [&] { return verify(sample.report, sample.chain, {}, kTime, device_roots(), &links); };
    ASSERT_TRUE(judge().verified);
    const Report report = *parse_report(sample.report);
    std::vector<uint8_t> covered(sample.report.size());
    for (const Region& region : regions("nvgpu_report", 0)) {
      for (const auto& [from, size] : places_of(region, sample.report, report)) {
        const size_t begin = from + region.at;
        // Every block has the same rows: the values of some of them stand for all.
        const bool one_of_many = region.from == "block" && from != 45 && from % 7 != 0;
        for (size_t at = begin; at < begin + size; ++at) {
          covered[at] |= region.mask;
          if (one_of_many && at != begin) continue;
          flip(sample.report, at, region, [&](const std::vector<std::string>& rules, const std::string& what) {
            const Verification v = judge();
            expect_first(v.failures, v.verified.has_value(), rules, folder + ": " + what);
          });
        }
      }
    }
    EXPECT_EQ(std::ranges::count(covered, 0xff), std::ssize(covered)) << "the table leaves bits out";
  }
}

// part_of finds the octets of a certificate that a row means; {0, whole size} for "*".
std::optional<std::pair<size_t, size_t>> part_of(const x509::Certificate& certificate, const std::string& part) {
  const auto place = [&](ByteSpan view) { return std::pair(static_cast<size_t>(view.data() - certificate.der().data()), view.size()); };
  if (part == "*") return place(certificate.der());
  if (part == "tbs.spki.key") return place(certificate.spki().last(97));
  if (part == "tbs.subject.CN") return place(as_bytes(certificate.common_name()));
  const std::pair<std::string_view, std::string_view> extensions[] = {{"extension:2.23.133.5.4.1", "678105050401"},
                                                                      {"extension:2.23.133.5.4.1.1", "67810505040101"},
                                                                      {"extension:2.5.29.19", "551d13"},
                                                                      {"extension:2.5.29.15", "551d0f"}};
  for (const auto& [name, oid] : extensions) {
    if (part != name) continue;
    const x509::Extension* extension = certificate.extension(testkit::hex(oid));
    return extension == nullptr ? std::nullopt : std::optional(place(extension->value));
  }
  if (part == "signatureValue") {
    x509::der::Reader reader(*x509::der::only(certificate.der(), x509::der::kSequence));
    EXPECT_TRUE(reader.next() && reader.next());
    return place(reader.content(x509::der::kBitString)->subspan(1));
  }
  return std::nullopt;  // the verifier in Python looks at these as well
}

// mutate_certificate flips bytes of one certificate of a chain, of which `judge` makes a verification.
template <class Judge>
void mutate_certificate(std::vector<Bytes>& chain, size_t which, std::string_view table, Judge&& judge) {
  const auto original = x509::Certificate::parse(chain[which]);
  ASSERT_OK(original);
  for (const Region& region : regions(table, 0)) {
    const auto place = part_of(*original, region.part);
    if (!place) continue;
    const auto& [from, size] = *place;
    const size_t step = region.part == "*" ? 5 : std::max<size_t>(1, size / 8);
    for (size_t at = from; at < from + size; at += step) {
      flip(chain[which], at, region, [&](const std::vector<std::string>& rules, const std::string& what) {
        const auto v = judge();
        expect_first(v.failures, v.verified.has_value(), rules, std::string(table) + ": " + what);
      });
    }
  }
}

std::vector<Bytes> ders(const std::vector<x509::Certificate>& certificates) {
  std::vector<Bytes> out;
  for (const x509::Certificate& certificate : certificates) out.emplace_back(certificate.der().begin(), certificate.der().end());
  return out;
}

TEST(NvgpuMutation, certificates_of_devices) {
  if (absent()) GTEST_SKIP() << "no shared evidence";
  for (const std::string folder : {"gpu/hopper-590-single", "gpu/blackwell-575"}) {
    const Sample sample(folder);
    std::vector<Bytes> chain = ders(*read_chain(sample.chain));
    CheckedLinks links;
    const auto judge = [&] { return verify(sample.report, forge::pem_of(chain), {}, kTime, device_roots(), &links); };
    ASSERT_TRUE(judge().verified);
    mutate_certificate(chain, 0, "nvgpu_leaf", judge);
    for (const size_t issuer : {1u, 2u, 3u}) mutate_certificate(chain, issuer, "nvgpu_issuer", judge);
    mutate_certificate(chain, 4, "nvgpu_root", judge);
  }
}

TEST(NvgpuMutation, the_text_of_a_chain) {
  if (absent()) GTEST_SKIP() << "no shared evidence";
  Sample sample("gpu/hopper-590-single");
  const std::vector<Region> rows = regions("nvgpu_chain", 0);
  const auto original = ders(*read_chain(sample.chain));
  CheckedLinks links;
  for (size_t at = 0; at < sample.chain.size(); at += 7) {
    flip(sample.chain, at, rows.front(), [&](const std::vector<std::string>& rules, const std::string& what) {
      const auto changed = read_chain(sample.chain);
      if (changed && ders(*changed) == original) return;  // a line broken elsewhere, or not at all
      const Verification v = verify(sample.report, sample.chain, {}, kTime, device_roots(), &links);
      expect_first(v.failures, v.verified.has_value(), rules, what);
    });
  }
}

// texts_between are where the text of each element stands.
std::vector<std::pair<size_t, size_t>> texts_between(std::string_view text, std::string_view element) {
  std::vector<std::pair<size_t, size_t>> out;
  const std::string begin = "<" + std::string(element), end = "</" + std::string(element) + ">";
  for (size_t at = text.find(begin); at != std::string_view::npos; at = text.find(begin, at + 1)) {
    const size_t from = text.find('>', at) + 1;
    out.emplace_back(from, text.find(end, from) - from);
  }
  return out;
}

TEST(NvgpuMutation, manifests) {
  if (absent()) GTEST_SKIP() << "no shared evidence";
  Bytes xml = read("rim/1010_0200_882_96005E0001_PROD.swidtag");
  CheckedLinks links;
  const auto judge = [&] { return verify_manifest(xml, {}, kTime, manifest_roots(), &links); };
  const ManifestVerification genuine = judge();
  ASSERT_TRUE(genuine.verified);
  const std::pair<std::string_view, std::string_view> elements[] = {{"payload", "ns0:Payload"},
                                                                    {"digest_value", "ds:DigestValue"},
                                                                    {"signature_value", "ds:SignatureValue"},
                                                                    {"certificates", "ds:X509Certificate"}};
  for (const Region& region : regions("nvgpu_rim", 0)) {
    const auto* element = std::ranges::find(elements, region.from, &std::pair<std::string_view, std::string_view>::first);
    const auto places =
        region.from == "document" ? std::vector<std::pair<size_t, size_t>>{{0, xml.size()}} : texts_between(as_text(xml), element->second);
    for (const auto& [from, size] : places) {
      for (size_t at = from; at < from + size; at += size > 2000 ? 11 : 3) {
        flip(xml, at, region, [&](const std::vector<std::string>& rules, const std::string& what) {
          const ManifestVerification v = judge();
          // A bit may change the text and not the document: a broken line of base64, white space in a tag, a quotation mark.
          if (v.verified && v.verified->digest() == genuine.verified->digest()) return;
          expect_first(v.failures, v.verified.has_value(), rules, what);
        });
      }
    }
  }
}

TEST(NvgpuMutation, certificates_of_manifests) {
  if (absent()) GTEST_SKIP() << "no shared evidence";
  const Bytes original = read("rim/1010_0200_882_96005E0001_PROD.swidtag");
  std::vector<Bytes> chain = ders(certificates_of_manifest(original));
  ASSERT_EQ(chain.size(), 4u);
  CheckedLinks links;
  const auto judge = [&] {
    std::string text(as_text(original));
    const auto places = texts_between(text, "ds:X509Certificate");
    for (size_t i = places.size(); i > 0; --i) text.replace(places[i - 1].first, places[i - 1].second, to_base64(chain[i - 1]));
    return verify_manifest(as_bytes(text), {}, kTime, manifest_roots(), &links);
  };
  ASSERT_TRUE(judge().verified);
  mutate_certificate(chain, 0, "rim_leaf", judge);
  for (const size_t issuer : {1u, 2u}) mutate_certificate(chain, issuer, "rim_issuer", judge);
  mutate_certificate(chain, 3, "rim_root", judge);
}

}  // namespace
}  // namespace openpcc::nvgpu
