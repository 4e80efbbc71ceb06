// The only file that sees spdlog: its queue and thread keep a reader of stderr that stands still from stopping the program.
#include "openpcc/daemon/log.h"

#include <spdlog/async_logger.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ctime>

namespace openpcc::daemon {
namespace {

struct EventText {
  Event event;
  Level level;
  std::string_view name;
  std::string_view sentence;
};

using enum Level;
constexpr std::array kEvents{
    EventText{Event::starting, info, "starting", "the configuration is accepted"},
    EventText{Event::listening, info, "listening", "listening for requests"},
    EventText{Event::admin_listening, info, "admin_listening", "serving /livez, /readyz and /metrics"},
    EventText{Event::ready, info, "ready", "ready for requests"},
    EventText{Event::not_ready, warning, "not_ready", "not ready for requests"},
    EventText{Event::draining, info, "draining", "no new requests; waiting for running ones"},
    EventText{Event::stopped, info, "stopped", "stopped"},
    EventText{Event::drain_incomplete, warning, "drain_incomplete", "running requests were cut off"},
    EventText{Event::exchange_refused, debug, "exchange_refused", "a request was refused"},
    EventText{Event::exchange_aborted, debug, "exchange_aborted", "an answer was cut off"},
    EventText{Event::exchange_cancelled, debug, "exchange_cancelled", "a client left before its answer's end"},
    EventText{Event::upstream_failed, warning, "upstream_failed", "what stands behind us does not answer"},
    EventText{Event::upstream_recovered, info, "upstream_recovered", "what stands behind us answers again"},
    EventText{Event::engine_ready, info, "engine_ready", "the engine answers"},
    EventText{Event::engine_unavailable, warning, "engine_unavailable", "the engine cannot be used"},
    EventText{Event::engine_restarted, warning, "engine_restarted", "the engine ended; starting it again"},
    EventText{Event::engine_shares_cache, warning, "engine_shares_cache", "the engine shares cached prefixes between users on some paths"},
    EventText{Event::node_added, info, "node_added", "a node joined"},
    EventText{Event::node_removed, info, "node_removed", "a node left"},
    EventText{Event::node_refused, warning, "node_refused", "a node's evidence was refused"},
    EventText{Event::node_unreachable, warning, "node_unreachable", "a node does not answer"},
    EventText{Event::key_created, info, "key_created", "a new key is in use"},
    EventText{Event::key_wiped, info, "key_wiped", "a key is wiped"},
    EventText{Event::evidence_refreshed, info, "evidence_refreshed", "fresh evidence is published"},
    EventText{Event::evidence_failed, error, "evidence_failed", "evidence cannot be made"},
    EventText{Event::evidence_source, info, "evidence_source", "the source of evidence answers"},
    EventText{Event::evidence_recorded, warning, "evidence_recorded", "the evidence is a recording: no client accepts it"},
    EventText{Event::replay_set_full, error, "replay_set_full", "the replay set is full; the key has to rotate"},
    EventText{Event::bundle_published, info, "bundle_published", "a bundle is published"},
    EventText{Event::bundle_loaded, info, "bundle_loaded", "a bundle is verified and in use"},
    EventText{Event::bundle_refused, error, "bundle_refused", "a bundle was refused"},
    EventText{Event::policy_loaded, info, "policy_loaded", "the policy is in force"},
    EventText{Event::development_mode, warning, "development_mode", "a check is switched off by the configuration"},
    EventText{Event::fault_injection, warning, "fault_injection", "this engine misbehaves on purpose"},
};

constexpr bool in_order() {
  for (size_t i = 0; i < kEvents.size(); ++i) {
    if (static_cast<size_t>(kEvents[i].event) != i) return false;
  }
  return kEvents.size() == static_cast<size_t>(Event::fault_injection) + 1;
}
static_assert(in_order(), "one line for each Event, in the order of the enumeration");

constexpr std::array<std::string_view, 4> kLevelNames{"debug", "info", "warning", "error"};

const EventText& text_of(Event event) { return kEvents.at(static_cast<size_t>(event)); }

std::string format_time(UnixSeconds seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  std::array<char, 32> out{};
  const size_t n = std::strftime(out.data(), out.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {out.data(), n};
}

// printable replaces what could end a line or a JSON string; endpoints of the configuration are the only values that could hold such bytes.
std::string printable(std::string text) {
  for (char& c : text) {
    if (c < 0x20 || c > 0x7e || c == '"' || c == '\\') c = '?';
  }
  return text;
}

// DescriptorSink writes each line with one write(2).
class DescriptorSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit DescriptorSink(int fd) : fd_(fd) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    std::string line(message.payload.data(), message.payload.size());
    line += '\n';
    for (std::string_view rest = line; !rest.empty();) {
      const ssize_t n = ::write(fd_, rest.data(), rest.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return;  // nobody reads; there is no other place to say so
      rest.remove_prefix(static_cast<size_t>(n));
    }
  }
  void flush_() override {}

 private:
  int fd_;
};

constexpr size_t kQueueLines = 4096;

}  // namespace

// LogLine makes the text of a line.
struct LogLine {
  static constexpr std::array<std::string_view, 12> kKeys{"rule", "status", "count", "bytes",    "epoch",  "signal",
                                                          "took", "limit",  "until", "endpoint", "source", "node"};

  static std::string_view key(const Field& field) { return kKeys.at(static_cast<size_t>(field.key_)); }

  static std::string json(std::string_view program, const EventText& event, UnixSeconds now, std::initializer_list<Field> fields) {
    std::string out = "{\"time\":\"" + format_time(now) + "\",\"level\":\"" + std::string(kLevelNames[static_cast<size_t>(event.level)]) +
                      "\",\"program\":\"" + std::string(program) + "\",\"event\":\"" + std::string(event.name) + "\"";
    for (const Field& field : fields) {
      const std::string_view quote = field.quoted_ ? "\"" : "";
      out += ",\"" + std::string(key(field)) + "\":" + std::string(quote) + field.text_ + std::string(quote);
    }
    return out + "}";
  }

  static std::string text(std::string_view program, const EventText& event, UnixSeconds now, std::initializer_list<Field> fields) {
    std::string out = format_time(now) + " " + std::string(kLevelNames[static_cast<size_t>(event.level)]) + " " + std::string(program) +
                      ": " + std::string(event.sentence) + " (" + std::string(event.name) + ")";
    for (const Field& field : fields) out += " " + std::string(key(field)) + "=" + field.text_;
    return out;
  }
};

Level level_of(Event event) { return text_of(event).level; }

Field Field::number(Key key, int64_t value) { return {key, std::to_string(value), false}; }
Field Field::rule(Rule rule) { return {Key::rule, std::string(rule.id()), true}; }
Field Field::status(uint16_t status) { return number(Key::status, status); }
Field Field::signal(int signal) { return number(Key::signal, signal); }
Field Field::took(std::chrono::milliseconds duration) { return {Key::took, std::to_string(duration.count()) + "ms", true}; }
Field Field::limit(std::chrono::milliseconds duration) { return {Key::limit, std::to_string(duration.count()) + "ms", true}; }
Field Field::until(UnixSeconds time) { return {Key::until, format_time(time), true}; }

Field Field::endpoint(const http::Endpoint& endpoint) {
  http::Endpoint shown = endpoint;
  shown.base_path.clear();
  return {Key::endpoint, printable(shown.to_string()), true};
}

Field Field::source(Word source) { return {Key::source, std::string(source.text()), true}; }

Field Field::node(std::span<const uint8_t, 32> node_id) { return {Key::node, to_hex(node_id.first<8>()), true}; }

struct Log::State {
  State(std::string_view name, Format wanted, Level lowest, const Clock& time, int fd)
      : program(name),
        format(wanted),
        least(lowest),
        clock(time),
        pool(std::make_shared<spdlog::details::thread_pool>(kQueueLines, 1)),
        logger(std::make_shared<spdlog::async_logger>("", std::make_shared<DescriptorSink>(fd), pool,
                                                      spdlog::async_overflow_policy::overrun_oldest)) {}
  std::string program;
  Format format;
  Level least;
  const Clock& clock;
  std::shared_ptr<spdlog::details::thread_pool> pool;
  std::shared_ptr<spdlog::async_logger> logger;
};

Log::Log(std::string_view program, Format format, Level least, const Clock& clock, int file_descriptor)
    : state_(std::make_unique<State>(program, format, least, clock, file_descriptor)) {}

Log::~Log() = default;  // the pool writes what is queued before its thread ends

void Log::write(Event event, std::initializer_list<Field> fields) {
  const EventText& text = text_of(event);
  if (text.level < state_->least) return;
  const auto line = state_->format == Format::json ? LogLine::json : LogLine::text;
  state_->logger->info(spdlog::string_view_t(line(state_->program, text, state_->clock.now(), fields)));
}

size_t Log::lines_dropped() const { return state_->pool->overrun_counter(); }

}  // namespace openpcc::daemon
