// Every region of quotes and collateral, flipped: refused by the rule that spec/evidence_regions/tdx.toml names for it, whoever made them.
#include <algorithm>

#include "corpus.h"
#include "regions.h"
#include "world.h"

namespace openpcc::tdx {
namespace {

using test::World;
using x509::forge::Region;

// The table is of TDX. A quote of version 3 has an enclave's report for a body, and no wrapper of type 6.
std::vector<Region> sgx_regions() {
  std::vector<Region> out;
  for (Region& region : x509::forge::regions("tdx_quote", 4)) {
    const bool wrapper = region.from == "signature" && region.at >= 132;
    if (region.from != "body" && !wrapper) out.push_back(std::move(region));
  }
  // The lowest bit makes no other version that there is.
  for (Region& region : out) {
    if (region.field == "version") region.reasons = region.bit_reasons = {"tdx.version"};
  }
  out.push_back({"body", 0, kSgxReportBytes, {}, "report", 0xff, {"tdx.quote_signature"}, {"tdx.quote_signature"}});
  return out;
}

size_t little_endian(ByteSpan bytes, size_t at, size_t n) {
  size_t out = 0;
  for (size_t i = n; i-- > 0;) out = out << 8 | bytes[at + i];
  return out;
}

std::vector<Region> regions_of(ByteSpan quote) {
  const size_t version = little_endian(quote, 0, 2);
  return version == 3 ? sgx_regions() : x509::forge::regions("tdx_quote", static_cast<int64_t>(version));
}

// Layout is where the parts of one quote lie that the table's `from` names: start and end.
using Layout = std::map<std::string, std::pair<size_t, size_t>>;

Layout layout_of(ByteSpan quote) {
  const size_t version = little_endian(quote, 0, 2);
  const size_t body = version == 5 ? 54 : 48;
  const size_t body_bytes = version == 3 ? 384 : version == 4 ? 584 : little_endian(quote, 50, 4);
  const size_t signature = body + body_bytes;
  const size_t padding = signature + 4 + little_endian(quote, signature, 4);
  const size_t qe = signature + 4 + 128 + (version == 3 ? 0 : 6);
  const size_t authentication = qe + 450;
  const size_t certificates = authentication + little_endian(quote, qe + 448, 2);
  return {{"", {0, body}},
          {"body", {body, signature}},
          {"signature", {signature, qe}},
          {"qe", {qe, authentication}},
          {"auth", {authentication, certificates}},
          {"certificates", {certificates, padding}},
          {"padding", {padding, quote.size()}}};
}

struct Range {
  size_t from, to;
};
// range_of is empty where the quote has no such part: a body of TD 1.0 ends before what TD 1.5 added.
Range range_of(const Region& region, const Layout& layout) {
  const auto [start, end] = layout.at(region.from);
  const size_t from = start + region.at;
  const size_t to = region.size == 0 ? end : from + region.size;
  return to > end ? Range{end, end} : Range{from, to};
}

template <class T>
void expect_first(const Result<T>& judged, const std::vector<std::string>& reasons, size_t at) {
  ASSERT_FALSE(judged) << "byte " << at;
  const std::string id(judged.error().rule.id());
  EXPECT_TRUE(std::ranges::find(reasons, id) != reasons.end()) << "byte " << at << ": " << describe(judged.error());
  testkit::note_tripped(id);
}

void expect_flips_refused(const Bytes& quote, const Terms& terms) {
  const Layout layout = layout_of(quote);
  Bytes flipped = quote;
  const auto expect = [&](size_t at, uint8_t bits, const std::vector<std::string>& reasons) {
    flipped[at] ^= bits;
    expect_first(authenticate(flipped, terms), reasons, at);
    flipped[at] = quote[at];
  };
  for (const Region& region : regions_of(quote)) {
    SCOPED_TRACE(region.field);
    const auto [from, to] = range_of(region, layout);
    if (from == to) continue;
    for (const size_t at : {from, from + (to - from) / 2, to - 1}) {
      expect(at, region.mask, region.reasons);
      const auto lowest = static_cast<uint8_t>(region.mask & -region.mask);
      expect(at, lowest, region.bit_reasons);
    }
  }
}

// Every bit of a quote is in one row, and in one alone.
void expect_rows_cover(const Bytes& quote) {
  const Layout layout = layout_of(quote);
  Bytes seen(quote.size());
  for (const Region& region : regions_of(quote)) {
    const auto [from, to] = range_of(region, layout);
    for (size_t at = from; at < to; ++at) {
      EXPECT_EQ(seen[at] & region.mask, 0) << at;
      seen[at] |= region.mask;
    }
  }
  EXPECT_TRUE(std::ranges::all_of(seen, [](uint8_t bits) { return bits == 0xff; }));
}

World made(int version) {
  World world;
  world.padding = std::string(8, '\0');
  world.version = static_cast<uint16_t>(version);
  if (version == 3) world.make_sgx();
  return world;
}

TEST(Mutation, regions_of_quotes_of_our_own) {
  for (const int version : {3, 4, 5}) {
    SCOPED_TRACE(version);
    const World world = made(version);
    expect_rows_cover(world.quote());
    expect_flips_refused(world.quote(), world.terms());
  }
  World world = made(5);
  world.make_td15();
  expect_rows_cover(world.quote());
  expect_flips_refused(world.quote(), world.terms());
}

TEST(Mutation, regions_of_the_shared_quotes) {
  OPENPCC_NEED_CORPUS();
  for (const corpus::Sample& sample : corpus::samples()) {
    SCOPED_TRACE(sample.id);
    expect_rows_cover(sample.quote);
    expect_flips_refused(sample.quote, sample.terms());
  }
}

// The lowest bit makes 5 of 4 and 4 of 5: read as the other version, what follows does not fit.
TEST(Mutation, one_version_taken_for_the_other) {
  Bytes four = made(4).quote();
  four[0] = 5;
  EXPECT_RULE(parse_quote(four), "tdx.body_type");
  four[48] = 2;
  four[49] = 0;
  EXPECT_RULE(parse_quote(four), "tdx.body_size");
  World world = made(5);
  world.make_td15();
  Bytes five = world.quote();
  five[0] = 4;
  EXPECT_RULE(parse_quote(five), "tdx.size");
}

TEST(Mutation, a_bit_of_every_byte) {
  World world = made(5);
  world.make_td15();
  const Bytes quote = world.quote();
  Bytes flipped = quote;
  // PEM is text: some bits of its line ends and none of its bytes' meaning can go.
  const size_t end = layout_of(quote).at("certificates").first + 6;
  for (size_t at = 0; at < end; ++at) {
    flipped[at] ^= static_cast<uint8_t>(1u << (at % 8));
    EXPECT_FALSE(authenticate(flipped, world.terms())) << at;
    flipped[at] = quote[at];
  }
}

// reasons_at finds the row of a byte of DER: the public key's point and the signature, which end their parts, or any.
std::vector<std::string> reasons_at(std::string_view table, size_t at, Range key, Range signature) {
  const auto inside = [&](Range range) { return at >= range.from && at < range.to; };
  const std::string_view part = inside(key) ? "tbs.spki.key" : inside(signature) ? "signatureValue" : "*";
  for (Region& region : x509::forge::regions(table, 0)) {
    if (region.part == part) return std::move(region.reasons);
  }
  ADD_FAILURE() << table << " has no row for " << part;
  return {};
}

TEST(Mutation, the_certificates_of_a_chain) {
  const World world;
  const Bytes ders[] = {world.pck_der(), world.ca_der(), world.root_der()};
  constexpr std::string_view kTables[] = {"tdx_pck", "tdx_pck_issuer", "tdx_pck_root"};
  for (size_t which = 0; which < 3; ++which) {
    SCOPED_TRACE(kTables[which]);
    const auto good = x509::Certificate::parse(ders[which]);
    ASSERT_OK(good);
    const ByteSpan whole = good->der(), signed_part = good->signature().message;
    const auto key_end = static_cast<size_t>(good->spki().data() - whole.data()) + good->spki().size();
    const auto signed_end = static_cast<size_t>(signed_part.data() - whole.data()) + signed_part.size();
    for (size_t at = 0; at < ders[which].size(); at += 3) {
      Bytes flipped = ders[which];
      flipped[at] ^= 0x10;
      std::string chain;
      for (size_t i = 0; i < 3; ++i) chain += x509::forge::pem(i == which ? flipped : ders[i]);
      // The signature's bits follow its algorithm, 12 bytes, and a head of 3.
      expect_first(authenticate(world.quote(chain), world.terms()),
                   reasons_at(kTables[which], at, {key_end - 65, key_end}, {signed_end + 15, ders[which].size()}), at);
    }
  }
}

// Collateral.

TEST(Mutation, regions_of_the_shared_collateral) {
  OPENPCC_NEED_CORPUS();
  for (const auto& [name, set] : corpus::sets()) {
    SCOPED_TRACE(name);
    Terms terms;
    terms.tee = set.expected.at("parsed").at("id") == "TDX" ? Tee::tdx : Tee::sgx;
    const auto judge = [&](Bytes corpus::Set::* part, const std::vector<std::string>& rules) {
      corpus::Set flipped = set;
      Bytes& bytes = flipped.*part;
      for (const size_t at : {size_t{0}, bytes.size() / 2, bytes.size() - 1}) {
        bytes[at] ^= 0x01;
        expect_first(authenticate_collateral(flipped.view(), terms), rules, at);
        bytes[at] ^= 0x01;
      }
    };
    judge(&corpus::Set::tcb_info, {"tdx.collateral.signature"});
    judge(&corpus::Set::tcb_info_signature, {"tdx.collateral.signature", "tdx.collateral.syntax"});
    judge(&corpus::Set::identity, {"tdx.collateral.signature"});
    judge(&corpus::Set::identity_signature, {"tdx.collateral.signature", "tdx.collateral.syntax"});
  }
}

TEST(Mutation, every_byte_of_the_signers_chain_and_of_the_lists) {
  const World world;
  const test::Set good = world.set();
  const Bytes signer = world.signer_der(), root = world.root_der();
  for (size_t at = 0; at < signer.size(); at += 3) {
    Bytes flipped = signer;
    flipped[at] ^= 0x10;
    test::Set set = good;
    set.signing_chain = x509::forge::pem(flipped) + x509::forge::pem(root);
    expect_first(authenticate_collateral(set.view(), world.terms()),
                 {"tdx.signer.syntax", "tdx.signer.name", "tdx.signer.issuer", "tdx.signer.signature"}, at);
  }
  for (std::optional<Bytes> test::Set::* list : {&test::Set::root_crl, &test::Set::pck_crl}) {
    test::Set set = good;
    Bytes& bytes = *(set.*list);
    for (size_t at = 0; at < bytes.size(); at += 3) {
      bytes[at] ^= 0x10;
      expect_first(world.verified(set), {"tdx.crl.syntax", "tdx.crl.issuer", "tdx.crl.signature"}, at);
      bytes[at] ^= 0x10;
    }
  }
}

}  // namespace
}  // namespace openpcc::tdx
