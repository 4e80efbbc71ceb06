// The engine: requests in, timed answers and deliberate faults out.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "api.h"
#include "fault.h"
#include "openpcc/daemon/metrics.h"
#include "openpcc/http/server.h"
#include "queue.h"

namespace openpcc::demo_engine {

struct EngineSettings {
  Served served;
  Schedule schedule;
  uint32_t concurrency = 64;
  Fault fault;
  bool fault_header = false;  // obey the field openpcc-demo-fault of a request
};

// Engine answers like vLLM. It belongs to one loop and must outlive every exchange.
class Engine {
 public:
  Engine(http::Loop& loop, const Clock& clock, daemon::Metrics& metrics, EngineSettings settings);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // handle serves routes() by POST, and GET /v1/models, /health and /version.
  http::Task<> handle(http::ServerExchange& exchange);
  // handle_fault (admin) sets the fault of later requests from the body; handle_release (admin) lets every held answer go on, and answers
  // how many those were.
  http::Task<> handle_fault(http::ServerExchange& exchange);
  http::Task<> handle_release(http::ServerExchange& exchange);

 private:
  class Run;
  http::Task<> ask(http::ServerExchange& exchange, const Route& route);
  http::Task<> answer_parsed(http::ServerExchange& exchange, const Route& route, const Parsed<Job>& job, const Result<Fault>& fault);
  http::Task<> carry_out(http::ServerExchange& exchange, const Job& job, const Fault& fault);
  http::Task<> answer(http::ServerExchange& exchange, uint16_t status, std::string_view type, std::string body);
  Result<Fault> fault_of(const http::RequestHead& head) const;

  http::Loop& loop_;
  const Clock& clock_;
  daemon::Metrics& metrics_;
  EngineSettings settings_;
  Queue queue_;
  uint64_t answers_ = 0;  // numbers the answers' ids
  std::vector<Run*> held_;
};

}  // namespace openpcc::demo_engine
