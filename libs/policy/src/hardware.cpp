// Spec: spec/evidence.md s5.
#include "hardware.h"

#include "values.h"

namespace openpcc::policy {
namespace {

constexpr Rule kValue = "policy.parse.value";
constexpr uint32_t kVmplMax = 3;

constexpr std::pair<std::string_view, snp::Product> kProducts[] = {
    {"Milan", snp::Product::milan}, {"Genoa", snp::Product::genoa}, {"Turin", snp::Product::turin}};

Result<snp::Tcb> read_tcb(TomlReader& tables, std::string_view name, snp::Product product) {
  OPENPCC_LET(TomlReader reader, tables.table(name));
  snp::Tcb out;
  if (product == snp::Product::turin) {
    OPENPCC_LET(out.fmc, bounded<uint8_t>(reader, "fmc", 0, 255));
  }
  OPENPCC_LET(out.boot_loader, bounded<uint8_t>(reader, "boot_loader", 0, 255));
  OPENPCC_LET(out.tee, bounded<uint8_t>(reader, "tee", 0, 255));
  OPENPCC_LET(out.snp, bounded<uint8_t>(reader, "snp", 0, 255));
  OPENPCC_LET(out.microcode, bounded<uint8_t>(reader, "microcode", 0, 255));
  OPENPCC_TRY(reader.end());
  return out;
}

// A product line is taken by naming its minimum: none is taken by default, and none without.
Result<> read_products(TomlReader& reader, snp::Demands& out) {
  OPENPCC_LET(TomlReader tables, reader.table("min_tcb"));
  out.products.clear();
  for (const auto& [name, product] : kProducts) {
    if (!tables.has(name)) continue;
    OPENPCC_LET(out.min_tcb[product], read_tcb(tables, name, product));
    out.products.insert(product);
  }
  OPENPCC_TRY(tables.end());
  if (out.products.empty()) return fail(Code::malformed, "policy.parse.empty_list", "snp.min_tcb names no product line");
  return {};
}

Result<tdx::TcbException> read_tcb_exception(TomlReader& tables, std::string_view name, tdx::TcbStatus status) {
  OPENPCC_LET(TomlReader reader, tables.table(name));
  OPENPCC_LET(const std::vector<std::string> advisories, reader.texts("advisories"));
  OPENPCC_LET(const std::string until, reader.text("until"));
  OPENPCC_TRY(reader.end());
  const auto end = tdx::parse_time(until);
  if (!end) return fail(Code::malformed, kValue, where("until", "must be a time such as 2026-12-31T00:00:00Z"));
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

template <size_t N>
Result<std::set<std::array<uint8_t, N>>> arrays(TomlReader& reader, std::string_view name) {
  OPENPCC_LET(const std::vector<Bytes> list, hex_list(reader, name, N, N, true));
  std::set<std::array<uint8_t, N>> out;
  for (const Bytes& bytes : list) out.insert(*to_array<N>(bytes, kValue));
  return out;
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
    if (ids.empty())
      return fail(Code::malformed, "policy.parse.empty_list", where("csp_ids in [snp]", "names nothing; leave it out, or list something"));
    out.csp_ids.insert(ids.begin(), ids.end());
  }
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
  OPENPCC_TRY(read_tcb_exceptions(reader, out.demands));
  OPENPCC_TRY(reader.end());
  out.require_revocation = !exceptions.no_revocation;
  out.demands.allow_debug = exceptions.allow_debug;
  out.demands.allow_migratable = exceptions.allow_migration;
  out.demands.allow_sept_ve = exceptions.allow_sept_ve;
  return std::optional(std::move(out));
}

}  // namespace openpcc::policy
