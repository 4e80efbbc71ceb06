// Every region of quotes and collateral, flipped: refused by the rule that the formats name for it, whoever made them.
#include <algorithm>

#include "corpus.h"
#include "world.h"

namespace openpcc::tdx {
namespace {

using test::World;

// From is where a row counts from. `qe` is the quoting enclave's report, `authentication` its authentication data, `chain` what follows it.
enum class From : uint8_t { start, body, signature, certification, qe, authentication, chain, padding };

// Row is a region and the rule by which a flip of all bits of one of its bytes is refused; where there are two, what the byte was decides.
struct Row {
  From from;
  size_t at, size;  // size 0: as far as the part goes
  std::string_view rule, or_rule = {};
};

// Intel TDX DCAP Quoting Library API, appendix A; Intel SGX ECDSA QuoteLibReference, appendix A.
constexpr Row kHeader[] = {
    {From::start, 0, 2, "tdx.version"},         {From::start, 2, 2, "tdx.key_type"},    {From::start, 4, 4, "tdx.tee_type"},
    {From::start, 8, 4, "tdx.quote_signature"}, {From::start, 12, 16, "tdx.qe_vendor"}, {From::start, 28, 20, "tdx.quote_signature"},
};
constexpr Row kDescriptor[] = {{From::start, 48, 2, "tdx.body_type"}, {From::start, 50, 4, "tdx.body_size"}};
constexpr Row kTd[] = {
    {From::body, 0, 16, "tdx.quote_signature"},    // TEE_TCB_SVN
    {From::body, 16, 48, "tdx.quote_signature"},   // MRSEAM
    {From::body, 64, 48, "tdx.quote_signature"},   // MRSIGNERSEAM
    {From::body, 112, 8, "tdx.quote_signature"},   // SEAMATTRIBUTES
    {From::body, 120, 8, "tdx.quote_signature"},   // TDATTRIBUTES
    {From::body, 128, 8, "tdx.quote_signature"},   // XFAM
    {From::body, 136, 48, "tdx.quote_signature"},  // MRTD
    {From::body, 184, 48, "tdx.quote_signature"},  // MRCONFIGID
    {From::body, 232, 48, "tdx.quote_signature"},  // MROWNER
    {From::body, 280, 48, "tdx.quote_signature"},  // MROWNERCONFIG
    {From::body, 328, 48, "tdx.quote_signature"},  // RTMR0
    {From::body, 376, 48, "tdx.quote_signature"},  // RTMR1
    {From::body, 424, 48, "tdx.quote_signature"},  // RTMR2
    {From::body, 472, 48, "tdx.quote_signature"},  // RTMR3
    {From::body, 520, 64, "tdx.quote_signature"},  // REPORTDATA
};
constexpr Row kTd15[] = {
    {From::body, 584, 16, "tdx.quote_signature"},  // TEE_TCB_SVN_2
    {From::body, 600, 48, "tdx.quote_signature"},  // MRSERVICETD
};
constexpr Row kSgxBody[] = {{From::body, 0, 384, "tdx.quote_signature"}};
constexpr Row kSignature[] = {
    {From::signature, 0, 4, "tdx.size"},              // length of the signature data
    {From::signature, 4, 64, "tdx.quote_signature"},  // signature
    {From::signature, 68, 64, "tdx.qe_report_data"},  // attestation key
};
constexpr Row kCertification[] = {
    {From::certification, 0, 2, "tdx.cert_type"},
    {From::certification, 2, 4, "tdx.size"},
};
constexpr Row kQe[] = {
    {From::qe, 0, 16, "tdx.qe_report_signature"},     // CPUSVN
    {From::qe, 16, 4, "tdx.qe_report_signature"},     // MISCSELECT
    {From::qe, 20, 28, "tdx.qe_report_signature"},    // reserved, ISVEXTPRODID
    {From::qe, 48, 16, "tdx.qe_report_signature"},    // ATTRIBUTES
    {From::qe, 64, 32, "tdx.qe_report_signature"},    // MRENCLAVE
    {From::qe, 96, 32, "tdx.qe_report_signature"},    // reserved
    {From::qe, 128, 32, "tdx.qe_report_signature"},   // MRSIGNER
    {From::qe, 160, 96, "tdx.qe_report_signature"},   // reserved, CONFIGID
    {From::qe, 256, 2, "tdx.qe_report_signature"},    // ISVPRODID
    {From::qe, 258, 2, "tdx.qe_report_signature"},    // ISVSVN
    {From::qe, 260, 60, "tdx.qe_report_signature"},   // CONFIGSVN, reserved, ISVFAMILYID
    {From::qe, 320, 64, "tdx.qe_report_signature"},   // REPORTDATA
    {From::qe, 384, 64, "tdx.qe_report_signature"},   // its signature
    {From::qe, 448, 2, "tdx.size", "tdx.cert_type"},  // length of the authentication data
    {From::authentication, 0, 0, "tdx.qe_report_data"},
    {From::chain, 0, 2, "tdx.cert_type"},
    {From::chain, 2, 4, "tdx.size"},
    {From::chain, 6, 0, "tdx.pck.pem"},
    {From::padding, 0, 0, "tdx.trailing"},
};

// Layout is where the parts of one quote lie: offsets, and their ends.
using Layout = std::map<From, std::pair<size_t, size_t>>;

size_t little_endian(ByteSpan bytes, size_t at, size_t n) {
  size_t out = 0;
  for (size_t i = n; i-- > 0;) out = out << 8 | bytes[at + i];
  return out;
}

Layout layout_of(ByteSpan quote) {
  const size_t version = little_endian(quote, 0, 2);
  const size_t body = version == 5 ? 54 : 48;
  const size_t body_bytes = version == 3 ? 384 : version == 4 ? 584 : little_endian(quote, 50, 4);
  const size_t signature = body + body_bytes;
  const size_t padding = signature + 4 + little_endian(quote, signature, 4);
  const size_t certification = signature + 4 + 128;
  const size_t qe = certification + (version == 3 ? 0 : 6);
  const size_t authentication = qe + 450;
  const size_t chain = authentication + little_endian(quote, qe + 448, 2);
  return {{From::start, {0, body}},
          {From::body, {body, signature}},
          {From::signature, {signature, certification}},
          {From::certification, {certification, qe}},
          {From::qe, {qe, authentication}},
          {From::authentication, {authentication, chain}},
          {From::chain, {chain, padding}},
          {From::padding, {padding, quote.size()}}};
}

std::vector<Row> rows_of(ByteSpan quote) {
  std::vector<Row> out;
  const auto add = [&](std::span<const Row> rows) { out.insert(out.end(), rows.begin(), rows.end()); };
  const size_t version = little_endian(quote, 0, 2);
  add(kHeader);
  if (version == 5) add(kDescriptor);
  if (version == 3) {
    add(kSgxBody);
  } else {
    add(kTd);
    add(kCertification);
  }
  if (version == 5 && little_endian(quote, 48, 2) == 3) add(kTd15);
  add(kSignature);
  add(kQe);
  return out;
}

struct Region {
  size_t from, to;
};
Region region_of(const Row& row, const Layout& layout) {
  const auto [start, end] = layout.at(row.from);
  const size_t from = start + row.at;
  return {from, row.size == 0 ? end : from + row.size};
}

void expect_flips_refused(const Bytes& quote, const Terms& terms) {
  const Layout layout = layout_of(quote);
  Bytes flipped = quote;
  for (const Row& row : rows_of(quote)) {
    const auto [from, to] = region_of(row, layout);
    if (from == to) continue;
    for (const size_t at : {from, from + (to - from) / 2, to - 1}) {
      flipped[at] ^= 0xff;
      const auto judged = authenticate(flipped, terms);
      const bool other = !row.or_rule.empty() && !judged && judged.error().rule.id() == row.or_rule;
      EXPECT_RULE(judged, other ? row.or_rule : row.rule) << "byte " << at;
      flipped[at] = quote[at];
    }
  }
}

// The tables name every byte: no region is forgotten, none stands twice.
void expect_rows_cover(const Bytes& quote) {
  const Layout layout = layout_of(quote);
  std::vector<Region> regions;
  for (const Row& row : rows_of(quote)) regions.push_back(region_of(row, layout));
  std::ranges::sort(regions, {}, &Region::from);
  size_t at = 0;
  for (const Region& region : regions) {
    EXPECT_EQ(region.from, at);
    at = region.to;
  }
  EXPECT_EQ(at, quote.size());
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
  const size_t end = layout_of(quote).at(From::chain).first + 6;
  for (size_t at = 0; at < end; ++at) {
    flipped[at] ^= static_cast<uint8_t>(1u << (at % 8));
    EXPECT_FALSE(authenticate(flipped, world.terms())) << at;
    flipped[at] = quote[at];
  }
}

TEST(Mutation, every_byte_of_the_certificates_of_a_chain) {
  const World world;
  const Bytes pck = world.pck_der(), ca = world.ca_der(), root = world.root_der();
  const auto judge = [&](size_t which, Bytes der) {
    const auto pem = [&](size_t i, const Bytes& good) { return x509::forge::pem(i == which ? der : good); };
    return authenticate(world.quote(pem(0, pck) + pem(1, ca) + pem(2, root)), world.terms());
  };
  const Bytes* const all[] = {&pck, &ca, &root};
  for (size_t which = 0; which < 3; ++which) {
    for (size_t at = 0; at < all[which]->size(); at += 5) {
      Bytes flipped = *all[which];
      flipped[at] ^= 0x10;
      const auto judged = judge(which, flipped);
      ASSERT_FALSE(judged) << which << ", byte " << at;
      const std::string_view id = judged.error().rule.id();
      const bool expected = id == "tdx.pck.syntax" || id == "tdx.pck.issuer" || id == "tdx.pck.signature" ||
                            (which == 1 && id == "tdx.pck.name") || (which == 2 && id == "tdx.pck.root");
      EXPECT_TRUE(expected) << which << ", byte " << at << ": " << describe(judged.error());
    }
  }
}

// Collateral.

void expect_refused(const Result<AuthenticCollateral>& judged, std::initializer_list<std::string_view> rules) {
  ASSERT_FALSE(judged);
  EXPECT_TRUE(std::ranges::find(rules, judged.error().rule.id()) != rules.end()) << describe(judged.error());
}

TEST(Mutation, regions_of_the_shared_collateral) {
  OPENPCC_NEED_CORPUS();
  for (const auto& [name, set] : corpus::sets()) {
    SCOPED_TRACE(name);
    Terms terms;
    terms.tee = set.expected.at("parsed").at("id") == "TDX" ? Tee::tdx : Tee::sgx;
    const auto judge = [&](Bytes corpus::Set::* part, std::initializer_list<std::string_view> rules) {
      corpus::Set flipped = set;
      Bytes& bytes = flipped.*part;
      for (const size_t at : {size_t{0}, bytes.size() / 2, bytes.size() - 1}) {
        bytes[at] ^= 0x01;
        expect_refused(authenticate_collateral(flipped.view(), terms), rules);
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
    expect_refused(authenticate_collateral(set.view(), world.terms()),
                   {"tdx.signer.syntax", "tdx.signer.name", "tdx.signer.issuer", "tdx.signer.signature"});
  }
  for (std::optional<Bytes> test::Set::* list : {&test::Set::root_crl, &test::Set::pck_crl}) {
    test::Set set = good;
    Bytes& bytes = *(set.*list);
    for (size_t at = 0; at < bytes.size(); at += 3) {
      bytes[at] ^= 0x10;
      const auto judged = world.verified(set);
      ASSERT_FALSE(judged) << at;
      const std::string_view id = judged.error().rule.id();
      EXPECT_TRUE(id == "tdx.crl.syntax" || id == "tdx.crl.issuer" || id == "tdx.crl.signature") << at << ": " << id;
      bytes[at] ^= 0x10;
    }
  }
}

}  // namespace
}  // namespace openpcc::tdx
