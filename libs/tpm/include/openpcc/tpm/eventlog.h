// The event log of a boot, as its bytes: TCG PC Client Platform Firmware Profile s10 (with digests of SHA-1 alone, or of several algorithms), and
// the CCEL of a TD, which has the same form (UEFI s38.4). All integers are little-endian.
//
// A log proves nothing by itself. When what it replays to is what hardware signed, order and digests are true; what an event's type and data
// say is true only of events whose digest is that of the data (coverage).
#pragma once

#include <vector>

#include "openpcc/tpm/digest.h"

namespace openpcc::tpm {

inline constexpr size_t kLogBytesMax = 1u << 20;
inline constexpr size_t kEventsMax = 4096;
inline constexpr size_t kEventBytesMax = 64u << 10;  // of an event's data
inline constexpr size_t kAlgorithmsMax = 4;

// LogForm is where the log is from, which says what its registers are.
enum class LogForm : uint8_t {
  tpm,   // PCR 0 to 23
  ccel,  // 0 is MRTD, which nothing extends; 1 to 4 are RTMR0 to RTMR3
};

// EventType is an event's number in TCG's table; those that something here looks at have names.
enum class EventType : uint32_t {
  post_code = 0x01,
  no_action = 0x03,
  separator = 0x04,
  action = 0x05,
  event_tag = 0x06,
  s_crtm_contents = 0x07,
  s_crtm_version = 0x08,
  cpu_microcode = 0x09,
  platform_config_flags = 0x0a,
  compact_hash = 0x0c,
  ipl = 0x0d,
  nonhost_code = 0x0f,
  nonhost_config = 0x10,
  nonhost_info = 0x11,
  efi_variable_driver_config = 0x80000001,
  efi_variable_boot = 0x80000002,
  efi_boot_services_application = 0x80000003,
  efi_boot_services_driver = 0x80000004,
  efi_runtime_services_driver = 0x80000005,
  efi_gpt_event = 0x80000006,
  efi_action = 0x80000007,
  efi_platform_firmware_blob = 0x80000008,
  efi_handoff_tables = 0x80000009,
  efi_platform_firmware_blob2 = 0x8000000a,
  efi_handoff_tables2 = 0x8000000b,
  efi_variable_boot2 = 0x8000000c,
  efi_hcrtm_event = 0x80000010,
  efi_variable_authority = 0x800000e0,
};
// name_of is "EV_SEPARATOR", or the number where the type has no name here.
std::string name_of(EventType type);

// Coverage is how far an event's digests cover its data.
enum class Coverage : uint8_t {
  whole,    // the digest is that of the data
  text,     // of the text alone: without the end mark, or without the prefix that GRUB puts before it
  value,    // of the value of a UEFI variable, but not of its name
  none,     // of something else: the data is only the log's word
  broken,   // the type says that it is that of the data, and it is not
  no_event  // EV_NO_ACTION: nothing was measured
};
std::string_view to_string(Coverage coverage);

// Event shows bytes of its log.
struct Event {
  size_t offset = 0;  // in the log
  uint32_t index = 0;
  EventType type = EventType::no_action;
  std::vector<ByteSpan> digests;  // one for each of the log's algorithms, in their order
  ByteSpan data;
  bool measured() const { return type != EventType::no_action; }
};

// EventLog owns its bytes. Moving it keeps what its events show.
class EventLog {
 public:
  //   eventlog.size         empty, over kLogBytesMax, or more than kEventsMax events (limit)
  //   eventlog.spec_id      the first event's algorithms are unknown, twice or of wrong sizes; a CCEL without such an event or
  //                         without SHA-384
  //   eventlog.syntax       an event is cut short, or its data longer than kEventBytesMax
  //   eventlog.algorithms   an event has not exactly one digest of each algorithm
  //   eventlog.register     a measured event of no register that is there
  //   eventlog.locality     StartupLocality is malformed, unknown, twice, or after PCR 0 was extended
  //   eventlog.trailing     something else than padding of zeros or ones after the last event
  static Result<EventLog> parse(ByteSpan bytes, LogForm form);

  EventLog(EventLog&&) noexcept = default;
  EventLog& operator=(EventLog&&) noexcept = default;

  LogForm form() const { return form_; }
  bool crypto_agile() const { return crypto_agile_; }
  const std::vector<Hash>& algorithms() const { return algorithms_; }
  const std::vector<Event>& events() const { return events_; }
  size_t padding_bytes() const { return padding_bytes_; }
  // locality is where TPM2_Startup came from, which PCR 0 starts with; nullopt: the log does not say, and it starts with zeros.
  std::optional<uint8_t> locality() const { return locality_; }

  // replay is what the registers hold that an event was extended into, or whose start the log names. Indices are the log's.
  //   eventlog.bank   the log has no digests of this algorithm
  Result<Bank> replay(Hash bank) const;

  // coverage looks at the digests of all algorithms, and gives the least that holds for each of them.
  Coverage coverage(const Event& event) const;

 private:
  EventLog() = default;
  Result<> read();
  Result<Event> read_event(ByteReader& reader) const;
  Result<> read_locality(const Event& event, bool extended);

  Bytes bytes_;
  LogForm form_ = LogForm::tpm;
  bool crypto_agile_ = false;
  std::vector<Hash> algorithms_;
  std::vector<Event> events_;
  std::optional<uint8_t> locality_;
  size_t padding_bytes_ = 0;
};

// looks_like_log: the bytes begin as a log does. For telling files apart; nothing is checked.
bool looks_like_log(ByteSpan bytes);
// form_of tells a log's form by its first event, which a CCEL has under RTMR0.
LogForm form_of(ByteSpan bytes);

}  // namespace openpcc::tpm
