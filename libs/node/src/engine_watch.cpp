#include "openpcc/node/engine_watch.h"

#include "openpcc/http/stream.h"
#include "openpcc/node/routes.h"

namespace openpcc::node {
namespace {

using daemon::Event;
using daemon::Field;
using daemon::Gauge;

constexpr http::Milliseconds kInterval{2'000};
constexpr http::Milliseconds kIntervalDown{250};
constexpr http::Milliseconds kConnectTimeout{2'000};
// Between two connections that the engine closes at once: less than any engine takes to start.
constexpr http::Milliseconds kReconnectPause{10};
constexpr http::Milliseconds kShortLife{1'000};
constexpr size_t kAnswerBytesMax = 4 << 20;

// Fewer tokens than one block of any cache may be counted, such as a template's beginning that every prompt has.
constexpr uint64_t kSharedTokensMin = 64;

}  // namespace

EngineWatch::EngineWatch(Engine engine, std::vector<Model> models, http::Loop& loop, http::Client& probe, Random& random,
                         daemon::Metrics& metrics, daemon::Log& log)
    : engine_(std::move(engine)),
      models_(std::move(models)),
      loop_(loop),
      probe_(probe),
      random_(random),
      metrics_(metrics),
      log_(log),
      changed_(loop.executor()) {}

http::Task<> EngineWatch::run() {
  loop_.spawn(hold_connection());
  co_await changed_.wait(kIntervalDown);
  for (;;) {
    const uint64_t losses = losses_;
    auto checked = co_await check();
    // What was found may be another engine's than the one that listens now.
    if (checked && losses != losses_) checked = fail(Code::unavailable, "node.engine.unhealthy");
    note(checked);
    if (checked) co_await report_load();
    const http::Milliseconds pause = ready_ ? kInterval : kIntervalDown;
    co_await changed_.wait(pause);
  }
}

// hold_connection holds a connection on which nothing is said: its end is the first that is seen of an engine's. Engines also close what is
// idle; then they listen still. Where nobody does, what comes next is to be measured anew.
http::Task<> EngineWatch::hold_connection() {
  for (;;) {
    const auto stream = co_await http::connect(engine_.endpoint, kConnectTimeout);
    if (!stream) {
      lost();
      co_await http::sleep_for(kReconnectPause);
      continue;
    }
    if (!std::exchange(present_, true)) changed_.set();
    const auto since = http::monotonic_now();
    std::array<uint8_t, 1> nothing{};
    const MutableByteSpan into(nothing);
    const auto ended = co_await (*stream)->read_some(into, http::Stream::kForever);
    static_cast<void>(ended);
    if (http::monotonic_now() - since < kShortLife) co_await http::sleep_for(kReconnectPause);
  }
}

void EngineWatch::lost() {
  if (!std::exchange(present_, false)) return;
  ++losses_;
  note(fail(Code::unavailable, "node.engine.unhealthy"));
  changed_.set();
}

void EngineWatch::note(const Result<>& checked) {
  const bool up = checked.has_value();
  const std::string_view failure = up ? std::string_view() : checked.error().rule.id();
  if (up && !ready_) log_.write(Event::engine_ready, {Field::endpoint(engine_.endpoint), Field::count(models_.size())});
  if (!up && failure != last_failure_) {
    log_.write(Event::engine_unavailable, {Field::endpoint(engine_.endpoint), Field::rule(checked.error())});
  }
  last_failure_ = failure;
  ready_ = up;
  metrics_.set(Gauge::upstreams_healthy, up ? 1 : 0);
}

// check asks little while all is well: the canary and what follows from it come when the engine was away.
http::Task<Result<>> EngineWatch::check() {
  if (!present_) co_return fail(Code::unavailable, "node.engine.unhealthy");
  const auto health = co_await get(health_path(engine_.kind));
  if (!health || health->head.status != 200) co_return fail(Code::unavailable, "node.engine.unhealthy");
  if (ready_) co_return Result<>();
  const auto models = co_await check_models();
  OPENPCC_CO_TRY(models);
  const auto answered = co_await ask_canary();
  OPENPCC_CO_TRY(answered);
  co_await find_sharing();
  co_return Result<>();
}

http::Task<Result<>> EngineWatch::check_models() {
  const auto list = co_await get("/v1/models");
  if (!list || list->head.status != 200) co_return fail(Code::unavailable, "node.engine.unhealthy");
  for (const Model& model : models_) {
    if (!serves_model(list->body, model.engine_name)) co_return fail(Code::rejected, "node.engine.model_missing");
  }
  co_return Result<>();
}

http::Task<Result<>> EngineWatch::ask_canary() {
  for (const Model& model : models_) {
    const auto canary = canary_for(engine_.canary, model.engine_name, "Say one word.", fresh_salt());
    if (!canary) co_return Result<>();
    const auto answer = co_await post(*canary);
    if (!answer || answer->head.status != 200) co_return fail(Code::unavailable, "node.engine.canary");
  }
  co_return Result<>();
}

http::Task<> EngineWatch::find_sharing() {
  sharing_.clear();
  for (const Route& route : routes()) {
    std::string path(route.path);
    if (!route.salted) continue;
    const bool shared = co_await shared_by_any_model(path);
    if (shared) sharing_.insert(std::move(path));
  }
  if (!sharing_.empty()) log_.write(Event::engine_shares_cache, {Field::count(sharing_.size())});
}

http::Task<bool> EngineWatch::shared_by_any_model(std::string path) {
  for (const Model& model : models_) {
    const bool shared = co_await shares(path, model.engine_name);
    if (shared) co_return true;
  }
  co_return false;
}

// shares asks the same long question twice, under different salts.
http::Task<bool> EngineWatch::shares(std::string path, std::string model) {
  // A prompt of this path's own: what another path left in the cache is the same engine's business, and found there.
  const std::string prompt = fresh_salt() + " " + long_prompt();
  const auto first = co_await cached_by(path, model, prompt);
  static_cast<void>(first);
  const auto second = co_await cached_by(path, model, prompt);
  co_return second && *second >= kSharedTokensMin;
}

// cached_by asks once, and returns how many tokens came from a cache, as far as the engine says.
http::Task<std::optional<uint64_t>> EngineWatch::cached_by(std::string path, std::string model, std::string prompt) {
  const auto canary = canary_for(path, model, prompt, fresh_salt());
  if (!canary) co_return std::nullopt;
  const bool counts = engine_.kind == EngineKind::vllm;
  std::optional<uint64_t> before;
  if (counts) {
    const auto metrics = co_await get(metrics_path(engine_.kind));
    if (metrics) before = cache_hits(as_text(metrics->body));
  }
  const auto answer = co_await post(*canary);
  if (!answer || answer->head.status != 200) co_return std::nullopt;
  const auto said = cached_tokens(answer->body);
  if (said || !before) co_return said;
  const auto metrics = co_await get(metrics_path(engine_.kind));
  const auto after = metrics ? cache_hits(as_text(metrics->body)) : std::nullopt;
  if (!after || *after < *before) co_return std::nullopt;
  co_return *after - *before;
}

http::Task<> EngineWatch::report_load() {
  const std::string_view path = metrics_path(engine_.kind);
  if (path.empty()) co_return;
  const auto metrics = co_await get(path);
  if (!metrics || metrics->head.status != 200) co_return;
  const EngineLoad load = read_load(engine_.kind, as_text(metrics->body));
  if (load.running) metrics_.set(Gauge::engine_requests_running, *load.running);
  if (load.waiting) metrics_.set(Gauge::engine_requests_waiting, *load.waiting);
  if (load.cache_percent) metrics_.set(Gauge::engine_cache_percent, *load.cache_percent);
}

http::Task<Result<http::Client::Answer>> EngineWatch::get(std::string_view path) {
  http::RequestHead head;
  head.method = "GET";
  head.target = path;
  if (!engine_.key.empty()) head.fields.add("authorization", "Bearer " + engine_.key);
  Bytes nothing;
  auto answer = co_await probe_.fetch(engine_.endpoint, std::move(head), std::move(nothing), kAnswerBytesMax);
  co_return answer;
}

http::Task<Result<http::Client::Answer>> EngineWatch::post(const Canary& canary) {
  http::RequestHead head;
  head.method = "POST";
  head.target = canary.path;
  head.fields.add("content-type", "application/json");
  if (!engine_.key.empty()) head.fields.add("authorization", "Bearer " + engine_.key);
  Bytes body(canary.body.begin(), canary.body.end());
  auto answer = co_await probe_.fetch(engine_.endpoint, std::move(head), std::move(body), kAnswerBytesMax);
  co_return answer;
}

std::string EngineWatch::fresh_salt() {
  std::array<uint8_t, 32> salt{};
  random_.fill(salt);
  return to_hex(salt);
}

}  // namespace openpcc::node
