#include "openpcc/node/keyring.h"

#include <algorithm>

#include "openpcc/attest/key_list.h"

namespace openpcc::node {
namespace {

static_assert(kKeysMax <= attest::kKeysPerNodeMax);

bool ended(const LiveKey& key, const Now& now) { return now.monotonic - key.made >= kWipedAfter || now.wall >= key.not_after; }
bool is_published(const LiveKey& key, const Now& now) { return now.monotonic - key.made < kPublishedFor && !ended(key, now); }

// The receipt key is bound from the start, but nothing signs with it yet: its private half is not kept.
crypto::Ed25519Public make_receipt_key(Random& random) {
  Secret<32> seed;
  random.fill(seed.reveal_mutable());
  return crypto::Ed25519Private(seed.reveal()).public_key();
}

}  // namespace

Keyring::Keyring(KeyringConfig config, attest::Attester& tee, Random& random) : config_(std::move(config)), tee_(tee), random_(random) {
  keys_.reserve(kKeysMax);
}

Result<> Keyring::take_beacon(ByteSpan note, const Now& now) {
  OPENPCC_LET(const note::VerifiedBeacon beacon, note::verify_beacon(note, config_.beacon_key));
  if (beacon.time() > now.wall + kBeaconAheadMax_s) return fail(Code::rejected, "node.beacon.ahead");
  if (now.wall - beacon.time() > kBeaconAgeMax_s) return fail(Code::rejected, "node.beacon.stale");
  if (beacon_) {
    const bool same = beacon.freshness() == beacon_->freshness();
    if (!same && beacon.counter() <= beacon_->counter()) return fail(Code::rejected, "node.beacon.older");
  }
  beacon_ = beacon;
  return {};
}

Keyring::Changes Keyring::tend(const Now& now) {
  Changes changes;
  for (const LiveKey& key : keys_) {
    if (ended(key, now)) changes.wiped.push_back({key.node_id, key.replay.entries()});
  }
  std::erase_if(keys_, [&](const LiveKey& key) { return ended(key, now); });
  if (!due(now)) return changes;
  auto made = make(now);
  if (made) {
    changes.made = *made;
    successor_requested_ = false;
  } else if (made.error().rule == attest::kPending) {
    changes.pending = true;
  } else {
    changes.failed = std::move(made).error();
  }
  return changes;
}

bool Keyring::due(const Now& now) const {
  if (keys_.empty()) return true;
  if (keys_.size() == kKeysMax) return false;
  return successor_requested_ || now.monotonic - keys_.back().made >= keys_.back().succeeded_after;
}

Keyring::Prepared Keyring::prepare(const Now& now) {
  hpke::PrivateKey key = hpke::PrivateKey::generate(hpke::KemId::x_wing, random_);
  attest::Claims claims;
  claims.hpke_public_key.assign(key.public_key().begin(), key.public_key().end());
  claims.receipt_key = make_receipt_key(random_);
  // A beacon's time may be a little ahead of our clock; no key is older than the event that it was made after.
  claims.not_before = std::max(now.wall, beacon_->time());
  claims.not_after = claims.not_before + kWipedAfter.count();
  claims.deployment = config_.deployment;
  claims.freshness = beacon_->freshness();
  claims.config_digest = config_.config_digest;
  claims.models = config_.models;
  return {std::move(key), std::move(claims), now.monotonic};
}

Result<envelope::NodeId> Keyring::make(const Now& now) {
  if (prepared_ && now.monotonic - prepared_->made >= kEvidenceWait) prepared_.reset();
  if (!prepared_) {
    if (!beacon_ || now.wall - beacon_->time() > kBeaconAgeMax_s) return fail(Code::unavailable, "node.keys.no_beacon");
    prepared_.emplace(prepare(now));
  }
  auto made = attest::make_evidence(prepared_->claims, tee_);
  if (!made && made.error().rule == attest::kPending) return std::unexpected(std::move(made).error());
  Prepared prepared = std::move(*prepared_);
  prepared_.reset();
  if (!made) return std::unexpected(std::move(made).error());
  const auto stagger = std::chrono::seconds(random_.below(static_cast<uint64_t>(kStagger.count())));
  keys_.push_back({made->node_id, std::move(prepared.key), ReplaySet(random_, config_.replay_entries_max), std::move(made->bytes),
                   prepared.made, kSucceededAfter + stagger, prepared.claims.not_after});
  return keys_.back().node_id;
}

LiveKey* Keyring::find(const envelope::NodeId& node_id, const Now& now) {
  const auto found = std::find_if(keys_.begin(), keys_.end(), [&](const LiveKey& key) { return key.node_id == node_id; });
  return found == keys_.end() || ended(*found, now) ? nullptr : &*found;
}

bool Keyring::published(const Now& now) const {
  return std::any_of(keys_.begin(), keys_.end(), [&](const LiveKey& key) { return is_published(key, now); });
}

Bytes Keyring::key_list(const Now& now) const {
  std::vector<Bytes> published;
  for (const LiveKey& key : keys_) {
    if (is_published(key, now)) published.push_back(key.evidence);
  }
  return attest::encode_key_list(published);
}

}  // namespace openpcc::node
