// The node: opens envelopes with keys that never leave the TEE, lets the engine answer what the filter passed, and seals the answer as it
// streams. Nothing of a request is kept, logged or counted by content.
#pragma once

#include <functional>
#include <memory>

#include "openpcc/daemon/log.h"
#include "openpcc/daemon/metrics.h"
#include "openpcc/http/client.h"
#include "openpcc/http/server.h"
#include "openpcc/node/answer_framer.h"
#include "openpcc/node/engine_watch.h"
#include "openpcc/node/keyring.h"
#include "openpcc/node/request_filter.h"

namespace openpcc::node {

class AnswerStream;
class EngineCall;

struct NodeConfig {
  Engine engine;
  std::vector<Model> models;
  size_t requests_max = 1024;                          // at once; more are told that we are busy
  uint64_t envelope_bytes_max = 33u << 20;             // of one envelope: the padded request and its framing
  http::Milliseconds envelope_time_max{60'000};        // until it has arrived whole
  uint64_t envelopes_bytes_max = uint64_t{512} << 20;  // of all envelopes being received at once
  uint64_t answer_bytes_max = uint64_t{256} << 20;
  http::Milliseconds answer_time_max{3'600'000};       // from the request to the answer's last byte
  http::Milliseconds keep_alive = kKeepAliveInterval;  // silence before a frame without content, but in profile `strict`
};

// Surroundings are what a node works with; all of it outlives the node.
struct Surroundings {
  http::Loop& loop;
  http::Client& client;
  const Clock& clock;                    // the host's
  std::function<TimePoint()> monotonic;  // what lifetimes and paces are counted on
  Random& random;
  daemon::Metrics& metrics;
  daemon::Log& log;
};

class Node {
 public:
  Node(NodeConfig config, Keyring& keyring, const EngineWatch& engine, Surroundings around);
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // handle serves one exchange:
  //   POST /v1/envelope   GET /v1/evidence   PUT /v1/beacon        404 node.path   405 node.method
  // A fault of an envelope is answered 400 without a body, and counted by its rule:
  //   node.envelope.media_type, node.envelope.length (no Content-Length), node.envelope.too_large, node.envelope.body (it did not arrive whole,
  //   or not in time), envelope.1.*, node.envelope.framing (not a message of known length), bhttp.*, node.not_after.*, node.replay.repeated
  // 503: node.busy (too many requests at once), node.engine.away (not ready: EngineWatch), node.replay.full
  // A beacon is answered 204, or 400 with the errors of Keyring::take_beacon and node.beacon.body.
  // Once an answer has begun, a failure closes it without its final chunk:
  //   node.engine.failed (and, counted beside it, the rule of http that the engine broke), node.answer.too_large, node.answer.too_long, node.answer.abandoned (the client left; the engine's work is called off)
  http::Task<> handle(http::ServerExchange& exchange);

  // tend_keys keeps the keys for as long as the loop runs.
  http::Task<> tend_keys();

  // ready: a key is published and the engine can be used.
  bool ready() const;

 private:
  struct Accepted;

  http::Task<> count_envelope(http::ServerExchange& exchange);
  http::Task<> serve_envelope(http::ServerExchange& exchange);
  http::Task<> serve_evidence(http::ServerExchange& exchange);
  http::Task<> serve_beacon(http::ServerExchange& exchange);
  http::Task<> refuse(http::ServerExchange& exchange, uint16_t status, const Error& error);

  Result<uint64_t> admit(const http::ServerExchange& exchange) const;
  Result<> engine_there() const;
  http::Task<Result<Accepted>> receive(http::ServerExchange& exchange);
  Result<Accepted> accept(ByteSpan envelope);
  Result<Filtered> filter(const Accepted& accepted) const;
  LiveKey* recipient(ByteSpan envelope);
  Result<> admit_once(LiveKey& key, const crypto::Sha256Digest& hh);
  http::Task<Result<>> answer(http::ServerExchange& exchange, Accepted& accepted);
  http::Task<Result<>> answer_from_engine(http::ServerExchange& exchange, AnswerStream& stream, EngineRequest& request);
  http::Task<Result<>> pump(AnswerStream& stream, EngineCall& call);
  Result<> absorb(AnswerStream& stream, EngineCall& call);
  void tend();
  Now now() const;

  NodeConfig config_;
  Keyring& keyring_;
  const EngineWatch& engine_;
  Surroundings around_;
  uint64_t running_ = 0;
  uint64_t receiving_bytes_ = 0;
  http::Event tend_soon_;              // a key waits for its evidence
  std::string_view last_key_failure_;  // a rule id, so that the log says a lasting failure once
};

}  // namespace openpcc::node
