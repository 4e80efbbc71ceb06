// One exchange with the engine, run by a coroutine of its own and read ahead up to a bound, so that frames can leave on time whatever the
// engine does.
#pragma once

#include <memory>

#include "openpcc/http/client.h"
#include "openpcc/node/engine.h"
#include "openpcc/node/request_filter.h"

namespace openpcc::node {

class EngineCall {
 public:
  ~EngineCall() { wipe(content_); }
  EngineCall(const EngineCall&) = delete;
  EngineCall& operator=(const EngineCall&) = delete;

  // start sends the request; `client` outlives the call.
  static std::shared_ptr<EngineCall> start(http::Loop& loop, http::Client& client, const Engine& engine, EngineRequest request);

  // wait returns when something changed, or after `timeout`.
  http::Task<> wait(http::Milliseconds timeout);
  // take_head returns the engine's head once, when it has arrived.
  std::optional<http::ResponseHead> take_head();
  // take_content returns what arrived since the last call.
  Bytes take_content();
  // has_content: take_content has something to return.
  bool has_content() const { return !content_.empty(); }
  // complete: the answer came to its normal end and all of it was taken.
  bool complete() const { return ended_ && content_.empty(); }
  // failure: null unless the exchange failed.
  //   node.engine.unreachable   no connection
  //   node.engine.unframed      an answer that ends with its connection: a dead engine's would look whole
  //   node.engine.failed        anything else: no answer, one that ended early, or a cancelled one
  const Error* failure() const { return failure_ ? &*failure_ : nullptr; }
  // cause is the rule of http behind node.engine.failed, where there is one: for operators.
  std::optional<Rule> cause() const { return cause_; }

  // cancel closes the engine's connection at once: it must not go on working for nobody.
  void cancel();
  bool cancelled() const { return cancelled_; }
  // stopped: the coroutine has left.
  bool stopped() const { return stopped_; }

 private:
  explicit EngineCall(boost::asio::any_io_executor executor) : changed_(executor), drained_(executor) {}
  static http::Task<> run(std::shared_ptr<EngineCall> self, http::Client& client, Engine engine, EngineRequest request);
  http::Task<Result<>> exchange(http::Client& client, const Engine& engine, EngineRequest& request);
  http::Task<Result<>> read_answer(http::ClientExchange& exchange);

  http::Event changed_;
  http::Event drained_;
  http::ClientExchange* open_ = nullptr;
  std::optional<http::ResponseHead> head_;
  Bytes content_;
  bool ended_ = false;
  bool cancelled_ = false;
  bool stopped_ = false;
  std::optional<Error> failure_;
  std::optional<Rule> cause_;
};

}  // namespace openpcc::node
