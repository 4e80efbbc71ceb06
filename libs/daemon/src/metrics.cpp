// The only file that sees prometheus-cpp (its core and its text form; its own server stays out).
#include "openpcc/daemon/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <mutex>
#include <sstream>

namespace openpcc::daemon {
namespace {

struct Name {
  std::string_view word;
  std::string_view help;
};

constexpr std::array<Name, static_cast<size_t>(Counter::log_lines_dropped) + 1> kCounters{{
    {"requests", "Requests whose head arrived."},
    {"answers_complete", "Answers that ended normally."},
    {"answers_aborted", "Answers cut off by us or by what stands behind us."},
    {"cancelled", "Clients that left before the end."},
    {"request_bytes", "Bytes of request bodies."},
    {"answer_bytes", "Bytes of answer bodies."},
    {"upstream_failures", "Failed exchanges with what stands behind us."},
    {"retries", "Requests turned to another recipient."},
    {"envelopes_opened", "Envelopes opened and accepted."},
    {"frames", "Answer frames sealed."},
    {"evidence_refreshes", "Evidence made or verified afresh."},
    {"bundle_refreshes", "Bundles fetched or published."},
    {"tokens_generated", "Tokens written by the demo engine."},
    {"log_lines_dropped", "Log lines lost because nobody read them."},
}};

constexpr std::array<Name, static_cast<size_t>(Gauge::engine_cache_percent) + 1> kGauges{{
    {"ready", "1 while ready for requests."},
    {"requests_running", "Requests in work."},
    {"requests_queued", "Requests waiting for their turn."},
    {"upstreams_healthy", "Upstreams that answer."},
    {"nodes_known", "Nodes in use."},
    {"replay_entries", "Entries of the replay set."},
    {"key_expiry_seconds", "Unix time at which the key in use ends."},
    {"bundle_epoch", "Epoch of the bundle in use."},
    {"engine_requests_running", "Requests that the engine works on, as it says."},
    {"engine_requests_waiting", "Requests that wait inside the engine, as it says."},
    {"engine_cache_percent", "How much of the engine's key-value cache is in use, as it says."},
}};

constexpr std::array<Name, static_cast<size_t>(Histogram::verification) + 1> kHistograms{{
    {"first_byte", "From a request's end to its answer's first byte."},
    {"exchange", "From a request's head to its answer's end."},
    {"open", "Unwrapping and decrypting a request."},
    {"engine_first_byte", "From the engine's request to its first byte."},
    {"verification", "Verifying one node's evidence."},
}};

const prometheus::Histogram::BucketBoundaries& buckets() {
  static const prometheus::Histogram::BucketBoundaries all{0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1,
                                                           0.2,    0.5,    1,      2,     5,     10,    20,   50,   100};
  return all;
}

std::string exported(const Name& name, std::string_view suffix) { return "openpcc_" + std::string(name.word) + std::string(suffix); }

}  // namespace

struct Metrics::State {
  prometheus::Registry registry;
  std::mutex mutex;  // guards the three arrays; the values themselves are atomic
  std::array<prometheus::Counter*, kCounters.size()> counters{};
  std::array<prometheus::Gauge*, kGauges.size()> gauges{};
  std::array<prometheus::Histogram*, kHistograms.size()> histograms{};

  prometheus::Counter& counter(Counter which) {
    const std::scoped_lock lock(mutex);
    auto*& slot = counters.at(static_cast<size_t>(which));
    const Name& name = kCounters.at(static_cast<size_t>(which));
    if (slot == nullptr) slot = &labelled(exported(name, "_total"), name.help, {});
    return *slot;
  }

  prometheus::Gauge& gauge(Gauge which) {
    const std::scoped_lock lock(mutex);
    auto*& slot = gauges.at(static_cast<size_t>(which));
    const Name& name = kGauges.at(static_cast<size_t>(which));
    if (slot == nullptr) slot = &prometheus::BuildGauge().Name(exported(name, "")).Help(std::string(name.help)).Register(registry).Add({});
    return *slot;
  }

  prometheus::Histogram& histogram(Histogram which) {
    const std::scoped_lock lock(mutex);
    auto*& slot = histograms.at(static_cast<size_t>(which));
    const Name& name = kHistograms.at(static_cast<size_t>(which));
    if (slot == nullptr) {
      auto& family = prometheus::BuildHistogram().Name(exported(name, "_seconds")).Help(std::string(name.help)).Register(registry);
      slot = &family.Add({}, buckets());
    }
    return *slot;
  }

  // labelled finds or makes a counter; registry and family keep one per name and labels.
  prometheus::Counter& labelled(const std::string& name, std::string_view help, const std::map<std::string, std::string>& labels) {
    return prometheus::BuildCounter().Name(name).Help(std::string(help)).Register(registry).Add(labels);
  }
};

Metrics::Metrics() : state_(std::make_unique<State>()) {}
Metrics::~Metrics() = default;

void Metrics::add(Counter counter, uint64_t n) { state_->counter(counter).Increment(static_cast<double>(n)); }
void Metrics::set(Gauge gauge, int64_t value) { state_->gauge(gauge).Set(static_cast<double>(value)); }
void Metrics::change(Gauge gauge, int64_t difference) { state_->gauge(gauge).Increment(static_cast<double>(difference)); }

void Metrics::observe(Histogram histogram, std::chrono::nanoseconds duration) {
  state_->histogram(histogram).Observe(std::chrono::duration<double>(duration).count());
}

void Metrics::refused(Rule rule) {
  state_->labelled("openpcc_refusals_total", "Refusals, by the rule that refused.", {{"rule", std::string(rule.id())}}).Increment();
}

void Metrics::answered(uint16_t status) {
  state_->labelled("openpcc_answers_total", "Answers, by their status.", {{"status", std::to_string(status)}}).Increment();
}

std::string Metrics::text() const {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, state_->registry.Collect());
  return out.str();
}

}  // namespace openpcc::daemon
