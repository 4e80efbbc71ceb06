// Asking the nodes which keys they hold. The evidence is not judged here: clients do that, and seal to nobody else.
#include "openpcc/attest/evidence.h"
#include "openpcc/attest/key_list.h"
#include "openpcc/gateway/gateway.h"

namespace openpcc::gateway {
namespace {

constexpr http::Milliseconds kNoKeysInterval{200};  // until the first node answers

std::vector<envelope::NodeId> node_ids(ByteSpan key_list) {
  std::vector<envelope::NodeId> ids;
  const auto keys = attest::parse_key_list(key_list);
  if (!keys) return ids;
  for (const Bytes& bytes : *keys) {
    const auto evidence = attest::Evidence::parse(bytes);
    if (evidence) ids.push_back(evidence->node_id());
  }
  return ids;
}

}  // namespace

http::Task<> Gateway::poll_node(NodeTable::NodeIndex node) {
  http::RequestHead head;
  head.method = "GET";
  head.target = "/v1/evidence";
  const auto answer = co_await client_.fetch(config_.nodes[node], std::move(head), Bytes{}, config_.evidence_bytes_max);
  const bool answered = answer && answer->head.status == 200;
  nodes_.update(node, answered ? node_ids(answer->body) : std::vector<envelope::NodeId>{});
}

http::Task<> Gateway::poll_nodes() {
  for (;;) {
    for (NodeTable::NodeIndex node = 0; node < config_.nodes.size(); ++node) co_await poll_node(node);
    metrics_.set(daemon::Gauge::nodes_known, static_cast<int64_t>(nodes_.keys()));
    const http::Milliseconds interval = nodes_.keys() > 0 ? config_.poll_interval : kNoKeysInterval;
    co_await http::sleep_for(interval);
  }
}

}  // namespace openpcc::gateway
