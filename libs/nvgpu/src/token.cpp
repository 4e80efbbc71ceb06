// Spec: RFC 9711 (EAT), RFC 7515 (JWS compact serialisation), in the form of NVIDIA's SDK: [["JWT", overall], {"GPU-0": device's, ...}].
#include "openpcc/nvgpu/token.h"

#include <boost/json.hpp>

#include "openpcc/strict_json/strict_json.h"

namespace openpcc::nvgpu {
namespace {

namespace json = boost::json;

constexpr Rule kSyntax = "nvgpu.eat.syntax";
constexpr size_t kTokensMax = 33;  // the overall one, and a machine's devices

std::unexpected<Error> bad_token(std::string_view why) { return fail(Code::malformed, kSyntax, std::string(why)); }

struct Jws {
  std::string algorithm;
  bool is_signed = false;
};

Result<Jws> read_jws(std::string_view compact) {
  const size_t first = compact.find('.');
  const size_t second = first == std::string_view::npos ? first : compact.find('.', first + 1);
  if (second == std::string_view::npos || compact.find('.', second + 1) != std::string_view::npos) return bad_token("not three parts");
  const auto header_bytes = from_base64url(compact.substr(0, first));
  const auto claims_bytes = from_base64url(compact.substr(first + 1, second - first - 1));
  const auto signature = from_base64url(compact.substr(second + 1));
  if (!header_bytes || !claims_bytes || !signature) return bad_token("a part is not base64url");
  OPENPCC_LET(const json::value header, strict_json::parse_strict(*header_bytes, kTokenBytesMax, kSyntax));
  OPENPCC_LET(const json::value claims, strict_json::parse_strict(*claims_bytes, kTokenBytesMax, kSyntax));
  const json::value* algorithm = header.is_object() ? header.as_object().if_contains("alg") : nullptr;
  if (algorithm == nullptr || !algorithm->is_string() || !claims.is_object()) return bad_token("no algorithm, or no claims");
  return Jws{std::string(algorithm->as_string()), !signature->empty()};
}

// detached finds the token in what the SDK prints around it.
const json::value& detached(const json::value& document) {
  const json::value* inside = document.is_object() ? document.as_object().if_contains("detached_eat") : nullptr;
  return inside == nullptr ? document : *inside;
}

Result<std::vector<Jws>> read_tokens(ByteSpan bytes) {
  OPENPCC_LET(const json::value document, strict_json::parse_strict(bytes, kTokenBytesMax, kSyntax));
  const json::value& token = detached(document);
  const json::array* pair = token.if_array();
  const json::array* overall = pair != nullptr && pair->size() == 2 ? (*pair)[0].if_array() : nullptr;
  const json::object* devices = overall != nullptr ? (*pair)[1].if_object() : nullptr;
  const bool whole = devices != nullptr && overall->size() == 2 && (*overall)[0] == "JWT" && (*overall)[1].is_string();
  if (!whole || devices->empty() || devices->size() + 1 > kTokensMax) return bad_token("not an overall JWT and one for each device");
  std::vector<Jws> out;
  OPENPCC_LET(Jws first, read_jws((*overall)[1].as_string()));
  out.push_back(std::move(first));
  for (const auto& [name, device] : *devices) {
    if (!device.is_string()) return bad_token("a device's token is no text");
    OPENPCC_LET(Jws jws, read_jws(device.as_string()));
    out.push_back(std::move(jws));
  }
  return out;
}

}  // namespace

bool looks_like_token(ByteSpan bytes) {
  const std::string_view text = as_text(bytes);
  return bytes.size() <= kTokenBytesMax && (text.find("\"detached_eat\"") != std::string_view::npos ||
                                            (text.starts_with('[') && text.substr(0, 64).find("\"JWT\"") != std::string_view::npos));
}

Error refuse_token(ByteSpan bytes) {
  const auto tokens = read_tokens(bytes);
  if (!tokens) return tokens.error();
  for (const Jws& jws : *tokens) {
    if (jws.algorithm == "none" || !jws.is_signed) {
      return fail(Code::rejected, "nvgpu.eat.alg_none", "a token that nobody signed: a verifier's claims about itself").error();
    }
  }
  for (const Jws& jws : *tokens) {
    if (jws.algorithm != "ES384") return fail(Code::unsupported, "nvgpu.eat.alg", "signed by " + jws.algorithm).error();
  }
  return fail(Code::rejected, "nvgpu.eat.key", "no key of the attestation service is pinned here: give the report itself").error();
}

}  // namespace openpcc::nvgpu
