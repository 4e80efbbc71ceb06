#include "openpcc/policy/policy.h"

#include <type_traits>

#include "openpcc/testkit/testkit.h"

namespace openpcc::policy {
namespace {

using testkit::TestRandom;

std::string vkey(uint64_t seed, note::KeyType type) {
  TestRandom random(seed);
  return note::SignerKey::generate("example.org/key" + std::to_string(seed), type, random)->verifier().to_string();
}

const std::string kDirectory = vkey(1, note::KeyType::ed25519);
const std::string kBeacon = vkey(2, note::KeyType::cosignature_v1);
const std::string kA = std::string(64, 'a');
const std::string kB = std::string(64, 'b');

// The parts of a policy, each replaceable.
struct Parts {
  std::string kind = "kind = \"development\"\n";
  std::string deployment = "deployment = \"demo.example\"\n";
  std::string keys = "[keys]\ndirectory = \"" + kDirectory + "\"\nbeacon = \"" + kBeacon + "\"\n";
  std::string roots = "[roots]\nsim_cpu = \"" + to_base64(Bytes(32, 1)) + "\"\nsim_gpu = \"" + to_base64(Bytes(32, 2)) + "\"\n";
  std::string nodes = "[nodes]\n";
  std::string releases = "releases = [\"" + kA + "\"]\n";
  std::string models = "models = [\"" + kA + "\", \"" + kB + "\"]\n";
  std::string gpu = "require_gpu = true\ngpu_releases = [\"0102\"]\n";
  std::string numbers = "min_tcb = 3\nmin_gpu_tcb = 4\nmin_root_owners = 2\nfreshness_age_s = 600\n";
  std::string ledger = "chips = [\"bb\", \"aa\"]\n";
  std::string exceptions;

  Result<Policy> parse() const {
    return policy::parse(as_bytes(kind + deployment + keys + roots + nodes + releases + models + gpu + numbers + ledger + exceptions));
  }
  static Parts production() {
    Parts out;
    out.kind = "kind = \"production\"\n";
    out.roots.clear();
    return out;
  }
};

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

// with parses a production policy with these tables at its end.
Result<Policy> with(const std::string& tables, const std::string& exceptions = "") {
  Parts parts = Parts::production();
  parts.exceptions = (exceptions.empty() ? "" : "[exceptions]\n" + exceptions) + tables;
  return parts.parse();
}
const std::string kGenoa = "[snp.min_tcb.Genoa]\nboot_loader = 10\ntee = 0\nsnp = 24\nmicrocode = 84\n";

TEST(PolicyOfHardware, none_is_taken_by_default) {
  const auto policy = with("");
  ASSERT_OK(policy);
  EXPECT_FALSE(requirements(*policy).snp.has_value());
  EXPECT_FALSE(requirements(*policy).tdx.has_value());
}

TEST(PolicyOfHardware, snp) {
  const auto policy = with("[snp]\nvmpl = 1\ncsp_ids = [\"CN=cc.example\"]\n" + kGenoa +
                           "[snp.min_tcb.Turin]\nfmc = 1\nboot_loader = 2\ntee = 3\nsnp = 4\nmicrocode = 5\n");
  ASSERT_OK(policy);
  const snp::Demands& demands = *requirements(*policy).snp;
  EXPECT_EQ(demands.products, (std::set{snp::Product::genoa, snp::Product::turin}));
  EXPECT_EQ(demands.min_tcb.at(snp::Product::genoa), (snp::Tcb{0, 10, 0, 24, 84}));
  EXPECT_EQ(demands.min_tcb.at(snp::Product::turin), (snp::Tcb{1, 2, 3, 4, 5}));
  EXPECT_EQ(demands.vmpl, 1u);
  EXPECT_TRUE(demands.csp_ids.contains("CN=cc.example"));
  EXPECT_TRUE(demands.require_revocation);
  EXPECT_FALSE(demands.allow_any_csp || demands.allow_debug || demands.allow_migration || demands.allow_provisional ||
               demands.allow_masked_chip);
}

TEST(PolicyOfHardware, snp_is_refused_where_it_is_not_whole) {
  EXPECT_RULE(with("[snp]\n"), "policy.parse.missing");
  EXPECT_RULE(with("[snp.min_tcb]\n"), "policy.parse.empty_list");
  EXPECT_RULE(with("[snp.min_tcb.Rome]\nboot_loader = 1\n"), "policy.parse.unknown_key");
  EXPECT_RULE(with("[snp.min_tcb.Genoa]\nboot_loader = 1\n"), "policy.parse.missing");
  EXPECT_RULE(with(kGenoa + "fmc = 1\n"), "policy.parse.unknown_key") << "FMC is Turin's";
  EXPECT_RULE(with("[snp.min_tcb.Genoa]\nboot_loader = 256\ntee = 0\nsnp = 0\nmicrocode = 0\n"), "policy.parse.value");
  EXPECT_RULE(with("[snp]\nvmpl = 4\n" + kGenoa), "policy.parse.value");
  EXPECT_RULE(with("[snp]\ncsp_ids = []\n" + kGenoa), "policy.parse.empty_list");
  EXPECT_RULE(with("[snp]\nrevocation = false\n" + kGenoa), "policy.parse.unknown_key");
}

TEST(PolicyOfHardware, tdx) {
  const std::string seam(96, 'a'), platform(32, 'b');
  const auto policy = with("[tdx]\nmin_evaluation = 18\nmrseam = [\"" + seam + "\"]\nplatforms = [\"" + platform +
                           "\"]\n[tdx.accept.SWHardeningNeeded]\nadvisories = [\"INTEL-SA-00001\"]\nuntil = \"2026-12-31T00:00:00Z\"\n");
  ASSERT_OK(policy);
  const TdxRequirements& required = *requirements(*policy).tdx;
  EXPECT_EQ(required.min_evaluation, 18u);
  EXPECT_TRUE(required.require_revocation);
  EXPECT_EQ(required.demands.mrseam.size(), 1u);
  EXPECT_EQ(required.demands.platforms.size(), 1u);
  ASSERT_EQ(required.demands.tcb_exceptions.size(), 1u);
  EXPECT_EQ(required.demands.tcb_exceptions[0].status, tdx::TcbStatus::sw_hardening_needed);
  EXPECT_EQ(required.demands.tcb_exceptions[0].until, 1'798'675'200);
}

TEST(PolicyOfHardware, tdx_is_refused_where_it_is_not_whole) {
  EXPECT_RULE(with("[tdx]\n"), "policy.parse.missing");
  EXPECT_RULE(with("[tdx]\nmin_evaluation = -1\n"), "policy.parse.value");
  EXPECT_RULE(with("[tdx]\nmin_evaluation = 1\nmrseam = [\"aa\"]\n"), "policy.parse.value");
  const std::string accept = "[tdx]\nmin_evaluation = 1\n[tdx.accept.";
  EXPECT_RULE(with(accept + "Revoked]\nadvisories = []\nuntil = \"2026-12-31T00:00:00Z\"\n"), "policy.parse.unknown_key")
      << "nothing takes a revoked platform";
  EXPECT_RULE(with(accept + "OutOfDate]\nadvisories = []\nuntil = \"some day\"\n"), "policy.parse.value");
  EXPECT_RULE(with(accept + "OutOfDate]\nadvisories = []\n"), "policy.parse.missing") << "an exception ends";
}

TEST(PolicyOfHardware, exceptions_are_named_and_taken_over) {
  const auto policy = with(kGenoa + "[tdx]\nmin_evaluation = 1\n",
                           "no_revocation = true\nallow_migration = true\nallow_provisional_firmware = true\nallow_masked_chips = true\n"
                           "allow_sept_ve = true\n");
  ASSERT_OK(policy);
  const Requirements& r = requirements(*policy);
  EXPECT_EQ(r.exceptions.names(), (std::vector<std::string>{"no_revocation", "allow_migration", "allow_provisional_firmware",
                                                            "allow_masked_chips", "allow_sept_ve"}));
  EXPECT_FALSE(r.snp->require_revocation || r.tdx->require_revocation);
  EXPECT_TRUE(r.snp->allow_migration && r.snp->allow_provisional && r.snp->allow_masked_chip);
  EXPECT_TRUE(r.tdx->demands.allow_migratable && r.tdx->demands.allow_sept_ve);
}

}  // namespace
}  // namespace openpcc::policy
