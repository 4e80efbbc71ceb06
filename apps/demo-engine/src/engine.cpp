#include "engine.h"

#include <algorithm>

#include "openpcc/daemon/log.h"
#include "wire_format.h"

namespace openpcc::demo_engine {
namespace {

using daemon::Counter;
using daemon::Gauge;
using daemon::Histogram;
using http::Milliseconds;
using http::ServerExchange;
using http::Task;
using SteadyClock = std::chrono::steady_clock;

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kEvents = "text/event-stream; charset=utf-8";
constexpr std::string_view kGarbage = "data: {\"choices\":[{\"delta\":\xff\xfe\n\n}}}<html>";
constexpr Milliseconds kForever = std::chrono::hours(24);
constexpr Milliseconds kDeliveryTime{20};  // an abort discards what the system has not delivered yet; the chosen byte must arrive

}  // namespace

// Run is one answer on its way: its exchange, its place in the queue, its fault, and what wakes it.
class Engine::Run {
 public:
  Run(Engine& engine, ServerExchange& exchange, const ChatRequest& request, const Fault& fault, Completion completion)
      : engine_(engine),
        exchange_(exchange),
        request_(request),
        fault_(fault),
        completion_(std::move(completion)),
        signals_(std::make_shared<Signals>(engine.loop_.executor())),
        place_(engine.queue_.enter([s = signals_] { s->wake.set(); })),
        writer_("chatcmpl-" + std::to_string(++engine.answers_), engine.clock_.now(), engine.settings_.served.name,
                request.continuous_usage) {
    usage_.prompt = request.prompt_tokens;
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
  Task<bool> stream_token(size_t token);
  Task<bool> send(const std::string& bytes);
  Task<bool> write(ByteSpan bytes);
  bool left();

  Engine& engine_;
  ServerExchange& exchange_;
  const ChatRequest& request_;
  Fault fault_;
  Completion completion_;
  std::shared_ptr<Signals> signals_;
  Queue::Place place_;
  ChunkWriter writer_;
  Usage usage_;
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
  engine_.metrics_.add(Counter::tokens_generated, request_.choices);
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

Task<bool> Engine::Run::stream_token(size_t token) {
  const bool due = co_await wait_for_token(token);
  if (!due) co_return false;
  usage_.completion += request_.choices;
  for (uint32_t choice = 0; choice < request_.choices; ++choice) {
    const std::string event = writer_.text(choice, completion_.tokens[token], usage_);
    const bool go_on = co_await send(event);
    if (!go_on) co_return false;
  }
  co_return true;
}

Task<bool> Engine::Run::stream() {
  std::string opening;
  for (uint32_t choice = 0; choice < request_.choices; ++choice) opening += writer_.role(choice, usage_);
  const auto first = began_ + engine_.settings_.schedule.due(0);
  const bool begun = co_await wait_until(first);  // vLLM names the role when it has the first token
  if (!begun) co_return false;
  const bool opened = co_await send(opening);
  if (!opened) co_return false;
  for (size_t token = 0; token < completion_.tokens.size(); ++token) {
    const bool go_on = co_await stream_token(token);
    if (!go_on) co_return false;
  }
  std::string ending;
  for (uint32_t choice = 0; choice < request_.choices; ++choice) ending += writer_.finish(choice, completion_, usage_);
  if (request_.include_usage) ending += writer_.usage(usage_);
  ending += ChunkWriter::done();
  const bool ended = co_await send(ending);
  co_return ended;
}

Task<bool> Engine::Run::whole() {
  for (size_t token = 0; token < completion_.tokens.size(); ++token) {
    const bool go_on = co_await wait_for_token(token);
    if (!go_on) co_return false;
  }
  const std::string body = whole_answer("chatcmpl-" + std::to_string(engine_.answers_), engine_.clock_.now(), engine_.settings_.served.name,
                                        completion_, request_.choices, request_.prompt_tokens);
  http::ResponseHead head{.status = 200, .fields = {{"content-type", std::string(kJson)}}};
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

Task<> Engine::answer_error(ServerExchange& exchange, ApiError error) { return answer(exchange, error.status, kJson, error_answer(error)); }

Result<Fault> Engine::fault_of(const http::RequestHead& head) const {
  const auto wanted = head.fields.find("openpcc-demo-fault");
  if (!settings_.fault_header || !wanted) return settings_.fault;
  return Fault::parse(*wanted);
}

Task<> Engine::handle(ServerExchange& exchange) {
  metrics_.add(Counter::requests);
  const http::RequestHead& head = exchange.request();
  const std::string path = head.target.substr(0, head.target.find('?'));
  const std::string_view wanted = path == "/v1/chat/completions" ? "POST" : "GET";
  if (path != "/v1/chat/completions" && path != "/v1/models" && path != "/health") {
    return answer(exchange, 404, kJson, R"({"detail":"Not Found"})");
  }
  if (head.method != wanted) return answer(exchange, 405, kJson, R"({"detail":"Method Not Allowed"})");
  if (path == "/health") return answer(exchange, 200, kJson, {});
  if (path == "/v1/models") return answer(exchange, 200, kJson, models_answer(settings_.served, clock_.now()));
  return chat(exchange);
}

Task<> Engine::chat(ServerExchange& exchange) {
  const Result<Bytes> body = co_await exchange.read_all(kBodyBytesMax);
  if (!body) co_return;  // the server answers what is malformed or too large
  metrics_.add(Counter::request_bytes, body->size());
  const Result<Fault> fault = fault_of(exchange.request());
  const auto request = parse_chat(*body, settings_.served);
  Task<> answering = answer_parsed(exchange, request, fault);
  co_await std::move(answering);
}

Task<> Engine::answer_parsed(ServerExchange& exchange, const std::expected<ChatRequest, ApiError>& request, const Result<Fault>& fault) {
  if (!fault) return answer_error(exchange, {.message = fault.error().detail});
  if (!request) return answer_error(exchange, request.error());
  if (fault->kind == Fault::Kind::error) {
    return answer_error(exchange, {.status = 500, .message = "This engine was told to fail.", .type = "InternalServerError"});
  }
  if (fault->kind == Fault::Kind::garbage) return answer(exchange, 200, kJson, std::string(kGarbage));
  return answer_chat(exchange, *request, *fault);
}

Task<> Engine::answer_chat(ServerExchange& exchange, const ChatRequest& request, const Fault& fault) {
  const std::string text = report(request, exchange.request().fields, settings_.served);
  Run run(*this, exchange, request, fault, complete(request, text, settings_.served));
  metrics_.answered(200);
  metrics_.set(Gauge::requests_queued, static_cast<int64_t>(queue_.waiting()));
  if (request.stream) {
    http::ResponseHead head{.status = 200, .fields = {{"content-type", std::string(kEvents)}, {"cache-control", "no-cache"}}};
    const std::optional<uint64_t> chunked;
    Task<Result<>> responding = exchange.respond(std::move(head), chunked);
    const Result<> responded = co_await std::move(responding);
    if (!responded) co_return;
  }
  bool complete = co_await run.wait_for_turn();
  metrics_.set(Gauge::requests_queued, static_cast<int64_t>(queue_.waiting()));
  if (!complete) co_return;
  Task<bool> sending = request.stream ? run.stream() : run.whole();
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
