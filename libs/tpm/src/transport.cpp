#include "openpcc/tpm/transport.h"

#include <boost/json.hpp>
#include <charconv>

#include "openpcc/strict_json/strict_json.h"

namespace openpcc::tpm {
namespace {

constexpr size_t kValuesBytesMax = 8u << 10;
constexpr Rule kValues = "tpm.pcrs";

// index_of reads "0" to "23", without leading zeros.
std::optional<uint8_t> index_of(std::string_view text) {
  uint8_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || out >= kPcrs || std::to_string(out) != text) return std::nullopt;
  return out;
}

std::optional<Hash> bank_of(size_t bytes) {
  for (const Hash hash : {Hash::sha1, Hash::sha256, Hash::sha384, Hash::sha512}) {
    if (digest_bytes(hash) == bytes) return hash;
  }
  return std::nullopt;
}

Result<uint64_t> read_length(ByteReader& reader) {
  OPENPCC_LET(const ByteSpan bytes, reader.bytes(8));
  uint64_t out = 0;
  for (size_t i = 8; i > 0; --i) out = out << 8 | bytes[i - 1];
  return out;
}

Result<ByteSpan> read_bytes(ByteReader& reader, size_t bytes_max) {
  OPENPCC_LET(const uint64_t size, read_length(reader));
  if (size > bytes_max) return fail(Code::malformed, "tpm.syntax", std::to_string(size) + " bytes");
  return reader.bytes(static_cast<size_t>(size));
}

}  // namespace

Result<Banks> parse_values(ByteSpan json) {
  OPENPCC_LET(const boost::json::value value, strict_json::parse_strict(json, kValuesBytesMax, kValues));
  if (!value.is_object() || value.get_object().empty()) return fail(Code::malformed, kValues, "not an object of PCR values");
  std::optional<Hash> bank;
  Bank out;
  for (const auto& [name, text] : value.get_object()) {
    const auto index = index_of(name);
    const auto bytes = text.is_string() ? from_hex(std::string_view(text.get_string())) : Result<Bytes>(fail(Code::malformed, kValues));
    if (!index || !bytes) return fail(Code::malformed, kValues, "neither an index nor a value: " + std::string(name).substr(0, 8));
    const auto of = bank_of(bytes->size());
    if (!of || (bank && bank != of)) return fail(Code::malformed, kValues, "values of different or unknown sizes");
    bank = of;
    out[*index] = std::move(*bytes);
  }
  return Banks{{*bank, std::move(out)}};
}

Bytes write_values(const Bank& values) {
  boost::json::object out;
  for (const auto& [pcr, value] : values) out[std::to_string(pcr)] = to_hex(value);
  const std::string text = boost::json::serialize(out);
  return {text.begin(), text.end()};
}

Result<Package> parse_package(ByteSpan bytes) {
  constexpr size_t kBytes = 32;
  ByteReader reader(bytes, "tpm.syntax");
  OPENPCC_LET(const ByteSpan signature, read_bytes(reader, kSignatureBytesMax));
  OPENPCC_LET(const ByteSpan quote, read_bytes(reader, kQuoteBytesMax));
  OPENPCC_LET(const uint64_t count, read_length(reader));
  if (count > kPcrs) return fail(Code::malformed, "tpm.syntax", std::to_string(count) + " values");
  Bank values;
  for (uint8_t pcr = 0; pcr < count; ++pcr) {
    OPENPCC_LET(const ByteSpan value, reader.bytes(kBytes));
    values[pcr] = Bytes(value.begin(), value.end());
  }
  OPENPCC_TRY(reader.end());
  return Package{rsassa_sha256(signature), {quote.begin(), quote.end()}, {{Hash::sha256, std::move(values)}}};
}

}  // namespace openpcc::tpm
