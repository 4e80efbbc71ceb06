// Opt-in sharing of an engine's prefix cache among one user's own requests. Spec: spec/envelope.md s6. Pure functions.
#pragma once

#include <optional>
#include <string>

#include "openpcc/attest/verify.h"
#include "openpcc/core/environment.h"
#include "openpcc/core/secret.h"
#include "openpcc/http/message.h"

namespace openpcc::client {

// Cache says which requests of one user may share cached prefixes: none; those of one conversation; those of one model and UTC day.
enum class Cache : uint8_t { none, conversation, day };

inline constexpr std::string_view kCacheField = "openpcc-cache";
std::optional<Cache> parse_cache(std::string_view name);

// cache_of reads the application's wish from the field openpcc-cache; none: `standard`.
//   client.proxy.cache   no such choice
Result<Cache> cache_of(const http::RequestHead& request, Cache standard);

// conversation_of names the conversation that a JSON request continues, by what every later request of it repeats: instructions and all
// messages up to the first of the user. nullopt where the body has no such beginning (a bare prompt, a form): it shares with nothing.
std::optional<crypto::Sha256Digest> conversation_of(ByteSpan body);

// CacheScope is a set of requests that share cached prefixes, each at the one node that the scope keeps to.
class CacheScope {
 public:
  // of finds the scope of a request; nullopt where it shares with nothing. `secret` never leaves the client; without it nobody can tell
  // which scope a salt stands for.
  static std::optional<CacheScope> of(Cache cache, const Secret<32>& secret, std::string_view model, ByteSpan body, UnixSeconds now);

  // salt is what the node with this chip is given: two nodes cannot compare theirs.
  Secret<32> salt(ByteSpan chip_id) const;
  // rank orders nodes for this scope, as if at random: the least one is kept to for as long as it is there, whatever keys it changes and
  // whichever others come and go.
  crypto::Sha256Digest rank(const attest::VerifiedNode& node) const;

 private:
  explicit CacheScope(Secret<32> key) : key_(std::move(key)) {}
  Secret<32> key_;
};

}  // namespace openpcc::client
