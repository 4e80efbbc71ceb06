// Spec: spec/evidence.md s5.
#include "openpcc/policy/policy.h"

#include <algorithm>

#include "hardware.h"
#include "values.h"

namespace openpcc::policy {

// Access makes policies, so that parse() stays the only way to get one.
struct Access {
  static DevelopmentPolicy development(Requirements requirements, const sim::CpuRoot& cpu, const sim::GpuRoot& gpu) {
    return {std::move(requirements), cpu, gpu};
  }
  static ProductionPolicy production(Requirements requirements) { return ProductionPolicy(std::move(requirements)); }
};

Result<std::vector<Bytes>> hex_list(TomlReader& reader, std::string_view name, size_t min, size_t max, bool optional) {
  if (optional && !reader.has(name)) return std::vector<Bytes>();
  OPENPCC_LET(const std::vector<std::string> texts, reader.texts(name));
  if (texts.empty()) return empty_list(reader, name);
  std::vector<Bytes> out;
  for (const std::string& text : texts) {
    auto bytes = from_hex(text);
    if (!bytes || bytes->size() < min || bytes->size() > max)
      return fail(Code::malformed, "policy.parse.value", reader.at(name) + " holds a bad value: " + text);
    out.push_back(std::move(*bytes));
  }
  return out;
}

namespace {

constexpr Rule kValue = "policy.parse.value";
constexpr size_t kMeasurementBytesMax = 64;
constexpr size_t kDeploymentBytesMax = 255;

Result<std::vector<crypto::Sha256Digest>> digest_list(TomlReader& reader, std::string_view name, bool optional = false) {
  OPENPCC_LET(const std::vector<Bytes> list, hex_list(reader, name, 32, 32, optional));
  std::vector<crypto::Sha256Digest> out;
  out.reserve(list.size());
  for (const Bytes& bytes : list) out.push_back(*to_array<32>(bytes, kValue));
  return out;
}

Result<note::VerifierKey> vkey(TomlReader& reader, std::string_view name, note::KeyType type) {
  OPENPCC_LET(const std::string text, reader.text(name));
  auto key = note::VerifierKey::parse(text);
  if (!key) return fail(Code::malformed, kValue, reader.at(name) + " " + describe(key.error()));
  if (key->type() != type) return fail(Code::malformed, kValue, reader.at(name) + " is of the wrong key type");
  return key;
}

Result<crypto::Ed25519Public> root(TomlReader& reader, std::string_view name) {
  OPENPCC_LET(const std::string text, reader.text(name));
  const auto bytes = from_base64(text);
  if (!bytes || bytes->size() != 32) return fail(Code::malformed, kValue, reader.at(name) + " must be base64 of 32 bytes");
  return to_array<32>(*bytes, kValue);
}

Result<bool> flag(TomlReader& reader, std::string_view name) {
  if (!reader.has(name)) return false;
  return reader.boolean(name);
}

Result<Exceptions> read_exceptions(TomlReader& top) {
  OPENPCC_LET(TomlReader reader, top.table("exceptions", true));
  Exceptions out;
  OPENPCC_LET(out.allow_debug, flag(reader, "allow_debug"));
  OPENPCC_LET(out.no_chip_ledger, flag(reader, "no_chip_ledger"));
  OPENPCC_LET(out.one_root_owner, flag(reader, "one_root_owner"));
  OPENPCC_LET(out.beyond_loopback, flag(reader, "beyond_loopback"));
  OPENPCC_LET(out.no_revocation, flag(reader, "no_revocation"));
  OPENPCC_LET(out.allow_migration, flag(reader, "allow_migration"));
  OPENPCC_LET(out.allow_provisional_firmware, flag(reader, "allow_provisional_firmware"));
  OPENPCC_LET(out.allow_masked_chips, flag(reader, "allow_masked_chips"));
  OPENPCC_LET(out.allow_sept_ve, flag(reader, "allow_sept_ve"));
  OPENPCC_TRY(reader.end());
  return out;
}

// read_simulated reads what only simulated machines have. A production policy that names it means something that it does not get.
Result<> read_simulated(TomlReader& nodes, bool production, Requirements& out) {
  if (!production) {
    OPENPCC_LET(out.min_tcb, bounded<uint16_t>(nodes, "min_tcb", 0, UINT16_MAX));
    OPENPCC_LET(out.min_gpu_tcb, bounded<uint16_t>(nodes, "min_gpu_tcb", 0, UINT16_MAX));
    return {};
  }
  const std::pair<std::string_view, std::string_view> instead[] = {
      {"min_tcb", "say [snp.min_tcb.Genoa], or [tdx], whose TCB is Intel's word"}, {"min_gpu_tcb", "leave it out"}};
  for (const auto& [name, remedy] : instead) {
    if (nodes.has(name)) {
      return fail(Code::malformed, "policy.parse.unknown_key", nodes.at(name) + " is of simulated machines alone: " + std::string(remedy));
    }
  }
  return {};
}

Result<> read_nodes(TomlReader& top, bool production, Requirements& out) {
  OPENPCC_LET(TomlReader reader, top.table("nodes"));
  OPENPCC_TRY(read_simulated(reader, production, out));
  OPENPCC_LET(out.releases, hex_list(reader, "releases", 1, kMeasurementBytesMax));
  OPENPCC_LET(out.require_gpu, reader.boolean("require_gpu"));
  OPENPCC_LET(out.gpu_releases, hex_list(reader, "gpu_releases", 1, kMeasurementBytesMax, !out.require_gpu));
  OPENPCC_LET(out.models, digest_list(reader, "models"));
  OPENPCC_LET(out.configs, digest_list(reader, "configs", true));
  OPENPCC_LET(out.min_root_owners, bounded<uint8_t>(reader, "min_root_owners", 1, 4));
  OPENPCC_LET(out.freshness_age_s, bounded<UnixSeconds>(reader, "freshness_age_s", 1, kFreshnessAgeMax_s));
  OPENPCC_LET(out.chips, hex_list(reader, "chips", 1, kMeasurementBytesMax, true));
  std::ranges::sort(out.chips);
  return reader.end();
}

Result<> check_exceptions(const Requirements& r) {
  if (r.chips.empty() != r.exceptions.no_chip_ledger) {
    return fail(Code::rejected, "policy.exception.chip_ledger", "list nodes.chips, or take the exception no_chip_ledger; not both");
  }
  if (r.min_root_owners < 2 && !r.exceptions.one_root_owner) {
    return fail(Code::rejected, "policy.exception.one_root_owner", "nodes.min_root_owners below 2 needs the exception one_root_owner");
  }
  return {};
}

Result<> check_roles(std::vector<crypto::Ed25519Public> keys) {
  std::ranges::sort(keys);
  if (std::ranges::adjacent_find(keys) != keys.end()) return fail(Code::rejected, "policy.roles.same_key", "one key stands in two roles");
  return {};
}

Result<Policy> finish_production(TomlReader& top, Requirements requirements) {
  if (top.has("roots")) {
    OPENPCC_LET(TomlReader roots, top.table("roots"));
    if (roots.has("sim_cpu") || roots.has("sim_gpu")) {
      return fail(Code::rejected, "policy.production.sim", "a production policy cannot name roots of the simulated TEE");
    }
    OPENPCC_TRY(roots.end());
  }
  if (requirements.exceptions.allow_debug) {
    return fail(Code::rejected, "policy.production.debug", "a debug TEE hides nothing from its operator");
  }
  if (requirements.exceptions.beyond_loopback) {
    return fail(Code::rejected, "policy.production.loopback", "nothing of a production policy ends at loopback");
  }
  OPENPCC_TRY(check_roles({requirements.directory_key.key(), requirements.beacon_key.key()}));
  OPENPCC_TRY(top.end());
  return Access::production(std::move(requirements));
}

Result<Policy> finish_development(TomlReader& top, Requirements requirements) {
  OPENPCC_LET(TomlReader roots, top.table("roots"));
  OPENPCC_LET(const crypto::Ed25519Public cpu, root(roots, "sim_cpu"));
  OPENPCC_LET(const crypto::Ed25519Public gpu, root(roots, "sim_gpu"));
  OPENPCC_TRY(roots.end());
  OPENPCC_TRY(check_roles({requirements.directory_key.key(), requirements.beacon_key.key(), cpu, gpu}));
  OPENPCC_TRY(top.end());
  return Access::development(std::move(requirements), sim::CpuRoot{cpu}, sim::GpuRoot{gpu});
}

}  // namespace

std::vector<std::string> Exceptions::names() const {
  std::vector<std::string> out;
  if (allow_debug) out.emplace_back("allow_debug");
  if (no_chip_ledger) out.emplace_back("no_chip_ledger");
  if (one_root_owner) out.emplace_back("one_root_owner");
  if (beyond_loopback) out.emplace_back("beyond_loopback");
  if (no_revocation) out.emplace_back("no_revocation");
  if (allow_migration) out.emplace_back("allow_migration");
  if (allow_provisional_firmware) out.emplace_back("allow_provisional_firmware");
  if (allow_masked_chips) out.emplace_back("allow_masked_chips");
  if (allow_sept_ve) out.emplace_back("allow_sept_ve");
  return out;
}

const Requirements& requirements(const Policy& policy) {
  return std::visit([](const auto& p) -> const Requirements& { return p.requirements(); }, policy);
}

Result<Policy> parse(ByteSpan toml) {
  if (toml.size() > kPolicyBytesMax) return fail(Code::limit, "policy.parse.too_large");
  OPENPCC_LET(TomlReader top, TomlReader::parse(as_text(toml)));
  OPENPCC_LET(const std::string kind, top.text("kind"));
  if (kind != "development" && kind != "production")
    return fail(Code::rejected, "policy.kind", top.at("kind") + " is development or production");
  OPENPCC_LET(std::string deployment, top.text("deployment"));
  if (deployment.empty() || deployment.size() > kDeploymentBytesMax)
    return fail(Code::malformed, kValue, top.at("deployment") + " is empty or too long");
  OPENPCC_LET(TomlReader keys, top.table("keys"));
  OPENPCC_LET(note::VerifierKey directory, vkey(keys, "directory", note::KeyType::ed25519));
  OPENPCC_LET(note::VerifierKey beacon, vkey(keys, "beacon", note::KeyType::cosignature_v1));
  OPENPCC_TRY(keys.end());
  Requirements requirements{.deployment = std::move(deployment), .directory_key = std::move(directory), .beacon_key = std::move(beacon)};
  requirements.digest = crypto::sha256(toml);
  const bool production = kind == "production";
  OPENPCC_TRY(read_nodes(top, production, requirements));
  OPENPCC_LET(requirements.exceptions, read_exceptions(top));
  OPENPCC_TRY(check_exceptions(requirements));
  OPENPCC_LET(requirements.snp, read_snp(top, requirements.exceptions));
  OPENPCC_LET(requirements.nvgpu, read_nvgpu(top, requirements.exceptions));
  OPENPCC_LET(requirements.tdx, read_tdx(top, requirements.exceptions));
  OPENPCC_LET(requirements.azure, read_azure(top));
  return production ? finish_production(top, std::move(requirements)) : finish_development(top, std::move(requirements));
}

}  // namespace openpcc::policy
