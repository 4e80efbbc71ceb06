// What a program says about itself: lines made of a closed set of events and typed fields. Nothing here takes a string that is made at run
// time, so that logging what a user wrote does not compile.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>

#include "openpcc/core/environment.h"
#include "openpcc/core/result.h"
#include "openpcc/core/word.h"
#include "openpcc/http/endpoint.h"

namespace openpcc::daemon {

// Event is everything that can be said; each has a fixed level and text in log.cpp. Requests are counted (metrics.h), never logged one by one
// above `debug`.
enum class Event : uint8_t {
  starting,             // the configuration was accepted
  listening,            // endpoint
  admin_listening,      // endpoint
  ready,                // /readyz turned true
  not_ready,            // /readyz turned false
  draining,             // signal, limit
  stopped,              // status: the exit status
  drain_incomplete,     // count: exchanges cut off at the end of the drain
  exchange_refused,     // debug; rule, status
  exchange_aborted,     // debug; rule
  exchange_cancelled,   // debug; the client left
  upstream_failed,      // endpoint, rule
  upstream_recovered,   // endpoint
  engine_ready,         // endpoint, count: models
  engine_unavailable,   // endpoint, rule
  engine_restarted,     // the engine that we started ended, and is started again
  engine_shares_cache,  // count: paths that are refused because of it
  node_added,           // node
  node_removed,         // node
  node_refused,         // node, rule
  node_unreachable,     // endpoint, rule
  key_created,          // node, until
  key_wiped,            // node, count: envelopes opened
  evidence_refreshed,   // node, took
  evidence_failed,      // rule
  evidence_source,      // source
  evidence_recorded,    // what the node shows is a recording
  replay_set_full,      // node, count
  bundle_published,     // epoch, count: nodes
  bundle_loaded,        // epoch, count: nodes
  bundle_refused,       // endpoint, rule
  policy_loaded,        // count: platforms
  development_mode,     // a check is switched off by name: rule
  fault_injection,      // a demo engine was told to misbehave
};

enum class Level : uint8_t { debug, info, warning, error };
Level level_of(Event event);

// Field is one typed value of a line. Its factories are the closed set; there is none for text.
class Field {
 public:
  static Field rule(Rule rule);
  // rule takes the rule id of an error, never its detail.
  static Field rule(const Error& error) { return rule(error.rule); }
  static Field status(uint16_t status);
  template <std::unsigned_integral T>
    requires(sizeof(T) > 1)
  static Field count(T count) {
    return number(Key::count, static_cast<int64_t>(count));
  }
  template <std::unsigned_integral T>
    requires(sizeof(T) > 1)
  static Field bytes(T bytes) {
    return number(Key::bytes, static_cast<int64_t>(bytes));
  }
  template <std::unsigned_integral T>
    requires(sizeof(T) > 1)
  static Field epoch(T epoch) {
    return number(Key::epoch, static_cast<int64_t>(epoch));
  }
  static Field signal(int signal);
  static Field took(std::chrono::milliseconds duration);
  static Field limit(std::chrono::milliseconds duration);
  static Field until(UnixSeconds time);
  // endpoint is one of our own configuration, never a peer's address; its path is left out.
  static Field endpoint(const http::Endpoint& endpoint);
  // source is where evidence comes from.
  static Field source(Word source);
  // node is the first 8 bytes of a node id, in hex.
  static Field node(std::span<const uint8_t, 32> node_id);

 private:
  friend struct LogLine;
  enum class Key : uint8_t { rule, status, count, bytes, epoch, signal, took, limit, until, endpoint, source, node };
  Field(Key key, std::string text, bool quoted) : key_(key), quoted_(quoted), text_(std::move(text)) {}
  static Field number(Key key, int64_t value);

  Key key_;
  bool quoted_;
  std::string text_;
};

// Log writes whole lines to stderr, from a queue of its own: a reader that stands still costs the oldest lines, never the program's work.
// The destructor writes what is queued. Thread-safe.
class Log {
 public:
  enum class Format : uint8_t { text, json };
  // `program` is the name in each line; `clock` must outlive the log. Another file descriptor than stderr is for tests.
  Log(std::string_view program, Format format, Level least, const Clock& clock, int file_descriptor = 2);
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  ~Log();

  void write(Event event, std::initializer_list<Field> fields = {});
  size_t lines_dropped() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace openpcc::daemon
