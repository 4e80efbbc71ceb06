#include "openpcc/tpm/boot.h"

#include <algorithm>

#include "openpcc/appraisal/writer.h"
#include "variable.h"

namespace openpcc::tpm {
namespace {

using appraisal::Aspect;
using appraisal::Writer;

constexpr std::string_view kInvocation = "Exit Boot Services Invocation";
constexpr std::string_view kSuccess = "Exit Boot Services Returned with Success";
constexpr std::array<uint8_t, 4> kNoError{};
constexpr const char* kAgain = "get quote and log again from the same boot of the machine";
constexpr const char* kFirmware = "the machine's firmware must measure as the specification says";

// SecureBoot of the EFI global variables.
constexpr std::array<uint8_t, 16> kGlobalVariable{0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11,
                                                  0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c};
constexpr std::string_view kSecureBoot{"S\0e\0c\0u\0r\0e\0B\0o\0o\0t\0", 20};

// Layout is which registers are whose.
struct Layout {
  uint32_t first;           // of the firmware
  uint32_t firmware_last;   // the last that the firmware measures into, for which there must be a value
  uint32_t separated_last;  // the last that has a separator
  uint32_t exit_register;   // where the end of the boot is measured
  uint32_t settings;        // where secure boot is
  const char* prefix;
};
constexpr Layout layout_of(LogForm form) { return form == LogForm::tpm ? Layout{0, 7, 7, 5, 7, "PCR "} : Layout{1, 3, 2, 2, 1, "RTMR"}; }

std::string name_of_register(LogForm form, uint32_t index) {
  return layout_of(form).prefix + std::to_string(form == LogForm::tpm ? index : index - 1);
}

std::string list_of(LogForm form, const std::vector<uint32_t>& registers) {
  std::string out;
  for (const uint32_t index : registers) out += (out.empty() ? "" : ", ") + name_of_register(form, index);
  return out.empty() ? "none" : out;
}

// Mark finds what was measured by its digest of the quoted bank. Types, data and digests of other banks do not matter: nothing covers them.
class Mark {
 public:
  Mark(const EventLog& log, Hash bank, ByteSpan measured)
      : log_(log),
        place_(static_cast<size_t>(std::ranges::find(log.algorithms(), bank) - log.algorithms().begin())),
        digest_(digest(bank, measured)) {}
  bool is(const Event& event) const { return event.measured() && place_ < event.digests.size() && equal(event.digests[place_], digest_); }
  size_t count(uint32_t index) const {
    return static_cast<size_t>(std::ranges::count_if(log_.events(), [&](const Event& event) { return event.index == index && is(event); }));
  }

 private:
  const EventLog& log_;
  size_t place_;
  Bytes digest_;
};

void judge_replay(Writer& out, const EventLog& log, const Quoted& quoted) {
  constexpr Rule kRule = "eventlog.replay";
  const LogForm form = log.form();
  const Layout layout = layout_of(form);
  const auto replayed = log.replay(quoted.bank);
  if (!replayed) {
    return out.refuse(Aspect::software, "eventlog.bank", "digests of " + std::string(to_string(quoted.bank)), replayed.error().detail,
                      kAgain);
  }
  std::vector<uint32_t> compared, unquoted, beyond;
  for (uint32_t index = layout.first; index < kPcrs; ++index) {
    const auto of_log = replayed->find(static_cast<uint8_t>(index));
    const auto of_quote = quoted.values.find(static_cast<uint8_t>(index));
    const bool logged = of_log != replayed->end();
    if (of_quote == quoted.values.end()) {
      if (logged) unquoted.push_back(index);
      continue;
    }
    if (!logged && index > layout.firmware_last) {
      const bool untouched =
          std::ranges::all_of(of_quote->second, [&](uint8_t b) { return b == of_quote->second[0] && (b == 0 || b == 0xff); });
      if (!untouched) beyond.push_back(index);
      continue;
    }
    const Bytes value = logged ? of_log->second : Bytes(digest_bytes(quoted.bank));
    if (value != of_quote->second) {
      const std::string name = name_of_register(form, index) + " ";
      return out.refuse(Aspect::software, kRule, name + to_hex(of_quote->second), name + to_hex(value), kAgain);
    }
    compared.push_back(index);
  }
  if (compared.empty()) return out.refuse(Aspect::software, kRule, "a register that is in the log", "none was quoted", kAgain);
  out.pass(Aspect::software, kRule, "what was quoted", "the log replays to " + list_of(form, compared));
  if (!unquoted.empty())
    out.leave(Aspect::software, kRule, "", "events of " + list_of(form, unquoted) + ", which were not quoted: nobody's word");
  if (!beyond.empty()) out.leave(Aspect::software, kRule, "", list_of(form, beyond) + " were extended, by nothing that is in this log");
}

void judge_digests(Writer& out, const EventLog& log) {
  constexpr Rule kRule = "eventlog.digest";
  size_t measured = 0, covered = 0;
  for (const Event& event : log.events()) {
    const Coverage coverage = log.coverage(event);
    if (coverage == Coverage::broken) {
      return out.refuse(Aspect::software, kRule, "digests of the data",
                        name_of(event.type) + " at byte " + std::to_string(event.offset) + " has others", kAgain);
    }
    if (event.measured()) ++measured;
    if (coverage == Coverage::whole || coverage == Coverage::text || coverage == Coverage::value) ++covered;
  }
  out.pass(Aspect::software, kRule, "digests of the data", "what must be measured as it stands in the log is");
  const auto secure = secure_boot(log);
  const std::string says = !secure ? "" : *secure ? "; secure boot is on" : "; secure boot is off";
  out.leave(Aspect::software, kRule, "",
            std::to_string(covered) + " of " + std::to_string(measured) + " events have data that their digest covers" + says);
}

void judge_separators(Writer& out, const EventLog& log, const Quoted& quoted) {
  constexpr Rule kRule = "eventlog.separator";
  const Layout layout = layout_of(log.form());
  const Mark zeros(log, quoted.bank, kNoError);
  std::vector<uint32_t> unquoted;
  for (uint32_t index = layout.first; index <= layout.separated_last; ++index) {
    if (!quoted.values.contains(static_cast<uint8_t>(index))) {
      unquoted.push_back(index);
      continue;
    }
    const size_t good = zeros.count(index);
    // Digests of errors are those of short values of variables too, so that errors go by their type; to hide one as something else takes the
    // good one away.
    const auto bad = std::ranges::count_if(
        log.events(), [&](const Event& event) { return event.index == index && event.type == EventType::separator && !zeros.is(event); });
    if (good == 1 && bad == 0) continue;
    const std::string seen = bad > 0 ? "one that reports an error" : std::to_string(good);
    return out.refuse(Aspect::software, kRule, "one separator of zeros in " + name_of_register(log.form(), index), seen, kFirmware);
  }
  if (!unquoted.empty()) {
    return out.leave(Aspect::software, kRule, "one separator of zeros in each register of the firmware",
                     "not quoted: " + list_of(log.form(), unquoted));
  }
  out.pass(Aspect::software, kRule, "one separator of zeros in each register of the firmware",
           "each register of the firmware has its separator");
}

void judge_exit(Writer& out, const EventLog& log, const Quoted& quoted) {
  constexpr Rule kRule = "eventlog.boot_services";
  const Layout layout = layout_of(log.form());
  constexpr std::string_view kExpected = "one call of ExitBootServices that succeeds, after the separators";
  if (!quoted.values.contains(static_cast<uint8_t>(layout.exit_register))) {
    return out.leave(Aspect::software, kRule, std::string(kExpected), "not quoted: " + name_of_register(log.form(), layout.exit_register));
  }
  const Mark separator(log, quoted.bank, kNoError), invocation(log, quoted.bank, as_bytes(kInvocation)),
      success(log, quoted.bank, as_bytes(kSuccess));
  size_t invocations = 0, successes = 0;
  bool in_order = true;
  for (const Event& event : log.events()) {
    if (event.index >= layout.first && event.index <= layout.separated_last && separator.is(event)) in_order = in_order && successes == 0;
    if (event.index != layout.exit_register) continue;
    if (invocation.is(event)) ++invocations;
    if (!success.is(event)) continue;
    ++successes;
    in_order = in_order && invocations == 1;
  }
  out.judge(Aspect::software, kRule, invocations == 1 && successes == 1 && in_order, false, std::string(kExpected),
            "ExitBootServices: " + std::to_string(invocations) + " calls, " + std::to_string(successes) + " successes" +
                (in_order ? "" : ", in another order"),
            kFirmware);
}

bool is_of_firmware(EventType type) {
  return type == EventType::s_crtm_contents || type == EventType::s_crtm_version || type == EventType::efi_platform_firmware_blob ||
         type == EventType::efi_platform_firmware_blob2 || type == EventType::efi_variable_driver_config;
}

// judge_late goes by types, so it finds firmware that does not keep the order, and not a log that was made up to hide it.
void judge_late(Writer& out, const EventLog& log, Hash bank) {
  constexpr Rule kRule = "eventlog.late";
  const Layout layout = layout_of(log.form());
  const Mark separator(log, bank, kNoError);
  std::array<bool, kPcrs> closed{};
  for (const Event& event : log.events()) {
    if (!event.measured() || event.index > layout.separated_last) continue;
    closed[event.index] = closed[event.index] || separator.is(event);
    if (closed[event.index] && is_of_firmware(event.type)) {
      return out.refuse(Aspect::software, kRule, "the firmware's own state before the separator",
                        name_of(event.type) + " at byte " + std::to_string(event.offset), kFirmware);
    }
  }
  out.pass(Aspect::software, kRule, "the firmware's own state before the separator", "nothing of the firmware's own follows its separator");
}

}  // namespace

Quoted of_rtmrs(std::span<const std::array<uint8_t, 48>, 4> rtmrs) {
  Quoted out{Hash::sha384, {}};
  for (uint8_t i = 0; i < 4; ++i) out.values[static_cast<uint8_t>(i + 1)] = Bytes(rtmrs[i].begin(), rtmrs[i].end());
  return out;
}

appraisal::Findings appraise_log(const EventLog& log, const Quoted& quoted) {
  Writer out;
  judge_replay(out, log, quoted);
  judge_digests(out, log);
  judge_separators(out, log, quoted);
  judge_exit(out, log, quoted);
  judge_late(out, log, quoted.bank);
  return out.take();
}

std::optional<bool> secure_boot(const EventLog& log) {
  const Layout layout = layout_of(log.form());
  std::optional<bool> out;
  for (const Event& event : log.events()) {
    if (event.index != layout.settings || log.coverage(event) != Coverage::whole) continue;
    const auto variable = read_variable(event.data);
    if (!variable || !equal(variable->vendor, kGlobalVariable) || !equal(variable->name, as_bytes(kSecureBoot))) continue;
    if (out || variable->value.size() != 1) return std::nullopt;
    out = variable->value[0] == 1;
  }
  return out;
}

}  // namespace openpcc::tpm
