#include "openpcc/gateway/node_table.h"

#include <algorithm>

namespace openpcc::gateway {

void NodeTable::update(NodeIndex node, const std::vector<envelope::NodeId>& keys) {
  std::erase_if(node_of_, [node](const auto& entry) { return entry.second == node; });
  // A node cannot take another's key over: the first one that showed it keeps it.
  for (const envelope::NodeId& key : keys) node_of_.try_emplace(key, node);
}

std::vector<NodeTable::Route> NodeTable::candidates(const std::vector<envelope::NodeId>& recipients, Random& random) const {
  std::vector<Route> routes;
  for (const envelope::NodeId& id : recipients) {
    const auto found = node_of_.find(id);
    if (found != node_of_.end()) routes.push_back({found->second, id});
  }
  for (size_t i = routes.size(); i > 1; --i) std::swap(routes[i - 1], routes[random.below(i)]);
  // Among equally busy ones the random order stays. (std::stable_sort uses what libstdc++ calls deprecated, an error under clang.)
  const auto less_busy = [this](const Route& a, const Route& b) { return running_[a.node] < running_[b.node]; };
  std::vector<Route> sorted;
  for (const Route& route : routes) sorted.insert(std::upper_bound(sorted.begin(), sorted.end(), route, less_busy), route);
  return sorted;
}

}  // namespace openpcc::gateway
