#include "openpcc/measure/event_log.h"

#include "maker.h"
#include "openpcc/testkit/json.h"

namespace openpcc::measure {
namespace {

using testkit::hex;

Bytes sample() { return maker::event_log({{0, 4, Bytes(4)}, {7, 0x80000001, Bytes(9, 1)}, {0, 3, Bytes(5)}, {7, 4, Bytes(4)}}); }

TEST(EventLog, events_of_a_bank) {
  const Bytes log = sample();
  const auto events = parse_event_log(log, Bank::sha384);
  ASSERT_OK(events);
  ASSERT_EQ(events->size(), 3u) << "EV_NO_ACTION extends nothing";
  EXPECT_EQ((*events)[1].index, 7u);
  EXPECT_EQ((*events)[1].digest, digest(Bank::sha384, Bytes(9, 1)));
  const Measurement m = replay("tpm", Bank::sha384, *events);
  EXPECT_EQ(m.registers.size(), 2u);
  EXPECT_EQ(m.trace[1].what, "EV_EFI_VARIABLE_DRIVER_CONFIG");
  EXPECT_EQ(register_of("tdx", 1), "RTMR0");
  EXPECT_EQ(register_of("tdx", 0), "MRTD");
  EXPECT_EQ(event_name(99), "event of type 99");
}

TEST(EventLog, locality_at_startup) {
  const ByteSpan text = as_bytes(std::string_view("StartupLocality\0\3", 17));
  const Bytes locality(text.begin(), text.end());
  const Bytes log = maker::event_log({{0, 3, locality}, {0, 4, Bytes(4)}});
  Bytes first(32);
  first.back() = 3;
  EXPECT_EQ(to_hex(replay("tpm", Bank::sha256, *parse_event_log(log, Bank::sha256)).value("PCR0")),
            to_hex(digest(Bank::sha256, concat({first, digest(Bank::sha256, Bytes(4))}))));
}

TEST(EventLog, padding_ends_it) {
  for (const uint8_t value : {uint8_t{0}, uint8_t{0xff}}) {
    Bytes log = sample();
    log.resize(log.size() + 4096, value);
    EXPECT_EQ(parse_event_log(log, Bank::sha256)->size(), 3u);
  }
}

TEST(EventLog, refusals) {
  EXPECT_RULE(parse_event_log(Bytes(kLogBytesMax + 1), Bank::sha256), "measure.log.size");
  EXPECT_RULE(parse_event_log(Bytes(), Bank::sha256), "measure.log.header");
  EXPECT_RULE(parse_event_log(Bytes(100), Bank::sha256), "measure.log.header");
  EXPECT_RULE(parse_event_log(sample(), Bank::sha512), "measure.log.bank");
  Bytes many = sample();
  put_le<uint32_t>(MutableByteSpan(many).subspan(32 + 24), 0xffffffff);
  EXPECT_RULE(parse_event_log(many, Bank::sha256), "measure.log.header") << "number of algorithms";
  const Bytes whole = sample();
  const size_t head = 32 + 37;
  for (size_t n = head + 1; n < whole.size(); n += 5) {
    const auto events = parse_event_log(ByteSpan(whole).first(n), Bank::sha256);
    if (events) {
      EXPECT_LT(events->size(), 3u) << n;
    } else {
      EXPECT_RULE(events, "measure.log.event") << n;
    }
  }
  Bytes digests = sample();
  put_le<uint32_t>(MutableByteSpan(digests).subspan(head + 8), 0xffffffff);
  EXPECT_RULE(parse_event_log(digests, Bank::sha256), "measure.log.event");
  Bytes algorithm = sample();
  put_le<uint16_t>(MutableByteSpan(algorithm).subspan(head + 12), 0x7777);
  EXPECT_RULE(parse_event_log(algorithm, Bank::sha256), "measure.log.event");
}

TEST(EventLog, many_small_events) {
  std::vector<maker::Event> events(kLogEventsMax + 1, {0, 4, {}});
  EXPECT_RULE(parse_event_log(maker::event_log(events), Bank::sha256), "measure.log.size");
}

TEST(EventLog, recorded_logs_replay_to_the_published_registers) {
  OPENPCC_SHARED_JSON(expected, "evidence/EXPECTED.json");
  size_t logs = 0;
  for (const boost::json::value& item : expected.as_array()) {
    const std::string_view kind = testkit::text_at(item, "kind");
    if (kind != "tdx-ccel" && kind != "tpm-eventlog") continue;
    const boost::json::value* parsed = item.as_object().if_contains("parsed");
    if (parsed == nullptr) continue;
    const bool tdx = kind == "tdx-ccel";
    const Bytes log = testkit::read_file(*testkit::shared_file("evidence/" + std::string(item.at("files").at(0).as_string())));
    const Bank bank = tdx ? Bank::sha384 : Bank::sha256;
    const auto events = parse_event_log(log, bank);
    const boost::json::value* pcrs =
        tdx ? parsed->as_object().if_contains("replayed") : parsed->at("pcrs").as_object().if_contains("sha256");
    if (pcrs == nullptr) {
      EXPECT_FALSE(events) << testkit::text_at(item, "id") << ": a log of SHA-1 alone";
      continue;
    }
    ASSERT_OK(events) << testkit::text_at(item, "id");
    const Measurement m = replay(tdx ? "tdx" : "tpm", bank, *events);
    for (const auto& [name, value] : pcrs->as_object()) {
      const std::string reg = tdx ? "RTMR" + std::string(name).substr(4) : "PCR" + std::string(name);
      EXPECT_EQ(to_hex(m.value(reg)), value.as_string()) << testkit::text_at(item, "id") << " " << reg;
    }
    ++logs;
  }
  EXPECT_GT(logs, 20u);
}

}  // namespace
}  // namespace openpcc::measure
