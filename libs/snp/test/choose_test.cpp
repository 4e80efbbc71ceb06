#include "openpcc/snp/choose.h"

#include "snp_forge.h"

namespace openpcc::snp {
namespace {

using forge::kNow;
using forge::Line;
using forge::Machine;
using forge::VekOptions;
using x509::Certificate;

Report read(const Machine& machine) { return *parse_report(machine.signed_report()); }

// Shelf is certificates in the order in which they were put.
struct Shelf {
  std::vector<Bytes> ders;

  void put(Bytes der) { ders.push_back(std::move(der)); }
  // chosen names the places of VEK, issuer and root.
  std::array<int, 3> chosen(const Report* report, std::optional<UnixSeconds> now = std::nullopt) const {
    std::vector<Certificate> certificates;
    for (const Bytes& der : ders) certificates.push_back(*Certificate::parse(der));
    std::vector<const Certificate*> all;
    for (const Certificate& one : certificates) all.push_back(&one);
    const Chosen found = choose(report, all, {}, now);
    const auto place = [&](const Certificate* one) {
      return one == nullptr ? -1 : static_cast<int>(std::ranges::find(all, one) - all.begin());
    };
    return {place(found.vek), place(found.issuer), place(found.root)};
  }
};

Bytes vek(void (*change)(VekOptions&)) {
  VekOptions options;
  change(options);
  return Machine(Line::one(Product::genoa), options).vek_der();
}

TEST(Choose, kind_before_chip_before_tcb_before_time) {
  const Report report = read(Machine(Line::one(Product::genoa)));
  Shelf shelf;
  for (const auto change :
       {+[](VekOptions& o) { o.kind = SigningKey::vlek; }, +[](VekOptions& o) { o.hwid[0] ^= 1; },
        +[](VekOptions& o) { o.tcb.microcode -= 1; }, +[](VekOptions& o) { o.window = {kNow - 9, kNow - 1}; },
        +[](VekOptions& o) { o.window = {kNow - 30, kNow + 1}; }, +[](VekOptions& o) { o.window = {kNow - 20, kNow + 1}; }}) {
    shelf.put(vek(change));
    const int last = static_cast<int>(shelf.ders.size()) - 1;
    EXPECT_EQ(shelf.chosen(&report, kNow)[0], last) << "each one is better than those before it";
  }
  EXPECT_EQ(shelf.chosen(&report)[0], 3) << "without a time the newest";
}

TEST(Choose, how_far_a_certificate_fits) {
  const Machine machine(Line::one(Product::genoa));
  const Report report = read(machine);
  const auto fit = [&](const Bytes& der) { return fit_of(report, *Certificate::parse(der)); };
  EXPECT_TRUE(fit(machine.vek_der()).whole());
  EXPECT_EQ(fit(vek([](auto& o) { o.kind = SigningKey::vlek; })), (Fit{false, true, true}));
  EXPECT_EQ(fit(vek([](auto& o) { o.hwid[63] ^= 1; })), (Fit{true, false, true}));
  EXPECT_EQ(fit(vek([](auto& o) { o.tcb.snp += 1; })), (Fit{true, true, false}));
  EXPECT_EQ(fit(machine.line.ask_der()), Fit()) << "no VEK's";
  const Machine turin = Machine::of(Product::turin);
  EXPECT_TRUE(fit_of(read(turin), *Certificate::parse(turin.vek_der())).whole()) << "8 bytes of the 64";
  Machine masked = Machine::of(Product::genoa);
  masked.set(0x48, {2});
  masked.set(0x1a0, Bytes(64, 0));
  EXPECT_TRUE(fit_of(read(masked), *Certificate::parse(masked.vek_der())).whole());
}

TEST(Choose, who_issued_what_was_chosen_else_anything) {
  const Machine machine(Line::one(Product::genoa));
  const Report report = read(machine);
  Shelf shelf;
  EXPECT_EQ(shelf.chosen(&report), (std::array{-1, -1, -1}));
  const Line& milan = Line::one(Product::milan);
  shelf.put(milan.ask_der());
  shelf.put(milan.ark_der());
  EXPECT_EQ(shelf.chosen(&report), (std::array{-1, 0, 1}));
  shelf.put(machine.vek_der());
  EXPECT_EQ(shelf.chosen(&report), (std::array{2, 0, 1})) << "so that the verifier says what is wrong";
  shelf.put(machine.line.asvk_der());
  shelf.put(machine.line.ark_der());
  shelf.put(machine.line.ask_der());
  EXPECT_EQ(shelf.chosen(&report), (std::array{2, 5, 4}));
  EXPECT_EQ(shelf.chosen(nullptr), (std::array{2, 5, 4})) << "a report that cannot be read";
}

TEST(Choose, the_roots_list_else_any) {
  const Line& genoa = Line::one(Product::genoa);
  const Bytes own = genoa.crl(), others = Line::one(Product::milan).crl();
  const x509::Crl read_own = *x509::Crl::parse(own), read_others = *x509::Crl::parse(others);
  const Certificate root = *Certificate::parse(genoa.ark_der());
  const std::vector<const Certificate*> all{&root};
  const std::vector<x509::CrlView> both{{&read_others, others}, {&read_own, own}};
  EXPECT_EQ(choose(nullptr, all, both, kNow).crl, &both[1]);
  EXPECT_EQ(choose(nullptr, all, std::span(both).first(1), kNow).crl, both.data());
  EXPECT_EQ(choose(nullptr, all, {}, kNow).crl, nullptr);
}

}  // namespace
}  // namespace openpcc::snp
