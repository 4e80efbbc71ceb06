#include "measure.h"

#include "commands.h"
#include "measure_inputs.h"
#include "openpcc/measure/explain.h"
#include "openpcc/measure/igvm.h"
#include "openpcc/measure/published.h"

namespace openpcc::app {
namespace {

using measure::Bank;
using measure::Measurement;
using measure::Part;

constexpr size_t kDiskStartBytes = 1u << 20;  // a partition table lies there, unless its entries were moved

Result<Measurement> igvm_of(const std::filesystem::path& path, bool tdx, bool native_zero) {
  OPENPCC_LET(const Bytes bytes, read_input(path));
  OPENPCC_LET(const measure::Igvm igvm, measure::parse_igvm(bytes));
  return tdx ? measure::igvm_mrtd(igvm) : measure::igvm_snp(igvm, native_zero);
}

Result<std::optional<measure::KernelHashes>> kernel_hashes(const MeasureSnpOptions& options) {
  if (options.kernel.empty()) return std::optional<measure::KernelHashes>();
  OPENPCC_LET(const Bytes kernel, read_input(options.kernel));
  Bytes initrd;
  if (!options.initrd.empty()) {
    OPENPCC_LET(initrd, read_input(options.initrd));
  }
  return std::optional(measure::KernelHashes::of(kernel, initrd, options.append));
}

Result<Measurement> snp_from_firmware(const MeasureSnpOptions& options) {
  OPENPCC_LET(const Bytes firmware, read_input(options.firmware));
  measure::SnpLaunch launch;
  OPENPCC_LET(launch.firmware, measure::SnpFirmware::of(firmware));
  OPENPCC_LET(launch.kernel, kernel_hashes(options));
  launch.vmm = *measure::vmm_of(options.vmm);  // the command line has checked both words
  launch.vcpus = options.vcpus;
  launch.signature = options.vcpu_signature ? *options.vcpu_signature : *measure::cpu_signature(options.vcpu_type);
  launch.sev_features = options.sev_features;
  OPENPCC_LET(Measurement out, measure::measure_snp(launch));
  measure::describe_launch(launch, out);
  if (launch.kernel) out.parameters.emplace_back("append", options.append);
  return out;
}

Result<> add_id_keys(const MeasureSnpOptions& options, Measurement& out) {
  for (const auto& path : options.id_keys) {
    OPENPCC_LET(const Bytes key, read_id_key(path));
    const auto digest = measure::key_digest(key);
    out.registers.push_back({"ID_KEY_DIGEST", Bytes(digest.begin(), digest.end())});
    out.proofs.push_back({"digest of an ID key", "virtee/sev test_id_block_and_key_digests"});
  }
  return {};
}

Result<Bytes> authenticode_of(ByteSpan bytes) {
  OPENPCC_LET(const measure::PeImage image, measure::parse_pe(bytes));
  return measure::authenticode(image, Bank::sha384);
}

// TdxRun collects the registers of a TD while the options are read.
class TdxRun {
 public:
  explicit TdxRun(const MeasureTdxOptions& options) : options_(options) {}

  Result<Measurement> run() {
    OPENPCC_TRY(firmware());
    OPENPCC_TRY(rtmr0());
    OPENPCC_TRY(direct());
    OPENPCC_TRY(disk());
    for (const std::string& text : options_.extends) {
      OPENPCC_LET(measure::Extend step, read_extend(text, "tdx", Bank::sha384));
      registers_.extend(std::move(step));
      ways_.extends = true;
    }
    std::move(registers_).finish(out_);
    out_.technology = "tdx";
    for (auto& proof : measure::tdx_proofs(ways_)) out_.proofs.push_back(std::move(proof));
    return std::move(out_);
  }

 private:
  void parameter(std::string name, std::string value) { out_.parameters.emplace_back(std::move(name), std::move(value)); }
  void alternative(std::string reg, std::string what, std::string why, Bytes digest) {
    out_.alternatives.push_back({std::move(reg), std::move(what), std::move(why), std::move(digest)});
  }

  Result<> firmware() {
    if (!options_.igvm.empty()) {
      OPENPCC_LET(out_, igvm_of(options_.igvm, true, false));
      return {};
    }
    if (!options_.gcp.empty()) {
      OPENPCC_LET(const Bytes yaml, read_input(options_.gcp));
      OPENPCC_LET(gcp_, measure::parse_gcp(as_text(yaml)));
      out_.registers.push_back({"MRTD", Bytes(gcp_->mrtd.begin(), gcp_->mrtd.end())});
      ways_.gcp = true;
      return {};
    }
    if (options_.firmware.empty()) return {};
    OPENPCC_LET(const Bytes bytes, read_input(options_.firmware));
    OPENPCC_LET(sections_, measure::parse_tdvf(bytes));
    const auto passes = options_.two_passes ? measure::Passes::two : measure::Passes::one;
    out_.registers.push_back({"MRTD", measure::mrtd(bytes, sections_, passes, out_.trace)});
    measure::Trace ignored;
    const auto other = options_.two_passes ? measure::Passes::one : measure::Passes::two;
    alternative("MRTD", "firmware", options_.two_passes ? "pages added and extended in one pass" : "pages added and extended in two passes",
                measure::mrtd(bytes, sections_, other, ignored));
    ways_.firmware = true;
    parameter("passes", options_.two_passes ? "two" : "one");
    return {};
  }

  Result<Bytes> hob(uint64_t memory) const { return gcp_ ? measure::gcp_hob(*gcp_, memory) : measure::td_hob(sections_, memory); }

  void add_memory_alternatives() {
    for (uint64_t gib = 1; gib <= 2048; gib += gib < 64 ? 1 : gib < 512 ? 8 : 64) {
      const auto other = gib << 30 == options_.memory ? Result<Bytes>(Bytes()) : hob(gib << 30);
      if (other && !other->empty()) {
        alternative("RTMR0", "hand-off block", "with " + std::to_string(gib) + " GiB of memory", measure::digest(Bank::sha384, *other));
      }
    }
  }

  Result<> rtmr0() {
    const bool acpi = !options_.acpi_loader.empty() && !options_.acpi_rsdp.empty() && !options_.acpi_tables.empty();
    if (options_.memory == 0 || !acpi || (sections_.empty() && !gcp_)) return {};
    measure::FirmwareBoot boot;
    OPENPCC_LET(const Bytes block, hob(options_.memory));
    boot.td_hob = Part::of("memory", block);
    add_memory_alternatives();
    if (gcp_ && options_.cfv.empty()) {
      boot.cfv = {"firmware", 0, Bytes(gcp_->cfv.begin(), gcp_->cfv.end())};
    } else {
      OPENPCC_LET(boot.cfv, read_part("cfv", options_.cfv));
    }
    OPENPCC_LET(auto variables, read_variables(options_.secure_boot));
    if (variables) boot.variables = std::move(*variables);
    OPENPCC_LET(boot.acpi_loader, read_part("host", options_.acpi_loader));
    OPENPCC_LET(boot.acpi_rsdp, read_part("host", options_.acpi_rsdp));
    OPENPCC_LET(boot.acpi_tables, read_part("host", options_.acpi_tables));
    boot.boot_order = Part::of("constant", measure::ovmf_boot_order());
    if (!options_.boot_order.empty()) {
      OPENPCC_LET(boot.boot_order, read_part("boot order", options_.boot_order));
    }
    for (const std::string& text : options_.boot_options) {
      OPENPCC_LET(Part option, read_part("boot option", text));
      boot.boot_options.push_back(std::move(option));
    }
    if (boot.boot_options.empty()) boot.boot_options = {Part::of("constant", measure::ovmf_ui_app())};
    measure::extend_firmware(registers_, boot);
    ways_.rtmr0 = true;
    parameter("memory", std::to_string(options_.memory));
    return {};
  }

  // patched gives the digest of a kernel as QEMU would patch it for a guest of that size.
  Result<Bytes> patched(ByteSpan kernel, uint64_t initrd, uint64_t memory) const {
    OPENPCC_LET(const Bytes image, measure::patched_kernel(kernel, {initrd, memory}));
    return authenticode_of(image);
  }

  Result<> direct() {
    if (options_.kernel.empty()) return {};
    measure::DirectBoot boot;
    OPENPCC_LET(boot.initrd, read_part("initrd", options_.initrd));
    const uint64_t initrd = boot.initrd.bytes;
    if (initrd == 0 && !options_.kernel.starts_with("sha384:")) {
      return fail(Code::malformed, "app.measure.digest",
                  "a kernel's file is patched with the initrd's size: give the initrd as a file, too");
    }
    OPENPCC_LET(boot.kernel, read_part("kernel", options_.kernel, [&](ByteSpan kernel) -> Result<Bytes> {
                  OPENPCC_LET(const Bytes plain, authenticode_of(kernel));
                  alternative("RTMR1", "kernel as QEMU patched it", "as it lies in the file", plain);
                  for (const uint64_t gib : {1u, 2u, 4u}) {
                    const auto other = patched(kernel, initrd, gib << 30);
                    if (other) alternative("RTMR1", "kernel as QEMU patched it", "for " + std::to_string(gib) + " GiB of memory", *other);
                  }
                  return patched(kernel, initrd, options_.memory);
                }));
    OPENPCC_LET(boot.cmdline, command_line());
    measure::extend_direct(registers_, boot);
    ways_.direct = true;
    return {};
  }

  Result<Part> command_line() {
    if (!options_.append_digest.empty()) return read_part("append", options_.append_digest);
    const std::string given = options_.append.value_or("");
    const std::string whole = given + " initrd=initrd";  // OVMF says so to Linux' stub
    const auto other = [&](std::string why, const Bytes& bytes) {
      alternative("RTMR2", "command line", std::move(why), measure::digest(Bank::sha384, bytes));
    };
    other("without \" initrd=initrd\"", measure::cmdline_bytes(given));
    Bytes unterminated = measure::cmdline_bytes(whole);
    unterminated.resize(unterminated.size() - 2);
    other("without its terminator", unterminated);
    other("as bytes, not as UTF-16", Bytes(as_bytes(whole).begin(), as_bytes(whole).end()));
    parameter("append", given);
    return Part::of("append", measure::cmdline_bytes(whole));
  }

  Result<> disk() {
    if (options_.uki.empty() && options_.applications.empty()) return {};
    measure::DiskBoot boot;
    if (!options_.disk.empty()) {
      OPENPCC_LET(const Bytes start, read_start(options_.disk, kDiskStartBytes));
      OPENPCC_LET(const Bytes table, measure::gpt_event(start));
      boot.gpt = Part::of("disk", table);
    }
    for (const auto& path : options_.applications) {
      OPENPCC_LET(Part part, read_part(path.filename().string(), path.string(), authenticode_of));
      boot.applications.push_back(std::move(part));
    }
    if (!options_.uki.empty()) {
      OPENPCC_TRY(uki(boot));
    }
    measure::extend_disk(registers_, boot);
    ways_.disk = true;
    return {};
  }

  Result<> uki(measure::DiskBoot& boot) const {
    OPENPCC_LET(const Bytes bytes, read_input(options_.uki));
    OPENPCC_LET(const measure::PeImage image, measure::parse_pe(bytes));
    OPENPCC_LET(boot.uki_sections, measure::uki_events(image, Bank::sha384, "RTMR2"));
    const Bytes kernel = image.data(*image.section(".linux"));
    OPENPCC_LET(Bytes kernel_digest, authenticode_of(kernel));
    boot.applications.push_back({"uki", bytes.size(), measure::authenticode(image, Bank::sha384)});
    boot.applications.push_back({"uki: .linux", kernel.size(), std::move(kernel_digest)});
    return {};
  }

  const MeasureTdxOptions& options_;
  Measurement out_;
  measure::Replayer registers_{Bank::sha384};
  std::vector<measure::TdvfSection> sections_;
  std::optional<measure::GcpFirmware> gcp_;
  measure::TdxWays ways_;
};

Result<Measurement> tpm_from(const MeasureTpmOptions& options) {
  const Bank bank = *measure::bank_of(options.bank);
  std::vector<Bytes> kept;  // what the boot views
  kept.reserve(options.applications.size() + options.authorities.size() + 3);
  const auto keep = [&](Result<Bytes> bytes) -> Result<ByteSpan> {
    if (!bytes) return std::unexpected(bytes.error());
    return ByteSpan(kept.emplace_back(std::move(*bytes)));
  };
  measure::TpmBoot boot;
  OPENPCC_LET(boot.secure_boot, read_variables(options.secure_boot));
  for (const auto& path : options.authorities) {
    OPENPCC_LET(const ByteSpan bytes, keep(read_input(path)));
    boot.authorities.emplace_back(path.filename().string(), bytes);
  }
  for (const auto& path : options.applications) {
    OPENPCC_LET(const ByteSpan bytes, keep(read_input(path)));
    boot.applications.emplace_back(path.filename().string(), bytes);
  }
  if (!options.uki.empty()) {
    OPENPCC_LET(boot.uki, keep(read_input(options.uki)));
  }
  if (!options.disk.empty()) {
    OPENPCC_LET(boot.disk, keep(read_start(options.disk, kDiskStartBytes)));
  }
  if (!options.initrd.empty()) {
    OPENPCC_LET(boot.initrd, keep(read_input(options.initrd)));
  }
  boot.phases = options.phases;
  boot.cmdline = options.append;
  measure::Replayer registers(bank);
  OPENPCC_TRY(measure::extend_tpm_boot(registers, bank, boot));
  for (const std::string& text : options.extends) {
    OPENPCC_LET(measure::Extend step, read_extend(text, "tpm", bank));
    registers.extend(std::move(step));
  }
  Measurement out;
  std::move(registers).finish(out);
  out.technology = "tpm";
  std::optional<unsigned> stub;
  if (boot.uki) {
    OPENPCC_LET(const measure::PeImage image, measure::parse_pe(*boot.uki));
    stub = measure::stub_version(image);
  }
  out.proofs = measure::tpm_proofs({.secure_boot = boot.secure_boot.has_value(),
                                    .executables = boot.uki || !boot.applications.empty(),
                                    .disk = boot.disk.has_value(),
                                    .uki = boot.uki.has_value(),
                                    .stub = stub,
                                    .kernel_stub = boot.cmdline || boot.initrd,
                                    .authorities = !boot.authorities.empty(),
                                    .phases = !boot.phases.empty(),
                                    .extends = !options.extends.empty()});
  return out;
}

int show(const Result<Measurement>& measurement, const MeasureOutput& output) {
  if (!measurement) return measure_failed(measurement.error());
  show_measurement(*measurement, output);
  return kAccept;
}

}  // namespace

int run_measure_snp(const MeasureSnpOptions& options) {
  auto measurement = options.igvm.empty() ? snp_from_firmware(options) : igvm_of(options.igvm, false, options.native_zero);
  if (measurement) {
    if (const auto added = add_id_keys(options, *measurement); !added) return measure_failed(added.error());
  }
  return show(measurement, options.output);
}

int run_measure_tdx(const MeasureTdxOptions& options) { return show(TdxRun(options).run(), options.output); }

int run_measure_tpm(const MeasureTpmOptions& options) { return show(tpm_from(options), options.output); }

}  // namespace openpcc::app
