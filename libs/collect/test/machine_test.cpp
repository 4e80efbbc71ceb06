// Whole collections: a driver's report, completed, as evidence that verifies, or that is refused for exactly what is wrong with it.
#include "openpcc/collect/machine.h"

#include <unistd.h>

#include <fstream>

#include "fake_guest.h"
#include "openpcc/attest/hardware_types.h"
#include "openpcc/collect/recording.h"
#include "openpcc/collect/sev_guest.h"
#include "openpcc/collect/tsm.h"
#include "snp_forge.h"

namespace openpcc::collect {
namespace {

namespace fs = std::filesystem;
namespace forge = snp::forge;
using testing_guest::FakeGuest;
using testing_guest::SevDriver;
using testing_guest::some_binding;
using testing_guest::TsmDriver;

// host_table is what a host gives beside a report: GUID, offset, length of each certificate, then the certificates.
Bytes host_table(const forge::Machine& machine) {
  const std::vector<std::pair<std::string_view, Bytes>> entries = {{"63da758de6644564adc5f4b93be8accd", machine.vek_der()},
                                                                   {"4ab7b379bbac4fe4a02f05aef327c782", machine.line.ask_der()},
                                                                   {"c0b406a4a803495297433fb6014cd0ae", machine.line.ark_der()}};
  Bytes head, body;
  const auto u32 = [&](size_t v) {
    for (int shift = 0; shift < 32; shift += 8) head.push_back(static_cast<uint8_t>(v >> shift));
  };
  for (const auto& [guid, der] : entries) {
    const Bytes id = testkit::hex(guid);
    head.insert(head.end(), id.begin(), id.end());
    u32(24 * (entries.size() + 1) + body.size());
    u32(der.size());
    body.insert(body.end(), der.begin(), der.end());
  }
  head.resize(head.size() + 24);
  return concat({head, body});
}

testing_guest::MakeReport signs(forge::Machine& machine) {
  return [&machine](ByteSpan data) {
    machine.set(0x50, data);
    return machine.signed_report();
  };
}

// genuine verifies a device as attest does, under the forge's own root.
testing::AssertionResult genuine(const attest::Device& device, const forge::Machine& machine) {
  if (device.chain.size() != 3) return testing::AssertionFailure() << device.chain.size() << " certificates";
  const snp::PinnedRoot pin = machine.line.pin();
  const auto crl = device.collateral.find("crl");
  const auto verification = snp::verify(device.report.bytes,
                                        {device.chain[0].bytes, device.chain[1].bytes, device.chain[2].bytes,
                                         crl == device.collateral.end() ? std::nullopt : std::optional<ByteSpan>(crl->second.bytes)},
                                        forge::kNow, {&pin, 1});
  if (!verification.verified) return testing::AssertionFailure() << describe(verification.failures.front());
  if (!equal(verification.verified->report().report_data, some_binding())) return testing::AssertionFailure() << "other report data";
  return testing::AssertionSuccess();
}

class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / ("openpcc-machine-" + std::to_string(getpid()))) { fs::create_directories(path_); }
  ~Folder() { fs::remove_all(path_); }
  void put(const std::string& name, ByteSpan content) const { std::ofstream(path_ / name) << as_text(content); }
  void put_shared(const std::string& name, const std::string& file) const {
    put(name, testkit::read_file(*testkit::shared_file("evidence/" + file)));
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

TEST(Machine, what_a_guest_collects_verifies) {
  forge::Machine chip = forge::Machine::of(snp::Product::genoa);
  FakeGuest kernel;
  kernel.tsm = TsmDriver{};
  kernel.tsm->report = signs(chip);
  kernel.tsm->table = host_table(chip);
  kernel.sev = SevDriver{};
  kernel.sev->report = signs(chip);
  kernel.sev->table = host_table(chip);
  for (const std::string_view source : {"configfs-tsm", "sev-guest"}) {
    Machine machine(*open_source(source, kernel.guest()), staple_from({}));
    EXPECT_EQ(machine.gpu_count(), 0u);
    const auto device = machine.cpu_quote(some_binding());
    ASSERT_OK(device);
    EXPECT_TRUE(genuine(*device, chip)) << source;
    EXPECT_TRUE(device->collateral.empty());
  }
}

TEST(Machine, a_folder_has_what_the_host_does_not_give) {
  forge::Machine chip = forge::Machine::of(snp::Product::turin);
  FakeGuest kernel;
  kernel.sev = SevDriver{};
  kernel.sev->report = signs(chip);
  const Folder folder;
  Machine machine(*open_source("auto", kernel.guest()), staple_from(folder.path()));
  EXPECT_RULE(machine.cpu_quote(some_binding()), "collect.staple.missing");
  folder.put("vcek", chip.vek_der());
  const std::string chain = x509::forge::pem(chip.line.ask_der()) + x509::forge::pem(chip.line.ark_der());
  folder.put("cert_chain", as_bytes(chain));
  const Bytes list = chip.line.crl();
  folder.put("crl", list);
  const auto device = machine.cpu_quote(some_binding());
  ASSERT_OK(device) << "the folder is read again";
  EXPECT_TRUE(genuine(*device, chip));
  EXPECT_EQ(device->collateral.at("crl").bytes, list);
}

TEST(Machine, other_report_data_than_was_asked_for) {
  forge::Machine chip = forge::Machine::of(snp::Product::genoa);
  FakeGuest kernel;
  kernel.tsm = TsmDriver{};
  kernel.tsm->table = host_table(chip);
  kernel.tsm->report = [&](ByteSpan) { return chip.signed_report(); };
  Machine machine(*Tsm::open(kernel.guest()), staple_from({}));
  EXPECT_RULE(machine.cpu_quote(some_binding()), "collect.report.data");
  kernel.tsm->report = [](ByteSpan data) { return Bytes(data.begin(), data.end()); };
  EXPECT_RULE(machine.cpu_quote(some_binding()), "collect.report.syntax");
}

TEST(Machine, recorded_machines_through_the_interfaces) {
  if (!testkit::shared_file("evidence/EXPECTED.json")) GTEST_SKIP() << "no shared evidence";
  const Folder folder;
  folder.put_shared("vcek", "snp/reports/v5-genoa-live/vcek.der");
  folder.put_shared("chain", "snp/roots/genoa/kds_cert_chain_vcek.pem");
  FakeGuest kernel;
  kernel.sev = SevDriver{};
  kernel.sev->report = testing_guest::recorded_report("v5-genoa-live");
  const auto snp = Machine(*open_source("auto", kernel.guest()), staple_from(folder.path())).cpu_quote(some_binding());
  ASSERT_OK(snp);
  EXPECT_EQ(snp->chain.size(), 3u);
  kernel.tsm = TsmDriver{};
  kernel.tsm->provider = "tdx_guest";
  kernel.tsm->has_level = false;
  kernel.tsm->report = testing_guest::recorded_quote("v4-phala");
  const auto tdx = Machine(*open_source("auto", kernel.guest()), [](Collected c) -> Result<attest::Device> {
                     return attest::Device{std::move(c.report), {}, {}};
                   }).cpu_quote(some_binding());
  ASSERT_OK(tdx);
  EXPECT_EQ(tdx->report.media_type, attest::kTdxQuoteType);
}

TEST(Machine, a_recording_says_what_it_said) {
  forge::Machine chip = forge::Machine::of(snp::Product::genoa);
  const Folder folder;
  EXPECT_RULE(Recording::open(folder.path()), "collect.replay.report");
  folder.put("table", host_table(chip));
  Bytes response(32, 0);
  response[4] = 0xa0;
  response[5] = 0x04;
  const Bytes report = chip.signed_report();
  folder.put("answer", concat({response, report}));
  FakeGuest none;
  Machine machine(*open_source("replay:" + folder.path().string(), none.guest()), staple_from({}));
  EXPECT_TRUE(machine.source().recorded());
  EXPECT_EQ(machine.source().name(), Word("recording"));
  const auto device = machine.cpu_quote(some_binding());
  ASSERT_OK(device);
  EXPECT_EQ(device->report.bytes, report);
  EXPECT_EQ(device->chain.size(), 3u);
  folder.put("again", report);
  EXPECT_RULE(Recording::open(folder.path()), "collect.replay.report");
}

TEST(Machine, a_recorded_quote_is_one_too) {
  if (!testkit::shared_file("evidence/EXPECTED.json")) GTEST_SKIP() << "no shared evidence";
  const Folder folder;
  folder.put_shared("quote", "tdx/quotes/v4-phala/quote.bin");
  const auto source = Recording::open(folder.path());
  ASSERT_OK(source);
  EXPECT_EQ((*source)->collect(some_binding())->report.media_type, attest::kTdxQuoteType);
}

TEST(Machine, evidence_that_is_not_a_cpus_report_plays_nothing_back) {
  if (!testkit::shared_file("evidence/EXPECTED.json")) GTEST_SKIP() << "no shared evidence";
  const Folder folder;
  folder.put_shared("report", "nvidia/gpu/hopper-590-single/report.bin");
  const auto source = Recording::open(folder.path());
  EXPECT_RULE(source, "collect.replay.report");
  EXPECT_NE(source.error().detail.find("a report of an NVIDIA device"), std::string::npos) << source.error().detail;
}

}  // namespace
}  // namespace openpcc::collect
