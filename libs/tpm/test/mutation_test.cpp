// Each byte of a genuine quote, of its signature, its key and its event log, flipped: refused, and first by the rule that the specification's table
// names.
#include <algorithm>
#include <set>

#include "openpcc/tpm/transport.h"
#include "regions.h"
#include "tpm_forge.h"

namespace openpcc::tpm {
namespace {

using x509::forge::Region;
using x509::forge::regions;

struct Sample {
  std::string name;
  Bytes quote, signature, key;  // key: TPMT_PUBLIC, or SubjectPublicKeyInfo
  Banks values;

  // refusal is the first rule that is tripped; nothing where nothing is.
  std::optional<Error> refusal() const {
    const auto parsed = key[0] == 0x30 ? AttestationKey::from_spki(key) : AttestationKey::from_public(key);
    if (!parsed) return parsed.error();
    const Verification verification = verify(quote, signature, *parsed, values);
    if (verification.failures.empty()) return std::nullopt;
    return verification.failures.front();
  }
};

std::vector<Sample> samples() {
  std::vector<Sample> out;
  for (const x509::Algorithm algorithm : {x509::Algorithm::rsa_pkcs1_sha256, x509::Algorithm::rsa_pss_sha384}) {
    const forge::Machine machine(algorithm);
    out.push_back({"of our own", machine.quote(), machine.signature(), machine.public_area(), machine.pcrs});
  }
  const auto folder = testkit::shared_file("evidence/tpm/quotes");
  if (!folder) return out;
  const auto file = [&](const std::string& name) { return testkit::read_file(*folder / name); };
  for (const std::string bank : {"sha1", "sha256", "sha384"}) {
    const std::string google = "gce-cos-85-no-nonce/";
    out.push_back({google + bank, file(google + "quote_" + bank + ".msg"), file(google + "quote_" + bank + ".sig"),
                   file(google + "ak_pub.tpmt"), *parse_values(file(google + "pcrs_" + bank + ".json"))});
  }
  out.push_back({"trustee-swtpm", file("trustee-swtpm/quote.msg"), file("trustee-swtpm/quote.sig"), file("trustee-swtpm/ak_pub.spki.der"),
                 *parse_values(file("trustee-swtpm/pcrs.json"))});
  return out;
}

void expect_first(const std::optional<Error>& refusal, const std::vector<std::string>& rules, const std::string& where) {
  ASSERT_TRUE(refusal) << where << ": accepted";
  EXPECT_TRUE(std::ranges::find(rules, refusal->rule.id()) != rules.end()) << where << ": " << describe(*refusal);
  testkit::note_tripped(refusal->rule.id());
}

// flip flips all masked bits of a byte, and then each of them alone.
template <class Judge>
void flip(Bytes& bytes, size_t at, const Region& region, const std::string& name, Judge judge) {
  const auto expect = [&](uint8_t bits, const std::vector<std::string>& rules) {
    bytes[at] ^= bits;
    expect_first(judge(), rules, name + ", " + region.field + ", byte " + std::to_string(at) + ", bits " + std::to_string(bits));
    bytes[at] ^= bits;
  };
  expect(region.mask, region.reasons);
  for (unsigned bit = 0; bit < 8; ++bit) {
    if ((region.mask >> bit & 1) != 0) expect(static_cast<uint8_t>(1u << bit), region.bit_reasons);
  }
}

// start_of is where a part of a quote begins, and end_of where its field of variable size ends.
struct Layout {
  size_t extra, clock, selection, digest, end;
  explicit Layout(ByteSpan quote) : end(quote.size()) {
    const auto sized = [&](size_t at) { return at + 2 + (size_t{quote[at]} << 8 | quote[at + 1]); };
    extra = sized(6);
    clock = sized(extra);
    selection = clock + 25;
    digest = selection + 4 + 6;  // one bank of three bytes
  }
  std::pair<size_t, size_t> range(const Region& region) const {
    const std::map<std::string, std::pair<size_t, size_t>> parts{{"", {0, end}},
                                                                 {"signer", {6, extra}},
                                                                 {"extra", {extra, clock}},
                                                                 {"clock", {clock, selection}},
                                                                 {"selection", {selection, digest}},
                                                                 {"digest", {digest, end}}};
    const auto [from, to] = parts.at(region.from);
    return {from + region.at, region.size == 0 ? to : from + region.at + region.size};
  }
};

TEST(TpmMutation, every_bit_of_quotes) {
  for (Sample& sample : samples()) {
    ASSERT_FALSE(sample.refusal()) << sample.name;
    const Layout layout(sample.quote);
    std::vector<uint8_t> covered(sample.quote.size());
    for (const Region& region : regions("tpm_quote", 0)) {
      const auto [from, to] = layout.range(region);
      for (size_t at = from; at < to; ++at) {
        flip(sample.quote, at, region, sample.name, [&] { return sample.refusal(); });
        covered[at] |= region.mask;
      }
    }
    EXPECT_TRUE(std::ranges::all_of(covered, [](uint8_t bits) { return bits == 0xff; })) << "the table leaves bits out";
  }
}

TEST(TpmMutation, every_bit_of_signatures) {
  for (Sample& sample : samples()) {
    for (const Region& region : regions("tpm_signature", 0)) {
      const size_t to = region.size == 0 ? sample.signature.size() : region.at + region.size;
      for (size_t at = region.at; at < to; ++at) flip(sample.signature, at, region, sample.name, [&] { return sample.refusal(); });
    }
  }
}

TEST(TpmMutation, every_bit_of_keys) {
  for (Sample& sample : samples()) {
    if (sample.key[0] == 0x30) continue;
    for (const Region& region : regions("tpm_ak", 0)) {
      const size_t to = region.size == 0 ? sample.key.size() : region.at + region.size;
      for (size_t at = region.at; at < to; ++at) flip(sample.key, at, region, sample.name, [&] { return sample.refusal(); });
    }
  }
}

// Logs. What was quoted is what the log replays to.

struct LogSample {
  std::string name;
  Bytes bytes;
  LogForm form;
  Banks quoted;

  LogSample(std::string n, Bytes b, LogForm f) : name(std::move(n)), bytes(std::move(b)), form(f) {
    const auto log = EventLog::parse(bytes, form);
    OPENPCC_CHECK(log.has_value());
    for (const Hash bank : log->algorithms()) quoted[bank] = *log->replay(bank);
  }
  std::optional<Error> refusal() const {
    const auto log = EventLog::parse(bytes, form);
    if (!log) return log.error();
    for (const auto& [bank, values] : quoted) {
      const auto replayed = log->replay(bank);
      if (!replayed) return replayed.error();
      if (*replayed != values) return fail(Code::verification_failed, "eventlog.replay").error();
    }
    return std::nullopt;
  }
};

std::vector<LogSample> log_samples() {
  std::vector<LogSample> out;
  out.emplace_back("of our own", forge::Log::boot().bytes(), LogForm::tpm);
  out.emplace_back("a TD of our own", forge::Log::td().bytes(), LogForm::ccel);
  const auto folder = testkit::shared_file("evidence/tpm");
  if (!folder) return out;
  out.emplace_back("cos-101", testkit::read_file(*folder / "eventlogs/cos-101-amd-sev.bin"), LogForm::tpm);
  out.emplace_back("gdc-host", testkit::read_file(*folder / "eventlogs/gdc-host.bin"), LogForm::tpm);
  out.emplace_back("google-cos113", testkit::read_file(*folder / "ccel/google-cos113/ccel.bin"), LogForm::ccel);
  out.emplace_back("trustee-gke", testkit::read_file(*folder / "ccel/trustee-gke/ccel.bin"), LogForm::ccel);
  return out;
}

// starts_of are the places from which a row counts: one in the first event, or one in every measured event that is looked at.
std::vector<size_t> starts_of(const LogSample& sample, const std::string& from) {
  if (from == "header") return {0};
  if (from == "algorithms") return {32 + 24};
  const auto log = EventLog::parse(sample.bytes, sample.form);
  size_t digests = 0;
  for (const Hash hash : log->algorithms()) digests += 2 + digest_bytes(hash);
  std::vector<size_t> out;
  const size_t step = std::max<size_t>(1, log->events().size() / 12);
  for (size_t i = 0; i < log->events().size(); i += step) {
    const Event& event = log->events()[i];
    // The last event's data can grow into the padding: only its own digest could tell.
    const bool before_padding = i + 1 == log->events().size() && log->padding_bytes() > 0;
    if (!event.measured() || (from == "size" && before_padding)) continue;
    out.push_back(event.offset + (from == "event" ? 0 : from == "digests" ? 8 : 12 + digests));
  }
  return out;
}

TEST(TpmMutation, event_logs) {
  for (LogSample& sample : log_samples()) {
    ASSERT_FALSE(sample.refusal()) << sample.name;
    for (const Region& region : regions("eventlog", 0)) {
      for (const size_t start : starts_of(sample, region.from)) {
        for (size_t at = start + region.at; at < start + region.at + region.size; ++at) {
          flip(sample.bytes, at, region, sample.name, [&] { return sample.refusal(); });
        }
      }
    }
  }
}

}  // namespace
}  // namespace openpcc::tpm
