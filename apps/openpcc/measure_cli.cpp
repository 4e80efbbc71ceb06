// The command line of `openpcc measure`.
#include <CLI/CLI.hpp>
#include <array>

#include "measure.h"
#include "openpcc/measure/snp.h"

namespace openpcc::app {
namespace {

using Command = std::function<int()>;

void add_format(CLI::App& command, bool& json, std::string help) {
  command.add_option_function<std::string>(
             "-o,--output", [&json](const std::string& value) { json = value == "json"; }, std::move(help))
      ->check(CLI::IsMember({"text", "json"}));
}

void add_output(CLI::App& command, MeasureOutput& output) {
  add_format(command, output.json, "text, or json: the document that `measure diff` reads");
  command.add_flag("--trace", output.trace, "every extend: what it covers, its digest, the register after it");
}

std::vector<std::string> cpu_names() {
  std::vector<std::string> out;
  for (const measure::CpuType& type : measure::cpu_types()) out.emplace_back(type.name);
  return out;
}

// add_secure_boot returns the options, SecureBoot's own first.
std::array<CLI::Option*, 5> add_secure_boot(CLI::App& command, SecureBootOptions& options) {
  return {command.add_option("--secure-boot", options.secure_boot,
                             "the variable SecureBoot: on, off, or a file; without it the variable is unset"),
          command.add_option("--pk", options.pk, "contents of PK, an EFI signature list"),
          command.add_option("--kek", options.kek, "of KEK"), command.add_option("--db", options.db, "of db"),
          command.add_option("--dbx", options.dbx, "of dbx")};
}

constexpr const char* kExtendHelp =
    "REGISTER=KIND:ARGUMENT, extended last, in the order given: separator; text:T; utf16:T (with a terminator); file:F;\n"
    "executable:F (Authenticode); variable:GUID:NAME:F; digest:HEX";

void add_snp(CLI::App& measure, Command& chosen) {
  const auto options = std::make_shared<MeasureSnpOptions>();
  CLI::App* snp = measure.add_subcommand("snp", "SEV-SNP: MEASUREMENT, the launch digest.");
  auto* firmware = snp->add_option("--firmware", options->firmware, "OVMF, as the host maps it");
  auto* igvm = snp->add_option("--igvm", options->igvm, "an IGVM file, which says itself what is loaded");
  firmware->excludes(igvm);
  snp->add_flag("--native-zero", options->native_zero, "IGVM: pages without data are loaded as zero pages")->needs(igvm);
  auto* kernel = snp->add_option("--kernel", options->kernel, "what the host hands over with kernel-hashes=on")->needs(firmware);
  snp->add_option("--initrd", options->initrd, "the initrd that the host hands over with it")->needs(kernel);
  snp->add_option("--append", options->append, "the kernel's command line")->needs(kernel);
  snp->add_option("--vcpus", options->vcpus, "number of virtual CPUs")->needs(firmware)->capture_default_str();
  auto* type = snp->add_option("--vcpu-type", options->vcpu_type, "their type, as QEMU calls it")
                   ->check(CLI::IsMember(cpu_names()))
                   ->needs(firmware)
                   ->capture_default_str();
  snp->add_option("--vcpu-signature", options->vcpu_signature, "or CPUID 1's EAX")->needs(firmware)->excludes(type);
  snp->add_option("--vmm", options->vmm, "the host's software")
      ->check(CLI::IsMember({"qemu", "ec2", "gce"}))
      ->needs(firmware)
      ->capture_default_str();
  snp->add_option("--sev-features", options->sev_features, "SEV_FEATURES of each virtual CPU: 0x1, with debug swap 0x21")
      ->needs(firmware)
      ->capture_default_str();
  snp->add_option("--id-key", options->id_keys, "a public key of an ID block, P-384 in PEM: its digest as reports show it (repeatable)");
  add_output(*snp, options->output);
  snp->callback([options, firmware, igvm, &chosen] {
    if (firmware->empty() && igvm->empty()) throw CLI::RequiredError("--firmware or --igvm");
    chosen = [options] { return run_measure_snp(*options); };
  });
}

void add_tdx(CLI::App& measure, Command& chosen) {
  const auto options = std::make_shared<MeasureTdxOptions>();
  CLI::App* tdx = measure.add_subcommand("tdx",
                                         "TDX: MRTD, RTMR0 to 3 as far as what is given goes, and the release that a policy names.\n"
                                         "Where FILE|DIGEST stands, sha384:HEX does instead of a file.");
  auto* firmware = tdx->add_option("--firmware", options->firmware, "OVMF with its TDX metadata");
  auto* gcp = tdx->add_option("--gcp", options->gcp, "or Google's description of its firmware (YAML)");
  auto* igvm = tdx->add_option("--igvm", options->igvm, "or an IGVM file");
  firmware->excludes(gcp)->excludes(igvm);
  gcp->excludes(igvm);
  tdx->add_flag("--two-passes", options->two_passes, "pages of a section are added, then extended (QEMU 8)")->needs(firmware);
  auto* memory = tdx->add_option("--memory", options->memory, "of the guest: bytes, or 4G")->transform(CLI::AsSizeValue(false));
  auto* loader = tdx->add_option("--acpi-loader", options->acpi_loader, "what the host gives as table loader: FILE|DIGEST");
  auto* rsdp = tdx->add_option("--acpi-rsdp", options->acpi_rsdp, "RSDP: FILE|DIGEST");
  auto* tables = tdx->add_option("--acpi-tables", options->acpi_tables, "tables: FILE|DIGEST. RTMR0 needs memory, cfv and all three");
  tables->needs(memory)->needs(loader)->needs(rsdp)->excludes(igvm);
  loader->needs(tables);
  rsdp->needs(tables);
  tdx->add_option("--cfv", options->cfv, "the configuration volume (OVMF_VARS): FILE|DIGEST")->needs(tables);
  for (CLI::Option* variable : add_secure_boot(*tdx, options->secure_boot)) variable->needs(tables);
  tdx->add_option("--boot-order", options->boot_order, "data of BootOrder: FILE|DIGEST (default: the firmware's own menu alone)")
      ->needs(tables);
  tdx->add_option("--boot-option", options->boot_options, "data of a Boot####, in that order: FILE|DIGEST (repeatable)")->needs(tables);
  auto* kernel = tdx->add_option("--kernel", options->kernel, "handed over by QEMU: FILE, or DIGEST of it as patched");
  tdx->add_option("--initrd", options->initrd, "FILE|DIGEST")->needs(kernel);
  auto* append =
      tdx->add_option("--append", options->append, "the kernel's command line, without OVMF's \" initrd=initrd\"")->needs(kernel);
  tdx->add_option("--append-digest", options->append_digest, "or DIGEST of what is measured of it")->excludes(append)->needs(kernel);
  auto* uki = tdx->add_option("--uki", options->uki, "a unified kernel image that is started from a disk")->excludes(kernel);
  auto* application =
      tdx->add_option("--application", options->applications, "an executable that is started before it (repeatable)")->excludes(kernel);
  auto* disk = tdx->add_option("--disk", options->disk, "that disk, for its partition table");
  tdx->add_option("--extend", options->extends, kExtendHelp);
  add_output(*tdx, options->output);
  tdx->callback([=, &chosen] {
    if (!disk->empty() && uki->empty() && application->empty()) throw CLI::RequiresError("--disk", "--uki or --application");
    if (!tables->empty() && firmware->empty() && gcp->empty()) throw CLI::RequiresError("--acpi-tables", "--firmware or --gcp");
    chosen = [options] { return run_measure_tdx(*options); };
  });
}

void add_tpm(CLI::App& measure, Command& chosen) {
  const auto options = std::make_shared<MeasureTpmOptions>();
  CLI::App* tpm = measure.add_subcommand("tpm", "TPM: the PCRs of a boot from a disk, those whose parts are given.");
  tpm->add_option("--bank", options->bank, "hash of the registers")
      ->check(CLI::IsMember({"sha256", "sha384", "sha512"}))
      ->capture_default_str();
  auto* secure_boot = add_secure_boot(*tpm, options->secure_boot).front();
  tpm->add_option("--authority", options->authorities,
                  "PCR 7: an entry of db (owner and certificate) that let an executable start (repeatable)")
      ->needs(secure_boot);
  tpm->add_option("--disk", options->disk, "PCR 5: the disk's start, with the partition table");
  tpm->add_option("--application", options->applications, "PCR 4: an executable, in the order in which they start (repeatable)");
  auto* uki = tpm->add_option("--uki", options->uki, "PCR 4 and 11: a unified kernel image");
  tpm->add_option("--phase", options->phases,
                  "PCR 11: a word of systemd-pcrphase, in order: enter-initrd, leave-initrd, sysinit, ready (repeatable)")
      ->needs(uki);
  tpm->add_option("--append", options->append, "PCR 9: the command line that Linux' own stub measures");
  tpm->add_option("--initrd", options->initrd, "PCR 9: the initrd that it measures");
  tpm->add_option("--extend", options->extends, kExtendHelp);
  add_output(*tpm, options->output);
  tpm->callback([options, &chosen] { chosen = [options] { return run_measure_tpm(*options); }; });
}

void add_diff(CLI::App& measure, Command& chosen) {
  const auto options = std::make_shared<MeasureDiffOptions>();
  CLI::App* diff =
      measure.add_subcommand("diff",
                             "Which input made a register differ: two documents of `measure -o json`, or one and what a machine says.\n"
                             "Exit codes: 0 the same, 10 different.");
  diff->add_option("expected", options->expected, "a document")->required();
  auto* other = diff->add_option("seen", options->other, "another one");
  auto* report = diff->add_option("--report", options->report, "a SEV-SNP report or TDX quote; it is not verified here")->excludes(other);
  auto* log = diff->add_option("--eventlog", options->eventlog, "a TPM's event log or a TD's CCEL")->excludes(other)->excludes(report);
  add_format(*diff, options->json, "text or json");
  diff->callback([options, other, report, log, &chosen] {
    if (other->empty() && report->empty() && log->empty()) throw CLI::RequiredError("a second document, --report or --eventlog");
    chosen = [options] { return run_measure_diff(*options); };
  });
}

}  // namespace

void add_measure(CLI::App& app, Command& chosen) {
  CLI::App* measure =
      app.add_subcommand("measure",
                         "Compute what a machine should measure, from the files that it is started with, or explain why it measures\n"
                         "something else. Every result names the published value that the same way reproduces, or says unverified.\n"
                         "Exit codes: 0 done, 10 refused, 20 unsupported, 30 malformed, 1 internal.");
  measure->require_subcommand(1);
  add_snp(*measure, chosen);
  add_tdx(*measure, chosen);
  add_tpm(*measure, chosen);
  add_diff(*measure, chosen);
}

}  // namespace openpcc::app
