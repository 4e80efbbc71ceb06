// What a program counts: a closed set of names, without labels that a peer could choose.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "openpcc/core/result.h"

namespace openpcc::daemon {

// Counter only grows. The exported name is "openpcc_<word>_total".
enum class Counter : uint8_t {
  requests,          // requests whose head arrived
  answers_complete,  // answers that ended normally
  answers_aborted,   // answers cut off by us or by what stands behind us
  cancelled,         // clients that left before the end
  request_bytes,
  answer_bytes,
  upstream_failures,  // exchanges with what stands behind us that failed
  retries,            // turned to another recipient before an answer's first byte
  envelopes_opened,
  frames,  // answer frames sealed
  evidence_refreshes,
  bundle_refreshes,
  tokens_generated,   // by the demo engine
  log_lines_dropped,  // kept by run()
};

// Gauge goes up and down: "openpcc_<word>".
enum class Gauge : uint8_t {
  ready,  // 1 or 0, as /readyz says
  requests_running,
  requests_queued,
  upstreams_healthy,
  nodes_known,
  replay_entries,
  key_expiry_seconds,  // unix time at which the key in use ends
  bundle_epoch,
  engine_requests_running,  // as the engine's own metrics say
  engine_requests_waiting,
  engine_cache_percent,  // of its key-value cache in use
};

// Histogram has fixed buckets from 100 us to 100 s: "openpcc_<word>_seconds".
enum class Histogram : uint8_t {
  first_byte,         // from the request's end to the answer's first byte
  exchange,           // from the request's head to the answer's end
  open,               // unwrapping and decrypting a request
  engine_first_byte,  // the engine's share of first_byte
  verification,       // verifying one node's evidence
};

// Metrics holds the values of one program. What was never touched is not exported; add(counter, 0) exports a zero. Thread-safe.
class Metrics {
 public:
  Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;
  ~Metrics();

  void add(Counter counter, uint64_t n = 1);
  void set(Gauge gauge, int64_t value);
  void change(Gauge gauge, int64_t difference);
  void observe(Histogram histogram, std::chrono::nanoseconds duration);
  // refused counts a refusal: openpcc_refusals_total{rule="…"}.
  void refused(Rule rule);
  void refused(const Error& error) { refused(error.rule); }
  // answered counts an answer's status: openpcc_answers_total{status="…"}.
  void answered(uint16_t status);

  // text is the Prometheus exposition format, version 0.0.4.
  std::string text() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace openpcc::daemon
