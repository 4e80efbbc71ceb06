// Claims: the fields of B. Spec: spec/evidence.md s2.
#include <algorithm>

#include "openpcc/attest/evidence.h"

namespace openpcc::attest {
namespace {

constexpr Rule kSyntax = "attest.claims.syntax";
constexpr uint64_t kTimeMax = 253402300799;  // the end of the year 9999: no sum of times overflows
constexpr size_t kModelsBytesMax = kModelsMax * (4 + kNameBytesMax + 4 + 32);

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameBytesMax && std::ranges::all_of(name, [](char c) { return c > ' ' && c < 0x7f; });
}

Result<uint16_t> read_u16(ByteReader& reader) {
  OPENPCC_LET(const ByteSpan field, reader.lp(2));
  return ByteReader(field, kSyntax).u16();
}

Result<UnixSeconds> read_time(ByteReader& reader) {
  OPENPCC_LET(const ByteSpan field, reader.lp(8));
  OPENPCC_LET(const uint64_t time, ByteReader(field, kSyntax).u64());
  if (time > kTimeMax) return fail(Code::malformed, kSyntax, "a time beyond the year 9999");
  return static_cast<UnixSeconds>(time);
}

template <size_t N>
Result<std::array<uint8_t, N>> read_array(ByteReader& reader) {
  OPENPCC_LET(const ByteSpan field, reader.lp(N));
  return to_array<N>(field, kSyntax);
}

Result<std::string> read_name(ByteReader& reader) {
  OPENPCC_LET(const ByteSpan field, reader.lp(kNameBytesMax));
  if (!is_name(as_text(field))) return fail(Code::malformed, kSyntax, "a name is 1 to 255 printable ASCII characters other than space");
  return std::string(as_text(field));
}

Result<std::optional<GpuDigest>> read_gpu_digest(ByteReader& reader) {
  OPENPCC_LET(const ByteSpan field, reader.lp(32));
  if (field.empty()) return std::optional<GpuDigest>();
  OPENPCC_LET(const GpuDigest digest, to_array<32>(field, kSyntax));
  return std::optional<GpuDigest>(digest);
}

Result<std::vector<Model>> read_models(ByteReader& reader) {
  OPENPCC_LET(const ByteSpan field, reader.lp(kModelsBytesMax));
  ByteReader list(field, kSyntax);
  std::vector<Model> out;
  while (!list.empty()) {
    Model model;
    OPENPCC_LET(model.name, read_name(list));
    OPENPCC_LET(model.digest, read_array<32>(list));
    if (out.size() == kModelsMax) return fail(Code::malformed, kSyntax, "too many models");
    if (!out.empty() && out.back().name >= model.name) return fail(Code::malformed, kSyntax, "models out of order");
    out.push_back(std::move(model));
  }
  return out;
}

Bytes encode_u64(UnixSeconds time) {
  OPENPCC_CHECK(time >= 0);
  return ByteWriter().u64(static_cast<uint64_t>(time)).take();
}

}  // namespace

Bytes Claims::encode() const {
  ByteWriter list;
  for (const Model& model : models) list.lp(as_bytes(model.name)).lp(model.digest);
  ByteWriter out;
  out.lp(ByteWriter().u16(suite).view()).lp(hpke_public_key).lp(receipt_key).lp(encode_u64(not_before)).lp(encode_u64(not_after));
  out.lp(as_bytes(deployment)).lp(freshness).lp(gpu_digest ? ByteSpan(*gpu_digest) : ByteSpan()).lp(config_digest).lp(list.view());
  return out.take();
}

Result<Claims> Claims::parse(ByteSpan bytes) {
  ByteReader reader(bytes, kSyntax);
  Claims out;
  OPENPCC_LET(out.suite, read_u16(reader));
  // Everything after an unknown suite may have another shape.
  if (out.suite != kSuite) return fail(Code::unsupported, "attest.claims.suite", "suite " + std::to_string(out.suite));
  OPENPCC_LET(const auto key, read_array<kHpkePublicKeyBytes>(reader));
  out.hpke_public_key.assign(key.begin(), key.end());
  OPENPCC_LET(out.receipt_key, read_array<32>(reader));
  OPENPCC_LET(out.not_before, read_time(reader));
  OPENPCC_LET(out.not_after, read_time(reader));
  OPENPCC_LET(out.deployment, read_name(reader));
  OPENPCC_LET(out.freshness, read_array<32>(reader));
  OPENPCC_LET(out.gpu_digest, read_gpu_digest(reader));
  OPENPCC_LET(out.config_digest, read_array<32>(reader));
  OPENPCC_LET(out.models, read_models(reader));
  OPENPCC_TRY(reader.end());
  return out;
}

}  // namespace openpcc::attest
