// Spec: spec/evidence.md s5.
#include "hardware.h"

#include <algorithm>
#include <charconv>
#include <span>

#include "openpcc/core/describe.h"
#include "values.h"

namespace openpcc::policy {
namespace {

constexpr Rule kValue = "policy.parse.value";
constexpr uint32_t kVmplMax = 3;
constexpr uint64_t kJudgedAttributes = 0xff | uint64_t{1} << 29;  // TUD and MIGRATABLE, which have rules of their own
constexpr uint64_t kMandatoryXfam = 3;
constexpr UnixSeconds kRevocationAgeMax_s = 366 * 86'400;

constexpr std::pair<std::string_view, snp::Product> kProducts[] = {
    {"Milan", snp::Product::milan}, {"Genoa", snp::Product::genoa}, {"Turin", snp::Product::turin}};

Result<snp::Tcb> read_tcb(TomlReader& reader, snp::Product product) {
  snp::Tcb out;
  if (product == snp::Product::turin) {
    OPENPCC_LET(out.fmc, bounded<uint8_t>(reader, "fmc", 0, 255));
  }
  OPENPCC_LET(out.boot_loader, bounded<uint8_t>(reader, "boot_loader", 0, 255));
  OPENPCC_LET(out.tee, bounded<uint8_t>(reader, "tee", 0, 255));
  OPENPCC_LET(out.snp, bounded<uint8_t>(reader, "snp", 0, 255));
  OPENPCC_LET(out.microcode, bounded<uint8_t>(reader, "microcode", 0, 255));
  return out;
}

Result<snp::FirmwareVersion> read_version(TomlReader& reader, std::string_view name) {
  OPENPCC_LET(const std::string text, reader.text(name));
  std::array<uint8_t, 3> parts{};
  const char* at = text.data();
  const char* const end = at + text.size();
  bool good = true;
  for (size_t i = 0; good && i < parts.size(); ++i) {
    if (i > 0) good = at != end && *at++ == '.';
    const auto [next, error] = std::from_chars(at, end, parts[i]);
    good = good && error == std::errc();
    at = next;
  }
  if (!good || at != end) return fail(Code::malformed, kValue, reader.at(name) + " must be a version such as 1.55.29");
  return snp::FirmwareVersion{parts[0], parts[1], parts[2]};
}

// read_line reads a product line's table: its minimum TCB, and what else of its firmware may be demanded.
Result<> read_line(TomlReader& tables, std::string_view name, snp::Product product, snp::Demands& out) {
  OPENPCC_LET(TomlReader reader, tables.table(name));
  OPENPCC_LET(out.min_tcb[product], read_tcb(reader, product));
  if (reader.has("version")) {
    OPENPCC_LET(out.min_version[product], read_version(reader, "version"));
  }
  if (reader.has("mitigations")) {
    OPENPCC_LET(out.mitigations[product], bounded<uint64_t>(reader, "mitigations", 1, INT64_MAX));
  }
  out.products.insert(product);
  return reader.end();
}

// A product line is taken by naming its minimum: none is taken by default, and none without.
Result<> read_products(TomlReader& reader, snp::Demands& out) {
  OPENPCC_LET(TomlReader tables, reader.table("min_tcb"));
  out.products.clear();
  for (const auto& [name, product] : kProducts) {
    if (!tables.has(name)) continue;
    OPENPCC_TRY(read_line(tables, name, product, out));
  }
  OPENPCC_TRY(tables.end());
  if (out.products.empty()) return fail(Code::malformed, "policy.parse.empty_list", reader.at("min_tcb") + " names no product line");
  return {};
}

Result<tdx::TcbException> read_tcb_exception(TomlReader& tables, std::string_view name, tdx::TcbStatus status) {
  OPENPCC_LET(TomlReader reader, tables.table(name));
  OPENPCC_LET(const std::vector<std::string> advisories, reader.texts("advisories"));
  OPENPCC_LET(const std::string until, reader.text("until"));
  OPENPCC_TRY(reader.end());
  const auto end = tdx::parse_time(until);
  if (!end) return fail(Code::malformed, kValue, reader.at("until") + " must be a time such as 2026-12-31T00:00:00Z");
  return tdx::TcbException{status, {advisories.begin(), advisories.end()}, *end};
}

// Every status but UpToDate, which needs no exception, and Revoked, which nothing can take.
Result<> read_tcb_exceptions(TomlReader& reader, tdx::Demands& out) {
  OPENPCC_LET(TomlReader tables, reader.table("accept", true));
  using enum tdx::TcbStatus;
  for (const tdx::TcbStatus status :
       {sw_hardening_needed, configuration_needed, configuration_and_sw_hardening_needed, out_of_date, out_of_date_configuration_needed}) {
    const std::string_view name = to_string(status);
    if (!tables.has(name)) continue;
    OPENPCC_LET(tdx::TcbException exception, read_tcb_exception(tables, name, status));
    out.tcb_exceptions.push_back(std::move(exception));
  }
  return tables.end();
}

// Bit is a bit of a bit field by its name in policies. A permission is one that must be clear: what the guest or machine does without.
struct Bit {
  std::string_view name;
  unsigned number;
  bool permission = false;
};
constexpr Bit kRestrictions[] = {{"single_socket", 20},     {"mem_aes_256_xts", 22},   {"rapl_dis", 23},
                                 {"ciphertext_hiding", 24}, {"page_swap_disable", 25}, {"no_smt", 16, true}};
constexpr Bit kPlatform[] = {{"tsme", 1}, {"ecc", 2}, {"rapl_dis", 3}, {"ciphertext_hiding", 4}, {"no_smt", 0, true}};

struct Bits {
  uint64_t set = 0;
  uint64_t clear = 0;
};
Result<Bits> read_bits(TomlReader& reader, std::string_view name, std::span<const Bit> known) {
  Bits out;
  if (!reader.has(name)) return out;
  OPENPCC_LET(const std::vector<std::string> names, reader.texts(name));
  if (names.empty()) return empty_list(reader, name);
  for (const std::string& text : names) {
    const auto bit = std::ranges::find(known, text, &Bit::name);
    if (bit == known.end()) {
      std::string all;
      for (const Bit& one : known) all += (all.empty() ? "" : ", ") + std::string(one.name);
      return fail(Code::malformed, kValue, reader.at(name) + " knows " + all + "; not " + text);
    }
    (bit->permission ? out.clear : out.set) |= uint64_t{1} << bit->number;
  }
  return out;
}

// read_mask takes a mask that may not name what is judged by rules of its own.
Result<uint64_t> read_mask(TomlReader& reader, std::string_view name, uint64_t needed, uint64_t excluded) {
  OPENPCC_LET(const auto mask, bounded<uint64_t>(reader, name, 0, INT64_MAX));
  if ((mask & needed) != needed || (mask & excluded) != 0) {
    return fail(Code::malformed, kValue,
                reader.at(name) + " must have the bits " + hex_number(needed) + " and none of " + hex_number(excluded));
  }
  return mask;
}

constexpr std::pair<std::string_view, nvgpu::Architecture> kArchitectures[] = {{"Hopper", nvgpu::Architecture::hopper},
                                                                               {"Blackwell", nvgpu::Architecture::blackwell}};
constexpr std::pair<std::string_view, nvgpu::Mode> kModes[] = {
    {"single", nvgpu::Mode::single},
    {"multiple", nvgpu::Mode::multiple}};  // behind protected PCIe are switches, which a node does not show

// version reads one that can be compared: a minimum that cannot be would refuse everything, and nobody would know why.
Result<std::string> version(TomlReader& reader, std::string_view name, int base) {
  OPENPCC_LET(std::string text, reader.text(name));
  if (!nvgpu::at_least(text, text, base)) return fail(Code::malformed, kValue, reader.at(name) + " is no version");
  return text;
}

// read_minimum reads "Hopper", and of single boards "Hopper/G520-0200".
Result<nvgpu::MinimumVbios> read_minimum(TomlReader& tables, std::string_view name) {
  nvgpu::MinimumVbios out;
  if (tables.has(name)) {
    OPENPCC_LET(out.any, version(tables, name, 16));
  }
  const std::string prefix = std::string(name) + "/";
  for (const std::string& key : tables.names()) {
    if (!key.starts_with(prefix)) continue;
    const std::string board = key.substr(prefix.size());
    const size_t dash = board.find('-');
    if (dash == 0 || dash >= board.size() - 1) {
      return fail(Code::malformed, kValue,
                  tables.at(key) + " must name a board by PROJECT and PROJECT_SKU, such as " + prefix + "G520-0200");
    }
    OPENPCC_LET(out.boards[board], version(tables, key, 16));
  }
  return out;
}

// An architecture is taken by naming its minimum, as product lines of CPUs are; or a board of it alone.
Result<> read_min_vbios(TomlReader& reader, nvgpu::Demands& out) {
  OPENPCC_LET(TomlReader tables, reader.table("min_vbios"));
  out.architectures.clear();
  for (const auto& [name, architecture] : kArchitectures) {
    OPENPCC_LET(nvgpu::MinimumVbios minimum, read_minimum(tables, name));
    if (minimum.any.empty() && minimum.boards.empty()) continue;
    out.min_vbios[architecture] = std::move(minimum);
    out.architectures.insert(architecture);
  }
  OPENPCC_TRY(tables.end());
  if (out.architectures.empty()) return empty_list(reader, "min_vbios");
  return {};
}

template <size_t N>
Result<std::set<std::array<uint8_t, N>>> arrays(TomlReader& reader, std::string_view name) {
  OPENPCC_LET(const std::vector<Bytes> list, hex_list(reader, name, N, N, true));
  std::set<std::array<uint8_t, N>> out;
  for (const Bytes& bytes : list) out.insert(*to_array<N>(bytes, kValue));
  return out;
}

// A TD's words of its owner are zero unless the policy says otherwise.
Result<std::set<tdx::Measurement>> or_zero(TomlReader& reader, std::string_view name) {
  OPENPCC_LET(std::set<tdx::Measurement> out, arrays<48>(reader, name));
  if (out.empty()) out.insert(tdx::Measurement{});
  return out;
}

// read_launch reads who may have launched the guest, and with which configuration.
Result<> read_launch(TomlReader& reader, snp::Demands& out) {
  OPENPCC_LET(out.host_data, arrays<32>(reader, "host_data"));
  OPENPCC_LET(out.id_keys, arrays<48>(reader, "id_keys"));
  OPENPCC_LET(out.author_keys, arrays<48>(reader, "author_keys"));
  OPENPCC_LET(out.family_ids, arrays<16>(reader, "family_ids"));
  OPENPCC_LET(out.image_ids, arrays<16>(reader, "image_ids"));
  if (reader.has("min_guest_svn")) {
    OPENPCC_LET(out.min_guest_svn, bounded<uint32_t>(reader, "min_guest_svn", 1, UINT32_MAX));
  }
  for (const std::string_view name : {"family_ids", "image_ids", "min_guest_svn"}) {
    if (reader.has(name) && !reader.has("id_keys")) {
      return fail(Code::rejected, "policy.snp.id_key", reader.at(name) + " is the host's word until an ID key signs it: list id_keys");
    }
  }
  return {};
}

}  // namespace

Result<std::optional<snp::Demands>> read_snp(TomlReader& top, const Exceptions& exceptions) {
  if (!top.has("snp")) return std::optional<snp::Demands>();
  OPENPCC_LET(TomlReader reader, top.table("snp"));
  snp::Demands out;
  OPENPCC_TRY(read_products(reader, out));
  if (reader.has("vmpl")) {
    OPENPCC_LET(out.vmpl, bounded<uint32_t>(reader, "vmpl", 0, kVmplMax));
  }
  out.allow_any_csp = false;
  if (reader.has("csp_ids")) {
    OPENPCC_LET(const std::vector<std::string> ids, reader.texts("csp_ids"));
    if (ids.empty()) return empty_list(reader, "csp_ids");
    out.csp_ids.insert(ids.begin(), ids.end());
  }
  OPENPCC_LET(const Bits guest, read_bits(reader, "restrictions", kRestrictions));
  out.restrictions = guest.set;
  out.allow_smt = guest.clear == 0;
  OPENPCC_LET(const Bits platform, read_bits(reader, "platform", kPlatform));
  out.platform_set = platform.set;
  out.platform_clear = platform.clear;
  OPENPCC_TRY(read_launch(reader, out));
  OPENPCC_TRY(reader.end());
  out.require_revocation = !exceptions.no_revocation;
  out.allow_debug = exceptions.allow_debug;
  out.allow_migration = exceptions.allow_migration;
  out.allow_provisional = exceptions.allow_provisional_firmware;
  out.allow_masked_chip = exceptions.allow_masked_chips;
  return std::optional(std::move(out));
}

Result<std::optional<TdxRequirements>> read_tdx(TomlReader& top, const Exceptions& exceptions) {
  if (!top.has("tdx")) return std::optional<TdxRequirements>();
  OPENPCC_LET(TomlReader reader, top.table("tdx"));
  TdxRequirements out;
  OPENPCC_LET(out.min_evaluation, bounded<uint32_t>(reader, "min_evaluation", 0, INT32_MAX));
  OPENPCC_LET(out.demands.mrseam, arrays<48>(reader, "mrseam"));
  OPENPCC_LET(out.demands.mrservicetd, arrays<48>(reader, "mrservicetd"));
  OPENPCC_LET(out.demands.platforms, arrays<16>(reader, "platforms"));
  OPENPCC_LET(out.demands.mrconfigid, or_zero(reader, "mrconfigid"));
  OPENPCC_LET(out.demands.mrowner, or_zero(reader, "mrowner"));
  OPENPCC_LET(out.demands.mrownerconfig, or_zero(reader, "mrownerconfig"));
  if (reader.has("attributes_mask")) {
    OPENPCC_LET(out.demands.attributes_mask, read_mask(reader, "attributes_mask", 0, kJudgedAttributes));
  }
  if (reader.has("xfam_mask")) {
    OPENPCC_LET(out.demands.xfam_mask, read_mask(reader, "xfam_mask", kMandatoryXfam, 0));
  }
  OPENPCC_TRY(read_tcb_exceptions(reader, out.demands));
  OPENPCC_TRY(reader.end());
  out.require_revocation = !exceptions.no_revocation;
  out.demands.allow_debug = exceptions.allow_debug;
  out.demands.allow_migratable = exceptions.allow_migration;
  out.demands.allow_sept_ve = exceptions.allow_sept_ve;
  return std::optional(std::move(out));
}

Result<std::optional<nvgpu::Demands>> read_nvgpu(TomlReader& top, const Exceptions& exceptions) {
  if (!top.has("nvgpu")) return std::optional<nvgpu::Demands>();
  OPENPCC_LET(TomlReader reader, top.table("nvgpu"));
  nvgpu::Demands out;
  OPENPCC_LET(out.min_driver, version(reader, "min_driver", 10));
  OPENPCC_TRY(read_min_vbios(reader, out));
  OPENPCC_LET(const std::vector<std::string> modes, reader.texts("modes"));
  for (const std::string& text : modes) {
    const auto mode = std::ranges::find(kModes, text, &std::pair<std::string_view, nvgpu::Mode>::first);
    if (mode == std::end(kModes)) return fail(Code::malformed, kValue, reader.at("modes") + " is single or multiple, not " + text);
    out.modes.insert(mode->second);
  }
  if (modes.empty()) return empty_list(reader, "modes");
  OPENPCC_LET(out.fwids, arrays<48>(reader, "fwids"));
  if (reader.has("max_revocation_age_s")) {
    OPENPCC_LET(out.max_revocation_age_s, bounded<UnixSeconds>(reader, "max_revocation_age_s", 3600, kRevocationAgeMax_s));
  }
  OPENPCC_TRY(reader.end());
  out.require_manifests = true;
  out.require_fwid = true;
  out.require_revocation = !exceptions.no_revocation;
  return std::optional(std::move(out));
}

}  // namespace openpcc::policy
