// Quotes, completed: the pair of TCB info and identity, the lists, and that no evaluation is taken back.
#include <algorithm>

#include "openpcc/collateral/staple.h"
#include "services.h"

namespace openpcc::collateral {
namespace {

using tdx::test::kNextUpdate;
using tdx::test::kNow;
using tdx::test::World;
using test::MemoryStore;
using test::Services;

class StapleIntel : public testing::Test {
 protected:
  StapleIntel() { refresh(); }
  // refresh takes quote and services anew from the world.
  void refresh() {
    quote_ = world_.quote();
    root_ = world_.root_key.spki();
    source_.fetcher = &services_;
    source_.store = &store_;
    source_.intel_root_spki = root_;
    plan_ = plan_intel(world_.terms().tee, *tdx::authenticate(quote_, world_.terms()), source_.tcb);
    services_.answers.clear();
    services_.serve_intel(world_, plan_);
  }
  void set_evaluation(int number, const char* issued = "2025-06-01T00:00:00Z", const char* next_update = "2025-07-01T00:00:00Z") {
    for (auto* json : {&world_.tcb_info, &world_.identity}) {
      (*json)["tcbEvaluationDataNumber"] = number;
      (*json)["issueDate"] = issued;
      (*json)["nextUpdate"] = next_update;
    }
    services_.serve_intel(world_, plan_);
  }
  Result<attest::Device> staple(UnixSeconds now = kNow) {
    services_.asked.clear();
    return collateral::staple(quote_, given_, source_, now);
  }
  testing::AssertionResult is_whole(const Result<attest::Device>& device, UnixSeconds now = kNow) const {
    if (!device) return testing::AssertionFailure() << describe(device.error());
    const auto& parts = device->collateral;
    const tdx::Collateral collateral{{parts.at("tcb-info").bytes, {}},    {parts.at("qe-identity").bytes, {}},
                                     parts.at("tcb-signing-chain").bytes, parts.at("root-ca-crl").bytes,
                                     parts.at("pck-crl").bytes,           std::nullopt};
    return testkit::succeeded(tdx::verify(device->report.bytes, collateral, now, world_.terms()));
  }
  const std::string& target(size_t unit, size_t request = 0) const { return plan_[unit].requests[request].target; }

  World world_;
  Services services_;
  MemoryStore store_;
  Source source_;
  std::vector<Bytes> given_;
  Bytes quote_, root_;
  Plan plan_;
};

TEST_F(StapleIntel, the_service_has_everything) {
  const auto device = staple();
  EXPECT_TRUE(is_whole(device));
  EXPECT_EQ(services_.asked, (std::vector{target(kIntelTcb), target(kIntelTcb, 1), target(kIntelPckCrl), target(kIntelRootCrl)}));
  EXPECT_EQ(device->report.media_type, "application/vnd.openpcc.tdx-quote");
  EXPECT_TRUE(device->chain.empty());
  EXPECT_TRUE(is_whole(staple()));
  EXPECT_TRUE(services_.asked.empty());
}

TEST_F(StapleIntel, an_enclave) {
  world_.make_sgx();
  refresh();
  const auto device = staple();
  EXPECT_TRUE(is_whole(device));
  EXPECT_EQ(device->report.media_type, "application/vnd.openpcc.sgx-quote");
}

TEST_F(StapleIntel, what_is_not_authentic_is_asked_about_nowhere) {
  quote_[200] ^= 1;
  EXPECT_RULE(staple(), "tdx.quote_signature");
  EXPECT_TRUE(services_.asked.empty());
}

TEST_F(StapleIntel, goes_alone) {
  given_ = {world_.pck_der()};
  EXPECT_RULE(staple(), "collateral.item.unused");
}

TEST_F(StapleIntel, a_platform_out_of_date_is_for_who_judges_it) {
  world_.tcb_info["tcbLevels"] = boost::json::array{tdx::test::platform_level(9, 9, 13, "UpToDate")};
  refresh();
  EXPECT_OK(staple());
  EXPECT_TRUE(store_.entries.contains(plan_[kIntelTcb].key));
}

TEST_F(StapleIntel, a_document_outlives_not_its_next_update) {
  ASSERT_OK(staple());
  ASSERT_OK(staple(kNextUpdate));
  EXPECT_TRUE(services_.asked.empty());
  EXPECT_RULE(staple(kNextUpdate + 1), "tdx.collateral.expired");
  EXPECT_EQ(services_.asked, (std::vector{target(kIntelTcb), target(kIntelTcb, 1)}));
  set_evaluation(17, "2025-06-30T00:00:00Z", "2025-08-01T00:00:00Z");
  EXPECT_TRUE(is_whole(staple(kNextUpdate + 1), kNextUpdate + 1));
}

TEST_F(StapleIntel, lists_that_are_not_good_are_fetched_again) {
  ASSERT_OK(staple());
  const auto good = store_.entries;
  for (const size_t unit : {kIntelPckCrl, kIntelRootCrl}) {
    store_.entries = good;
    store_.entries[plan_[unit].key] =
        encode_entry(std::vector<Kept>{{target(unit), {services_.answers[target(kIntelPckCrl + kIntelRootCrl - unit)].body}}});
    EXPECT_TRUE(is_whole(staple()));
    EXPECT_EQ(services_.count(target(unit)), 1u);
    services_.answers[target(unit)].body = services_.answers[target(kIntelPckCrl + kIntelRootCrl - unit)].body;
    store_.entries = good;
    store_.entries.erase(plan_[unit].key);
    EXPECT_RULE(staple(), "tdx.crl.issuer");
    services_.serve_intel(world_, plan_);
  }
}

TEST_F(StapleIntel, of_another_platform_is_refused) {
  world_.tcb_info["fmspc"] = "00906ED50000";
  services_.serve_intel(world_, plan_);
  EXPECT_RULE(staple(), "tdx.collateral.fmspc");
  EXPECT_TRUE(store_.entries.empty());
}

TEST_F(StapleIntel, damaged_pairs_are_fetched_again) {
  ASSERT_OK(staple());
  const auto good = store_.entries;
  const std::string& key = plan_[kIntelTcb].key;
  const std::vector<Kept> pair = *parse_entry(good.at(key));
  std::vector<Kept> flipped = pair, cut = pair, swapped = pair;
  flipped[0].parts[0][40] ^= 1;
  cut[1].parts.pop_back();
  std::swap(swapped[0].parts[0], swapped[1].parts[0]);
  for (const auto& bad : {flipped, cut, swapped, std::vector<Kept>{pair[0]}}) {
    store_.entries = good;
    store_.entries[key] = encode_entry(bad);
    EXPECT_TRUE(is_whole(staple()));
    EXPECT_EQ(services_.asked, (std::vector{target(kIntelTcb), target(kIntelTcb, 1)}));
  }
}

TEST_F(StapleIntel, both_documents_name_one_signer) {
  services_.answers[target(kIntelTcb, 1)].fields[0].value = test::url_encoded(world_.set().issuer_chain);
  EXPECT_RULE(staple(), "collateral.answer.issuer_chain");
}

TEST_F(StapleIntel, an_evaluation_is_not_taken_back) {
  set_evaluation(18);
  ASSERT_OK(staple());
  set_evaluation(17, "2025-06-30T00:00:00Z", "2025-08-01T00:00:00Z");
  EXPECT_RULE(staple(kNextUpdate + 1), "tdx.collateral.rollback");
  set_evaluation(18, "2025-06-30T00:00:00Z", "2025-08-01T00:00:00Z");
  EXPECT_OK(staple(kNextUpdate + 1));
  set_evaluation(19, "2025-07-30T00:00:00Z", "2025-09-01T00:00:00Z");
  EXPECT_OK(staple(1'754'006'401));  // one second after the second nextUpdate
  set_evaluation(18, "2025-08-30T00:00:00Z", "2025-10-01T00:00:00Z");
  EXPECT_RULE(staple(1'756'684'801), "tdx.collateral.rollback");
}

TEST_F(StapleIntel, what_is_asked_for_by_number_cannot_be_older_either) {
  set_evaluation(18);
  ASSERT_OK(staple());
  source_.tcb = uint32_t{17};
  refresh();
  set_evaluation(17);
  EXPECT_RULE(staple(), "tdx.collateral.rollback");
  EXPECT_TRUE(services_.asked[0].ends_with("&tcbEvaluationDataNumber=17"));
}

TEST_F(StapleIntel, nobodys_word_but_intels_raises_the_evaluation) {
  set_evaluation(99);
  ASSERT_OK(staple());
  const std::string& key = plan_[kIntelTcb].key;
  std::vector<Kept> forged = *parse_entry(store_.entries.at(key));
  forged[1].parts[0][30] ^= 1;
  store_.entries[key] = encode_entry(forged);
  set_evaluation(17);
  EXPECT_OK(staple());
  // Genuine, and of another platform.
  world_.tcb_info["fmspc"] = "00906ED50000";
  set_evaluation(99);
  const tdx::test::Set other = world_.set();
  const Bytes chain(other.signing_chain.begin(), other.signing_chain.end());
  store_.entries[key] = encode_entry(std::vector<Kept>{{target(kIntelTcb), {test::document("tcbInfo", other.tcb_info), chain}},
                                                       {target(kIntelTcb, 1), {test::document("enclaveIdentity", other.identity), chain}}});
  world_.tcb_info["fmspc"] = "90C06F000000";
  set_evaluation(17);
  EXPECT_OK(staple());
}

}  // namespace
}  // namespace openpcc::collateral
