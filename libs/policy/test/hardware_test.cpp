#include "parts.h"

namespace openpcc::policy {
namespace {

using test::kGenoa;

Result<Policy> with(const std::string& tables, const std::string& exceptions = "") { return test::with_tables(tables, exceptions).parse(); }

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

TEST(PolicyOfHardware, snp_of_whose_launch_and_which_machine) {
  const std::string table =
      "[snp]\nrestrictions = [\"single_socket\", \"ciphertext_hiding\", \"no_smt\"]\n"
      "platform = [\"ecc\", \"tsme\", \"no_smt\"]\nhost_data = [\"" +
      std::string(64, 'a') + "\"]\n" + "id_keys = [\"" + std::string(96, 'b') + "\"]\nauthor_keys = [\"" + std::string(96, 'c') + "\"]\n" +
      "family_ids = [\"" + std::string(32, 'd') + "\"]\nimage_ids = [\"" + std::string(32, 'e') + "\"]\n" + "min_guest_svn = 7\n" + kGenoa +
      "version = \"1.55.29\"\nmitigations = 0xb\n";
  const auto policy = with(table);
  ASSERT_OK(policy);
  const snp::Demands& demands = *requirements(*policy).snp;
  EXPECT_EQ(demands.restrictions, uint64_t{1} << 20 | uint64_t{1} << 24);
  EXPECT_FALSE(demands.allow_smt);
  EXPECT_EQ(demands.platform_set, 6u);
  EXPECT_EQ(demands.platform_clear, 1u);
  EXPECT_EQ(demands.host_data.begin()->front(), 0xaa);
  EXPECT_EQ(demands.id_keys.begin()->front(), 0xbb);
  EXPECT_EQ(demands.author_keys.begin()->front(), 0xcc);
  EXPECT_EQ(demands.family_ids.begin()->front(), 0xdd);
  EXPECT_EQ(demands.image_ids.begin()->front(), 0xee);
  EXPECT_EQ(demands.min_guest_svn, 7u);
  EXPECT_EQ(demands.min_version.at(snp::Product::genoa), (snp::FirmwareVersion{1, 55, 29}));
  EXPECT_EQ(demands.mitigations.at(snp::Product::genoa), 11u);
}

TEST(PolicyOfHardware, snp_demands_that_mean_nothing) {
  for (const std::string& key : {"family_ids = [\"" + std::string(32, 'd') + "\"]", "image_ids = [\"" + std::string(32, 'd') + "\"]",
                                 std::string("min_guest_svn = 1")}) {
    EXPECT_RULE(with("[snp]\n" + key + "\n" + kGenoa), "policy.snp.id_key");
  }
  EXPECT_RULE(with("[snp]\nmin_guest_svn = 0\n" + kGenoa), "policy.parse.value");
  EXPECT_RULE(with("[snp]\nrestrictions = [\"debug\"]\n" + kGenoa), "policy.parse.value");
  EXPECT_RULE(with("[snp]\nplatform = []\n" + kGenoa), "policy.parse.empty_list");
  EXPECT_RULE(with("[snp]\nhost_data = [\"aa\"]\n" + kGenoa), "policy.parse.value");
  EXPECT_RULE(with("[snp]\nchips = [\"aa\"]\n" + kGenoa), "policy.parse.unknown_key") << "chips of every maker stand in nodes.chips";
  EXPECT_RULE(with(kGenoa + "mitigations = 0\n"), "policy.parse.value");
  for (const std::string version : {"", "1", "1.55", "1.55.", "1.55.29.1", "1.55.256", "1.55.-1", "a.b.c", " 1.55.29", "1..29"}) {
    EXPECT_RULE(with(kGenoa + "version = \"" + version + "\"\n"), "policy.parse.value") << version;
  }
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

TEST(PolicyOfHardware, tdx_of_whose_launch_and_which_attributes) {
  const auto plain = with("[tdx]\nmin_evaluation = 1\n");
  ASSERT_OK(plain);
  const tdx::Demands& strict = requirements(*plain).tdx->demands;
  for (const auto member : {&tdx::Demands::mrconfigid, &tdx::Demands::mrowner, &tdx::Demands::mrownerconfig}) {
    EXPECT_EQ(strict.*member, std::set<tdx::Measurement>{{}}) << "zero where the policy says nothing";
  }
  EXPECT_EQ(strict.attributes_mask, tdx::kKnownAttributes);
  EXPECT_EQ(strict.xfam_mask, tdx::kKnownXfam);
  const std::string a(96, 'a'), b(96, 'b');
  const auto policy = with("[tdx]\nmin_evaluation = 1\nmrconfigid = [\"" + a + "\", \"" + b + "\"]\nmrowner = [\"" + a +
                           "\"]\nmrownerconfig = [\"" + b + "\"]\nattributes_mask = 0x10000000\nxfam_mask = 0xe7\n");
  ASSERT_OK(policy);
  const tdx::Demands& demands = requirements(*policy).tdx->demands;
  EXPECT_EQ(demands.mrconfigid.size(), 2u);
  EXPECT_EQ(demands.mrowner.begin()->front(), 0xaa);
  EXPECT_EQ(demands.mrownerconfig.begin()->front(), 0xbb);
  EXPECT_EQ(demands.attributes_mask, 0x10000000u);
  EXPECT_EQ(demands.xfam_mask, 0xe7u);
}

TEST(PolicyOfHardware, tdx_masks_cannot_take_what_has_rules_of_its_own) {
  const auto masked = [](const std::string& mask) { return with("[tdx]\nmin_evaluation = 1\n" + mask + "\n"); };
  EXPECT_RULE(masked("attributes_mask = 1"), "policy.parse.value") << "DEBUG";
  EXPECT_RULE(masked("attributes_mask = 0x80"), "policy.parse.value");
  EXPECT_RULE(masked("attributes_mask = 0x20000000"), "policy.parse.value") << "MIGRATABLE";
  EXPECT_RULE(masked("attributes_mask = -9223372036854775808"), "policy.parse.value") << "PERFMON";
  EXPECT_RULE(masked("xfam_mask = 0xe6"), "policy.parse.value") << "x87 is always on";
}

const std::string kHopper = "[nvgpu.min_vbios]\nHopper = \"96.00.9F.00.01\"\n";

TEST(PolicyOfHardware, nvgpu) {
  const auto policy = with("[nvgpu]\nmin_driver = \"570.124.06\"\nmodes = [\"single\", \"multiple\"]\n" + kHopper);
  ASSERT_OK(policy);
  const nvgpu::Demands& demands = *requirements(*policy).nvgpu;
  EXPECT_EQ(demands.min_driver, "570.124.06");
  EXPECT_EQ(demands.architectures, (std::set{nvgpu::Architecture::hopper}));
  EXPECT_EQ(demands.min_vbios.at(nvgpu::Architecture::hopper).any, "96.00.9F.00.01");
  EXPECT_TRUE(demands.min_vbios.at(nvgpu::Architecture::hopper).boards.empty());
  EXPECT_EQ(demands.modes, (std::set{nvgpu::Mode::single, nvgpu::Mode::multiple}));
  EXPECT_TRUE(demands.fwids.empty());
  EXPECT_EQ(demands.max_revocation_age_s, nvgpu::kRevocationAge_s);
  EXPECT_TRUE(demands.require_manifests && demands.require_fwid && demands.require_revocation);
  EXPECT_FALSE(requirements(*with("")).nvgpu.has_value());
}

TEST(PolicyOfHardware, nvgpu_boards) {
  const auto minimums = [](const std::string& lines) {
    return with("[nvgpu]\nmin_driver = \"570\"\nmodes = [\"single\"]\n[nvgpu.min_vbios]\n" + lines);
  };
  const std::string board = "\"Hopper/G520-0200\" = \"96.00.A5.00.01\"\n";
  const auto alone = minimums(board);
  ASSERT_OK(alone);
  EXPECT_EQ(requirements(*alone).nvgpu->architectures, (std::set{nvgpu::Architecture::hopper}));
  EXPECT_TRUE(requirements(*alone).nvgpu->min_vbios.at(nvgpu::Architecture::hopper).any.empty());
  const auto both = minimums("Hopper = \"96.00.9F.00.01\"\n" + board + "\"Hopper/1010-0205\" = \"96.00.74.00.20\"\n");
  ASSERT_OK(both);
  const nvgpu::MinimumVbios& hopper = requirements(*both).nvgpu->min_vbios.at(nvgpu::Architecture::hopper);
  EXPECT_EQ(hopper.any, "96.00.9F.00.01");
  EXPECT_EQ(hopper.boards.size(), 2u);
  EXPECT_EQ(hopper.boards.at("G520-0200"), "96.00.A5.00.01");
  for (const char* bad : {"\"Hopper/G520\"", "\"Hopper/-0200\"", "\"Hopper/G520-\"", "\"Hopper/\""}) {
    EXPECT_RULE(minimums(std::string(bad) + " = \"96\"\n"), "policy.parse.value") << bad;
  }
  EXPECT_RULE(minimums("\"Hopper/G520-0200\" = \"old\"\n"), "policy.parse.value");
  EXPECT_RULE(minimums("\"Ampere/G520-0200\" = \"96\"\n"), "policy.parse.unknown_key");
}

TEST(PolicyOfHardware, nvgpu_firmware_ids) {
  const auto listed = [](const std::string& ids) {
    return with("[nvgpu]\nmin_driver = \"570\"\nmodes = [\"single\"]\nfwids = [" + ids + "]\n" + kHopper);
  };
  const auto policy = listed("\"" + std::string(96, 'a') + "\", \"" + std::string(96, 'b') + "\"");
  ASSERT_OK(policy);
  EXPECT_EQ(requirements(*policy).nvgpu->fwids.size(), 2u);
  EXPECT_EQ(requirements(*policy).nvgpu->fwids.begin()->back(), 0xaa);
  EXPECT_RULE(listed(""), "policy.parse.empty_list");
  EXPECT_RULE(listed("\"aa\""), "policy.parse.value");
}

TEST(PolicyOfHardware, how_long_what_nvidia_says_of_revocation_counts) {
  const auto counted = [](const std::string& seconds) {
    return with("[nvgpu]\nmin_driver = \"570\"\nmodes = [\"single\"]\nmax_revocation_age_s = " + seconds + "\n" + kHopper);
  };
  const auto policy = counted("86400");
  ASSERT_OK(policy);
  EXPECT_EQ(requirements(*policy).nvgpu->max_revocation_age_s, 86'400);
  EXPECT_RULE(counted("3599"), "policy.parse.value");
  EXPECT_RULE(counted("100000000"), "policy.parse.value");
}

TEST(PolicyOfHardware, nvgpu_is_refused_where_it_is_not_whole) {
  const std::string driver = "min_driver = \"570\"\n", modes = "modes = [\"single\"]\n";
  EXPECT_RULE(with("[nvgpu]\n" + modes + kHopper), "policy.parse.missing");
  EXPECT_RULE(with("[nvgpu]\n" + driver + kHopper), "policy.parse.missing");
  EXPECT_RULE(with("[nvgpu]\n" + driver + modes), "policy.parse.missing");
  EXPECT_RULE(with("[nvgpu]\nmin_driver = \"new\"\n" + modes + kHopper), "policy.parse.value");
  EXPECT_RULE(with("[nvgpu]\n" + driver + "modes = [\"any\"]\n" + kHopper), "policy.parse.value");
  EXPECT_RULE(with("[nvgpu]\n" + driver + "modes = []\n" + kHopper), "policy.parse.empty_list");
  EXPECT_RULE(with("[nvgpu]\n" + driver + modes + "[nvgpu.min_vbios]\n"), "policy.parse.empty_list");
  EXPECT_RULE(with("[nvgpu]\n" + driver + modes + "[nvgpu.min_vbios]\nAmpere = \"1\"\n"), "policy.parse.unknown_key");
  EXPECT_RULE(with("[nvgpu]\n" + driver + modes + kHopper + "Blackwell = \"9Z\"\n"), "policy.parse.value");
  EXPECT_RULE(with("[nvgpu]\nmanifests = false\n" + driver + modes + kHopper), "policy.parse.unknown_key");
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
