#include <type_traits>

#include "parts.h"

namespace openpcc::policy {
namespace {

using test::kBeacon;
using test::kDirectory;
using test::Parts;
using testkit::TestRandom;

TEST(Policy, development) {
  const auto policy = Parts().parse();
  ASSERT_OK(policy);
  const auto& development = std::get<DevelopmentPolicy>(*policy);
  EXPECT_EQ(development.sim_cpu_root().key[0], 1);
  EXPECT_EQ(development.sim_gpu_root().key[0], 2);
  const Requirements& r = requirements(*policy);
  EXPECT_EQ(r.deployment, "demo.example");
  EXPECT_EQ(r.directory_key.to_string(), kDirectory);
  EXPECT_EQ(r.beacon_key.to_string(), kBeacon);
  EXPECT_EQ(r.releases, std::vector<Bytes>{Bytes(32, 0xaa)});
  EXPECT_EQ(r.gpu_releases, (std::vector<Bytes>{{1, 2}}));
  EXPECT_EQ(r.models.size(), 2u);
  EXPECT_TRUE(r.require_gpu);
  EXPECT_EQ(r.min_tcb, 3);
  EXPECT_EQ(r.min_gpu_tcb, 4);
  EXPECT_EQ(r.min_root_owners, 2);
  EXPECT_EQ(r.freshness_age_s, 600);
  EXPECT_EQ(r.chips, (std::vector<Bytes>{{0xaa}, {0xbb}}));
  EXPECT_TRUE(r.configs.empty());
  EXPECT_TRUE(r.exceptions.names().empty());
}

TEST(Policy, production_is_another_type_without_simulated_roots) {
  const auto policy = Parts::production().parse();
  ASSERT_OK(policy);
  EXPECT_TRUE(std::holds_alternative<ProductionPolicy>(*policy));
  static_assert(!std::is_convertible_v<ProductionPolicy, DevelopmentPolicy> && !std::is_convertible_v<DevelopmentPolicy, ProductionPolicy>);
  static_assert(!std::is_default_constructible_v<ProductionPolicy> && !std::is_default_constructible_v<DevelopmentPolicy>);
}

TEST(Policy, production_cannot_name_the_simulator) {
  Parts parts = Parts::production();
  parts.roots = "[roots]\nsim_gpu = \"\"\n";
  EXPECT_RULE(parts.parse(), "policy.production.sim");
  parts.roots = "[roots]\nother = 1\n";
  EXPECT_RULE(parts.parse(), "policy.parse.unknown_key");
}

TEST(Policy, production_cannot_take_exceptions_for_development) {
  Parts parts = Parts::production();
  parts.exceptions = "[exceptions]\nallow_debug = true\n";
  EXPECT_RULE(parts.parse(), "policy.production.debug");
  parts.exceptions = "[exceptions]\nbeyond_loopback = true\n";
  EXPECT_RULE(parts.parse(), "policy.production.loopback");
}

TEST(Policy, empty_broken_and_oversized_files) {
  EXPECT_RULE(parse({}), "policy.parse.empty");
  EXPECT_RULE(parse(as_bytes("# a comment is no policy\n")), "policy.parse.empty");
  EXPECT_RULE(parse(as_bytes("kind = \n")), "policy.parse.toml");
  EXPECT_RULE(parse(as_bytes("kind = \"a\"\nkind = \"b\"\n")), "policy.parse.toml");
  EXPECT_RULE(parse(as_bytes("x = " + std::string(5000, '['))), "policy.parse.toml");
  EXPECT_RULE(parse(as_bytes("[/a]\n")), "policy.parse.toml");  // breaks an assertion of the parser
  EXPECT_RULE(parse(Bytes(kPolicyBytesMax + 1, '\n')), "policy.parse.too_large");
}

TEST(Policy, text_that_breaks_the_parsers_own_assumptions) {
  EXPECT_RULE(parse(as_bytes("[/a]\n")), "policy.parse.toml");
  EXPECT_RULE(parse(as_bytes("\xef\xbb\x9f = 1\n")), "policy.parse.toml");
  EXPECT_RULE(parse(as_bytes("a = '''''x'''''\xef\xbb\x9f\n")), "policy.parse.toml");
  EXPECT_RULE(parse(as_bytes("a = \"\\\"\"\xef\xbb\x9f\n")), "policy.parse.toml");
  EXPECT_RULE(parse(as_bytes("a = \"\n\xef\xbb\x9f\n")), "policy.parse.toml");
  // In strings and comments every character is welcome.
  EXPECT_RULE(parse(as_bytes("# caf\xc3\xa9 \"\na = \"\xef\xbb\x9f\"\nb = '\xef\xbb\x9f'\n")), "policy.parse.missing");
}

TEST(Policy, kinds) {
  Parts parts;
  parts.kind = "kind = \"test\"\n";
  EXPECT_RULE(parts.parse(), "policy.kind");
  parts.kind.clear();
  EXPECT_RULE(parts.parse(), "policy.parse.missing");
}

TEST(Policy, unknown_keys_anywhere) {
  const auto refused = [](auto member, std::string text) {
    Parts parts;
    parts.*member += text;
    return parts.parse();
  };
  EXPECT_RULE(refused(&Parts::deployment, "extra = 1\n"), "policy.parse.unknown_key");
  EXPECT_RULE(refused(&Parts::keys, "extra = 1\n"), "policy.parse.unknown_key");
  EXPECT_RULE(refused(&Parts::roots, "extra = 1\n"), "policy.parse.unknown_key");
  EXPECT_RULE(refused(&Parts::ledger, "extra = 1\n"), "policy.parse.unknown_key");
  EXPECT_RULE(refused(&Parts::exceptions, "[exceptions]\nallow_everything = true\n"), "policy.parse.unknown_key");
  EXPECT_RULE(refused(&Parts::exceptions, "[extra]\n"), "policy.parse.unknown_key");
}

// What minimum a real machine's TCB has stands in the table of its maker.
TEST(Policy, the_simulators_tcb_means_nothing_in_production) {
  for (const std::string name : {"min_tcb", "min_gpu_tcb"}) {
    Parts parts = Parts::production();
    parts.numbers += name + " = 1\n";
    const auto policy = parts.parse();
    EXPECT_RULE(policy, "policy.parse.unknown_key");
    EXPECT_NE(policy.error().detail.find("nodes." + name + " is of simulated machines alone"), std::string::npos);
    parts = {};
    parts.numbers.erase(parts.numbers.find(name), name.size() + 5);
    EXPECT_RULE(parts.parse(), "policy.parse.missing") << "and has no default in development";
  }
}

TEST(Policy, refusals_name_the_line_and_what_was_meant) {
  const auto detail = [](std::string Parts::* member, std::string_view from, std::string_view to) {
    Parts parts;
    std::string& part = parts.*member;
    part.replace(part.find(from), from.size(), to);
    const auto policy = parts.parse();
    return policy ? std::string() : policy.error().detail;
  };
  EXPECT_EQ(detail(&Parts::releases, "releases", "relases"), "nodes.releases; is it meant by relases (line 10: nodes.relases)?");
  EXPECT_EQ(detail(&Parts::releases, "rel", "config = []\nrel"), "line 10: nodes.config; did you mean configs?");
  EXPECT_EQ(detail(&Parts::ledger, "\n", "\n[exeptions]\n"), "line 19: exeptions; did you mean exceptions?");
  EXPECT_EQ(detail(&Parts::releases, "rel", "something_else = 1\nrel"), "line 10: nodes.something_else");
  EXPECT_EQ(detail(&Parts::gpu, "true", "1"), "line 12: nodes.require_gpu must be true or false");
  EXPECT_EQ(detail(&Parts::numbers, "600", "0"), "line 17: nodes.freshness_age_s must be 1 to 1200");
  EXPECT_EQ(detail(&Parts::models, "aaa", "xyz"), "line 11: nodes.models holds a bad value: xyz" + std::string(61, 'a'));
}

TEST(Policy, names_that_resemble_nothing_are_not_compared) {
  Parts parts;
  parts.ledger += std::string(100'000, 'a') + " = 1\n";
  EXPECT_RULE(parts.parse(), "policy.parse.unknown_key");
}

TEST(Policy, every_part_must_be_there) {
  for (const auto part :
       {&Parts::deployment, &Parts::keys, &Parts::roots, &Parts::releases, &Parts::models, &Parts::gpu, &Parts::numbers}) {
    Parts parts;
    (parts.*part).clear();
    EXPECT_RULE(parts.parse(), "policy.parse.missing");
  }
  EXPECT_RULE(parse(as_bytes(Parts().kind + Parts().deployment + Parts().keys)), "policy.parse.missing");
  Parts parts;
  parts.gpu = "require_gpu = true\n";
  EXPECT_RULE(parts.parse(), "policy.parse.missing");
  parts.gpu = "require_gpu = false\n";
  EXPECT_OK(parts.parse());
}

TEST(Policy, types) {
  const auto refused = [](auto member, std::string text) {
    Parts parts;
    parts.*member = text;
    return parts.parse();
  };
  EXPECT_RULE(refused(&Parts::deployment, "deployment = 1\n"), "policy.parse.type");
  EXPECT_RULE(refused(&Parts::keys, "keys = 1\n"), "policy.parse.type");
  EXPECT_RULE(refused(&Parts::releases, "releases = \"aa\"\n"), "policy.parse.type");
  EXPECT_RULE(refused(&Parts::releases, "releases = [1]\n"), "policy.parse.type");
  EXPECT_RULE(refused(&Parts::gpu, "require_gpu = \"no\"\n"), "policy.parse.type");
  EXPECT_RULE(refused(&Parts::numbers, "min_tcb = 1.0\n"), "policy.parse.type");
}

TEST(Policy, values) {
  const auto refused = [](auto member, std::string text) {
    Parts parts;
    parts.*member = text;
    return parts.parse();
  };
  const auto numbers = [&](std::string text) { return refused(&Parts::numbers, text); };
  EXPECT_RULE(refused(&Parts::deployment, "deployment = \"\"\n"), "policy.parse.value");
  EXPECT_RULE(refused(&Parts::releases, "releases = [\"xy\"]\n"), "policy.parse.value");
  EXPECT_RULE(refused(&Parts::releases, "releases = [\"\"]\n"), "policy.parse.value");
  EXPECT_RULE(refused(&Parts::models, "models = [\"aabb\"]\n"), "policy.parse.value");
  EXPECT_RULE(refused(&Parts::roots, "[roots]\nsim_cpu = \"AAAA\"\nsim_gpu = \"AAAA\"\n"), "policy.parse.value");
  EXPECT_RULE(refused(&Parts::keys, "[keys]\ndirectory = \"x\"\nbeacon = \"" + kBeacon + "\"\n"), "policy.parse.value");
  // A key that signs no time cannot be the beacon's, and the other way round.
  EXPECT_RULE(refused(&Parts::keys, "[keys]\ndirectory = \"" + kBeacon + "\"\nbeacon = \"" + kDirectory + "\"\n"), "policy.parse.value");
  EXPECT_RULE(numbers("min_tcb = -1\nmin_gpu_tcb = 0\nmin_root_owners = 2\nfreshness_age_s = 600\n"), "policy.parse.value");
  EXPECT_RULE(numbers("min_tcb = 65536\nmin_gpu_tcb = 0\nmin_root_owners = 2\nfreshness_age_s = 600\n"), "policy.parse.value");
  EXPECT_RULE(numbers("min_tcb = 0\nmin_gpu_tcb = 0\nmin_root_owners = 0\nfreshness_age_s = 600\n"), "policy.parse.value");
  EXPECT_RULE(numbers("min_tcb = 0\nmin_gpu_tcb = 0\nmin_root_owners = 2\nfreshness_age_s = 1201\n"), "policy.parse.value");
}

TEST(Policy, a_list_that_names_nothing) {
  Parts parts;
  parts.releases = "releases = []\n";
  EXPECT_RULE(parts.parse(), "policy.parse.empty_list");
  parts = {};
  parts.ledger = "chips = []\n";
  EXPECT_RULE(parts.parse(), "policy.parse.empty_list");
}

TEST(Policy, what_is_switched_off_is_named) {
  Parts parts;
  parts.ledger.clear();
  EXPECT_RULE(parts.parse(), "policy.exception.chip_ledger");
  parts.exceptions = "[exceptions]\nno_chip_ledger = true\n";
  EXPECT_OK(parts.parse());
  parts.ledger = Parts().ledger;
  EXPECT_RULE(parts.parse(), "policy.exception.chip_ledger");
  parts.exceptions.clear();
  parts.numbers = "min_tcb = 0\nmin_gpu_tcb = 0\nmin_root_owners = 1\nfreshness_age_s = 600\n";
  EXPECT_RULE(parts.parse(), "policy.exception.one_root_owner");
  parts.ledger.clear();
  parts.exceptions = "[exceptions]\nallow_debug = true\nno_chip_ledger = true\none_root_owner = true\nbeyond_loopback = true\n";
  const auto policy = parts.parse();
  ASSERT_OK(policy);
  EXPECT_EQ(requirements(*policy).exceptions.names(),
            (std::vector<std::string>{"allow_debug", "no_chip_ledger", "one_root_owner", "beyond_loopback"}));
}

TEST(Policy, one_key_has_one_role) {
  Parts parts;
  parts.roots = "[roots]\nsim_cpu = \"" + to_base64(Bytes(32, 1)) + "\"\nsim_gpu = \"" + to_base64(Bytes(32, 1)) + "\"\n";
  EXPECT_RULE(parts.parse(), "policy.roles.same_key");
  parts = Parts::production();
  TestRandom random(1);
  const std::string same = note::SignerKey::generate("example.org/b", note::KeyType::cosignature_v1, random)->verifier().to_string();
  parts.keys = "[keys]\ndirectory = \"" + kDirectory + "\"\nbeacon = \"" + same + "\"\n";
  EXPECT_RULE(parts.parse(), "policy.roles.same_key");
}

}  // namespace
}  // namespace openpcc::policy
