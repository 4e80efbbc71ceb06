#include "openpcc/tpm/eventlog.h"

#include <algorithm>
#include <set>

#include "tpm_forge.h"

namespace openpcc::tpm {
namespace {

using forge::Log;
using testkit::hex;

Result<EventLog> parsed(const Log& log, LogForm form = LogForm::tpm) { return EventLog::parse(log.bytes(), form); }

Bytes locality(std::initializer_list<uint8_t> rest) {
  return concat({as_bytes(std::string_view("StartupLocality", 16)), ByteSpan(rest.begin(), rest.size())});
}

TEST(EventLog, events_come_back) {
  const Log made = Log::boot();
  const auto log = parsed(made);
  ASSERT_OK(log);
  EXPECT_TRUE(log->crypto_agile());
  EXPECT_EQ(log->algorithms(), (std::vector{Hash::sha1, Hash::sha256}));
  ASSERT_EQ(log->events().size(), made.events.size());
  for (size_t i = 0; i < made.events.size(); ++i) {
    EXPECT_EQ(log->events()[i].index, made.events[i].index);
    EXPECT_EQ(log->events()[i].type, made.events[i].type);
    EXPECT_TRUE(equal(log->events()[i].data, made.events[i].data));
  }
}

TEST(EventLog, stays_what_it_is_when_moved) {
  auto log = parsed(Log::boot());
  ASSERT_OK(log);
  const Bank before = *log->replay(Hash::sha256);
  const EventLog moved = std::move(*log);
  EXPECT_EQ(*moved.replay(Hash::sha256), before);
}

TEST(EventLog, replay_extends_each_register_in_order) {
  Log made;
  made.events = {{2, EventType::ipl, {1}, {}}, {2, EventType::no_action, {9}, {}}, {2, EventType::ipl, {2}, {}}};
  const auto log = parsed(made);
  ASSERT_OK(log);
  for (const Hash hash : made.algorithms) {
    const Bytes first = extended(hash, Bytes(digest_bytes(hash)), digest(hash, Bytes{1}));
    EXPECT_EQ(*log->replay(hash), (Bank{{2, extended(hash, first, digest(hash, Bytes{2}))}}));
  }
  EXPECT_RULE(log->replay(Hash::sha384), "eventlog.bank");
}

TEST(EventLog, of_sha1_alone) {
  Log made = Log::boot();
  made.algorithms = {};
  const auto log = parsed(made);
  ASSERT_OK(log);
  EXPECT_FALSE(log->crypto_agile());
  EXPECT_EQ(*log->replay(Hash::sha1), *parsed(Log::boot())->replay(Hash::sha1));
  EXPECT_RULE(log->replay(Hash::sha256), "eventlog.bank");
  EXPECT_RULE(EventLog::parse(made.bytes(), LogForm::ccel), "eventlog.spec_id");
}

TEST(EventLog, startup_locality_sets_where_pcr_0_begins) {
  Log made;
  made.events = {{0, EventType::no_action, locality({3}), {}}};
  auto log = parsed(made);
  ASSERT_OK(log);
  Bytes start(32);
  start.back() = 3;
  EXPECT_EQ(log->replay(Hash::sha256)->at(0), start);
  made.events.push_back({0, EventType::ipl, {1}, {}});
  EXPECT_EQ(parsed(made)->replay(Hash::sha256)->at(0), extended(Hash::sha256, start, digest(Hash::sha256, Bytes{1})));

  const auto with = [&](std::vector<forge::LogEvent> events) {
    made.events = std::move(events);
    return parsed(made);
  };
  const forge::LogEvent good{0, EventType::no_action, locality({4}), {}};
  EXPECT_OK(with({good}));
  EXPECT_OK(with({{0, EventType::no_action, locality({0}), {}}}));
  EXPECT_RULE(with({good, good}), "eventlog.locality");
  EXPECT_RULE(with({forge::separator(0), good}), "eventlog.locality");
  EXPECT_OK(with({forge::separator(1), good}));
  EXPECT_RULE(with({{0, EventType::no_action, locality({}), {}}}), "eventlog.locality");
  EXPECT_RULE(with({{0, EventType::no_action, locality({3, 0}), {}}}), "eventlog.locality");
  EXPECT_RULE(with({{0, EventType::no_action, locality({1}), {}}}), "eventlog.locality");
  EXPECT_RULE(with({{1, EventType::no_action, locality({3}), {}}}), "eventlog.locality");
}

TEST(EventLog, the_first_event_says_which_algorithms) {
  Bytes bytes = Log::boot().bytes();
  const auto with = [&](size_t at, std::initializer_list<uint8_t> values) {
    Bytes changed = bytes;
    std::ranges::copy(values, changed.begin() + static_cast<ptrdiff_t>(at));
    return EventLog::parse(changed, LogForm::tpm);
  };
  constexpr size_t kCount = 32 + 24;
  EXPECT_RULE(with(0, {1}), "eventlog.spec_id");
  EXPECT_RULE(with(4, {4}), "eventlog.spec_id");
  EXPECT_RULE(with(8, {1}), "eventlog.spec_id");
  EXPECT_RULE(with(32 + 14, {'2'}), "eventlog.spec_id");  // of TPM 1.2
  EXPECT_RULE(with(kCount, {0}), "eventlog.spec_id");
  EXPECT_RULE(with(kCount, {1}), "eventlog.spec_id");
  EXPECT_RULE(with(kCount, {3}), "eventlog.spec_id");
  EXPECT_RULE(with(kCount, {5}), "eventlog.spec_id");
  EXPECT_RULE(with(kCount + 4, {0x12}), "eventlog.spec_id");       // SM3
  EXPECT_RULE(with(kCount + 6, {32}), "eventlog.spec_id");         // SHA-1 of 32 bytes
  EXPECT_RULE(with(kCount + 4, {11, 0, 32}), "eventlog.spec_id");  // SHA-256 twice
  EXPECT_RULE(with(kCount + 12, {1}), "eventlog.spec_id");         // vendor information beyond the end
  EXPECT_RULE(with(28, {0xff, 0xff, 0xff}), "eventlog.syntax");
}

TEST(EventLog, each_event_has_a_digest_of_each_algorithm) {
  Log made;
  made.events = {forge::separator(1)};
  const Bytes bytes = made.bytes();
  const size_t event = bytes.size() - (12 + 22 + 34 + 8);
  const auto with = [&](size_t at, uint8_t value) {
    Bytes changed = bytes;
    changed[event + at] = value;
    return EventLog::parse(changed, LogForm::tpm);
  };
  EXPECT_RULE(with(8, 1), "eventlog.algorithms");
  EXPECT_RULE(with(8, 3), "eventlog.algorithms");
  EXPECT_RULE(with(11, 0x80), "eventlog.algorithms");
  EXPECT_RULE(with(12, 12), "eventlog.algorithms");      // SHA-384
  EXPECT_RULE(with(12 + 22, 4), "eventlog.algorithms");  // SHA-1 again
  EXPECT_OK(EventLog::parse(bytes, LogForm::tpm));
}

TEST(EventLog, sizes_are_bounded) {
  EXPECT_RULE(EventLog::parse({}, LogForm::tpm), "eventlog.size");
  EXPECT_RULE(EventLog::parse(Bytes(kLogBytesMax + 1), LogForm::tpm), "eventlog.size");
  Log made;
  made.algorithms = {};
  made.events.assign(kEventsMax, {1, EventType::ipl, {}, {}});
  EXPECT_OK(parsed(made));
  made.events.push_back({1, EventType::ipl, {}, {}});
  EXPECT_RULE(parsed(made), "eventlog.size");
  made.events = {{1, EventType::ipl, Bytes(kEventBytesMax, 1), {}}};
  EXPECT_OK(parsed(made));
  made.events[0].data.push_back(1);
  EXPECT_RULE(parsed(made), "eventlog.syntax");
}

TEST(EventLog, a_cut_anywhere_is_seen_or_is_between_events) {
  Log made = Log::boot();
  const Bytes bytes = made.bytes();
  const auto whole = parsed(made);
  std::set<size_t> ends{bytes.size()};
  for (const Event& event : whole->events()) ends.insert(event.offset);
  for (size_t n = 1; n < bytes.size(); ++n) {
    if (bytes[n - 1] == 0 || bytes[n - 1] == 0xff) continue;  // what is left may read as padding
    const auto cut = EventLog::parse(ByteSpan(bytes).first(n), LogForm::tpm);
    EXPECT_EQ(cut.has_value(), ends.contains(n)) << n;
  }
  EXPECT_RULE(EventLog::parse(ByteSpan(bytes).first(bytes.size() - 1), LogForm::tpm), "eventlog.syntax");
}

TEST(EventLog, registers_that_are_not_there) {
  Log made;
  made.events = {{24, EventType::ipl, {1}, {}}};
  EXPECT_RULE(parsed(made), "eventlog.register");
  made.events = {{0xffffffff, EventType::no_action, {1}, {}}, {24, EventType::no_action, {1}, {}}};
  EXPECT_OK(parsed(made)) << "what is not measured goes nowhere";
  EXPECT_TRUE(parsed(made)->replay(Hash::sha256)->empty());
  Log td = Log::td();
  for (const uint32_t index : {0u, 5u, 0xffffffffu}) {
    td.events = {{index, EventType::ipl, {1}, {}}};
    EXPECT_RULE(parsed(td, LogForm::ccel), "eventlog.register") << index;
  }
}

TEST(EventLog, padding_is_zeros_or_ones_to_the_end) {
  for (const Log& start : {Log::boot(), Log::td()}) {
    Log made = start;
    const LogForm form = made.algorithms.size() == 1 ? LogForm::ccel : LogForm::tpm;
    const size_t events = made.events.size();
    for (const uint8_t fill : {uint8_t{0x00}, uint8_t{0xff}}) {
      for (const size_t size : {1u, 7u, 8u, 100u}) {
        made.padding = Bytes(size, fill);
        const auto log = parsed(made, form);
        ASSERT_OK(log);
        EXPECT_EQ(log->events().size(), events);
        EXPECT_EQ(log->padding_bytes(), size);
      }
      made.padding = Bytes(100, fill);
      made.padding[60] = 0x55;
      EXPECT_RULE(parsed(made, form), "eventlog.trailing");
      made.padding.back() = 0x55;
      EXPECT_RULE(parsed(made, form), "eventlog.trailing");
    }
  }
}

TEST(EventLog, coverage_of_each_kind) {
  Log made;
  const Bytes variable = forge::variable(1, EventType::ipl, "BootOrder", Bytes{1, 2}).data;
  made.events = {{1, EventType::separator, Bytes(4), {}},
                 {8, EventType::ipl, Bytes{'a', ':', ' ', 'b', 0}, Bytes{'b'}},
                 {8, EventType::ipl, Bytes{'a', 'b', 0}, Bytes{'a', 'b'}},
                 {1, EventType::efi_variable_boot, variable, Bytes{1, 2}},
                 {4, EventType::efi_boot_services_application, {1, 2}, Bytes{3}},
                 {1, EventType::separator, Bytes(4), Bytes{1}},
                 {7, EventType::efi_variable_driver_config, variable, Bytes{1, 2}},
                 {0, EventType::no_action, {1}, {}}};
  const auto log = parsed(made);
  ASSERT_OK(log);
  std::vector<Coverage> seen;
  for (const Event& event : log->events()) seen.push_back(log->coverage(event));
  EXPECT_EQ(seen, (std::vector{Coverage::whole, Coverage::text, Coverage::text, Coverage::value, Coverage::none, Coverage::broken,
                               Coverage::broken, Coverage::no_event}));
}

TEST(EventLog, a_digest_of_one_algorithm_covers_nothing_for_the_others) {
  Log made;
  made.events = {forge::separator(1)};
  Bytes bytes = made.bytes();
  bytes[bytes.size() - 8 - 1] ^= 1;  // the last byte of SHA-256
  const auto log = EventLog::parse(bytes, LogForm::tpm);
  ASSERT_OK(log);
  EXPECT_EQ(log->coverage(log->events()[0]), Coverage::broken);
}

TEST(EventLog, files_are_told_apart) {
  EXPECT_TRUE(looks_like_log(Log::boot().bytes()));
  Log sha1 = Log::boot();
  sha1.algorithms = {};
  EXPECT_TRUE(looks_like_log(sha1.bytes()));
  EXPECT_FALSE(looks_like_log(Bytes(3)));
  EXPECT_FALSE(looks_like_log(Bytes(100, 7)));
  EXPECT_EQ(form_of(Log::boot().bytes()), LogForm::tpm);
  EXPECT_EQ(form_of(Log::td().bytes()), LogForm::ccel);
}

}  // namespace
}  // namespace openpcc::tpm
