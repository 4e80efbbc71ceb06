#include "engine.h"

#include <algorithm>

#include "openpcc/daemon/log.h"
#include "sse.h"

namespace openpcc::demo_engine {
namespace {

using daemon::Counter;
using daemon::Gauge;
using daemon::Histogram;
using http::Milliseconds;
using http::ServerExchange;
using http::Task;
using SteadyClock = std::chrono::steady_clock;

constexpr std::string_view kGarbage = "data: {\"choices\":[{\"delta\":\xff\xfe\n\n}}}<html>";
constexpr Milliseconds kForever = std::chrono::hours(24);
constexpr Milliseconds kDeliveryTime{20};  // an abort discards what the system has not delivered yet; the chosen byte must arrive

}  // namespace

// Run is one answer on its way: its exchange, its place in the queue, its fault, and what wakes it.
class Engine::Run {
 public:
  Run(Engine& engine, ServerExchange& exchange, const Job& job, const Fault& fault)
      : engine_(engine),
        exchange_(exchange),
        job_(job),
        fault_(fault),
        signals_(std::make_shared<Signals>(engine.loop_.executor())),
        place_(engine.queue_.enter([s = signals_] { s->wake.set(); })) {
    exchange.when_abandoned([s = signals_] {
      s->abandoned = true;
      s->wake.set();
    });
    engine_.metrics_.change(Gauge::requests_running, 1);
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run() {
    engine_.metrics_.change(Gauge::requests_running, -1);
    std::erase(engine_.held_, this);
  }

  // Each step returns false when nothing more is to be sent: the client left, or the fault ended the answer.
  Task<bool> wait_for_turn();
  Task<bool> wait_for_token(uint64_t token);
  Task<bool> stream();
  Task<bool> whole();

  void release() {
    signals_->released = true;
    signals_->wake.set();
  }

 private:
  // Signals outlive the run where a callback is late.
  struct Signals {
    explicit Signals(boost::asio::any_io_executor executor) : wake(std::move(executor)) {}
    http::Event wake;
    bool abandoned = false;
    bool released = false;
  };

  Task<bool> wait_until(SteadyClock::time_point time);
  Task<bool> hold();
  Task<bool> send(const std::string& bytes);
  Task<bool> write(ByteSpan bytes);
  bool left();

  Engine& engine_;
  ServerExchange& exchange_;
  const Job& job_;
  Fault fault_;
  std::shared_ptr<Signals> signals_;
  Queue::Place place_;
  SteadyClock::time_point began_ = SteadyClock::now();
  uint64_t sent_ = 0;
  bool counted_as_left_ = false;
};

// left says whether the client is gone, and counts it once.
bool Engine::Run::left() {
  if (signals_->abandoned && !std::exchange(counted_as_left_, true)) engine_.metrics_.add(Counter::cancelled);
  return signals_->abandoned;
}

Task<bool> Engine::Run::wait_for_turn() {
  while (!place_.has_turn() && !left()) {
    const Milliseconds most = kForever;
    co_await signals_->wake.wait(most);
  }
  began_ = SteadyClock::now();
  co_return !left();
}

Task<bool> Engine::Run::wait_until(SteadyClock::time_point time) {
  while (!left()) {
    const auto rest = std::chrono::ceil<Milliseconds>(time - SteadyClock::now());
    if (rest.count() <= 0) co_return true;
    co_await signals_->wake.wait(rest);
  }
  co_return false;
}

Task<bool> Engine::Run::hold() {
  if (fault_.hold_for.count() > 0) {
    const auto time = SteadyClock::now() + fault_.hold_for;
    const bool go_on = co_await wait_until(time);
    co_return go_on;
  }
  engine_.held_.push_back(this);
  while (!signals_->released && !left()) {
    const Milliseconds most = kForever;
    co_await signals_->wake.wait(most);
  }
  std::erase(engine_.held_, this);
  co_return !left();
}

Task<bool> Engine::Run::wait_for_token(uint64_t token) {
  const auto time = began_ + engine_.settings_.schedule.due(token);
  const bool due = co_await wait_until(time);
  if (!due) co_return false;
  if (fault_.kind == Fault::Kind::hold && fault_.at == token + 1) {
    const bool go_on = co_await hold();
    if (!go_on) co_return false;
  }
  engine_.metrics_.add(Counter::tokens_generated, job_.steps[token]);
  co_return true;
}

Task<bool> Engine::Run::write(ByteSpan bytes) {
  const Result<> written = co_await exchange_.write(bytes);
  if (!written) signals_->abandoned = true;
  sent_ += bytes.size();
  engine_.metrics_.add(Counter::answer_bytes, bytes.size());
  co_return !left();
}

Task<bool> Engine::Run::send(const std::string& bytes) {
  const bool ends = fault_.kind == Fault::Kind::close || fault_.kind == Fault::Kind::stall;
  if (!ends || sent_ + bytes.size() <= fault_.at) {
    const ByteSpan all = as_bytes(bytes);
    const bool go_on = co_await write(all);
    co_return go_on;
  }
  const ByteSpan part = as_bytes(bytes).first(fault_.at - sent_);
  const bool go_on = co_await write(part);
  if (!go_on) co_return false;
  engine_.metrics_.add(Counter::answers_aborted);
  const Milliseconds pause = fault_.kind == Fault::Kind::stall ? kForever : kDeliveryTime;
  const auto end = SteadyClock::now() + pause;
  co_await wait_until(end);
  exchange_.abort();
  co_return false;
}

Task<bool> Engine::Run::stream() {
  const auto first = began_ + engine_.settings_.schedule.due(0);
  const bool begun = co_await wait_until(first);  // vLLM names the role when it has the first token
  if (!begun) co_return false;
  const std::string opening = job_.writer->opening();
  const bool opened = co_await send(opening);
  if (!opened) co_return false;
  for (size_t step = 0; step < job_.steps.size(); ++step) {
    const bool due = co_await wait_for_token(step);
    if (!due) co_return false;
    const std::string bytes = job_.writer->token(step);
    const bool go_on = co_await send(bytes);
    if (!go_on) co_return false;
  }
  const std::string ending = job_.writer->ending();
  const bool ended = co_await send(ending);
  co_return ended;
}

Task<bool> Engine::Run::whole() {
  for (size_t step = 0; step < job_.steps.size(); ++step) {
    const bool go_on = co_await wait_for_token(step);
    if (!go_on) co_return false;
  }
  const std::string body = job_.writer->whole();
  http::ResponseHead head{.status = 200, .fields = {{"content-type", job_.content_type}}};
  const uint64_t length = body.size();
  Task<Result<>> responding = exchange_.respond(std::move(head), length);
  const Result<> responded = co_await std::move(responding);
  if (!responded) signals_->abandoned = true;
  if (left()) co_return false;
  const bool sent = co_await send(body);
  co_return sent;
}

Engine::Engine(http::Loop& loop, const Clock& clock, daemon::Metrics& metrics, EngineSettings settings)
    : loop_(loop), clock_(clock), metrics_(metrics), settings_(std::move(settings)), queue_(settings_.concurrency) {
  for (const Counter counter :
       {Counter::requests, Counter::cancelled, Counter::answers_complete, Counter::answers_aborted, Counter::tokens_generated}) {
    metrics_.add(counter, 0);
  }
}

Task<> Engine::answer(ServerExchange& exchange, uint16_t status, std::string_view type, std::string body) {
  metrics_.answered(status);
  http::ResponseHead head{.status = status, .fields = {{"content-type", std::string(type)}}};
  const ByteSpan bytes = as_bytes(body);
  Task<Result<>> responding = exchange.respond_with(std::move(head), bytes);
  const Result<> sent = co_await std::move(responding);
  if (sent) metrics_.add(Counter::answers_complete);
}

Result<Fault> Engine::fault_of(const http::RequestHead& head) const {
  const auto wanted = head.fields.find("openpcc-demo-fault");
  if (!settings_.fault_header || !wanted) return settings_.fault;
  return Fault::parse(*wanted);
}

Task<> Engine::handle(ServerExchange& exchange) {
  metrics_.add(Counter::requests);
  const http::RequestHead& head = exchange.request();
  const std::string path = head.target.substr(0, head.target.find('?'));
  const auto route = std::ranges::find(routes(), path, &Route::path);
  const bool asked = route != routes().end();
  if (!asked && path != "/v1/models" && path != "/health" && path != "/version") {
    return answer(exchange, 404, kJson, R"({"detail":"Not Found"})");
  }
  if (head.method != (asked ? "POST" : "GET")) return answer(exchange, 405, kJson, R"({"detail":"Method Not Allowed"})");
  if (path == "/health") return answer(exchange, 200, kJson, {});
  if (path == "/v1/models") return answer(exchange, 200, kJson, models_answer(settings_.served, clock_.now()));
  if (path == "/version") return answer(exchange, 200, kJson, R"({"version":"openpcc-demo-engine"})");
  return ask(exchange, *route);
}

Task<> Engine::ask(ServerExchange& exchange, const Route& route) {
  const Result<Bytes> body = co_await exchange.read_all(kBodyBytesMax);
  if (!body) co_return;  // the server answers what is malformed or too large
  metrics_.add(Counter::request_bytes, body->size());
  const Result<Fault> fault = fault_of(exchange.request());
  const Context context{.served = settings_.served, .fields = exchange.request().fields, .number = ++answers_, .now = clock_.now()};
  const Parsed<Job> job = route.api(*body, context);
  Task<> answering = answer_parsed(exchange, route, job, fault);
  co_await std::move(answering);
}

Task<> Engine::answer_parsed(ServerExchange& exchange, const Route& route, const Parsed<Job>& job, const Result<Fault>& fault) {
  const auto refuse = [&](const ApiError& error) { return answer(exchange, error.status, kJson, route.error(error)); };
  if (!fault) return refuse({.message = fault.error().detail});
  if (!job) return refuse(job.error());
  if (fault->kind == Fault::Kind::error) {
    return refuse({.status = 500, .message = "This engine was told to fail.", .type = "InternalServerError"});
  }
  if (fault->kind == Fault::Kind::garbage) return answer(exchange, 200, kJson, std::string(kGarbage));
  return carry_out(exchange, *job, *fault);
}

Task<> Engine::carry_out(ServerExchange& exchange, const Job& job, const Fault& fault) {
  Run run(*this, exchange, job, fault);
  metrics_.answered(200);
  metrics_.set(Gauge::requests_queued, static_cast<int64_t>(queue_.waiting()));
  if (job.stream) {
    http::ResponseHead head{.status = 200, .fields = {{"content-type", job.content_type}, {"cache-control", "no-cache"}}};
    const std::optional<uint64_t> chunked;
    Task<Result<>> responding = exchange.respond(std::move(head), chunked);
    const Result<> responded = co_await std::move(responding);
    if (!responded) co_return;
  }
  bool complete = co_await run.wait_for_turn();
  metrics_.set(Gauge::requests_queued, static_cast<int64_t>(queue_.waiting()));
  if (!complete) co_return;
  Task<bool> sending = job.stream ? run.stream() : run.whole();
  complete = co_await std::move(sending);
  if (!complete) co_return;
  const Result<> finished = co_await exchange.finish();
  if (finished) metrics_.add(Counter::answers_complete);
}

Task<> Engine::handle_fault(ServerExchange& exchange) {
  const size_t most = 64;
  const Result<Bytes> body = co_await exchange.read_all(most);
  if (!body) co_return;
  const Result<Fault> fault = Fault::parse(as_text(*body));
  if (fault) settings_.fault = *fault;
  std::string text = fault ? "set\n" : fault.error().detail + "\n";
  const uint16_t status = fault ? 200 : 400;
  Task<> answering = answer(exchange, status, "text/plain", std::move(text));
  co_await std::move(answering);
}

Task<> Engine::handle_release(ServerExchange& exchange) {
  for (Run* run : held_) run->release();
  return answer(exchange, 200, "text/plain", std::to_string(held_.size()) + "\n");
}

}  // namespace openpcc::demo_engine
