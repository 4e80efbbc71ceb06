#include "openpcc/measure/explain.h"

#include "maker.h"
#include "openpcc/measure/document.h"
#include "openpcc/measure/tpm.h"

namespace openpcc::measure {
namespace {

using Texts = std::vector<std::string>;

SnpLaunch launch() {
  SnpLaunch out;
  out.firmware = *SnpFirmware::of(maker::Firmware().make());
  out.kernel = KernelHashes::of(as_bytes("kernel"), as_bytes("initrd"), "console=ttyS0");
  out.vcpus = 2;
  out.signature = *cpu_signature("EPYC-Milan");
  return out;
}

Measurement measured(const SnpLaunch& l) {
  Measurement out = *measure_snp(l);
  describe_launch(l, out);
  out.parameters.emplace_back("append", "console=ttyS0");
  return out;
}

// causes_when gives the causes that are found for what another launch leads to.
template <class Change>
Texts causes_when(Change change) {
  SnpLaunch other = launch();
  change(other);
  return causes_of(measured(launch()), "MEASUREMENT", measure_snp(other)->value("MEASUREMENT"));
}

TEST(SnpCauses, one_change) {
  EXPECT_EQ(causes_when([](SnpLaunch& l) { l.vcpus = 4; }), Texts{"4 vCPUs"});
  EXPECT_EQ(causes_when([](SnpLaunch& l) { l.vcpus = 1; }), Texts{"1 vCPU"});
  EXPECT_EQ(causes_when([](SnpLaunch& l) { l.vcpus = 512; }), Texts{"512 vCPUs"});
  EXPECT_EQ(causes_when([](SnpLaunch& l) { l.signature = *cpu_signature("EPYC-Genoa"); }), Texts{"vCPU type EPYC-Genoa"});
  EXPECT_EQ(causes_when([](SnpLaunch& l) { l.sev_features = 0x21; }), Texts{"SEV_FEATURES 0x21"});
  EXPECT_EQ(causes_when([](SnpLaunch& l) { l.vmm = Vmm::ec2; }), Texts{"launched by ec2"});
  EXPECT_EQ(causes_when([](SnpLaunch& l) { l.vmm = Vmm::gce; }), Texts{"launched by gce"});
  EXPECT_EQ(causes_when([](SnpLaunch& l) { l.kernel.reset(); }), Texts{"no kernel"});
  EXPECT_EQ(causes_when([](SnpLaunch& l) { l.kernel = KernelHashes::of(as_bytes("kernel"), {}, "console=ttyS0"); }), Texts{"no initrd"});
  EXPECT_EQ(causes_when([](SnpLaunch& l) { l.kernel = KernelHashes::of(as_bytes("kernel"), as_bytes("initrd"), ""); }),
            Texts{"an empty command line"});
  EXPECT_EQ(causes_when([](SnpLaunch& l) { l.kernel->cmdline = crypto::sha256(as_bytes("console=ttyS0")); }),
            Texts{"the command line hashed without its NUL"});
  EXPECT_EQ(causes_when([](SnpLaunch& l) { l.rdx = 0; }), Texts{"RDX 0x0 at reset"});
}

TEST(SnpCauses, several_changes_and_none) {
  EXPECT_EQ(causes_when([](SnpLaunch& l) { l.vcpus = 8, l.sev_features = 0x21; }), Texts{"SEV_FEATURES 0x21, 8 vCPUs"});
  EXPECT_EQ(causes_when([](SnpLaunch& l) { l.kernel.reset(), l.vmm = Vmm::gce, l.vcpus = 3; }),
            Texts{"launched by gce, no kernel, 3 vCPUs"});
  EXPECT_EQ(causes_when([](SnpLaunch& l) { l.firmware.pages[0][0] ^= 1; }), Texts{}) << "another firmware cannot be guessed";
  EXPECT_EQ(causes_when([](SnpLaunch& l) { l.vcpus = 513; }), Texts{});
  EXPECT_EQ(causes_of(measured(launch()), "MEASUREMENT", Bytes(48)), Texts{"nothing was extended"});
}

TEST(SnpCauses, a_launch_comes_back_from_its_document) {
  const auto back = parse_measurement(as_bytes(to_json(measured(launch()))));
  ASSERT_OK(back);
  const auto again = launch_of(*back);
  ASSERT_TRUE(again);
  EXPECT_EQ(to_hex(measure_snp(*again)->value("MEASUREMENT")), to_hex(measure_snp(launch())->value("MEASUREMENT")));
  for (const auto& [name, value] : {std::pair{"vmm", "xen"},
                                    {"vcpus", "-1"},
                                    {"signature", "0x1ffffffff"},
                                    {"firmware.sections", "0x1000+0x1:0x1"},
                                    {"firmware.sections", "0x1000"},
                                    {"firmware.reset", ""}}) {
    Measurement wrong = *back;
    for (auto& parameter : wrong.parameters) {
      if (parameter.first == name) parameter.second = value;
    }
    EXPECT_FALSE(launch_of(wrong)) << name;
  }
}

Measurement boot() {
  Replayer registers(Bank::sha384);
  const DirectBoot parts{Part::of("kernel", as_bytes("kernel")), Part::of("append", cmdline_bytes("quiet initrd=initrd")),
                         Part::of("initrd", as_bytes("initrd"))};
  extend_direct(registers, parts);
  Measurement out;
  out.technology = "tdx";
  std::move(registers).finish(out);
  out.alternatives = {{"RTMR2", "command line", "without \" initrd=initrd\"", digest(Bank::sha384, cmdline_bytes("quiet"))},
                      {"MRTD", "firmware", "in two passes", Bytes(48, 7)}};
  out.registers.push_back({"MRTD", Bytes(48, 6)});
  return out;
}

Bytes run(std::initializer_list<Bytes> digests) {
  Replayer registers(Bank::sha384);
  for (const Bytes& d : digests) registers.extend({"X", "", "", 0, 0, std::nullopt, d, {}});
  Measurement out;
  std::move(registers).finish(out);
  return out.registers.at(0).value;
}

TEST(Causes, of_any_register) {
  const Measurement m = boot();
  const Bytes cmdline = m.trace.at(5).digest, initrd = m.trace.at(6).digest, other = m.alternatives.at(0).digest;
  EXPECT_EQ(causes_of(m, "RTMR2", run({other, initrd})), Texts{"command line without \" initrd=initrd\""});
  EXPECT_EQ(causes_of(m, "RTMR2", run({initrd})), Texts{"without command line (step 1)"});
  EXPECT_EQ(causes_of(m, "RTMR2", run({cmdline, initrd, initrd})), Texts{"initrd (step 2) twice"});
  EXPECT_EQ(causes_of(m, "RTMR2", run({initrd, cmdline})), Texts{"command line (step 1) after what follows it"});
  EXPECT_EQ(causes_of(m, "MRTD", Bytes(48, 7)), Texts{"in two passes"});
  EXPECT_EQ(causes_of(m, "RTMR2", Bytes(48, 9)), Texts{});
  EXPECT_EQ(causes_of(m, "RTMR9", Bytes(48, 9)), Texts{});
}

TEST(Compare, names_the_first_step_and_what_was_given) {
  SnpLaunch other = launch();
  other.kernel = KernelHashes::of(as_bytes("kernel 2"), as_bytes("initrd"), "console=ttyS0");
  other.vcpus = 4;
  const auto differences = compare(measured(launch()), measured(other));
  ASSERT_EQ(differences.size(), 1u);
  EXPECT_TRUE(differences[0].first.starts_with(
      "step 9: expected normal page: hashes of kernel, initrd and command line (from kernel hashes, address 0x804000)"))
      << differences[0].first;
  ASSERT_EQ(differences[0].causes.size(), 2u);
  EXPECT_EQ(differences[0].causes[0], "vcpus: 2, seen 4");
  EXPECT_TRUE(differences[0].causes[1].starts_with("kernel.sha256: "));
  EXPECT_TRUE(compare(measured(launch()), measured(launch())).empty());
}

TEST(Compare, with_more_and_fewer_steps) {
  Measurement longer = boot(), shorter = boot();
  shorter.trace.pop_back();
  shorter.registers.at(1).value[0] ^= 1;
  shorter.parameters.clear();
  auto differences = compare(longer, shorter);
  ASSERT_EQ(differences.size(), 1u);
  EXPECT_TRUE(differences[0].first.starts_with("step 2: expected initrd")) << differences[0].first;
  EXPECT_TRUE(differences[0].first.ends_with("seen nothing more"));
  differences = compare(shorter, longer);
  EXPECT_TRUE(differences[0].first.starts_with("step 2: nothing more expected")) << differences[0].first;
  Measurement no_steps = shorter;
  no_steps.trace.clear();
  EXPECT_EQ(compare(longer, no_steps).at(0).first, "");
}

TEST(Document, comes_back_as_it_was) {
  Measurement m = boot();
  m.trace[0].gpa = 0xfffffffff000;
  m.parameters = {{"memory", "2147483648"}};
  m.proofs = {{"RTMR1", ""}};
  const auto back = parse_measurement(as_bytes(to_json(m)));
  ASSERT_OK(back);
  EXPECT_EQ(to_json(*back), to_json(m));
  EXPECT_EQ(back->trace[0].gpa, 0xfffffffff000u);
}

std::string changed(std::string_view from, std::string_view to) {
  std::string out = to_json(boot());
  return out.replace(out.find(from), from.size(), to);
}

TEST(Document, refusals) {
  const auto read = [](std::string_view text) { return parse_measurement(as_bytes(text)); };
  EXPECT_RULE(read(""), "measure.document");
  EXPECT_RULE(read("{}"), "measure.document");
  EXPECT_RULE(read(changed("measurement v1", "measurement v2")), "measure.document");
  EXPECT_RULE(read(changed("sha384", "sha1")), "measure.document");
  EXPECT_RULE(read(changed("sha384", "sha256")), "measure.document") << "digests of another size";
  EXPECT_RULE(read(changed("\"offset\":0", "\"offset\":-1")), "measure.document");
  EXPECT_RULE(read(changed("\"gpa\":\"\"", "\"gpa\":\"12\"")), "measure.document");
  EXPECT_RULE(read(changed("\"gpa\":\"\"", "\"gpa\":\"0xx\"")), "measure.document");
  EXPECT_RULE(read(changed("\"gpa\":\"\"", "\"gpa\":\"\",\"more\":1")), "measure.document");
  EXPECT_RULE(read(changed("\"trace\":[", "\"trace\":[3,")), "measure.document");
}

}  // namespace
}  // namespace openpcc::measure
