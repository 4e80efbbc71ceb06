// SEV-SNP reports, completed: from the service, the host and the store, and what each of them may get wrong.
#include <algorithm>

#include "openpcc/collateral/staple.h"
#include "services.h"

namespace openpcc::collateral {
namespace {

using snp::Product;
using snp::forge::kNow;
using snp::forge::Line;
using snp::forge::Machine;
using std::chrono::seconds;
using test::MemoryStore;
using test::Services;

constexpr UnixSeconds kNextUpdate = kNow + 100;

class StapleSnp : public testing::Test {
 protected:
  StapleSnp() : StapleSnp(Machine::of(Product::genoa)) {}
  explicit StapleSnp(Machine machine) : machine_(std::move(machine)), pin_(machine_.line.pin()) {
    refresh();
    source_.fetcher = &services_;
    source_.store = &store_;
    source_.amd_roots = {&pin_, 1};
    source_.pause = [this](seconds wait) { pauses_.push_back(wait.count()); };
    source_.tell = [this](const Event& event) { events_.push_back(event.kind); };
  }
  // refresh takes the report and the services anew from the machine.
  void refresh() {
    report_ = machine_.signed_report();
    parsed_ = *snp::parse_report(report_);
    plan_ = plan_snp(parsed_, machine_.line.product);
    services_.answers.clear();
    services_.serve_snp(machine_, parsed_, kNextUpdate);
  }
  Result<attest::Device> staple(UnixSeconds now = kNow) {
    services_.asked.clear();
    events_.clear();
    return collateral::staple(report_, given_, source_, now);
  }
  const std::string& target(size_t unit) const { return plan_[unit].requests[0].target; }
  const std::string& key(size_t unit) const { return plan_[unit].key; }
  size_t told(Event::Kind kind) const { return static_cast<size_t>(std::ranges::count(events_, kind)); }
  testing::AssertionResult is_whole(const Result<attest::Device>& device, UnixSeconds now = kNow) const {
    if (!device) return testing::AssertionFailure() << describe(device.error());
    const snp::Collateral collateral{device->chain.at(0).bytes, device->chain.at(1).bytes, device->chain.at(2).bytes,
                                     device->collateral.at("crl").bytes};
    const auto verification = snp::verify(device->report.bytes, collateral, now, source_.amd_roots);
    if (!verification.verified) return testing::AssertionFailure() << describe(verification.failures.front());
    if (!verification.verified->revocation_checked()) return testing::AssertionFailure() << "no list";
    return testing::AssertionSuccess();
  }

  Machine machine_;
  snp::PinnedRoot pin_;
  Services services_;
  MemoryStore store_;
  Source source_;
  std::vector<Bytes> given_;
  std::vector<long> pauses_;
  std::vector<Event::Kind> events_;
  Bytes report_;
  snp::Report parsed_;
  Plan plan_;
};

TEST_F(StapleSnp, the_service_has_everything) {
  const auto device = staple();
  EXPECT_TRUE(is_whole(device));
  EXPECT_EQ(services_.asked, (std::vector{target(kSnpVek), target(kSnpChain), target(kSnpCrl)}));
  EXPECT_EQ(device->report.media_type, "application/vnd.openpcc.snp-report");
  EXPECT_EQ(device->report.bytes, report_);
  EXPECT_EQ(told(Event::Kind::fetched), 3u);
}

TEST_F(StapleSnp, a_drivers_response_is_a_report) {
  Bytes response(32, 0);
  response[4] = 0xa0;
  response[5] = 0x04;
  const Bytes bare = report_;
  report_ = concat({response, report_});
  const auto device = staple();
  ASSERT_TRUE(is_whole(device));
  EXPECT_EQ(device->report.bytes, bare);
}

TEST_F(StapleSnp, what_is_kept_is_not_asked_for_again) {
  ASSERT_OK(staple());
  EXPECT_TRUE(is_whole(staple()));
  EXPECT_TRUE(services_.asked.empty());
  EXPECT_EQ(told(Event::Kind::kept), 3u);
  source_.fetcher = nullptr;
  EXPECT_TRUE(is_whole(staple()));
}

TEST_F(StapleSnp, without_a_store_each_time_anew) {
  source_.store = nullptr;
  ASSERT_OK(staple());
  ASSERT_OK(staple());
  EXPECT_EQ(services_.asked.size(), 3u);
}

TEST_F(StapleSnp, a_list_outlives_not_its_next_update) {
  ASSERT_OK(staple());
  ASSERT_OK(staple(kNextUpdate - 1));
  EXPECT_TRUE(services_.asked.empty());
  EXPECT_RULE(staple(kNextUpdate), "snp.crl.expired");
  EXPECT_EQ(services_.asked, std::vector{target(kSnpCrl)});
  services_.serve(plan_[kSnpCrl].requests[0], machine_.line.crl({}, kNextUpdate + 100));
  EXPECT_TRUE(is_whole(staple(kNextUpdate), kNextUpdate));
  EXPECT_EQ(services_.asked, std::vector{target(kSnpCrl)});
  EXPECT_OK(staple(kNextUpdate));
  EXPECT_TRUE(services_.asked.empty());
}

TEST_F(StapleSnp, a_certificate_outlives_not_its_end) {
  services_.serve(plan_[kSnpCrl].requests[0], machine_.line.crl({}, kNow + 5000));
  ASSERT_OK(staple());
  const UnixSeconds later = machine_.options.window.to + 1;
  EXPECT_RULE(staple(later), "snp.vek.expired");
  EXPECT_EQ(services_.count(target(kSnpVek)), 1u);
}

TEST_F(StapleSnp, a_time_before_all_of_it) { EXPECT_RULE(staple(machine_.options.window.from - 1), "snp.vek.early"); }

TEST_F(StapleSnp, damaged_and_foreign_entries_are_fetched_again) {
  ASSERT_OK(staple());
  const auto good = store_.entries;
  Machine other = Machine::of(Product::genoa);
  const Bytes foreign_vek = encode_entry(std::vector<Kept>{{target(kSnpVek), {other.vek_der()}}});
  const Bytes other_target = encode_entry(std::vector<Kept>{{"/elsewhere", {machine_.vek_der()}}});
  for (const size_t unit : {kSnpVek, kSnpChain, kSnpCrl}) {
    Bytes flipped = good.at(key(unit));
    flipped[flipped.size() / 2] ^= 1;
    const ByteSpan whole = good.at(key(unit));
    for (const Bytes& bad : {Bytes(), Bytes{1, 2, 3}, Bytes(whole.begin(), whole.end() - 1), encode_entry({}), flipped,
                             unit == kSnpVek ? foreign_vek : good.at(key(kSnpVek)), other_target, good.at(key((unit + 1) % 3)),
                             encode_entry(std::vector<Kept>{{target(unit), {}}})}) {
      store_.entries = good;
      store_.entries[key(unit)] = bad;
      EXPECT_TRUE(is_whole(staple())) << unit;
      EXPECT_EQ(services_.count(target(unit)), 1u) << unit;
      const auto mended = parse_entry(store_.entries[key(unit)]);
      ASSERT_OK(mended);
      EXPECT_EQ(mended->at(0).target, target(unit));
    }
  }
}

TEST_F(StapleSnp, a_damaged_store_says_so) {
  store_.broken = fail(Code::internal, "test.store", "a disk that fails").error();
  EXPECT_EQ(staple().error().rule.id(), "test.store");
  EXPECT_TRUE(services_.asked.empty());
}

TEST_F(StapleSnp, one_fetch_at_a_time_to_a_key) {
  services_.on_fetch = [this] { EXPECT_EQ(store_.locked, (std::set{key(kSnpVek), key(kSnpChain), key(kSnpCrl)})); };
  ASSERT_OK(staple());
  EXPECT_TRUE(store_.locked.empty());
}

TEST_F(StapleSnp, what_is_good_is_kept_when_the_list_is_not) {
  services_.answers[target(kSnpCrl)].body = Line::one(Product::milan).crl();
  EXPECT_RULE(staple(), "snp.crl.issuer");
  EXPECT_TRUE(store_.entries.contains(key(kSnpVek)) && store_.entries.contains(key(kSnpChain)));
  EXPECT_FALSE(store_.entries.contains(key(kSnpCrl)));
  services_.serve(plan_[kSnpCrl].requests[0], machine_.line.crl());
  EXPECT_TRUE(is_whole(staple()));
  EXPECT_EQ(services_.asked, std::vector{target(kSnpCrl)});
}

TEST_F(StapleSnp, what_the_service_gets_wrong_is_refused_and_not_kept) {
  const Machine other = Machine::of(Product::genoa);
  services_.answers[target(kSnpVek)].body = other.vek_der();
  EXPECT_RULE(staple(), "snp.signature");
  refresh();
  const Line& milan = Line::one(Product::milan);
  const std::string chain = x509::forge::pem(milan.ask_der()) + x509::forge::pem(milan.ark_der());
  services_.answers[target(kSnpChain)].body.assign(chain.begin(), chain.end());
  EXPECT_RULE(staple(), "snp.chain.root");
  refresh();
  services_.answers[target(kSnpCrl)].body = machine_.line.crl({{2, 0, 2}}, kNow - 1);
  EXPECT_RULE(staple(), "snp.crl.expired");
  store_.entries.clear();
  refresh();
  machine_.report[0x90] ^= 1;
  report_[0x90] ^= 1;
  EXPECT_RULE(staple(), "snp.signature");
  EXPECT_TRUE(store_.entries.empty());
}

TEST_F(StapleSnp, a_revoked_issuer_is_asked_for_anew_and_then_refused) {
  ASSERT_OK(staple());
  const Bytes revoking = machine_.line.crl({machine_.line.ask.serial});
  store_.entries[key(kSnpCrl)] = encode_entry(std::vector<Kept>{{target(kSnpCrl), {revoking}}});
  EXPECT_RULE(staple(), "snp.crl.revoked");
  EXPECT_EQ(services_.asked, std::vector{target(kSnpChain)});
}

TEST_F(StapleSnp, the_hosts_own_certificates_come_first) {
  const std::string pem = x509::forge::pem(machine_.line.ask_der()) + x509::forge::pem(machine_.line.ark_der());
  given_ = {machine_.vek_der(), Bytes(pem.begin(), pem.end()), machine_.line.crl()};
  EXPECT_TRUE(is_whole(staple()));
  EXPECT_TRUE(services_.asked.empty());
  EXPECT_EQ(told(Event::Kind::given), 3u);
}

TEST_F(StapleSnp, the_hosts_wrong_certificate_is_replaced) {
  given_ = {Machine::of(Product::genoa).vek_der()};
  EXPECT_TRUE(is_whole(staple()));
  EXPECT_EQ(services_.count(target(kSnpVek)), 1u);
}

TEST_F(StapleSnp, what_cannot_vouch_is_not_taken) {
  given_ = {{'x'}};
  EXPECT_RULE(staple(), "collateral.item.unused");
  given_ = {report_};
  EXPECT_RULE(staple(), "collateral.item.unused");
  given_.clear();
  report_ = {'x'};
  EXPECT_RULE(staple(), "collateral.report.none");
}

TEST_F(StapleSnp, an_unknown_chip) {
  services_.answers.erase(target(kSnpVek));
  EXPECT_RULE(staple(), "collateral.answer.unknown");
  EXPECT_EQ(services_.asked.size(), 1u);
}

TEST_F(StapleSnp, an_unknown_cpu_is_asked_about_nowhere) {
  machine_.set(0x188, {0x1b, 0x01, 0});
  refresh();
  EXPECT_RULE(staple(), "snp.product.unknown");
  EXPECT_TRUE(services_.asked.empty());
}

TEST_F(StapleSnp, a_busy_service_is_waited_for) {
  services_.scripted[target(kSnpVek)] = {{429, {{"retry-after", "7"}}, {}}, {503, {}, {}}};
  EXPECT_TRUE(is_whole(staple()));
  EXPECT_EQ(pauses_, (std::vector<long>{7, 4}));
  EXPECT_EQ(told(Event::Kind::waiting), 2u);
}

TEST_F(StapleSnp, a_service_that_stays_busy_is_given_up) {
  services_.answers[target(kSnpVek)] = {429, {{"retry-after", "7"}}, {}};
  EXPECT_RULE(staple(), "collateral.answer.busy");
  EXPECT_EQ(services_.asked.size(), static_cast<size_t>(kTriesMax));
  EXPECT_EQ(pauses_.size(), static_cast<size_t>(kTriesMax) - 1);
  pauses_.clear();
  services_.answers[target(kSnpVek)].fields[0].value = std::to_string(kWaitMax.count() + 1);
  EXPECT_RULE(staple(), "collateral.answer.busy");
  source_.pause = nullptr;
  services_.answers[target(kSnpVek)].fields[0].value = "1";
  EXPECT_RULE(staple(), "collateral.answer.busy");
  EXPECT_TRUE(pauses_.empty());
  EXPECT_EQ(services_.asked.size(), 1u);
}

TEST_F(StapleSnp, offline_says_what_is_missing_or_not_good_any_more) {
  source_.fetcher = nullptr;
  EXPECT_RULE(staple(), "collateral.offline");
  EXPECT_NE(staple().error().detail.find("VCEK"), std::string::npos);
  source_.fetcher = &services_;
  ASSERT_OK(staple());
  source_.fetcher = nullptr;
  EXPECT_RULE(staple(kNextUpdate), "collateral.offline");
  EXPECT_NE(staple(kNextUpdate).error().detail.find("snp.crl.expired"), std::string::npos);
}

TEST_F(StapleSnp, a_masked_chip_needs_what_the_host_has) {
  machine_.set(0x1a0, Bytes(64, 0));
  machine_.set(0x48, {2});
  refresh();
  EXPECT_RULE(staple(), "collateral.chip_id.masked");
  EXPECT_TRUE(services_.asked.empty());
  given_ = {machine_.vek_der()};
  EXPECT_TRUE(is_whole(staple()));
}

// A report of version 2 does not say what CPU it is of.
TEST_F(StapleSnp, version_2_is_asked_about_line_by_line) {
  machine_.set(0, {2});
  machine_.set(0x188, {0, 0, 0});
  machine_.set(0x40, {1});
  refresh();
  EXPECT_TRUE(is_whole(staple()));
  EXPECT_EQ(services_.asked[0], plan_snp(parsed_, Product::milan)[kSnpVek].requests[0].target);
  EXPECT_EQ(services_.asked.size(), 4u);
  EXPECT_TRUE(is_whole(staple()));
  EXPECT_TRUE(services_.asked.empty());
  store_.entries.clear();
  given_ = {machine_.vek_der()};
  EXPECT_TRUE(is_whole(staple()));
  EXPECT_EQ(services_.asked, (std::vector{target(kSnpChain), target(kSnpCrl)}));
  given_.clear();
  store_.entries.clear();
  services_.answers.clear();
  EXPECT_RULE(staple(), "collateral.answer.unknown");
}

class StapleVlek : public StapleSnp {
 protected:
  static Machine vlek() {
    snp::forge::VekOptions options;
    options.kind = snp::SigningKey::vlek;
    return Machine(Line::one(Product::milan), options);
  }
  StapleVlek() : StapleSnp(vlek()) {}
};

TEST_F(StapleVlek, comes_from_the_host_alone) {
  EXPECT_RULE(staple(), "collateral.vlek.missing");
  EXPECT_TRUE(services_.asked.empty());
  given_ = {machine_.vek_der()};
  EXPECT_TRUE(is_whole(staple()));
  EXPECT_EQ(services_.asked, (std::vector<std::string>{"/vlek/v1/Milan/cert_chain", "/vlek/v1/Milan/crl"}));
}

TEST_F(StapleVlek, of_another_machine_is_refused) {
  given_ = {vlek().vek_der()};
  EXPECT_RULE(staple(), "snp.signature");
}

class StapleTurin : public StapleSnp {
 protected:
  StapleTurin() : StapleSnp(Machine::of(Product::turin)) {}
};

TEST_F(StapleTurin, by_its_short_chip_id) { EXPECT_TRUE(is_whole(staple())); }

}  // namespace
}  // namespace openpcc::collateral
