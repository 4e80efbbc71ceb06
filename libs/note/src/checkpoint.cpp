// Checkpoints and beacons. Spec: c2sp.org/tlog-checkpoint, spec/evidence.md s4.
#include "openpcc/note/checkpoint.h"

#include <algorithm>
#include <charconv>

namespace openpcc::note {
namespace {

// take_line removes the first line and its newline from `rest`; nullopt when there is none.
std::optional<std::string_view> take_line(std::string_view& rest) {
  const size_t end = rest.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return line;
}

}  // namespace

std::string Checkpoint::body() const { return origin + "\n" + std::to_string(size) + "\n" + to_base64(root) + "\n"; }

Result<Checkpoint> Checkpoint::parse(std::string_view body) {
  constexpr Rule kSyntax = "note.checkpoint.syntax";
  std::string_view rest = body;
  const auto origin = take_line(rest);
  const auto size = take_line(rest);
  const auto root = take_line(rest);
  if (!root || !rest.empty()) return fail(Code::malformed, kSyntax, "not exactly three lines");
  if (origin->empty() || origin->size() > kNameBytesMax) return fail(Code::malformed, kSyntax, "bad origin");
  Checkpoint out{std::string(*origin), 0, {}};
  std::from_chars(size->data(), size->data() + size->size(), out.size);
  const auto digest = from_base64(*root);
  if (!digest || digest->size() != out.root.size()) return fail(Code::malformed, kSyntax, "the root is not base64 of 32 bytes");
  std::ranges::copy(*digest, out.root.begin());
  // One spelling only: whatever would be written differently (leading zeros, signs, overflow) is refused.
  if (out.body() != body) return fail(Code::malformed, kSyntax, "bad size");
  return out;
}

std::string make_beacon(uint64_t counter, UnixSeconds time, const SignerKey& key, Random& random) {
  OPENPCC_CHECK(key.verifier().type() == KeyType::cosignature_v1);
  std::array<uint8_t, 32> unpredictable{};
  random.fill(unpredictable);
  return sign(Checkpoint{key.verifier().name(), counter, crypto::sha256(unpredictable)}.body(), {&key}, time);
}

Result<VerifiedBeacon> verify_beacon(ByteSpan note, const VerifierKey& key) {
  if (key.type() != KeyType::cosignature_v1) return fail(Code::rejected, "note.beacon.key_type", "the beacon key makes no cosignatures");
  OPENPCC_LET(const Note parsed, Note::parse(note));
  OPENPCC_LET(const VerifiedNote verified, verify(parsed, key));
  OPENPCC_LET(const Checkpoint checkpoint, Checkpoint::parse(verified.text()));
  if (checkpoint.origin != key.name()) return fail(Code::verification_failed, "note.beacon.origin", checkpoint.origin);
  return VerifiedBeacon(crypto::sha256(as_bytes(verified.text())), *verified.time(), checkpoint.size);
}

}  // namespace openpcc::note
