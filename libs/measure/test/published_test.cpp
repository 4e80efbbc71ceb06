// Values that others published, each from the inputs that they published with it (shared/evidence): quotes, event logs, descriptions of firmware.
#include "openpcc/measure/published.h"

#include <set>

#include "maker.h"
#include "openpcc/measure/tpm.h"
#include "openpcc/testkit/json.h"
#include "openpcc/tpm/eventlog.h"

namespace openpcc::measure {
namespace {

using testkit::hex;
using testkit::hex_at;
using testkit::text_at;

std::optional<Bytes> evidence(std::string_view name) {
  const auto path = testkit::shared_file("evidence/" + std::string(name));
  if (!path) return std::nullopt;
  return testkit::read_file(*path);
}

#define EVIDENCE(name, file)                                                                  \
  const auto name##_file = evidence(file);                                                    \
  if (!name##_file) GTEST_SKIP() << "SHARED VECTORS ABSENT: " << (file) << " is not checked"; \
  const Bytes& name = *name##_file

// Where a quote of version 4 has MRTD and the runtime registers.
Bytes mrtd_of(const Bytes& quote) { return {quote.begin() + 184, quote.begin() + 184 + 48}; }
Bytes rtmr_of(const Bytes& quote, ptrdiff_t n) { return {quote.begin() + 376 + 48 * n, quote.begin() + 376 + 48 * (n + 1)}; }

using tpm::EventType;

struct LogEvent {
  uint32_t index;
  EventType type;
  Bytes digest;  // of the bank that was asked for
  Bytes data;
};

tpm::EventLog parsed(const Bytes& log) { return *tpm::EventLog::parse(log, tpm::form_of(log)); }

std::vector<LogEvent> events_in(const Bytes& bytes, Bank bank) {
  const tpm::EventLog log = parsed(bytes);
  const auto place = std::ranges::find(log.algorithms(), static_cast<tpm::Hash>(bank)) - log.algorithms().begin();
  std::vector<LogEvent> out;
  for (const tpm::Event& event : log.events()) {
    const ByteSpan digest = event.digests.at(static_cast<size_t>(place));
    out.push_back({event.index, event.type, {digest.begin(), digest.end()}, {event.data.begin(), event.data.end()}});
  }
  std::erase_if(out, [](const LogEvent& event) { return event.type == EventType::no_action; });
  return out;
}

// events_of filters a log by register and type.
std::vector<LogEvent> events_of(const std::vector<LogEvent>& events, uint32_t index, std::optional<EventType> type = std::nullopt) {
  std::vector<LogEvent> out;
  for (const LogEvent& event : events) {
    if (event.index == index && (!type || event.type == *type)) out.push_back(event);
  }
  return out;
}

// replayed is the value of a log's register.
std::string replayed(const Bytes& log, Bank bank, uint8_t index) {
  return to_hex(parsed(log).replay(static_cast<tpm::Hash>(bank))->at(index));
}

Part known(std::string input, Bytes digest) { return {std::move(input), 0, std::move(digest)}; }

// dstack's firmware has the sections of OVMF; its log tells them by the digests that they lead to.
std::vector<TdvfSection> ovmf_sections() {
  maker::Firmware f;
  f.tdx = {{0, 0, 0x810000, 0x10000, TdvfType::temp_mem, 0},
           {0, 0, 0x80b000, 0x2000, TdvfType::temp_mem, 0},
           {0, 0, 0x809000, 0x2000, TdvfType::td_hob, 0},
           {0, 0, 0x800000, 0x6000, TdvfType::temp_mem, 0}};
  return *parse_tdvf(f.make());
}

// DstackLog has the digests of a log's events by register.
struct DstackLog {
  std::array<std::vector<Bytes>, 4> digests;
  explicit DstackLog(const boost::json::value& log) {
    for (const boost::json::value& event : log.as_array()) digests.at(testkit::int_at(event, "imr")).push_back(hex_at(event, "digest"));
  }
};

Measurement dstack_registers(const DstackLog& log, uint64_t memory, const DirectBoot& direct) {
  FirmwareBoot firmware;
  firmware.td_hob = Part::of("memory", *td_hob(ovmf_sections(), memory));
  firmware.cfv = known("cfv", log.digests[0].at(1));
  firmware.acpi_loader = known("host", log.digests[0].at(8));
  firmware.acpi_rsdp = known("host", log.digests[0].at(9));
  firmware.acpi_tables = known("host", log.digests[0].at(10));
  firmware.boot_order = Part::of("constant", ovmf_boot_order());
  firmware.boot_options = {Part::of("constant", ovmf_ui_app())};
  Replayer registers(Bank::sha384);
  extend_firmware(registers, firmware);
  extend_direct(registers, direct);
  Measurement out;
  std::move(registers).finish(out);
  return out;
}

// from_document finds a digest of 48 bytes by its name in dstack's measurement document (CBOR).
Bytes from_document(const Bytes& cbor, std::string_view name) {
  const size_t at = as_text(cbor).find(name);
  OPENPCC_CHECK(at != std::string_view::npos);
  return {cbor.begin() + static_cast<ptrdiff_t>(at + name.size() + 2), cbor.begin() + static_cast<ptrdiff_t>(at + name.size() + 50)};
}

void registers_of_dstack_lite() {
  OPENPCC_SHARED_JSON(log_json, "evidence/tpm/ccel/dstack-lite/event_log.json");
  EVIDENCE(quote, "tdx/quotes/v4-dstack-lite/quote.bin");
  const boost::json::value config = testkit::read_json(*testkit::shared_file("evidence/tpm/ccel/dstack-lite/vm_config.json"));
  const Bytes document = *from_base64(text_at(config.at("tdx_measurement"), "measurement"));
  DirectBoot direct;
  direct.kernel = known("kernel", from_document(document, "kernel_authenticode"));
  direct.cmdline = known("append", from_document(document, "cmdline_sha384"));
  direct.initrd = known("initrd", from_document(document, "initrd_sha384"));
  const DstackLog log(log_json);
  const Measurement m = dstack_registers(log, testkit::int_at(config, "memory_size"), direct);
  for (ptrdiff_t n = 0; n < 3; ++n) EXPECT_EQ(to_hex(m.value("RTMR" + std::to_string(n))), to_hex(rtmr_of(quote, n))) << n;
  EXPECT_EQ(to_hex(from_document(document, "two_pass")), to_hex(mrtd_of(quote))) << "QEMU 8 adds and extends in two passes";
}

void registers_of_dstack_report() {
  OPENPCC_SHARED_JSON(log_json, "evidence/tpm/ccel/dstack-report/event_log.json");
  EVIDENCE(quote, "tdx/quotes/v4-dstack-report/quote.bin");
  const boost::json::value config = testkit::read_json(*testkit::shared_file("evidence/tpm/ccel/dstack-report/vm_config.json"));
  const DstackLog log(log_json);
  const DirectBoot direct{known("kernel", log.digests[1].at(0)), known("append", log.digests[2].at(0)),
                          known("initrd", log.digests[2].at(1))};
  const Measurement m = dstack_registers(log, testkit::int_at(config, "memory_size"), direct);
  for (ptrdiff_t n = 0; n < 3; ++n) EXPECT_EQ(to_hex(m.value("RTMR" + std::to_string(n))), to_hex(rtmr_of(quote, n))) << n;
}

void hand_off_blocks_of_dstack() {
  for (const auto& [name, memory] : {std::pair{"dstack-lite", uint64_t{2} << 30}, {"dstack-report", uint64_t{64} << 30}}) {
    OPENPCC_SHARED_JSON(log, "evidence/tpm/ccel/" + std::string(name) + "/event_log.json");
    EXPECT_EQ(to_hex(digest(Bank::sha384, *td_hob(ovmf_sections(), memory))), to_hex(DstackLog(log).digests[0].at(0))) << name;
  }
}

void hand_off_blocks_of_other_sizes() {
  for (const auto& [name, memory] :
       {std::pair{"tpm/ccel/trustee-ovmf/ccel.bin", uint64_t{2} << 30}, {"tpm/ccel/trustee-grub/ccel.bin", uint64_t{10} << 30}}) {
    EVIDENCE(log, name);
    const auto events = events_in(log, Bank::sha384);
    EXPECT_EQ(to_hex(digest(Bank::sha384, *td_hob(ovmf_sections(), memory))), to_hex(events.at(0).digest)) << name;
  }
}

void firmware_of_google() {
  EVIDENCE(yaml, "tdx/measure/gcp-tdx-firmware.yaml");
  EVIDENCE(quote, "tdx/quotes/v4-gcp-flashbots/quote.bin");
  const auto gcp = parse_gcp(as_text(yaml));
  ASSERT_OK(gcp);
  EXPECT_EQ(to_hex(gcp->mrtd), to_hex(mrtd_of(quote)));
}

void hand_off_block_of_google() {
  EVIDENCE(yaml, "tdx/measure/gcp-tdx-firmware.yaml");
  EVIDENCE(log, "tpm/ccel/google-cos113/ccel.bin");
  const auto gcp = parse_gcp(as_text(yaml));
  ASSERT_OK(gcp);
  const auto events = events_in(log, Bank::sha384);
  EXPECT_EQ(to_hex(digest(Bank::sha384, *gcp_hob(*gcp, uint64_t{16} << 30))), to_hex(events.at(0).digest)) << "a machine of 16 GiB";
}

// disk_of puts a partition table together from the event that measured it.
Bytes disk_of(ByteSpan event) {
  const ByteSpan header = event.first(92);
  const size_t entries = static_cast<size_t>(le<uint64_t>(header.subspan(72))) * 512;
  Bytes out(entries + size_t{le<uint32_t>(header.subspan(80))} * le<uint32_t>(header.subspan(84)));
  std::ranges::copy(header, out.begin() + 512);
  std::ranges::copy(event.subspan(100), out.begin() + static_cast<ptrdiff_t>(entries));
  return out;
}

// sections_of_stub are the events of a stub's sections: names as computed, in the order of the log, contents from the log.
std::vector<Extend> sections_of_stub(const std::vector<LogEvent>& recorded, Bank bank) {
  maker::Executable e;
  for (const char* name : {".linux", ".osrel", ".cmdline", ".initrd", ".uname", ".sbat"}) e.sections.emplace_back(name, Bytes(1));
  const Bytes file = e.make();
  std::vector<Extend> out = *uki_events(*parse_pe(file), bank, bank == Bank::sha384 ? "RTMR2" : "PCR11");
  EXPECT_EQ(out.size(), recorded.size());
  if (out.size() != recorded.size()) return {};
  for (size_t i = 0; i < recorded.size(); i += 2) {
    EXPECT_EQ(to_hex(out[i].digest), to_hex(recorded[i].digest)) << out[i].what;
    out[i + 1].digest = recorded[i + 1].digest;
  }
  return out;
}

void registers_of_a_unified_kernel_image() {
  EVIDENCE(log, "tpm/ccel/trustee-gke/ccel.bin");
  const auto events = events_in(log, Bank::sha384);
  DiskBoot boot;
  boot.gpt = Part::of("disk", *gpt_event(disk_of(events_of(events, 2, EventType::efi_gpt_event).at(0).data)));
  for (const LogEvent& event : events_of(events, 2, EventType::efi_boot_services_application))
    boot.applications.push_back(known("executable", event.digest));
  boot.uki_sections = sections_of_stub(events_of(events, 3), Bank::sha384);
  Replayer registers(Bank::sha384);
  extend_disk(registers, boot);
  Measurement m;
  std::move(registers).finish(m);
  EXPECT_EQ(to_hex(m.value("RTMR1")), replayed(log, Bank::sha384, 2));
  EXPECT_EQ(to_hex(m.value("RTMR2")), replayed(log, Bank::sha384, 3));
}

void secure_boot_register_from_certificates() {
  EVIDENCE(log, "tpm/eventlogs/ubuntu-2404-amd-sevsnp.bin");
  EVIDENCE(pk, "tpm/secure-boot/GcePk.crt");
  EVIDENCE(kek, "tpm/secure-boot/MicCorKEKCA2011_2011-06-24.crt");
  EVIDENCE(windows, "tpm/secure-boot/MicWinProPCA2011_2011-10-19.crt");
  EVIDENCE(third_party, "tpm/secure-boot/MicCorUEFCA2011_2011-06-27.crt");
  const auto google = *efi_guid("d2fa81d2-888d-47a4-9792-5baa47bb1b89");
  const auto owner = Guid{0xd2, 0xfa, 0x81, 0xd2, 0x88, 0x8d, 0xa4, 0x47, 0x97, 0x92, 0x5b, 0xaa, 0x47, 0xbb, 0x1b, 0x89};
  EXPECT_EQ(*efi_guid("d281fad2-8d88-47a4-9792-5baa47bb1b89"), owner);
  EXPECT_NE(google, owner);
  for (const Bank bank : {Bank::sha256, Bank::sha384}) {
    const auto events = events_in(log, bank);
    const auto recorded = events_of(events, 7);
    Variables variables;
    variables.secure_boot = {0};
    variables.pk = signature_list(owner, pk);
    variables.kek = signature_list(owner, kek);
    variables.db = concat({signature_list(owner, third_party), signature_list(owner, windows)});
    const ByteSpan dbx = recorded.at(4).data;
    variables.dbx.assign(dbx.begin() + 32 + 6, dbx.end());  // a list of hashes, which stands in the log alone
    TpmBoot boot;
    boot.secure_boot = variables;
    Replayer registers(bank);
    ASSERT_OK(extend_tpm_boot(registers, bank, boot));
    registers.extend({"PCR7", "SbatLevel", "log", 0, 0, std::nullopt, recorded.at(6).digest, {}});
    Measurement m;
    std::move(registers).finish(m);
    ASSERT_EQ(m.trace.size(), recorded.size());
    for (size_t i = 0; i < recorded.size(); ++i) EXPECT_EQ(to_hex(m.trace[i].digest), to_hex(recorded[i].digest)) << m.trace[i].what;
    EXPECT_EQ(to_hex(m.value("PCR7")), replayed(log, bank, 7));
  }
}

void authority_of_a_signed_boot_loader() {
  EVIDENCE(log, "tpm/eventlogs/cos-101-amd-sev.bin");
  const auto events = events_in(log, Bank::sha256);
  const LogEvent event = events_of(events, 7, EventType::efi_variable_authority).at(0);
  const ByteSpan data = ByteSpan(event.data).subspan(32 + 4);
  EXPECT_EQ(to_hex(digest(Bank::sha256, variable_event(*efi_guid(kImageSecurity), "db", data))), to_hex(event.digest));
}

void boot_variables_strings_and_partition_tables() {
  EVIDENCE(log, "tpm/eventlogs/ubuntu-2404-amd-sevsnp.bin");
  const auto events = events_in(log, Bank::sha256);
  const Bytes menu = digest(Bank::sha256, ovmf_ui_app());
  EXPECT_EQ(std::ranges::count(events, menu, &LogEvent::digest), 1) << "Boot0000 is the firmware's own menu";
  const LogEvent gpt = events_of(events, 5, EventType::efi_gpt_event).at(0);
  const auto table = gpt_event(disk_of(gpt.data));
  ASSERT_OK(table);
  EXPECT_EQ(to_hex(digest(Bank::sha256, *table)), to_hex(gpt.digest));
  for (const std::string_view text : {kCallingApplication, kExitBootServices, kExitedBootServices}) {
    EXPECT_EQ(std::ranges::count(events, digest(Bank::sha256, as_bytes(text)), &LogEvent::digest), 1) << text;
  }
  EXPECT_EQ(std::ranges::count(events, digest(Bank::sha256, kSeparator), &LogEvent::digest), 8);
}

void order_of_executables() {
  EVIDENCE(log, "tpm/eventlogs/ubuntu-2404-amd-sevsnp.bin");
  const auto events = events_in(log, Bank::sha256);
  const auto recorded = events_of(events, 4);
  maker::Executable e;
  const Bytes application = e.make();
  TpmBoot boot;
  boot.applications = {{"shim", application}, {"loader", application}};
  Replayer registers(Bank::sha256);
  ASSERT_OK(extend_tpm_boot(registers, Bank::sha256, boot));
  Measurement m;
  std::move(registers).finish(m);
  ASSERT_EQ(m.trace.size(), recorded.size());
  for (const size_t i : {0u, 1u}) EXPECT_EQ(to_hex(m.trace[i].digest), to_hex(recorded[i].digest)) << m.trace[i].what;
  for (const size_t i : {2u, 3u}) EXPECT_EQ(recorded[i].type, EventType::efi_boot_services_application) << m.trace[i].what;
}

void sections_of_a_stub() {
  EVIDENCE(log, "tpm/eventlogs/dstack-tpm.bin");
  const auto events = events_in(log, Bank::sha256);
  EXPECT_EQ(sections_of_stub(events_of(events, 11), Bank::sha256).size(), 12u);
}

// Reproduction is a pair and what reproduces it; no pair: a value of a log that no proof names.
struct Reproduction {
  std::string_view pair;
  const char* name;
  void (*check)();
};
#define REPRODUCTION(pair, check) {pair, #check, check}
constexpr auto kReproductions = std::to_array<Reproduction>({
    REPRODUCTION("gcp-tdx-firmware.yaml, the quote v4-gcp-flashbots", firmware_of_google),
    REPRODUCTION("event log google-cos113, 16 GiB", hand_off_block_of_google),
    REPRODUCTION("event logs dstack-lite, 2 GiB, and dstack-report, 64 GiB", hand_off_blocks_of_dstack),
    REPRODUCTION("the quotes v4-dstack-lite and v4-dstack-report, with cfv and the ACPI digests of their logs", registers_of_dstack_report),
    REPRODUCTION("the quote v4-dstack-lite and its measurement document", registers_of_dstack_lite),
    REPRODUCTION("event log trustee-gke", registers_of_a_unified_kernel_image),
    REPRODUCTION("event log ubuntu-2404-amd-sevsnp, from Google's and Microsoft's certificates, with dbx and SbatLevel of the log",
                 secure_boot_register_from_certificates),
    REPRODUCTION("event log ubuntu-2404-amd-sevsnp", order_of_executables),
    REPRODUCTION("event log dstack-tpm", sections_of_a_stub),
    REPRODUCTION("", hand_off_blocks_of_other_sizes),
    REPRODUCTION("", authority_of_a_signed_boot_loader),
    REPRODUCTION("", boot_variables_strings_and_partition_tables),
});

class Published : public testing::TestWithParam<Reproduction> {};

TEST_P(Published, reproduced) { GetParam().check(); }

INSTANTIATE_TEST_SUITE_P(Pairs, Published, testing::ValuesIn(kReproductions), [](const auto& one) { return std::string(one.param.name); });

// Pairs that need files or programs which only tests of the whole command have.
constexpr auto kElsewhere = std::to_array<std::pair<std::string_view, const char*>>({
    {"systemd-measure 252", "tests/e2e/test_measure.py"},
    {"the digests that Debian's signed boot loaders carry", "tests/e2e/test_measure.py"},
    {"a virtual machine's own boot (tests/boot)", "tests/boot/test_real_boot.py"},
});

// all_pairs are those that any combination of ways names.
std::set<std::string> all_pairs() {
  std::vector<Proof> all;
  const auto add = [&](std::vector<Proof> proofs) { all.insert(all.end(), proofs.begin(), proofs.end()); };
  for (unsigned bits = 0; bits < 1u << 9; ++bits) {
    const auto bit = [&](unsigned n) { return (bits >> n & 1) != 0; };
    add(tdx_proofs({bit(0), bit(1), bit(2), bit(3), bit(4), bit(5)}));
    add(tpm_proofs({bit(0), bit(1), bit(2), bit(3), bit(4) ? std::optional(252u) : std::nullopt, bit(5), bit(6), bit(7), bit(8)}));
  }
  std::set<std::string> out;
  for (const Proof& proof : all) out.insert(proof.pair);
  out.erase("");
  return out;
}

TEST(PublishedPairs, each_that_is_named_has_its_test) {
  std::set<std::string> tested;
  for (const Reproduction& one : kReproductions) tested.emplace(one.pair);
  for (const auto& [pair, file] : kElsewhere) tested.emplace(pair);
  tested.erase("");
  EXPECT_EQ(all_pairs(), tested);
}

TEST(PublishedPairs, what_has_none_is_unverified) {
  const auto without = [](const std::vector<Proof>& proofs) { return std::ranges::count(proofs, std::string(), &Proof::pair); };
  EXPECT_EQ(without(tdx_proofs({.firmware = true})), 1);
  EXPECT_EQ(without(tdx_proofs({.gcp = true})), 0);
  EXPECT_EQ(without(tdx_proofs({.gcp = true, .rtmr0 = true})), 1) << "no RTMR0 of Google's was reproduced";
  EXPECT_EQ(without(tdx_proofs({.rtmr0 = true})), 0);
  EXPECT_EQ(without(tdx_proofs({.direct = true, .disk = true, .extends = true})), 4);
  EXPECT_EQ(without(tpm_proofs({.secure_boot = true, .executables = true, .disk = true, .uki = true, .stub = 252, .kernel_stub = true})),
            0);
  EXPECT_EQ(without(tpm_proofs({.uki = true, .stub = 252, .phases = true})), 0);
  EXPECT_EQ(without(tpm_proofs({.uki = true, .stub = std::nullopt, .authorities = true, .phases = true, .extends = true})), 4);
}

}  // namespace
}  // namespace openpcc::measure
