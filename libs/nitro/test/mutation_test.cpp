// Each byte of a genuine document, flipped: refused, and by the rule that the specification's table names.
#include <algorithm>

#include "nitro_forge.h"
#include "regions.h"

namespace openpcc::nitro {
namespace {

using x509::forge::Region;
using x509::forge::regions;

struct Place {
  size_t at;
  size_t size;
};

struct Sample {
  std::string name;
  Bytes bytes;
  UnixSeconds now = 0;

  Document document() const { return *parse_document(bytes); }
  Place place(ByteSpan view) const { return {static_cast<size_t>(view.data() - bytes.data()), view.size()}; }
};

// One whose payload has a count, and one whose payload is open.
std::vector<Sample> samples() {
  std::vector<Sample> out;
  const auto folder = testkit::shared_file("evidence/nitro");
  if (!folder) return out;
  for (const char* name : {"sparsity-1-debug", "dstack"}) {
    Sample sample{name, testkit::read_file(*folder / (std::string(name) + ".cose"))};
    sample.now = static_cast<UnixSeconds>(sample.document().timestamp_ms / 1000);
    out.push_back(std::move(sample));
  }
  return out;
}

// flip_and_expect flips all masked bits of the byte at `at`, and then one of them.
void flip_and_expect(Sample& sample, size_t at, const Region& region) {
  const auto expect = [&](uint8_t bits, const std::vector<std::string>& rules) {
    sample.bytes[at] ^= bits;
    const auto verified = verify(sample.bytes, sample.now);
    EXPECT_TRUE(!verified && std::ranges::find(rules, verified.error().rule.id()) != rules.end())
        << sample.name << ", " << region.field << ", byte " << at << ", bits " << +bits << ": "
        << (verified ? "accepted" : describe(verified.error()));
    sample.bytes[at] ^= bits;
  };
  expect(region.mask, region.reasons);
  expect(static_cast<uint8_t>(region.mask & -region.mask), region.bit_reasons);
}

std::vector<Place> places_of(const Sample& sample, const std::string& from) {
  const Document d = sample.document();
  const Place protected_header = sample.place(d.protected_header), payload = sample.place(d.payload), signature = sample.place(d.signature);
  const size_t unprotected = protected_header.at + protected_header.size;
  if (from == "head") return {{0, protected_header.at - 1}};
  if (from == "protected.head") return {{protected_header.at - 1, 1}};
  if (from == "protected") return {protected_header};
  if (from == "unprotected") return {{unprotected, 1}};
  if (from == "payload.head") return {{unprotected + 1, payload.at - unprotected - 1}};
  if (from == "payload") return {payload};
  if (from == "module_id") return {sample.place(as_bytes(d.module_id))};
  if (from == "timestamp") return {{sample.place(d.timestamp_bytes).at + 1, d.timestamp_bytes.size() - 1}};
  if (from == "signature.head") return {{payload.at + payload.size, signature.at - payload.at - payload.size}};
  if (from == "signature") return {signature};
  std::vector<Place> out;
  if (from == "pcrs") {
    for (const auto& [index, value] : d.pcrs) out.push_back(sample.place(value));
  } else if (from == "digest") {
    const auto found = as_text(sample.bytes).find("SHA384");
    out.push_back({found, 6});
  } else {
    const std::optional<ByteSpan>& field = from == "public_key" ? d.public_key : from == "user_data" ? d.user_data : d.nonce;
    if (field) out.push_back(sample.place(*field));
  }
  return out;
}

TEST(NitroMutation, documents) {
  std::vector<Sample> all = samples();
  if (all.empty()) GTEST_SKIP() << "no shared evidence";
  for (Sample& sample : all) {
    ASSERT_OK(verify(sample.bytes, sample.now));
    for (const Region& region : regions("nitro_document", 0)) {
      for (const Place& place : places_of(sample, region.from)) {
        const size_t step = place.size > 256 ? 37 : place.size > 16 ? 5 : 1;
        for (size_t at = 0; at < place.size; at += step) flip_and_expect(sample, place.at + at, region);
      }
    }
  }
}

TEST(NitroMutation, every_byte_is_covered) {
  std::vector<Sample> all = samples();
  if (all.empty()) GTEST_SKIP() << "no shared evidence";
  std::vector<bool> covered(all.front().bytes.size());
  for (const Region& region : regions("nitro_document", 0)) {
    for (const Place& place : places_of(all.front(), region.from)) {
      for (size_t at = 0; at < place.size; ++at) covered[place.at + at] = true;
    }
  }
  EXPECT_TRUE(std::ranges::all_of(covered, [](bool c) { return c; })) << "the table leaves bytes out";
}

// place_in finds the octets of a certificate that a row means; none for parts that the verifier in Python alone looks at.
std::optional<Place> place_in(const Sample& sample, ByteSpan der, const std::string& part) {
  const auto certificate = x509::Certificate::parse(der);
  const auto shifted = [&](ByteSpan view) {
    return Place{sample.place(der).at + static_cast<size_t>(view.data() - certificate->der().data()), view.size()};
  };
  if (part == "*") return sample.place(der);
  if (part == "tbs.subject.CN") return shifted(as_bytes(certificate->common_name()));
  if (part == "tbs.spki.key") return shifted(certificate->spki().last(97));
  if (part == "signatureValue") return Place{sample.place(der).at + der.size() - 100, 100};
  if (part == "extension:2.5.29.19") return shifted(certificate->extension(testkit::hex("551d13"))->value);
  return std::nullopt;
}

void mutate_certificate(Sample& sample, std::string_view table, size_t which) {
  for (const Region& region : regions(table, 0)) {
    const Document document = sample.document();
    const ByteSpan der = which < document.cabundle.size() ? document.cabundle[which] : document.certificate;
    const auto place = place_in(sample, der, region.part);
    ASSERT_TRUE(place) << region.part;
    for (size_t at = 0; at < place->size; at += region.part == "*" ? size_t{13} : 3) flip_and_expect(sample, place->at + at, region);
  }
}

TEST(NitroMutation, certificates) {
  std::vector<Sample> all = samples();
  if (all.empty()) GTEST_SKIP() << "no shared evidence";
  Sample& sample = all.front();
  mutate_certificate(sample, "nitro_root", 0);
  for (const size_t issuer : {1u, 2u, 3u}) mutate_certificate(sample, "nitro_issuer", issuer);
  mutate_certificate(sample, "nitro_leaf", 4);
}

TEST(NitroMutation, cut_and_extended) {
  std::vector<Sample> all = samples();
  if (all.empty()) GTEST_SKIP() << "no shared evidence";
  for (Sample& sample : all) {
    for (size_t size = 0; size < sample.bytes.size(); size += 61) {
      const Bytes cut(sample.bytes.begin(), sample.bytes.begin() + static_cast<ptrdiff_t>(size));
      EXPECT_RULE(verify(cut, sample.now), size == 0 ? "nitro.size" : "nitro.cbor.syntax");
    }
    EXPECT_RULE(verify(concat({sample.bytes, Bytes{0}}), sample.now), "nitro.trailing");
  }
}

}  // namespace
}  // namespace openpcc::nitro
