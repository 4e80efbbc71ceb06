#include "openpcc/tpm/describe.h"

#include <algorithm>

#include "openpcc/core/describe.h"
#include "variable.h"

namespace openpcc::tpm {
namespace {

using appraisal::Field;
using appraisal::Fields;

constexpr size_t kShownBytesMax = 64;

std::string register_of(const EventLog& log, uint32_t index) {
  if (log.form() == LogForm::tpm) return index < kPcrs ? "PCR " + std::to_string(index) : "no PCR";
  return index == 0 ? "MRTD" : index <= 4 ? "RTMR" + std::to_string(index - 1) : "no RTMR";
}

bool is_printable(ByteSpan bytes) {
  return std::ranges::all_of(bytes, [](uint8_t c) { return c >= ' ' && c <= '~'; });
}

// shown_data is text where the data is text, the name of a variable where it is one, and hexadecimal otherwise; long data is cut.
std::string shown_data(ByteSpan data) {
  if (const auto variable = read_variable(data)) {
    std::string name;
    for (size_t i = 0; i + 1 < variable->name.size(); i += 2)
      name += variable->name[i + 1] == 0 ? static_cast<char>(variable->name[i]) : '?';
    const ByteSpan value = variable->value.first(std::min(variable->value.size(), kShownBytesMax));
    return name + " = " + to_hex(value) + (value.size() < variable->value.size() ? "..." : "");
  }
  ByteSpan text = data;
  while (!text.empty() && text.back() == 0) text = text.first(text.size() - 1);
  const ByteSpan shown = data.first(std::min(data.size(), kShownBytesMax));
  if (!text.empty() && is_printable(text)) return std::string(as_text(text.first(std::min(text.size(), 2 * kShownBytesMax))));
  return to_hex(shown) + (shown.size() < data.size() ? "..." : "");
}

std::string digests_of(const EventLog& log, const Event& event) {
  std::string out;
  for (size_t i = 0; i < event.digests.size(); ++i) {
    out += (out.empty() ? "" : " ") + std::string(to_string(log.algorithms()[i])) + ":" + to_hex(event.digests[i]);
  }
  return out;
}

}  // namespace

Fields describe(const Quote& quote, ByteSpan bytes) {
  const size_t extra = 6 + 2 + quote.qualified_signer.size();
  const size_t clock = extra + 2 + quote.extra_data.size();
  const size_t selection = clock + 25;
  const size_t digest = bytes.size() - quote.pcr_digest.size() - 2;
  return {{"magic", 0, 4, "ff544347", "TPM_GENERATED_VALUE: the TPM itself made the structure"},
          {"type", 4, 2, "8018", "TPM_ST_ATTEST_QUOTE"},
          {"qualifiedSigner", 6, extra - 6, to_hex(quote.qualified_signer), "name of the key, with what it stands under"},
          {"extraData", extra, clock - extra, to_hex(quote.extra_data),
           quote.extra_data.empty() ? "no nonce: it may be old" : "the nonce that was asked with"},
          {"clock", clock, 8, std::to_string(quote.clock.milliseconds), "milliseconds while the TPM was powered"},
          {"resetCount", clock + 8, 4, std::to_string(quote.clock.reset_count), "boots of the machine"},
          {"restartCount", clock + 12, 4, std::to_string(quote.clock.restart_count), "resumptions since"},
          {"safe", clock + 16, 1, quote.clock.safe ? "1" : "0",
           quote.clock.safe ? "the clock never stood higher" : "the clock may have stood higher"},
          {"firmwareVersion", clock + 17, 8, hex_number(quote.firmware_version), "of the TPM"},
          {"pcrSelect", selection, digest - selection, text_of(quote.selections), "the PCRs that are quoted, and no others"},
          {"pcrDigest", digest, 2 + quote.pcr_digest.size(), to_hex(quote.pcr_digest), "of their values"}};
}

Fields describe(const AttestationKey& key) {
  const bool rsa = std::holds_alternative<crypto::RsaPublic>(key.key());
  Fields out{{"key", 0, key.spki().size(), to_hex(key.fingerprint()),
              std::string("SHA-256 of its SubjectPublicKeyInfo; ") + (rsa ? "RSA" : "ECDSA")}};
  if (key.attributes()) {
    out.push_back({"objectAttributes", 4, 4, hex_number(key.attributes()->bits), "restricted to signing what its own TPM says"});
    out.push_back({"name", 0, key.name().size(), to_hex(key.name()), "algorithm and digest of the public area"});
  }
  return out;
}

Fields describe(const EventLog& log) {
  Fields out;
  for (const Event& event : log.events()) {
    out.push_back({register_of(log, event.index) + " " + name_of(event.type), event.offset, event.data.size(),
                   std::string(to_string(log.coverage(event))) + ": " + shown_data(event.data), digests_of(log, event)});
  }
  for (const Hash bank : log.algorithms()) {
    const auto replayed = log.replay(bank);
    if (!replayed) continue;
    for (const auto& [index, value] : *replayed) {
      out.push_back(
          {std::string(to_string(bank)) + " " + register_of(log, index), 0, value.size(), to_hex(value), "what the log replays to"});
    }
  }
  return out;
}

}  // namespace openpcc::tpm
