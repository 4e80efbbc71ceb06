// The C ABI from C++: what its callers may get wrong, lifetimes and limits. That it says what `openpcc verify` says: tests/e2e/test_c_abi.py.
#include <algorithm>
#include <boost/json.hpp>
#include <memory>
#include <stdexcept>
#include <thread>

#include "../src/handles.h"
#include "openpcc.h"
#include "snp_forge.h"
#include "world.h"

namespace openpcc {
namespace {

template <class Handle, void (*free_handle)(Handle*)>
struct Free {
  void operator()(Handle* handle) const { free_handle(handle); }
};
using Evidence = std::unique_ptr<openpcc_evidence, Free<openpcc_evidence, openpcc_evidence_free>>;
using Demands = std::unique_ptr<openpcc_demands, Free<openpcc_demands, openpcc_demands_free>>;
using NodeDemands = std::unique_ptr<openpcc_node_demands, Free<openpcc_node_demands, openpcc_node_demands_free>>;
using Verdict = std::unique_ptr<openpcc_verdict, Free<openpcc_verdict, openpcc_verdict_free>>;

Evidence evidence_of(const std::vector<Bytes>& items) {
  openpcc_evidence* out = nullptr;
  EXPECT_EQ(openpcc_evidence_create(&out), OPENPCC_OK);
  for (const Bytes& item : items) EXPECT_EQ(openpcc_evidence_add(out, item.data(), item.size()), OPENPCC_OK);
  return Evidence(out);
}

Demands strict() {
  openpcc_demands* out = nullptr;
  EXPECT_EQ(openpcc_demands_create(&out), OPENPCC_OK);
  return Demands(out);
}

Verdict judged(const Evidence& evidence, const Demands& demands, int64_t now = snp::forge::kNow) {
  openpcc_verdict* out = nullptr;
  EXPECT_EQ(openpcc_verify_platform(evidence.get(), demands.get(), now, &out), OPENPCC_OK);
  return Verdict(out);
}

int32_t outcome_of(const Verdict& verdict) {
  int32_t out = -1;
  EXPECT_EQ(openpcc_verdict_outcome(verdict.get(), &out), OPENPCC_OK);
  return out;
}

std::string text_of(const Verdict& verdict, size_t index, int32_t text) {
  const char* out = nullptr;
  EXPECT_EQ(openpcc_verdict_finding_text(verdict.get(), index, text, &out), OPENPCC_OK);
  return out == nullptr ? "" : out;
}

size_t count_of(const Verdict& verdict) {
  size_t out = 0;
  EXPECT_EQ(openpcc_verdict_finding_count(verdict.get(), &out), OPENPCC_OK);
  return out;
}

// refusals are the rules of the findings that stand in the way.
std::vector<std::string> refusals(const Verdict& verdict) {
  std::vector<std::string> out;
  for (size_t i = 0; i < count_of(verdict); ++i) {
    int32_t refuses = -1;
    EXPECT_EQ(openpcc_verdict_finding_refuses(verdict.get(), i, &refuses), OPENPCC_OK);
    if (refuses == 1) out.push_back(text_of(verdict, i, OPENPCC_TEXT_RULE));
  }
  return out;
}

boost::json::value json_of(const Verdict& verdict) {
  size_t bytes = 0;
  EXPECT_EQ(openpcc_verdict_json(verdict.get(), nullptr, &bytes), OPENPCC_OK);
  std::string out(bytes, 'x');
  EXPECT_EQ(openpcc_verdict_json(verdict.get(), out.data(), &bytes), OPENPCC_OK);
  EXPECT_EQ(out.size(), bytes);
  EXPECT_EQ(out.back(), '\0');
  out.pop_back();
  return boost::json::parse(out);
}

// A real machine: report, VCEK, ASK, ARK.
std::optional<std::vector<Bytes>> genuine(const std::string& report, const std::string& line) {
  const auto folder = testkit::shared_file("evidence/snp");
  if (!folder) return std::nullopt;
  std::vector<Bytes> out;
  for (const std::string& file : {"reports/" + report + "/report.bin", "reports/" + report + "/vcek.der", "roots/" + line + "/ask.der",
                                  "roots/" + line + "/ark.der"}) {
    out.push_back(testkit::read_file(*folder / file));
  }
  return out;
}
constexpr int64_t kTurinTime = 1'772'323'200;  // 2026-03-01

std::vector<Bytes> turin() { return genuine("v5-turin-microsoft", "turin").value_or(std::vector<Bytes>()); }

TEST(CAbi, says_which_it_is) {
  EXPECT_EQ(openpcc_abi_version(), OPENPCC_ABI_VERSION);
  EXPECT_EQ(std::string(openpcc_version()).find("0."), 0u);
  for (openpcc_status status = OPENPCC_OK; status >= OPENPCC_ERROR_ABSENT; --status) {
    EXPECT_STRNE(openpcc_status_text(status), openpcc_status_text(1)) << status;
  }
}

TEST(CAbi, null_is_an_error_and_never_a_crash) {
  const Evidence evidence = evidence_of({});
  const Demands demands = strict();
  const uint8_t byte = 0;
  const openpcc_snp_tcb tcb{};
  openpcc_verdict* verdict = nullptr;
  openpcc_node_demands* node_demands = nullptr;
  for (const openpcc_status status : {openpcc_evidence_create(nullptr),
                                      openpcc_evidence_add(nullptr, &byte, 1),
                                      openpcc_evidence_add(evidence.get(), nullptr, 1),
                                      openpcc_evidence_add(evidence.get(), &byte, 0),
                                      openpcc_demands_create(nullptr),
                                      openpcc_demands_expect_measurement(nullptr, &byte, 48),
                                      openpcc_demands_expect_measurement(demands.get(), nullptr, 48),
                                      openpcc_demands_expect_report_data(nullptr, &byte, 64),
                                      openpcc_demands_expect_report_data(demands.get(), nullptr, 64),
                                      openpcc_demands_expect_nonce(nullptr, &byte, 32),
                                      openpcc_demands_expect_nonce(demands.get(), nullptr, 32),
                                      openpcc_demands_require_manifests(nullptr),
                                      openpcc_demands_require_revocation(nullptr),
                                      openpcc_demands_snp_products(nullptr, OPENPCC_SNP_GENOA),
                                      openpcc_demands_snp_min_tcb(nullptr, OPENPCC_SNP_GENOA, &tcb),
                                      openpcc_demands_snp_min_tcb(demands.get(), OPENPCC_SNP_GENOA, nullptr),
                                      openpcc_verify_platform(nullptr, demands.get(), 0, &verdict),
                                      openpcc_verify_platform(evidence.get(), nullptr, 0, &verdict),
                                      openpcc_verify_platform(evidence.get(), demands.get(), 0, nullptr),
                                      openpcc_node_demands_create(nullptr, 1, &node_demands, nullptr, 0),
                                      openpcc_node_demands_create(&byte, 1, nullptr, nullptr, 0),
                                      openpcc_node_demands_create(&byte, 1, &node_demands, nullptr, 9),
                                      openpcc_node_demands_add_beacon(nullptr, &byte, 1, nullptr, 0),
                                      openpcc_verify_node(&byte, 1, nullptr, 0, &verdict),
                                      openpcc_verify_node(&byte, 1, nullptr, 0, nullptr)}) {
    EXPECT_EQ(status, OPENPCC_ERROR_ARGUMENT);
  }
  openpcc_evidence_free(nullptr);
  openpcc_demands_free(nullptr);
  openpcc_node_demands_free(nullptr);
  openpcc_verdict_free(nullptr);
}

TEST(CAbi, what_is_asked_of_no_verdict_refuses) {
  int32_t outcome = 0, genuine = 1, refuses = 0, state = 0;
  int64_t from = 1, to = 1;
  const char* text = "x";
  size_t count = 1;
  EXPECT_EQ(openpcc_verdict_outcome(nullptr, &outcome), OPENPCC_ERROR_ARGUMENT);
  EXPECT_EQ(openpcc_verdict_genuine(nullptr, &genuine), OPENPCC_ERROR_ARGUMENT);
  EXPECT_EQ(openpcc_verdict_kind(nullptr, &text), OPENPCC_ERROR_ARGUMENT);
  EXPECT_EQ(openpcc_verdict_window(nullptr, &from, &to), OPENPCC_ERROR_ARGUMENT);
  EXPECT_EQ(openpcc_verdict_finding_count(nullptr, &count), OPENPCC_ERROR_ARGUMENT);
  EXPECT_EQ(openpcc_verdict_finding_state(nullptr, 0, &state), OPENPCC_ERROR_ARGUMENT);
  EXPECT_EQ(openpcc_verdict_finding_refuses(nullptr, 0, &refuses), OPENPCC_ERROR_ARGUMENT);
  EXPECT_EQ(openpcc_verdict_finding_text(nullptr, 0, OPENPCC_TEXT_RULE, &text), OPENPCC_ERROR_ARGUMENT);
  EXPECT_EQ(openpcc_verdict_json(nullptr, nullptr, &count), OPENPCC_ERROR_ARGUMENT);
  EXPECT_EQ(outcome, OPENPCC_OUTCOME_REJECT);
  EXPECT_EQ(genuine, 0);
  EXPECT_EQ(refuses, 1);
  EXPECT_EQ(state, OPENPCC_STATE_FAILED);
  EXPECT_EQ(text, nullptr);
  EXPECT_EQ(count, 0u);
  EXPECT_EQ(from, 0);
  EXPECT_EQ(to, 0);
  const Verdict verdict = judged(evidence_of({}), strict());
  for (const openpcc_status status :
       {openpcc_verdict_outcome(verdict.get(), nullptr), openpcc_verdict_genuine(verdict.get(), nullptr),
        openpcc_verdict_kind(verdict.get(), nullptr), openpcc_verdict_window(verdict.get(), &from, nullptr),
        openpcc_verdict_finding_count(verdict.get(), nullptr), openpcc_verdict_finding_state(verdict.get(), 0, nullptr),
        openpcc_verdict_finding_refuses(verdict.get(), 0, nullptr),
        openpcc_verdict_finding_text(verdict.get(), 0, OPENPCC_TEXT_RULE, nullptr),
        openpcc_verdict_finding_text(verdict.get(), 0, OPENPCC_TEXT_REMEDY + 1, &text),
        openpcc_verdict_finding_text(verdict.get(), 1, OPENPCC_TEXT_RULE, &text), openpcc_verdict_json(verdict.get(), nullptr, nullptr)}) {
    EXPECT_EQ(status, OPENPCC_ERROR_ARGUMENT);
  }
}

TEST(CAbi, sizes_and_numbers_are_bounded) {
  const Evidence evidence = evidence_of({});
  const Demands demands = strict();
  const Bytes large(OPENPCC_ITEM_BYTES_MAX + 1);
  EXPECT_EQ(openpcc_evidence_add(evidence.get(), large.data(), large.size()), OPENPCC_ERROR_LIMIT);
  EXPECT_EQ(openpcc_evidence_add(evidence.get(), large.data(), SIZE_MAX), OPENPCC_ERROR_LIMIT);
  for (uint32_t i = 0; i < OPENPCC_ITEMS_MAX; ++i) EXPECT_EQ(openpcc_evidence_add(evidence.get(), large.data(), 1), OPENPCC_OK);
  EXPECT_EQ(openpcc_evidence_add(evidence.get(), large.data(), 1), OPENPCC_ERROR_LIMIT);
  for (const size_t size : {0u, 31u, 33u, 47u, 49u}) {
    EXPECT_EQ(openpcc_demands_expect_measurement(demands.get(), large.data(), size), OPENPCC_ERROR_ARGUMENT);
  }
  for (uint32_t i = 0; i < OPENPCC_MEASUREMENTS_MAX; ++i) {
    ASSERT_EQ(openpcc_demands_expect_measurement(demands.get(), large.data(), 48), OPENPCC_OK);
  }
  EXPECT_EQ(openpcc_demands_expect_measurement(demands.get(), large.data(), 48), OPENPCC_ERROR_LIMIT);
  EXPECT_EQ(openpcc_demands_expect_report_data(demands.get(), large.data(), 63), OPENPCC_ERROR_ARGUMENT);
  EXPECT_EQ(openpcc_demands_expect_nonce(demands.get(), large.data(), 31), OPENPCC_ERROR_ARGUMENT);
  const openpcc_snp_tcb tcb{1, 0, 0, 0, 0};
  for (const uint32_t product : {0u, 3u, 8u, uint32_t{OPENPCC_SNP_MILAN}, uint32_t{OPENPCC_SNP_GENOA | 8}}) {
    EXPECT_EQ(openpcc_demands_snp_min_tcb(demands.get(), product, &tcb), OPENPCC_ERROR_ARGUMENT) << product;
  }
  EXPECT_EQ(openpcc_demands_snp_min_tcb(demands.get(), OPENPCC_SNP_TURIN, &tcb), OPENPCC_OK);
  EXPECT_EQ(openpcc_demands_snp_products(demands.get(), 0), OPENPCC_ERROR_ARGUMENT);
  EXPECT_EQ(openpcc_demands_snp_products(demands.get(), 8), OPENPCC_ERROR_ARGUMENT);
  openpcc_verdict* out = nullptr;
  for (const int64_t now : {int64_t{-1}, INT64_MIN, INT64_MAX, int64_t{OPENPCC_UNIX_SECONDS_MAX} + 1}) {
    EXPECT_EQ(openpcc_verify_platform(evidence.get(), demands.get(), now, &out), OPENPCC_ERROR_ARGUMENT);
  }
}

TEST(CAbi, no_exception_crosses) {
  EXPECT_EQ(abi::guarded([]() -> openpcc_status { throw std::bad_alloc(); }), OPENPCC_ERROR_MEMORY);
  EXPECT_EQ(abi::guarded([]() -> openpcc_status { throw std::runtime_error("x"); }), OPENPCC_ERROR_INTERNAL);
  EXPECT_EQ(abi::guarded([]() -> openpcc_status { throw 1; }), OPENPCC_ERROR_INTERNAL);
  EXPECT_EQ(abi::guarded([]() -> openpcc_status { return OPENPCC_ERROR_LIMIT; }), OPENPCC_ERROR_LIMIT);
}

TEST(CAbi, items_that_cannot_be_judged_have_a_verdict) {
  const auto& machine = snp::forge::Machine::of(snp::Product::genoa);
  const Bytes report = machine.signed_report();
  const struct {
    std::vector<Bytes> items;
    int32_t outcome;
    std::string rule;
  } cases[] = {{{}, OPENPCC_OUTCOME_UNSUPPORTED, "platform.none"},
               {{report, report}, OPENPCC_OUTCOME_REJECT, "platform.several"},
               {{report, Bytes(5, 7)}, OPENPCC_OUTCOME_MALFORMED, "platform.unknown_item"},
               {{report}, OPENPCC_OUTCOME_REJECT, "snp.chain.missing"}};
  for (const auto& [items, outcome, rule] : cases) {
    const Verdict verdict = judged(evidence_of(items), strict());
    EXPECT_EQ(outcome_of(verdict), outcome);
    EXPECT_EQ(refusals(verdict).front(), rule);
    int64_t from = 0, to = 0;
    EXPECT_EQ(openpcc_verdict_window(verdict.get(), &from, &to), OPENPCC_ERROR_ABSENT);
    EXPECT_EQ(json_of(verdict).at("exit_code"), outcome);
    EXPECT_EQ(json_of(verdict).at("evidence_sha256").is_null(), rule.starts_with("platform."));
  }
}

TEST(CAbi, a_buffer_that_is_too_small_is_left_alone) {
  const Verdict verdict = judged(evidence_of({}), strict());
  size_t bytes = 0;
  ASSERT_EQ(openpcc_verdict_json(verdict.get(), nullptr, &bytes), OPENPCC_OK);
  std::string buffer(bytes, 'x');
  size_t small = bytes - 1;
  EXPECT_EQ(openpcc_verdict_json(verdict.get(), buffer.data(), &small), OPENPCC_ERROR_BUFFER);
  EXPECT_EQ(small, bytes);
  EXPECT_EQ(buffer, std::string(bytes, 'x'));
}

TEST(CAbi, a_real_machine_is_accepted_and_every_demand_counts) {
  const std::vector<Bytes> items = turin();
  if (items.empty()) GTEST_SKIP() << "no shared evidence";
  Evidence evidence = evidence_of(items);
  const auto refused_by = [&](auto demand) {
    const Demands demands = strict();
    EXPECT_EQ(demand(demands.get()), OPENPCC_OK);
    return refusals(judged(evidence, demands, kTurinTime));
  };
  const auto rules = [](auto... rule) { return std::vector<std::string>{rule...}; };
  const Verdict plain = judged(evidence, strict(), kTurinTime);
  EXPECT_EQ(outcome_of(plain), OPENPCC_OUTCOME_ACCEPT);
  EXPECT_TRUE(refusals(plain).empty());
  int64_t from = 0, to = 0;
  EXPECT_EQ(openpcc_verdict_window(plain.get(), &from, &to), OPENPCC_OK);
  EXPECT_LE(from, kTurinTime);
  EXPECT_GE(to, kTurinTime);

  const Bytes& report = items[0];
  const uint8_t* measurement = report.data() + 0x90;
  const uint8_t* report_data = report.data() + 0x50;
  const Bytes other(64, 1);
  EXPECT_EQ(refused_by([&](auto* d) { return openpcc_demands_expect_measurement(d, other.data(), 48); }), rules("snp.measurement"));
  EXPECT_EQ(refused_by([&](auto* d) {
              return std::min(openpcc_demands_expect_measurement(d, other.data(), 48),
                              openpcc_demands_expect_measurement(d, measurement, 48));
            }),
            rules());
  EXPECT_EQ(refused_by([&](auto* d) { return openpcc_demands_expect_report_data(d, other.data(), 64); }), rules("snp.report_data"));
  EXPECT_EQ(refused_by([&](auto* d) { return openpcc_demands_expect_report_data(d, report_data, 64); }), rules());
  EXPECT_EQ(refused_by([&](auto* d) { return openpcc_demands_require_revocation(d); }), rules("snp.crl.missing"));
  EXPECT_EQ(refused_by([&](auto* d) { return openpcc_demands_snp_products(d, OPENPCC_SNP_MILAN | OPENPCC_SNP_GENOA); }),
            rules("snp.product.excluded"));
  EXPECT_EQ(refused_by([&](auto* d) { return openpcc_demands_snp_products(d, OPENPCC_SNP_TURIN); }), rules());
  const openpcc_snp_tcb highest{255, 255, 255, 255, 255}, lowest{0, 0, 0, 0, 0};
  EXPECT_EQ(refused_by([&](auto* d) { return openpcc_demands_snp_min_tcb(d, OPENPCC_SNP_TURIN, &highest); }), rules("snp.tcb.minimum"));
  EXPECT_EQ(refused_by([&](auto* d) { return openpcc_demands_snp_min_tcb(d, OPENPCC_SNP_TURIN, &lowest); }), rules());
}

TEST(CAbi, each_demand_of_a_gpu_refuses) {
  const auto folder = testkit::shared_file("evidence/nvidia/gpu/hopper-590-single");
  if (!folder) GTEST_SKIP() << "no shared evidence";
  const std::vector<Bytes> items{testkit::read_file(*folder / "report.bin"), testkit::read_file(*folder / "cert_chain.pem")};
  const Evidence evidence = evidence_of(items);
  const auto refused_by = [&](auto&& demand) {
    const Demands demands = strict();
    EXPECT_EQ(demand(demands.get()), OPENPCC_OK);
    return refusals(judged(evidence, demands, kTurinTime));
  };
  const auto rules = [](auto... rule) { return std::vector<std::string>{rule...}; };
  const uint8_t* nonce = items[0].data() + 4;
  EXPECT_EQ(refused_by([&](auto* d) { return openpcc_demands_expect_nonce(d, nonce, 32); }), rules());
  EXPECT_EQ(refused_by([&](auto* d) { return openpcc_demands_expect_nonce(d, nonce + 1, 32); }), rules("nvgpu.nonce"));
  EXPECT_EQ(refused_by([&](auto* d) { return openpcc_demands_require_manifests(d); }), rules("rim.missing"));
  EXPECT_EQ(refused_by([&](auto* d) { return openpcc_demands_require_revocation(d); }), rules("nvgpu.ocsp.missing"));
}

TEST(CAbi, bytes_are_copied_and_a_verdict_outlives_what_it_came_from) {
  std::vector<Bytes> items = turin();
  if (items.empty()) GTEST_SKIP() << "no shared evidence";
  Evidence evidence = evidence_of(items);
  for (Bytes& item : items) std::ranges::fill(item, uint8_t{0});
  items.clear();
  Demands demands = strict();
  const Verdict verdict = judged(evidence, demands, kTurinTime);
  evidence.reset();
  demands.reset();
  EXPECT_EQ(outcome_of(verdict), OPENPCC_OUTCOME_ACCEPT);
  const auto findings = json_of(verdict).at("findings").as_array();
  ASSERT_EQ(findings.size(), count_of(verdict));
  const std::pair<int32_t, const char*> texts[] = {{OPENPCC_TEXT_ASPECT, "aspect"}, {OPENPCC_TEXT_STATE, "state"},
                                                   {OPENPCC_TEXT_RULE, "rule"},     {OPENPCC_TEXT_EXPECTED, "expected"},
                                                   {OPENPCC_TEXT_SEEN, "seen"},     {OPENPCC_TEXT_REMEDY, "remedy"}};
  for (size_t i = 0; i < findings.size(); ++i) {
    for (const auto& [text, name] : texts) EXPECT_EQ(text_of(verdict, i, text), std::string(findings[i].at(name).as_string()));
  }
}

TEST(CAbi, handles_are_used_by_many_threads) {
  const Evidence evidence = evidence_of({snp::forge::Machine::of(snp::Product::genoa).signed_report()});
  const Demands demands = strict();
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 10; ++round) EXPECT_EQ(refusals(judged(evidence, demands)).size(), 3u);
    });
  }
}

class CAbiNode : public testing::Test {
 protected:
  NodeDemands demands(const std::string& policy, bool with_beacon = true) {
    openpcc_node_demands* out = nullptr;
    EXPECT_EQ(openpcc_node_demands_create(as_bytes(policy).data(), policy.size(), &out, reason.data(), reason.size()), OPENPCC_OK)
        << reason.data();
    NodeDemands handle(out);
    const ByteSpan beacon = as_bytes(world.beacon_note);
    if (with_beacon) {
      EXPECT_EQ(openpcc_node_demands_add_beacon(out, beacon.data(), beacon.size(), nullptr, 0), OPENPCC_OK);
    }
    return handle;
  }
  Verdict judged(ByteSpan evidence, const NodeDemands& demands) {
    openpcc_verdict* out = nullptr;
    EXPECT_EQ(openpcc_verify_node(evidence.data(), evidence.size(), demands.get(), attest::testing_world::kNow, &out), OPENPCC_OK);
    return Verdict(out);
  }

  attest::testing_world::World world;
  std::array<char, 200> reason{};
};

TEST_F(CAbiNode, simulated_evidence_is_accepted_as_what_it_is) {
  const Bytes evidence = world.make();
  const Verdict verdict = judged(evidence, demands(world.policy_text.text()));
  EXPECT_EQ(outcome_of(verdict), OPENPCC_OUTCOME_ACCEPT_SIMULATED);
  EXPECT_TRUE(refusals(verdict).empty());
  int32_t genuine = 1;
  EXPECT_EQ(openpcc_verdict_genuine(verdict.get(), &genuine), OPENPCC_OK);
  EXPECT_EQ(genuine, 0);
  EXPECT_EQ(json_of(verdict).at("rows").as_array().size(), count_of(verdict));
}

TEST_F(CAbiNode, no_evidence_is_an_error_and_leaves_no_verdict) {
  const NodeDemands some = demands(world.policy_text.text());
  const uint8_t byte = 0;
  const Verdict before = judged(world.make(), some);
  openpcc_verdict* out = before.get();
  EXPECT_EQ(openpcc_verify_node(nullptr, 1, some.get(), 0, &out), OPENPCC_ERROR_ARGUMENT);
  EXPECT_EQ(out, nullptr);
  EXPECT_EQ(openpcc_verify_node(&byte, 0, some.get(), 0, &out), OPENPCC_ERROR_ARGUMENT);
  EXPECT_EQ(openpcc_verify_node(&byte, 1, some.get(), 0, nullptr), OPENPCC_ERROR_ARGUMENT);
}

TEST_F(CAbiNode, without_a_beacon_nothing_is_fresh) {
  const Verdict verdict = judged(world.make(), demands(world.policy_text.text(), false));
  EXPECT_EQ(outcome_of(verdict), OPENPCC_OUTCOME_REJECT);
  EXPECT_EQ(refusals(verdict), std::vector<std::string>{"attest.freshness.unknown"});
}

TEST_F(CAbiNode, what_is_not_evidence_has_a_verdict) {
  const Verdict verdict = judged(Bytes(3, 0), demands(world.policy_text.text()));
  EXPECT_EQ(outcome_of(verdict), OPENPCC_OUTCOME_MALFORMED);
  openpcc_verdict* out = nullptr;
  const Bytes large(OPENPCC_NODE_EVIDENCE_BYTES_MAX + 1);
  const NodeDemands good = demands(world.policy_text.text());
  EXPECT_EQ(openpcc_verify_node(large.data(), large.size(), good.get(), 0, &out), OPENPCC_ERROR_LIMIT);
  EXPECT_EQ(openpcc_verify_node(large.data(), 0, good.get(), 0, &out), OPENPCC_ERROR_ARGUMENT);
  EXPECT_EQ(openpcc_verify_node(large.data(), 1, good.get(), -1, &out), OPENPCC_ERROR_ARGUMENT);
}

TEST_F(CAbiNode, a_refused_policy_or_beacon_says_why) {
  openpcc_node_demands* out = nullptr;
  const std::string policy = "kind = \"other\"";
  EXPECT_EQ(openpcc_node_demands_create(as_bytes(policy).data(), policy.size(), &out, reason.data(), reason.size()), OPENPCC_ERROR_REFUSED);
  EXPECT_EQ(out, nullptr);
  EXPECT_EQ(std::string(reason.data()).find("policy."), 0u);
  reason.fill('x');
  EXPECT_EQ(openpcc_node_demands_create(as_bytes(policy).data(), policy.size(), &out, reason.data(), 5), OPENPCC_ERROR_REFUSED);
  EXPECT_STREQ(reason.data(), "poli");
  EXPECT_EQ(reason[5], 'x');
  EXPECT_EQ(openpcc_node_demands_create(as_bytes(policy).data(), OPENPCC_POLICY_BYTES_MAX + 1, &out, nullptr, 0), OPENPCC_ERROR_LIMIT);
  const NodeDemands good = demands(world.policy_text.text());
  std::string beacon = world.beacon_note;
  EXPECT_EQ(openpcc_node_demands_add_beacon(good.get(), nullptr, 1, nullptr, 0), OPENPCC_ERROR_ARGUMENT);
  EXPECT_EQ(openpcc_node_demands_add_beacon(good.get(), as_bytes(beacon).data(), OPENPCC_BEACON_BYTES_MAX + 1, nullptr, 0),
            OPENPCC_ERROR_LIMIT);
  beacon.resize(beacon.size() / 2);
  EXPECT_EQ(openpcc_node_demands_add_beacon(good.get(), as_bytes(beacon).data(), beacon.size(), reason.data(), reason.size()),
            OPENPCC_ERROR_REFUSED);
  EXPECT_EQ(std::string(reason.data()).find("note."), 0u);
}

}  // namespace
}  // namespace openpcc
