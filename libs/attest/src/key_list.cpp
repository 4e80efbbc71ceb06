#include "openpcc/attest/key_list.h"

#include <boost/json.hpp>

#include "openpcc/attest/evidence.h"

namespace openpcc::attest {

namespace json = boost::json;

Bytes encode_key_list(std::span<const Bytes> evidence) {
  json::array keys;
  for (const Bytes& bytes : evidence) keys.emplace_back(json::string(as_text(bytes)));
  const std::string text = json::serialize(json::value{{"keys", std::move(keys)}});
  return Bytes(text.begin(), text.end());
}

Result<std::vector<Bytes>> parse_key_list(ByteSpan text) {
  // Escapes at most double the size of JSON text.
  if (text.size() > 2 * kKeysPerNodeMax * kEvidenceBytesMax) return fail(Code::limit, "attest.key_list.too_large");
  json::parse_options options;
  options.max_depth = 4;
  boost::system::error_code failed;
  const json::value value = json::parse(as_text(text), failed, {}, options);
  const json::value* keys = !failed && value.is_object() && value.as_object().size() == 1 ? value.as_object().if_contains("keys") : nullptr;
  if (keys == nullptr || !keys->is_array() || keys->as_array().size() > kKeysPerNodeMax)
    return fail(Code::malformed, "attest.key_list.syntax");
  std::vector<Bytes> out;
  for (const json::value& key : keys->as_array()) {
    if (!key.is_string()) return fail(Code::malformed, "attest.key_list.syntax");
    out.emplace_back(key.as_string().begin(), key.as_string().end());
  }
  return out;
}

}  // namespace openpcc::attest
