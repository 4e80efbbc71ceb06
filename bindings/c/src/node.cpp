#include <algorithm>
#include <memory>

#include "handles.h"
#include "openpcc/attest/verify.h"

using openpcc::ByteSpan;
using openpcc::Error;
using openpcc::abi::guarded;

namespace attest = openpcc::attest;
namespace note = openpcc::note;
namespace policy = openpcc::policy;

namespace {

static_assert(OPENPCC_NODE_EVIDENCE_BYTES_MAX == attest::kEvidenceBytesMax);
static_assert(OPENPCC_POLICY_BYTES_MAX == policy::kPolicyBytesMax);
static_assert(OPENPCC_BEACON_BYTES_MAX == note::kNoteBytesMax);

// Reason is the caller's buffer for why something was refused.
struct Reason {
  char* buffer;
  size_t bytes;

  bool valid() const { return buffer != nullptr || bytes == 0; }
  void write(std::string_view text) const {
    if (bytes == 0) return;
    const size_t size = std::min(text.size(), bytes - 1);
    std::copy_n(text.data(), size, buffer);
    buffer[size] = '\0';
  }
  openpcc_status refuse(const Error& error) const {
    write(describe(error));
    return OPENPCC_ERROR_REFUSED;
  }
};

std::unique_ptr<openpcc_verdict> handle_of(const attest::Verdict& verdict) {
  auto out = std::make_unique<openpcc_verdict>();
  out->outcome = verdict.exit_code();
  out->genuine = verdict.outcome() == attest::Outcome::accept;
  out->kind = "evidence of a node";
  for (const attest::Row& row : verdict.rows()) {
    out->findings.push_back({openpcc::abi::state_number(row.state), row.required && row.state != attest::State::passed,
                             std::string(to_string(row.property)), std::string(to_string(row.state)), std::string(row.rule.id()),
                             row.expected, row.seen, row.remedy});
  }
  out->json = verdict.json();
  return out;
}

}  // namespace

openpcc_status openpcc_node_demands_create(const uint8_t* toml, size_t size, openpcc_node_demands** out, char* reason,
                                           size_t reason_bytes) {
  const Reason why{reason, reason_bytes};
  if (out == nullptr) return OPENPCC_ERROR_ARGUMENT;
  *out = nullptr;
  if (toml == nullptr || !why.valid()) return OPENPCC_ERROR_ARGUMENT;
  why.write("");
  if (size > OPENPCC_POLICY_BYTES_MAX) return OPENPCC_ERROR_LIMIT;
  return guarded([&]() -> openpcc_status {
    auto parsed = policy::parse(ByteSpan(toml, size));
    if (!parsed) return why.refuse(parsed.error());
    *out = std::make_unique<openpcc_node_demands>(std::move(*parsed), std::vector<note::VerifiedBeacon>()).release();
    return OPENPCC_OK;
  });
}

openpcc_status openpcc_node_demands_add_beacon(openpcc_node_demands* demands, const uint8_t* text, size_t size, char* reason,
                                               size_t reason_bytes) {
  const Reason why{reason, reason_bytes};
  if (demands == nullptr || text == nullptr || !why.valid()) return OPENPCC_ERROR_ARGUMENT;
  why.write("");
  if (size > OPENPCC_BEACON_BYTES_MAX || demands->beacons.size() >= OPENPCC_BEACONS_MAX) return OPENPCC_ERROR_LIMIT;
  return guarded([&]() -> openpcc_status {
    const auto beacon = note::verify_beacon(ByteSpan(text, size), policy::requirements(demands->policy).beacon_key);
    if (!beacon) return why.refuse(beacon.error());
    demands->beacons.push_back(*beacon);
    return OPENPCC_OK;
  });
}

void openpcc_node_demands_free(openpcc_node_demands* demands) { std::unique_ptr<openpcc_node_demands>{demands}.reset(); }

openpcc_status openpcc_verify_node(const uint8_t* evidence, size_t size, const openpcc_node_demands* demands, int64_t unix_seconds,
                                   openpcc_verdict** out) {
  if (out == nullptr) return OPENPCC_ERROR_ARGUMENT;
  *out = nullptr;
  if (evidence == nullptr || size == 0 || demands == nullptr || !openpcc::abi::in_time(unix_seconds)) return OPENPCC_ERROR_ARGUMENT;
  if (size > OPENPCC_NODE_EVIDENCE_BYTES_MAX) return OPENPCC_ERROR_LIMIT;
  return guarded([&] {
    const attest::Circumstances circumstances{unix_seconds, demands->beacons, std::nullopt};
    *out = handle_of(attest::verify(ByteSpan(evidence, size), demands->policy, circumstances).verdict).release();
    return OPENPCC_OK;
  });
}
