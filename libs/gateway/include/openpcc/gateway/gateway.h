// The gateway: opens the outer encapsulation, admits a request once, hands its envelope to the least busy of the nodes that the client
// chose, and seals the answer as it streams. It sees neither who asks nor what is asked.
#pragma once

#include "openpcc/daemon/metrics.h"
#include "openpcc/gateway/node_table.h"
#include "openpcc/gateway/outer_request.h"
#include "openpcc/gateway/replay_window.h"
#include "openpcc/http/client.h"
#include "openpcc/http/server.h"
#include "openpcc/ohttp/ohttp.h"

namespace openpcc::gateway {

struct Config {
  std::string authority;  // our name in the bundle
  std::vector<http::Endpoint> nodes;
  uint64_t request_bytes_max = 36u << 20;       // of an opened request
  uint64_t whole_answer_bytes_max = 16u << 20;  // of an answer to an unchunked (foreign) request
  uint64_t evidence_bytes_max = 4u << 20;
  http::Milliseconds poll_interval{2'000};  // how often the nodes are asked which keys they hold
};

class Gateway {
 public:
  // `keys`: the X-Wing key first, then those for foreign clients. The references outlive the gateway.
  Gateway(Config config, std::vector<ohttp::GatewayKey> keys, http::Client& client, Random& random, daemon::Metrics& metrics);

  // publish replaces what GET /bundle and /bundle.sig answer (404 while empty).
  void publish(Bytes bundle, Bytes signature);

  // handle serves one exchange. Before the encapsulation is open, faults get a plain status:
  //   404 gateway.path    405 gateway.method    415 gateway.media_type    400 ohttp.* (with RFC 9458's problem type for an unknown key)
  // After it they travel inside (gateway.outer.*, gateway.replay*, envelope.1.*, and:)
  //   gateway.node.unknown   none of the recipients can be reached (503)
  //   gateway.node.busy      all of them refused for now (503)
  //   gateway.node.failed    a recipient ended without an answer (502)
  //   gateway.node.refused   the node found a fault in the envelope (400)
  //   gateway.node.cut       the node's answer ended before its end (the client sees a truncated answer)
  //   gateway.answer.too_large   an unchunked answer would not fit (likewise)
  http::Task<> handle(http::ServerExchange& exchange);

  // poll_nodes keeps the node table fresh for as long as the loop runs.
  http::Task<> poll_nodes();
  // node_table is filled by poll_nodes().
  NodeTable& node_table() { return nodes_; }
  // ready: a bundle is published and at least one node key can be reached.
  bool ready() const { return !bundle_.empty() && nodes_.keys() > 0; }

 private:
  class Answer;

  http::Task<> serve(http::ServerExchange& exchange);
  http::Task<> serve_file(http::ServerExchange& exchange, std::string_view media_type, const Bytes& content);
  http::Task<Result<Bytes>> read_outer(http::ServerExchange& exchange, ohttp::GatewayExchange& outer);
  http::Task<Result<>> answer_request(Bytes message, crypto::Sha256Digest enc_digest, Answer& answer, http::ServerExchange& exchange);
  http::Task<Result<>> answer_envelope(Bytes envelope, Answer& answer, http::ServerExchange& exchange);
  http::Task<Result<std::unique_ptr<http::ClientExchange>>> open_node(NodeTable::NodeIndex node, size_t envelope_bytes);
  http::Task<Result<Bytes>> ask_node(http::ClientExchange& node, const Bytes& envelope);
  http::Task<Result<>> pass_on(http::ClientExchange& node, const Bytes& first, Answer& answer);
  http::Task<> poll_node(NodeTable::NodeIndex node);
  http::Task<> refuse_plainly(http::ServerExchange& exchange, uint16_t status, Error error);

  Config config_;
  std::vector<ohttp::GatewayKey> keys_;
  http::Client& client_;
  Random& random_;
  NodeTable nodes_;
  ReplayWindow replay_;
  Bytes key_configs_;
  Bytes bundle_;
  Bytes bundle_signature_;
  daemon::Metrics& metrics_;
};

}  // namespace openpcc::gateway
