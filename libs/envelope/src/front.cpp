#include "front.h"

#include <algorithm>

#include "labels.h"

namespace openpcc::envelope {
namespace {

// The first bytes, each checked as soon as it is there. nullopt: k is not known yet.
Result<std::optional<size_t>> parse_k(ByteSpan bytes) {
  if (bytes.empty()) return std::nullopt;
  if (bytes[0] != kVersion) return fail(Code::unsupported, "envelope.1.version");
  if (bytes.size() < 3) return std::nullopt;
  if ((bytes[1] << 8 | bytes[2]) != kSuite) return fail(Code::unsupported, "envelope.1.suite");
  if (bytes.size() < 4) return std::nullopt;
  const size_t k = bytes[3];
  if (k < 1 || k > kRecipientsMax) return fail(Code::malformed, "envelope.1.header", "number of recipients");
  return k;
}

Result<std::vector<NodeId>> parse_node_ids(ByteSpan bytes) {
  std::vector<NodeId> ids(bytes.size() / sizeof(NodeId));
  for (size_t i = 0; i < ids.size(); ++i) std::ranges::copy(bytes.subspan(i * sizeof(NodeId), sizeof(NodeId)), ids[i].begin());
  // Strictly: an order that nobody chooses, and no node twice.
  if (std::ranges::adjacent_find(ids, std::greater_equal<>()) != ids.end()) {
    return fail(Code::malformed, "envelope.1.header", "node ids are not strictly ascending");
  }
  return ids;
}

}  // namespace

crypto::Sha256Digest header_hash(ByteSpan header) { return crypto::sha256({kLabelHeader, header}); }

crypto::Sha256Digest wraps_hash(const crypto::Sha256Digest& hh, ByteSpan wraps) { return crypto::sha256({kLabelWraps, hh, wraps}); }

Result<std::optional<Front>> parse_front(ByteSpan bytes) {
  OPENPCC_LET(const std::optional<size_t> k, parse_k(bytes));
  if (!k || bytes.size() < header_bytes(*k)) return std::nullopt;
  const ByteSpan header = bytes.first(header_bytes(*k));
  OPENPCC_LET(std::vector<NodeId> ids, parse_node_ids(header.subspan(kHeaderFixedBytes)));
  if (bytes.size() < front_bytes(*k)) return std::nullopt;

  Front front{.commit = {}, .node_ids = std::move(ids), .wraps = bytes.subspan(header.size(), kWrapBytes * *k), .hh = {}, .th = {}};
  std::ranges::copy(header.subspan(4, front.commit.size()), front.commit.begin());
  front.hh = header_hash(header);
  front.th = wraps_hash(front.hh, front.wraps);
  return front;
}

Result<std::optional<Peek>> peek(ByteSpan front) {
  OPENPCC_LET(std::optional<Front> parsed, parse_front(front));
  if (!parsed) return std::nullopt;
  return Peek{.node_ids = std::move(parsed->node_ids), .th = parsed->th};
}

}  // namespace openpcc::envelope
