#include "openpcc/client/cache_scope.h"

#include <algorithm>
#include <boost/json.hpp>

#include "openpcc/client/app_request.h"

namespace openpcc::client {
namespace {

namespace json = boost::json;

constexpr UnixSeconds kDay_s = 86'400;
// What may stand before a conversation's messages, and the messages themselves, in the APIs that the proxy speaks.
constexpr std::string_view kInstructions[] = {"system", "instructions"};
constexpr std::string_view kMessages[] = {"messages", "input"};

bool is_of_the_user(const json::value& message) {
  const json::object* object = message.if_object();
  const json::value* role = object == nullptr ? nullptr : object->if_contains("role");
  return role != nullptr && role->is_string() && role->get_string() == "user";
}

// add_beginning hashes a list of messages up to the first of the user; false where there is none.
bool add_beginning(crypto::Sha256& hash, const json::value& messages) {
  if (messages.is_string()) {
    hash.lp(as_bytes(messages.get_string()));
    return true;
  }
  if (!messages.is_array()) return false;
  for (const json::value& message : messages.get_array()) {
    hash.lp(as_bytes(json::serialize(message)));
    if (is_of_the_user(message)) return true;
  }
  return false;
}

std::optional<Bytes> detail_of(Cache cache, ByteSpan body, UnixSeconds now) {
  if (cache == Cache::none) return std::nullopt;
  if (cache == Cache::day) return ByteWriter().u64(static_cast<uint64_t>(now / kDay_s)).take();
  const auto conversation = conversation_of(body);
  if (!conversation) return std::nullopt;
  return Bytes(conversation->begin(), conversation->end());
}

}  // namespace

std::optional<Cache> parse_cache(std::string_view name) {
  if (name == "none") return Cache::none;
  if (name == "conversation") return Cache::conversation;
  if (name == "day") return Cache::day;
  return std::nullopt;
}

Result<Cache> cache_of(const http::RequestHead& request, Cache standard) {
  const auto name = request.fields.find(kCacheField);
  if (!name) return standard;
  const auto cache = parse_cache(*name);
  if (!cache) return fail(Code::rejected, "client.proxy.cache", "use none, conversation or day");
  return *cache;
}

std::optional<crypto::Sha256Digest> conversation_of(ByteSpan body) {
  boost::system::error_code failed;
  json::parse_options options;
  options.max_depth = kJsonDepthMax;
  const json::value parsed = json::parse(as_text(body), failed, {}, options);
  if (failed || !parsed.is_object()) return std::nullopt;
  const json::object& request = parsed.get_object();
  crypto::Sha256 hash;
  for (const std::string_view name : kInstructions) {
    const json::value* instructions = request.if_contains(name);
    hash.lp(as_bytes(instructions == nullptr ? std::string() : json::serialize(*instructions)));
  }
  const bool begun = std::ranges::any_of(kMessages, [&](std::string_view name) {
    const json::value* messages = request.if_contains(name);
    return messages != nullptr && add_beginning(hash, *messages);
  });
  if (!begun) return std::nullopt;
  return hash.finish();
}

std::optional<CacheScope> CacheScope::of(Cache cache, const Secret<32>& secret, std::string_view model, ByteSpan body, UnixSeconds now) {
  const auto detail = detail_of(cache, body, now);
  if (!detail) return std::nullopt;
  ByteWriter scope;
  scope.u8(static_cast<uint8_t>(cache)).lp(as_bytes(model)).lp(*detail);
  return CacheScope(crypto::hmac_sha256(secret.reveal(), {as_bytes("openpcc cache scope v1"), Bytes{0}, scope.view()}));
}

Secret<32> CacheScope::salt(ByteSpan chip_id) const {
  return crypto::hmac_sha256(key_.reveal(), {as_bytes("openpcc cache salt v1"), Bytes{0}, chip_id});
}

crypto::Sha256Digest CacheScope::rank(const attest::VerifiedNode& node) const {
  ByteWriter device;
  device.lp(node.chip_id());
  for (const Bytes& gpu : node.gpu_ids()) device.lp(gpu);
  const Secret<32> rank = crypto::hmac_sha256(key_.reveal(), {as_bytes("openpcc cache node v1"), Bytes{0}, device.view()});
  crypto::Sha256Digest out{};
  std::ranges::copy(rank.reveal(), out.begin());
  return out;
}

}  // namespace openpcc::client
