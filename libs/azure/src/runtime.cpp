#include "openpcc/azure/runtime.h"

#include <algorithm>
#include <boost/json.hpp>

#include "openpcc/strict_json/strict_json.h"

namespace openpcc::azure {
namespace {

namespace bj = boost::json;

constexpr Rule kSyntax = "azure.runtime.syntax";
constexpr Rule kAk = "azure.ak.syntax";
constexpr std::string_view kAkName = "HCLAkPub";
constexpr size_t kModulusBytes = 256;
constexpr std::array<uint8_t, 3> kExponent{1, 0, 1};
constexpr size_t kVmIdBytesMax = 64;

std::unexpected<Error> bad(std::string_view what) { return fail(Code::malformed, kSyntax, std::string(what)); }
std::unexpected<Error> bad_key(std::string_view what) { return fail(Code::malformed, kAk, std::string(what)); }

std::string_view text_of(const bj::object& object, std::string_view name) {
  const bj::value* value = object.if_contains(name);
  const bj::string* text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? std::string_view() : std::string_view(*text);
}

Result<tpm::AttestationKey> read_key(const bj::object& key) {
  if (text_of(key, "kty") != "RSA") return bad_key("not RSA");
  const bj::value* operations = key.if_contains("key_ops");
  if (operations == nullptr || *operations != bj::array{"sign"}) return bad_key("not for signing alone");
  if (text_of(key, "e") != "AQAB") return bad_key("an exponent but 65537");
  const auto modulus = from_base64url(text_of(key, "n"));
  if (!modulus || modulus->size() != kModulusBytes || modulus->front() < 0x80) return bad_key("not of 2048 bits");
  auto out = tpm::AttestationKey::from_numbers(*modulus, kExponent);
  if (!out) return bad_key(describe(out.error()));
  return out;
}

Result<tpm::AttestationKey> find_ak(const bj::array& keys) {
  const bj::object* ak = nullptr;
  for (const bj::value& value : keys) {
    const bj::object* key = value.if_object();
    if (key == nullptr) return bad("a key that is no object");
    if (text_of(*key, "kid") != kAkName) continue;
    if (ak != nullptr) return fail(Code::malformed, "azure.ak.missing", "two keys of this name");
    ak = key;
  }
  if (ak == nullptr) return fail(Code::malformed, "azure.ak.missing", "no key HCLAkPub");
  return read_key(*ak);
}

Result<std::optional<bool>> flag(const bj::object& object, std::string_view name) {
  const bj::value* value = object.if_contains(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_bool()) return bad("a setting that is no truth value");
  return value->as_bool();
}

Result<Configuration> read_configuration(const bj::object& object) {
  Configuration out;
  OPENPCC_LET(out.secure_boot, flag(object, "secure-boot"));
  OPENPCC_LET(out.tpm_enabled, flag(object, "tpm-enabled"));
  OPENPCC_LET(out.console_enabled, flag(object, "console-enabled"));
  const std::string_view id = text_of(object, "vmUniqueId");
  if (id.size() > kVmIdBytesMax || std::ranges::any_of(id, [](char c) { return c < 0x20 || c > 0x7e; }))
    return bad("a VM's id that is none");
  out.vm_unique_id = id;
  return out;
}

}  // namespace

Result<RuntimeData> read_runtime(ByteSpan json) {
  OPENPCC_LET(const bj::value value, strict_json::parse_strict(json, kHclBytes, kSyntax));
  const bj::object* object = value.if_object();
  if (object == nullptr) return bad("not an object");
  const bj::value* keys = object->if_contains("keys");
  const bj::value* configuration = object->if_contains("vm-configuration");
  if (keys == nullptr || !keys->is_array() || configuration == nullptr || !configuration->is_object())
    return bad("no keys, or no vm-configuration");
  const auto user_data = from_hex(text_of(*object, "user-data"));
  if (!user_data) return bad("user-data that is not hexadecimal");
  OPENPCC_LET(const ReportData data, to_array<64>(*user_data, kSyntax));
  OPENPCC_LET(Configuration said, read_configuration(configuration->as_object()));
  OPENPCC_LET(tpm::AttestationKey ak, find_ak(keys->as_array()));
  return RuntimeData{std::move(ak), data, std::move(said)};
}

}  // namespace openpcc::azure
