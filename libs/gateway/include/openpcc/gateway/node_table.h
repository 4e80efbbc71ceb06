// Which node keys can be reached where, and how busy each node is.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "openpcc/envelope/envelope.h"

namespace openpcc::gateway {

// NodeTable is filled from the nodes' own evidence, which the gateway does not judge: clients do.
class NodeTable {
 public:
  using NodeIndex = size_t;
  explicit NodeTable(size_t nodes) : running_(nodes) {}

  // update replaces the keys that a node answers for; none: it could not be reached.
  void update(NodeIndex node, const std::vector<envelope::NodeId>& keys);

  struct Route {
    NodeIndex node;
    envelope::NodeId node_id;
  };
  // candidates are the recipients that we can reach, least loaded first; equally loaded ones in random order.
  std::vector<Route> candidates(const std::vector<envelope::NodeId>& recipients, Random& random) const;

  // Lease counts one forward in flight while it lives.
  class Lease {
   public:
    Lease(NodeTable& table, NodeIndex node) : table_(table), node_(node) { ++table_.running_[node_]; }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() { --table_.running_[node_]; }

   private:
    NodeTable& table_;
    NodeIndex node_;
  };

  size_t keys() const { return node_of_.size(); }

 private:
  std::map<envelope::NodeId, NodeIndex> node_of_;
  std::vector<size_t> running_;  // forwards in flight, by node
};

}  // namespace openpcc::gateway
