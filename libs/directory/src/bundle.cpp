// The epoch bundle. Spec: spec/directory.md s1, s2.
#include "openpcc/directory/bundle.h"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

#include "openpcc/strict_json/strict_json.h"

namespace openpcc::directory {
namespace {

namespace bj = boost::json;

constexpr uint64_t kVersion = 1;
constexpr size_t kNameBytesMax = 255;
constexpr size_t kUrlBytesMax = 2048;
constexpr uint64_t kTimeMax = 253402300799;  // the end of the year 9999
constexpr std::string_view kStatement = "openpcc bundle v1\n";
constexpr Rule kSyntax = "directory.bundle.syntax";

// Statement is what bundle.sig says: the text of its note.
std::string write_statement(const LastSeen& about) {
  return std::string(kStatement) + std::to_string(about.epoch) + "\n" + to_base64(about.digest) + "\n";
}

Result<LastSeen> read_statement(std::string_view text) {
  constexpr Rule kRule = "directory.signature.statement";
  const size_t line = kStatement.size();
  const size_t end = text.find('\n', std::min(line, text.size()));
  if (!text.starts_with(kStatement) || end == std::string_view::npos) return fail(Code::malformed, kRule, "not about a bundle");
  const auto digest = from_base64(text.substr(end + 1, text.size() - end - 2));
  if (!digest || digest->size() != 32) return fail(Code::malformed, kRule, "no digest");
  LastSeen out{};
  std::from_chars(text.data() + line, text.data() + end, out.epoch);
  std::ranges::copy(*digest, out.digest.begin());
  if (write_statement(out) != text) return fail(Code::malformed, kRule, "not in its one spelling");
  return out;
}

// signed_epoch is the epoch that bundle.sig gives to the bundle of this digest.
Result<uint64_t> signed_epoch(ByteSpan signature, const note::VerifierKey& key, const crypto::Sha256Digest& digest) {
  OPENPCC_LET(const note::Note note, note::Note::parse(signature));
  OPENPCC_LET(const note::VerifiedNote verified, note::verify(note, key));
  OPENPCC_LET(const LastSeen about, read_statement(verified.text()));
  if (about.digest != digest) return fail(Code::verification_failed, "directory.signature.digest", "the signature is about another bundle");
  return about.epoch;
}

bj::array strings(const std::vector<std::string>& values) {
  bj::array out;
  for (const std::string& value : values) out.emplace_back(value);
  return out;
}

Bytes write(const BundleContent& content) {
  bj::array nodes;
  for (const Bytes& leaf : content.nodes) nodes.emplace_back(to_base64(leaf));
  const std::string text = bj::serialize(bj::object{
      {"version", kVersion},
      {"epoch", content.epoch},
      {"not_before", content.not_before},
      {"not_after", content.not_after},
      {"deployment", content.deployment},
      {"gateway", bj::object{{"authority", content.gateway_authority}, {"ohttp_keys", to_base64(content.ohttp_keys)}}},
      {"relays", strings(content.relays)},
      {"beacons", strings(content.beacons)},
      {"nodes", std::move(nodes)},
  });
  return Bytes(text.begin(), text.end());
}

Result<std::vector<std::string>> read_texts(strict_json::ObjectReader& members, std::string_view name, size_t count_max, size_t bytes_max) {
  OPENPCC_LET(const auto texts, members.texts(name, count_max, bytes_max));
  return std::vector<std::string>(texts.begin(), texts.end());
}

Result<std::vector<Bytes>> read_nodes(strict_json::ObjectReader& members) {
  OPENPCC_LET(const auto texts, members.texts("nodes", kNodesMax, (kLeafBytesMax + 2) / 3 * 4));
  std::vector<Bytes> out;
  for (const std::string_view text : texts) {
    auto leaf = from_base64(text);
    if (!leaf) return fail(Code::malformed, kSyntax, "a node is not base64");
    out.push_back(std::move(*leaf));
  }
  return out;
}

Result<UnixSeconds> read_time(strict_json::ObjectReader& members, std::string_view name) {
  OPENPCC_LET(const uint64_t time, members.number(name, kTimeMax));
  return static_cast<UnixSeconds>(time);
}

Result<> read_gateway(strict_json::ObjectReader& members, BundleContent& out) {
  OPENPCC_LET(const bj::value* value, members.member("gateway"));
  OPENPCC_LET(auto gateway, strict_json::ObjectReader::of(*value, kSyntax));
  OPENPCC_LET(out.gateway_authority, gateway.text("authority", kNameBytesMax));
  OPENPCC_LET(out.ohttp_keys, gateway.base64("ohttp_keys", kOhttpKeysBytesMax));
  if (out.gateway_authority.empty() || out.ohttp_keys.empty()) return fail(Code::malformed, kSyntax, "no gateway");
  return gateway.end();
}

Result<BundleContent> read(ByteSpan bundle) {
  OPENPCC_LET(const bj::value root, strict_json::parse_strict(bundle, kBundleBytesMax, kSyntax));
  OPENPCC_LET(auto members, strict_json::ObjectReader::of(root, kSyntax));
  OPENPCC_LET(const uint64_t version, members.number("version", UINT64_MAX));
  // Everything after an unknown version may have another shape.
  if (version != kVersion) return fail(Code::unsupported, "directory.bundle.version", std::to_string(version));
  BundleContent out;
  OPENPCC_LET(out.epoch, members.number("epoch", UINT64_MAX));
  OPENPCC_LET(out.not_before, read_time(members, "not_before"));
  OPENPCC_LET(out.not_after, read_time(members, "not_after"));
  OPENPCC_LET(out.deployment, members.text("deployment", kNameBytesMax));
  OPENPCC_TRY(read_gateway(members, out));
  OPENPCC_LET(out.relays, read_texts(members, "relays", kRelaysMax, kUrlBytesMax));
  OPENPCC_LET(out.beacons, read_texts(members, "beacons", kBeaconsMax, kBeaconBytesMax));
  OPENPCC_LET(out.nodes, read_nodes(members));
  OPENPCC_TRY(members.end());
  return out;
}

// read_signed reads the bundle that was signed for `epoch`.
Result<BundleContent> read_signed(ByteSpan bundle, uint64_t epoch, const Trust& trust) {
  OPENPCC_LET(BundleContent content, read(bundle));
  if (content.epoch != epoch) return fail(Code::verification_failed, "directory.bundle.epoch", "not the one that was signed");
  if (content.deployment != trust.deployment) return fail(Code::rejected, "directory.bundle.deployment", content.deployment);
  return content;
}

Result<> check_time(const BundleContent& content, UnixSeconds now) {
  const UnixSeconds lifetime = content.not_after - content.not_before;
  if (lifetime <= 0 || lifetime > kBundleLifetimeMax_s) {
    return fail(Code::rejected, "directory.bundle.lifetime", std::to_string(lifetime) + " s");
  }
  if (content.not_before > now + kClockSkew_s) return fail(Code::rejected, "directory.bundle.early", "set this machine's clock");
  if (content.not_after < now)
    return fail(Code::rejected, "directory.bundle.expired", "get the current bundle, or set this machine's clock");
  return {};
}

Result<std::vector<note::VerifiedBeacon>> verify_beacons(const BundleContent& content, const note::VerifierKey& key, UnixSeconds now) {
  std::vector<note::VerifiedBeacon> out;
  for (const std::string& text : content.beacons) {
    OPENPCC_LET(const note::VerifiedBeacon beacon, note::verify_beacon(as_bytes(text), key));
    if (beacon.time() > now + kClockSkew_s) return fail(Code::rejected, "directory.beacon.future", std::to_string(beacon.time()));
    out.push_back(beacon);
  }
  return out;
}

// check_last refuses to go back, and to see two bundles where everybody must see one.
Result<> check_last(const LastSeen& seen, const std::optional<LastSeen>& last) {
  if (!last) return {};
  if (seen.epoch < last->epoch) {
    return fail(Code::rejected, "directory.rollback", "epoch " + std::to_string(seen.epoch) + " after " + std::to_string(last->epoch));
  }
  if (seen.epoch == last->epoch && seen.digest != last->digest) {
    return fail(Code::rejected, "directory.fork", "two bundles of epoch " + std::to_string(seen.epoch));
  }
  return {};
}

bool within_limits(const BundleContent& content) {
  const auto at_most = [](size_t max) { return [max](const auto& value) { return value.size() <= max; }; };
  return content.nodes.size() <= kNodesMax && content.beacons.size() <= kBeaconsMax && content.relays.size() <= kRelaysMax &&
         content.ohttp_keys.size() <= kOhttpKeysBytesMax && std::ranges::all_of(content.nodes, at_most(kLeafBytesMax)) &&
         std::ranges::all_of(content.beacons, at_most(kBeaconBytesMax)) && std::ranges::all_of(content.relays, at_most(kUrlBytesMax));
}

}  // namespace

Result<SignedBundle> sign_bundle(const BundleContent& content, const note::SignerKey& key) {
  OPENPCC_CHECK(key.verifier().type() == note::KeyType::ed25519);
  if (!within_limits(content)) return fail(Code::limit, "directory.make.too_large", "nodes, beacons, relays or keys");
  Bytes bundle = write(content);
  if (bundle.size() > kBundleBytesMax) return fail(Code::limit, "directory.make.too_large", "the bundle");
  std::string signature = note::sign(write_statement({content.epoch, crypto::sha256(bundle)}), {&key}, 0);
  return SignedBundle{std::move(bundle), std::move(signature)};
}

VerifiedBundle::VerifiedBundle(BundleContent content, std::vector<note::VerifiedBeacon> beacons, const crypto::Sha256Digest& digest)
    : content_(std::move(content)), beacons_(std::move(beacons)), digest_(digest) {}

Result<VerifiedBundle> verify_bundle(ByteSpan bundle, ByteSpan signature, const Trust& trust, UnixSeconds now,
                                     const std::optional<LastSeen>& last) {
  if (bundle.size() > kBundleBytesMax) return fail(Code::limit, "directory.bundle.too_large");
  const auto digest = crypto::sha256(bundle);
  OPENPCC_LET(const uint64_t epoch, signed_epoch(signature, trust.directory_key, digest));
  OPENPCC_TRY(check_last({epoch, digest}, last));
  OPENPCC_LET(BundleContent content, read_signed(bundle, epoch, trust));
  OPENPCC_TRY(check_time(content, now));
  OPENPCC_LET(auto beacons, verify_beacons(content, trust.beacon_key, now));
  return VerifiedBundle(std::move(content), std::move(beacons), digest);
}

Result<SignedTimes> signed_times(ByteSpan bundle, ByteSpan signature, const Trust& trust) {
  if (bundle.size() > kBundleBytesMax) return fail(Code::limit, "directory.bundle.too_large");
  OPENPCC_LET(const uint64_t epoch, signed_epoch(signature, trust.directory_key, crypto::sha256(bundle)));
  OPENPCC_LET(const BundleContent content, read_signed(bundle, epoch, trust));
  SignedTimes out{content.not_before, content.not_after, std::nullopt};
  for (const std::string& text : content.beacons) {
    OPENPCC_LET(const note::VerifiedBeacon beacon, note::verify_beacon(as_bytes(text), trust.beacon_key));
    out.newest_beacon = std::max(out.newest_beacon.value_or(beacon.time()), beacon.time());
  }
  return out;
}

}  // namespace openpcc::directory
