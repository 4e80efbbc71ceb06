#include "openpcc/policy/lint.h"

#include <algorithm>
#include <map>

#include "parts.h"

namespace openpcc::policy {
namespace {

using test::kGenoa;
using test::Parts;

constexpr UnixSeconds kNow = 1'790'000'000;  // 2026-09-21
const std::string kTdx = "[tdx]\nmin_evaluation = 18\n";

// A production policy as good as one can be today: a CPU-only machine.
Parts good(const std::string& tables = kGenoa, const std::string& exceptions = "") {
  Parts parts = test::with_tables(tables, "one_root_owner = true\n" + exceptions);
  parts.gpu = "require_gpu = false\nconfigs = [\"" + test::kA + "\"]\n";
  parts.numbers = "min_root_owners = 1\nfreshness_age_s = 600\n";
  return parts;
}

std::vector<Advice> linted(const Parts& parts) {
  auto advice = lint(as_bytes(parts.text()), kNow);
  if (!advice) ADD_FAILURE() << describe(advice.error());
  return advice ? std::move(*advice) : std::vector<Advice>();
}

std::map<std::string, std::string_view> of_weight(const std::vector<Advice>& all, Weight weight) {
  std::map<std::string, std::string_view> out;
  for (const Advice& advice : all) {
    if (advice.weight == weight) out.emplace(advice.about, advice.rule.id());
  }
  return out;
}

// warned: of what is wrong exactly this is said, and what to do about it.
testing::AssertionResult warned(const std::vector<Advice>& all, const std::string& about, std::string_view rule) {
  const auto warnings = of_weight(all, Weight::warning);
  if (warnings != std::map<std::string, std::string_view>{{about, rule}}) {
    auto out = testing::AssertionFailure() << "other warnings:";
    for (const auto& [where, which] : warnings) out << " " << where << " " << which;
    return out;
  }
  if (all.front().what.empty() || all.front().remedy.empty()) return testing::AssertionFailure() << "unexplained";
  testkit::note_tripped(rule);
  return testing::AssertionSuccess();
}

TEST(PolicyLint, a_policy_without_warnings_still_says_what_it_cannot_do) {
  const auto all = linted(good());
  EXPECT_TRUE(of_weight(all, Weight::warning).empty());
  EXPECT_EQ(of_weight(all, Weight::cost),
            (std::map<std::string, std::string_view>{{"exceptions.one_root_owner", "policy.lint.exception"}}));
  testkit::note_tripped("policy.lint.exception");
  for (const auto& [row, rule] : of_weight(all, Weight::unchecked)) EXPECT_EQ(rule, "policy.lint.unchecked") << row;
  testkit::note_tripped("policy.lint.unchecked");
  EXPECT_EQ(of_weight(all, Weight::unprovable).size(), 4u);
  for (const auto& [row, rule] : of_weight(all, Weight::unprovable)) EXPECT_EQ(rule, "policy.lint.unprovable") << row;
  testkit::note_tripped("policy.lint.unprovable");
  EXPECT_TRUE(std::ranges::is_sorted(all, {}, &Advice::weight));
}

TEST(PolicyLint, rows_that_will_not_be_checked) {
  const auto rows = [](const Parts& parts) { return of_weight(linted(parts), Weight::unchecked); };
  EXPECT_FALSE(rows(good()).contains("config"));
  Parts parts = good();
  parts.gpu = "require_gpu = false\n";
  EXPECT_TRUE(rows(parts).contains("config"));
  EXPECT_TRUE(rows(parts).contains("gpu_binding"));
  EXPECT_FALSE(rows(good()).contains("chip_ledger"));
  parts = good(kGenoa, "no_chip_ledger = true\n");
  parts.ledger.clear();
  EXPECT_TRUE(rows(parts).contains("chip_ledger"));
  EXPECT_TRUE(rows(good()).contains("launch"));
  EXPECT_FALSE(rows(good("[snp]\nid_keys = [\"" + std::string(96, 'a') + "\"]\n" + kGenoa)).contains("launch"));
  EXPECT_FALSE(rows(good(kTdx)).contains("launch")) << "zero is demanded where nothing is said";
  EXPECT_TRUE(rows(good(kTdx)).contains("firmware"));
  EXPECT_FALSE(rows(good(kTdx + "mrseam = [\"" + std::string(96, 'a') + "\"]\n")).contains("firmware"));
  for (const std::string row : {"revocation", "migration"}) {
    EXPECT_FALSE(rows(good(kGenoa + kTdx)).contains(row));
    EXPECT_TRUE(rows(good(kGenoa, "no_revocation = true\nallow_migration = true\n")).contains(row));
    EXPECT_TRUE(rows(good(kTdx, "no_revocation = true\nallow_migration = true\n")).contains(row));
  }
  EXPECT_TRUE(rows(good(kGenoa, "allow_provisional_firmware = true\n")).contains("firmware"));
  EXPECT_TRUE(rows(good(kTdx, "allow_sept_ve = true\n")).contains("guest_policy"));
}

TEST(PolicyLint, firmware_of_gpus) {
  const std::string table = "[nvgpu]\nmin_driver = \"570\"\nmodes = [\"single\"]\n",
                    line = "[nvgpu.min_vbios]\nHopper = \"96.00.9F.00.01\"\n";
  const auto all = [&](const std::string& ids) {
    Parts parts = good(kGenoa + table + ids + line);
    parts.gpu = Parts().gpu;
    return linted(parts);
  };
  EXPECT_TRUE(of_weight(all(""), Weight::unchecked).contains("gpu_firmware"));
  EXPECT_FALSE(of_weight(all("fwids = [\"" + std::string(96, 'a') + "\"]\n"), Weight::unchecked).contains("gpu_firmware"));
  EXPECT_TRUE(warned(all("fwids = [\"" + std::string(96, '0') + "\"]\n"), "nvgpu.fwids", "policy.lint.placeholder"));
}

TEST(PolicyLint, every_exception_has_its_cost) {
  const std::string of_machines =
      "no_revocation = true\nallow_migration = true\nallow_provisional_firmware = true\nallow_masked_chips = true\nallow_sept_ve = true\n";
  EXPECT_EQ(of_weight(linted(good(kGenoa + kTdx, of_machines)), Weight::cost).size(), 6u);
  Parts parts;
  parts.ledger.clear();
  parts.exceptions = "[exceptions]\nallow_debug = true\nno_chip_ledger = true\nbeyond_loopback = true\n";
  const auto all = linted(parts);
  EXPECT_EQ(of_weight(all, Weight::cost).size(), 3u);
  EXPECT_TRUE(of_weight(all, Weight::warning).empty());
  EXPECT_TRUE(of_weight(all, Weight::unchecked).contains("debug"));
  for (const Advice& advice : all) EXPECT_TRUE(advice.weight != Weight::cost || !advice.remedy.empty()) << advice.about;
}

TEST(PolicyLint, what_no_machine_can_fulfil) {
  constexpr std::string_view kRule = "policy.lint.accepts_nothing";
  EXPECT_TRUE(warned(linted(good("")), "snp, tdx", kRule));
  Parts parts = good();
  parts.exceptions = kGenoa;
  parts.numbers = "min_root_owners = 3\nfreshness_age_s = 600\n";
  EXPECT_TRUE(warned(linted(parts), "nodes.min_root_owners", kRule));
  parts.numbers = Parts::production().numbers;
  EXPECT_TRUE(warned(linted(parts), "nodes.min_root_owners", kRule)) << "no table takes GPUs, no second maker";
  parts.gpu = Parts().gpu;
  EXPECT_TRUE(warned(linted(parts), "nodes.require_gpu", kRule)) << "no table takes GPUs";
  parts.exceptions += "[nvgpu]\nmin_driver = \"570\"\nmodes = [\"single\"]\n[nvgpu.min_vbios]\nHopper = \"96.00.9F.00.01\"\n";
  EXPECT_TRUE(of_weight(linted(parts), Weight::warning).empty());
  parts.gpu = good().gpu;
  EXPECT_TRUE(warned(linted(parts), "nodes.min_root_owners", "policy.lint.gpu_optional"));
}

TEST(PolicyLint, attributes_that_no_td_can_have) {
  const std::string mask = kTdx + "attributes_mask = 0xc0000000\n";
  EXPECT_TRUE(warned(linted(good(mask)), "tdx.attributes_mask", "policy.lint.accepts_nothing"));
  EXPECT_TRUE(of_weight(linted(good(mask, "allow_sept_ve = true\n")), Weight::warning).empty());
}

TEST(PolicyLint, providers_that_the_ledger_does_not_list) {
  Parts parts = good("[snp]\ncsp_ids = [\"CN=cc.example\"]\n" + kGenoa);
  EXPECT_TRUE(warned(linted(parts), "snp.csp_ids", "policy.lint.idle"));
  parts.ledger = "chips = [\"aa\", \"" + to_hex(as_bytes("CN=cc.example")) + "\"]\n";
  EXPECT_TRUE(of_weight(linted(parts), Weight::warning).empty());
}

TEST(PolicyLint, gpus_that_are_named_and_not_required) {
  Parts parts = good();
  parts.gpu += "gpu_releases = [\"0102\"]\n";
  EXPECT_TRUE(warned(linted(parts), "nodes.gpu_releases", "policy.lint.gpu_optional"));
}

TEST(PolicyLint, what_can_never_apply) {
  constexpr std::string_view kRule = "policy.lint.idle";
  EXPECT_TRUE(warned(linted(good(kGenoa, "allow_sept_ve = true\n")), "exceptions.allow_sept_ve", kRule)) << "TDX's";
  EXPECT_TRUE(warned(linted(good(kTdx, "allow_masked_chips = true\n")), "exceptions.allow_masked_chips", kRule)) << "SEV-SNP's";
  Parts parts;
  parts.exceptions = kGenoa;
  EXPECT_TRUE(warned(linted(parts), "snp", kRule)) << "development takes no real machines";
  parts.exceptions = kTdx;
  EXPECT_TRUE(warned(linted(parts), "tdx", kRule));
  parts.exceptions = "[exceptions]\none_root_owner = true\n";
  EXPECT_TRUE(warned(linted(parts), "exceptions.one_root_owner", kRule)) << "two are asked for";
  parts.exceptions = "[exceptions]\n";
  EXPECT_TRUE(warned(linted(parts), "line 19: [exceptions]", kRule));
  EXPECT_TRUE(warned(linted(good(kTdx + "[tdx.accept]\n")), "line 18: [tdx.accept]", kRule));
}

TEST(PolicyLint, exceptions_that_have_ended) {
  const auto accepting = [](const std::string& until) {
    return good(kTdx + "[tdx.accept.OutOfDate]\nadvisories = [\"INTEL-SA-00001\"]\nuntil = \"" + until + "\"\n");
  };
  const auto open = linted(accepting("2026-12-31T00:00:00Z"));
  EXPECT_TRUE(of_weight(open, Weight::warning).empty());
  EXPECT_TRUE(of_weight(open, Weight::cost).contains("tdx.accept.OutOfDate"));
  EXPECT_TRUE(of_weight(open, Weight::unchecked).contains("tcb"));
  const auto over = linted(accepting("2026-01-01T00:00:00Z"));
  EXPECT_TRUE(warned(over, "tdx.accept.OutOfDate", "policy.lint.over"));
  EXPECT_FALSE(of_weight(over, Weight::unchecked).contains("tcb"));
}

TEST(PolicyLint, minimums_that_nothing_is_below) {
  constexpr std::string_view kRule = "policy.lint.takes_all";
  EXPECT_TRUE(warned(linted(good("[snp.min_tcb.Genoa]\nboot_loader = 0\ntee = 0\nsnp = 0\nmicrocode = 0\n")), "snp.min_tcb.Genoa", kRule));
  EXPECT_TRUE(warned(linted(good("[tdx]\nmin_evaluation = 0\n")), "tdx.min_evaluation", kRule));
}

TEST(PolicyLint, placeholders) {
  constexpr std::string_view kRule = "policy.lint.placeholder";
  const std::string zeros(64, '0'), longer(96, '0');
  Parts parts = good();
  parts.releases = "releases = [\"" + test::kA + "\", \"" + zeros + "\"]\n";
  EXPECT_TRUE(warned(linted(parts), "nodes.releases", kRule));
  parts = good();
  parts.models = "models = [\"" + zeros + "\"]\n";
  EXPECT_TRUE(warned(linted(parts), "nodes.models", kRule));
  parts = good();
  parts.ledger = "chips = [\"00\"]\n";
  EXPECT_TRUE(warned(linted(parts), "nodes.chips", kRule));
  EXPECT_TRUE(warned(linted(good("[snp]\nid_keys = [\"" + longer + "\"]\n" + kGenoa)), "snp.id_keys", kRule));
  EXPECT_TRUE(warned(linted(good(kTdx + "mrseam = [\"" + longer + "\"]\n")), "tdx.mrseam", kRule));
  const std::string azure = "[azure]\nparavisors = [\"" + longer + "\"]\npcrs = \"4\"\nsecure_boot = true\n";
  EXPECT_TRUE(warned(linted(good(kTdx + azure)), "azure.paravisors", kRule));
  EXPECT_TRUE(of_weight(linted(good(kTdx + "mrowner = [\"" + longer + "\"]\n")), Weight::warning).empty()) << "there zero is a value";
}

TEST(PolicyLint, keys_that_are_text) {
  Parts parts = good();
  std::array<uint8_t, 32> text{};
  std::ranges::copy(as_bytes("NO KEY: YOURS GOES HERE"), text.begin());
  const auto key = note::VerifierKey::create("you.example/directory", note::KeyType::ed25519, text);
  ASSERT_OK(key);
  parts.keys = "[keys]\ndirectory = \"" + key->to_string() + "\"\nbeacon = \"" + test::kBeacon + "\"\n";
  EXPECT_TRUE(warned(linted(parts), "keys.directory", "policy.lint.placeholder"));
}

TEST(PolicyLint, milan_without_a_list_of_chips) {
  const std::string milan = "[snp.min_tcb.Milan]\nboot_loader = 4\ntee = 0\nsnp = 24\nmicrocode = 219\n";
  Parts parts = good(milan);
  EXPECT_TRUE(of_weight(linted(parts), Weight::warning).empty());
  EXPECT_TRUE(of_weight(linted(parts), Weight::unprovable).contains("product"));
  parts = good(milan, "no_chip_ledger = true\n");
  parts.ledger.clear();
  EXPECT_TRUE(warned(linted(parts), "snp.min_tcb.Milan", "policy.lint.milan"));
}

TEST(PolicyLint, refuses_what_parse_refuses_and_says_what_to_do) {
  const auto refused = [](std::string_view text) { return lint(as_bytes(text), kNow); };
  EXPECT_RULE(refused(""), "policy.parse.empty");
  EXPECT_RULE(refused("kind = \"test\"\n"), "policy.kind");
  for (const Rule rule : {Rule("policy.parse.empty"), Rule("policy.kind"), Rule("policy.parse.unknown_key")}) {
    EXPECT_FALSE(remedy_of(Error{Code::malformed, rule, {}}).empty());
  }
  EXPECT_TRUE(remedy_of(Error{Code::internal, "app.file.read", {}}).empty());
}

}  // namespace
}  // namespace openpcc::policy
