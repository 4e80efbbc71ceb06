// Leaves. Spec: spec/directory.md s3.
#include <boost/json.hpp>

#include "openpcc/directory/bundle.h"
#include "openpcc/strict_json/strict_json.h"

namespace openpcc::directory {
namespace {

constexpr size_t kChipIdBytesMax = 64;

}  // namespace

Bytes make_leaf(const attest::Evidence& evidence, ByteSpan chip_id) {
  // The evidence goes in as text: an escaped string gives its exact bytes back, whatever their spelling.
  const std::string text = boost::json::serialize(
      boost::json::object{{"node_id", to_hex(evidence.node_id())}, {"chip_id", to_hex(chip_id)}, {"evidence", as_text(evidence.bytes())}});
  return Bytes(text.begin(), text.end());
}

Result<Leaf> Leaf::parse(ByteSpan bytes) {
  constexpr Rule kSyntax = "directory.leaf.syntax";
  OPENPCC_LET(const boost::json::value root, strict_json::parse_strict(bytes, kLeafBytesMax, kSyntax));
  OPENPCC_LET(auto members, strict_json::ObjectReader::of(root, kSyntax));
  Leaf out;
  OPENPCC_LET(const Bytes node_id, members.hex("node_id", out.node_id.size()));
  OPENPCC_LET(out.node_id, to_array<32>(node_id, kSyntax));
  OPENPCC_LET(out.chip_id, members.hex("chip_id", kChipIdBytesMax));
  OPENPCC_LET(const std::string_view evidence, members.text("evidence", attest::kEvidenceBytesMax));
  OPENPCC_TRY(members.end());
  out.evidence.assign(as_bytes(evidence).begin(), as_bytes(evidence).end());
  return out;
}

}  // namespace openpcc::directory
