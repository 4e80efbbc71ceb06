#include "openpcc/snp/verify.h"

#include "openpcc/crypto/hash.h"
#include "snp_forge.h"

namespace openpcc::snp {
namespace {

using forge::kNow;
using forge::Line;
using forge::Machine;
using forge::refused;
namespace x = x509::forge;

constexpr Product kProducts[] = {Product::milan, Product::genoa, Product::turin};

// Parts takes the chain apart, so that a test can put something else in a place.
struct Parts {
  Bytes report, vek, issuer, root;
  std::optional<Bytes> crl;
  PinnedRoot pin;

  explicit Parts(const Machine& m)
      : report(m.signed_report()),
        vek(m.vek_der()),
        issuer(m.options.kind == SigningKey::vlek ? m.line.asvk_der() : m.line.ask_der()),
        root(m.line.ark_der()),
        pin(m.line.pin()) {}
  Verification verify(UnixSeconds now = kNow) const {
    return snp::verify(report, {vek, issuer, root, crl ? std::optional<ByteSpan>(*crl) : std::nullopt}, now, {&pin, 1});
  }
};

TEST(SnpVerify, machines_of_each_product) {
  for (const Product product : kProducts) {
    const Verification verification = Machine::of(product).verify();
    ASSERT_TRUE(verification.verified) << describe(verification.failures.front());
    EXPECT_EQ(verification.verified->product(), product);
    EXPECT_FALSE(verification.verified->revocation_checked());
    EXPECT_EQ(verification.verified->window(), (x509::Window{kNow - 1000, kNow + 1000}));
  }
}

TEST(SnpVerify, a_vlek) {
  forge::VekOptions options;
  options.kind = SigningKey::vlek;
  EXPECT_TRUE(Machine(Line::one(Product::genoa), options).verify().verified);
}

TEST(SnpVerify, version_2_takes_the_product_from_the_certificate) {
  Machine machine = Machine::of(Product::milan);
  machine.set(0, {2});
  machine.set(0x188, {0, 0, 0});
  machine.set(0x40, {1});
  EXPECT_TRUE(machine.verify().verified);
}

TEST(SnpVerify, what_is_missing) {
  for (Bytes Parts::* part : {&Parts::root, &Parts::issuer, &Parts::vek}) {
    Parts parts(Machine::of(Product::milan));
    (parts.*part).clear();
    EXPECT_TRUE(refused(parts.verify(), "snp.chain.missing"));
  }
}

TEST(SnpVerify, what_is_no_certificate) {
  for (Bytes Parts::* part : {&Parts::root, &Parts::issuer}) {
    Parts parts(Machine::of(Product::milan));
    (parts.*part).pop_back();
    EXPECT_TRUE(refused(parts.verify(), "snp.chain.syntax"));
  }
  Parts parts(Machine::of(Product::milan));
  parts.vek.pop_back();
  EXPECT_TRUE(refused(parts.verify(), "snp.vek.syntax"));
  const Machine machine = Machine::of(Product::milan);
  parts.vek = x::certificate(machine.vek, x::Key(x509::Algorithm::ecdsa_sha384));
  EXPECT_TRUE(refused(parts.verify(), "snp.vek.syntax")) << "AMD signs with RSASSA-PSS";
}

TEST(SnpVerify, a_root_that_is_not_pinned) {
  const Machine machine = Machine::of(Product::milan);
  Parts parts(machine);
  parts.pin = Line::one(Product::genoa).pin();
  EXPECT_TRUE(refused(parts.verify(), "snp.chain.root"));
  EXPECT_TRUE(refused(snp::verify(parts.report, {parts.vek, parts.issuer, parts.root, {}}, kNow), "snp.chain.root"));
  EXPECT_TRUE(refused(snp::verify(parts.report, {parts.vek, parts.issuer, parts.root, {}}, kNow, {}), "snp.chain.root"));
}

TEST(SnpVerify, another_root_with_the_same_name) {
  Parts parts(Machine::of(Product::milan));
  const Line other(Product::milan);
  parts.pin = other.pin();
  parts.root = other.ark_der();
  EXPECT_TRUE(refused(parts.verify(), "snp.chain.signature"));
}

TEST(SnpVerify, chains_that_do_not_link) {
  Line line(Product::milan);
  line.ask.issuer = x::name("ARK-Other");
  EXPECT_TRUE(refused(Machine(line).verify(), "snp.chain.issuer"));
  line = Line(Product::milan);
  line.ask.extensions = {x::basic_constraints(false), x::key_usage(x::kSignsCertificates)};
  EXPECT_TRUE(refused(Machine(line).verify(), "snp.chain.ca"));
  line = Line(Product::milan);
  line.ark.extensions = {x::basic_constraints(true, 0), x::key_usage(x::kSignsCertificates)};
  EXPECT_TRUE(refused(Machine(line).verify(), "snp.chain.ca"));
  Machine machine = Machine::of(Product::milan);
  Parts parts(machine);
  parts.vek = x::certificate(machine.vek, x::Key(x509::Algorithm::rsa_pss_sha384));
  EXPECT_TRUE(refused(parts.verify(), "snp.vek.signature"));
  machine.vek.extensions.push_back(x::extension(testkit::hex("551d1e"), true, testkit::hex("3000")));
  EXPECT_TRUE(refused(machine.verify(), "snp.vek.extension"));
}

TEST(SnpVerify, kinds_of_keys) {
  Machine machine = Machine::of(Product::milan);
  machine.set(0x48, {4});  // says VLEK
  EXPECT_TRUE(refused(machine.verify(), "snp.vek.kind"));
  forge::VekOptions options;
  options.kind = SigningKey::vlek;
  Parts parts(Machine(Line::one(Product::milan), options));
  parts.issuer = Line::one(Product::milan).ask_der();
  EXPECT_TRUE(refused(parts.verify(), "snp.vek.kind")) << "a VLEK does not chain to the ASK";
}

TEST(SnpVerify, products_agree) {
  Machine machine = Machine::of(Product::milan);
  machine.set(0x188, {0x19, 0x11});
  EXPECT_TRUE(refused(machine.verify(), "snp.product.mismatch"));
  machine.set(0x188, {0x1a, 0x50});
  EXPECT_TRUE(refused(machine.verify(), "snp.product.unknown"));
  forge::VekOptions options;
  options.product_name = "Genoa";
  Machine other(Line::one(Product::milan), options);
  other.set(0, {2});
  other.set(0x188, {0, 0, 0});
  EXPECT_TRUE(refused(other.verify(), "snp.product.mismatch"));
}

TEST(SnpVerify, time_to_the_second) {
  const Machine machine = Machine::of(Product::milan);
  EXPECT_TRUE(machine.verify(kNow - 1000).verified);
  EXPECT_TRUE(machine.verify(kNow + 1000).verified);
  EXPECT_TRUE(refused(machine.verify(kNow - 1001), "snp.vek.early"));
  EXPECT_TRUE(refused(machine.verify(kNow + 1001), "snp.vek.expired"));
  Line line(Product::milan);
  line.ask.window = {kNow - 5, kNow + 5};
  EXPECT_TRUE(Machine(line).verify(kNow + 5).verified);
  EXPECT_TRUE(refused(Machine(line).verify(kNow - 6), "snp.chain.early"));
  EXPECT_TRUE(refused(Machine(line).verify(kNow + 6), "snp.chain.expired"));
}

TEST(SnpVerify, revocation) {
  const Machine machine = Machine::of(Product::milan);
  const Verification good = machine.verify(kNow, machine.line.crl({{2, 0, 1}}, kNow + 10));
  ASSERT_TRUE(good.verified);
  EXPECT_TRUE(good.verified->revocation_checked());
  EXPECT_EQ(good.verified->window().to, kNow + 9);
  EXPECT_TRUE(refused(machine.verify(kNow, machine.line.crl({{1, 0, 1}})), "snp.crl.revoked"));
  EXPECT_TRUE(refused(machine.verify(kNow, machine.line.crl({}, kNow)), "snp.crl.expired"));
  EXPECT_TRUE(
      refused(machine.verify(kNow, x::crl({machine.line.ark.subject, kNow + 1, kNow + 2, {}, {}}, machine.line.ark_key)), "snp.crl.early"));
  EXPECT_TRUE(refused(machine.verify(kNow, Line::one(Product::genoa).crl()), "snp.crl.issuer"));
  EXPECT_TRUE(refused(machine.verify(kNow, x::crl({machine.line.ark.subject, kNow - 1, kNow + 2, {}, {}}, machine.line.ask_key)),
                      "snp.crl.signature"));
  EXPECT_TRUE(refused(machine.verify(kNow, Bytes{1, 2, 3}), "snp.crl.syntax"));
}

TEST(SnpVerify, the_reports_signature) {
  Parts parts(Machine::of(Product::milan));
  parts.report[0x90] ^= 1;
  EXPECT_TRUE(refused(parts.verify(), "snp.signature"));
  Machine machine = Machine::of(Product::milan);
  machine.vek.spki = x::Key(x509::Algorithm::ecdsa_sha256).spki();
  EXPECT_TRUE(refused(machine.verify(), "snp.vek.key"));
  machine.vek.spki = machine.line.ask_key.spki();
  EXPECT_TRUE(refused(machine.verify(), "snp.vek.key"));
  // r and s in the order of bytes in which other formats have them.
  Parts swapped(Machine::of(Product::milan));
  std::reverse(swapped.report.begin() + 0x2a0, swapped.report.begin() + 0x2d0);
  EXPECT_TRUE(refused(swapped.verify(), "snp.signature"));
}

TEST(SnpVerify, the_certified_tcb_is_the_reported_one) {
  for (const size_t at : {0x180u, 0x181u, 0x186u, 0x187u}) {
    for (const int by : {-1, 1}) {
      Machine machine = Machine::of(Product::milan);
      machine.set(at, {static_cast<uint8_t>(machine.report[at] + by)});
      EXPECT_TRUE(refused(machine.verify(), "snp.tcb.certificate")) << at;
    }
  }
}

TEST(SnpVerify, the_chip_is_the_certified_one) {
  Machine machine = Machine::of(Product::milan);
  machine.set(0x1df, {0});
  EXPECT_TRUE(refused(machine.verify(), "snp.chip_id.mismatch"));
  Machine turin = Machine::of(Product::turin);
  turin.set(0x1a8, {1});
  EXPECT_TRUE(refused(turin.verify(), "snp.chip_id.mismatch")) << "after Turin's eight bytes come zeros";
  Machine masked = Machine::of(Product::milan);
  masked.set(0x48, {2});
  EXPECT_TRUE(refused(masked.verify(), "snp.chip_id.mismatch")) << "masked, and yet there";
  masked.set(0x1a0, Bytes(64, 0));
  EXPECT_TRUE(masked.verify().verified);
  forge::VekOptions options;
  options.kind = SigningKey::vlek;
  Machine vlek(Line::one(Product::milan), options);
  vlek.set(0x1a0, {1});
  EXPECT_TRUE(refused(vlek.verify(), "snp.chip_id.mismatch"));
}

TEST(SnpVerify, tcbs_are_in_order) {
  const auto with = [](size_t at, uint8_t value) {
    Machine machine = Machine::of(Product::milan);
    machine.set(at, {value});
    return machine.verify();
  };
  EXPECT_TRUE(with(0x3f, 220).verified) << "current above committed: provisional firmware, which a policy judges";
  EXPECT_TRUE(refused(with(0x3f, 218), "snp.tcb.order"));
  EXPECT_TRUE(refused(with(0x1e7, 218), "snp.tcb.order"));
  EXPECT_TRUE(refused(with(0x1e7, 220), "snp.tcb.order"));
  EXPECT_TRUE(refused(with(0x1ee, 2), "snp.tcb.order")) << "a committed version above the current one";
  EXPECT_TRUE(refused(with(0x3a, 1), "snp.tcb.reserved"));
  EXPECT_TRUE(with(0x1f7, 1).verified) << "the launch TCB is older";
}

// Everything that is wrong is told, not the first alone.
TEST(SnpVerify, collects_what_fails) {
  Parts parts(Machine::of(Product::milan));
  const Machine other = Machine(Line::one(Product::milan), [] {
    forge::VekOptions options;
    options.hwid = Bytes(64, 1);
    options.tcb.snp = 3;
    return options;
  }());
  parts.vek = other.vek_der();
  std::set<std::string_view> seen;
  for (const Error& failure : parts.verify().failures) seen.insert(failure.rule.id());
  EXPECT_EQ(seen, (std::set<std::string_view>{"snp.signature", "snp.tcb.certificate", "snp.chip_id.mismatch"}));
}

// What public verifiers got wrong, by the numbers that the project's notes give it.

TEST(SnpKnownBugs, forged_chain_with_perfect_names_3_4_33) {
  const auto folder = testkit::shared_file("evidence/snp/roots/milan");
  if (!folder) GTEST_SKIP() << "no shared evidence";
  Line line(Product::milan);
  const auto name_of = [&](const char* file) {
    const auto certificate = x509::Certificate::parse(testkit::read_file(*folder / file));
    return Bytes(certificate->subject().begin(), certificate->subject().end());
  };
  line.ark.subject = line.ark.issuer = line.ask.issuer = name_of("ark.der");
  line.ask.subject = name_of("ask.der");
  Parts parts{Machine(line)};
  EXPECT_TRUE(parts.verify().verified) << "good under its own root";
  EXPECT_TRUE(refused(snp::verify(parts.report, {parts.vek, parts.issuer, parts.root, {}}, kNow), "snp.chain.root"));
}

TEST(SnpKnownBugs, genuine_certificates_under_a_forged_report_3) {
  const auto folder = testkit::shared_file("evidence/snp");
  if (!folder) GTEST_SKIP() << "no shared evidence";
  const Machine machine = Machine::of(Product::milan);
  const Bytes vek = testkit::read_file(*folder / "reports/v3-milan-microsoft/vcek.der");
  const Bytes ask = testkit::read_file(*folder / "roots/milan/ask.der"), ark = testkit::read_file(*folder / "roots/milan/ark.der");
  EXPECT_TRUE(refused(snp::verify(machine.signed_report(), {vek, ask, ark, {}}, kNow), "snp.signature"));
}

TEST(SnpKnownBugs, tcb_is_no_number_7) {
  EXPECT_FALSE((Tcb{0, 3, 0, 25, 255}).at_least({0, 4, 0, 24, 219}));
  EXPECT_FALSE((Tcb{0, 255, 255, 24, 218}).at_least({0, 4, 0, 24, 219}));
}

TEST(SnpKnownBugs, stale_revocation_list_34) {
  const auto folder = testkit::shared_file("evidence/snp");
  if (!folder) GTEST_SKIP() << "no shared evidence";
  const auto check = [&](const std::string& product, const std::string& report, const std::string& crl_file) {
    const Bytes bytes = testkit::read_file(*folder / "reports" / report / "report.bin");
    const Bytes vek = testkit::read_file(*folder / "reports" / report / "vcek.der");
    const Bytes ask = testkit::read_file(*folder / "roots" / product / "ask.der"),
                ark = testkit::read_file(*folder / "roots" / product / "ark.der");
    const Bytes crl = testkit::read_file(*folder / "crl" / crl_file);
    const UnixSeconds next_update = x509::Crl::parse(crl)->window().to + 1;
    const Collateral collateral{vek, ask, ark, crl};
    const Verification in_time = snp::verify(bytes, collateral, next_update - 1);
    ASSERT_TRUE(in_time.verified) << describe(in_time.failures.front());
    EXPECT_TRUE(in_time.verified->revocation_checked());
    EXPECT_TRUE(refused(snp::verify(bytes, collateral, next_update), "snp.crl.expired"));
  };
  check("milan", "v3-milan-microsoft", "milan-2026-08-19.crl.der");
  check("genoa", "v3-genoa-microsoft", "genoa-2026-08-19.crl.der");
  check("turin", "v5-turin-microsoft", "turin-2026-08-19.crl.der");
}

}  // namespace
}  // namespace openpcc::snp
