// `openpcc measure`: what a machine should measure, and why another one measures something else.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "openpcc/measure/tpm.h"

namespace CLI {
class App;
}

namespace openpcc::app {

// MeasureOutput is how a result is shown.
struct MeasureOutput {
  bool json = false;   // the document that `measure diff` reads
  bool trace = false;  // every extend, in text
};

struct MeasureSnpOptions {
  std::filesystem::path firmware, igvm;  // one of them
  std::filesystem::path kernel, initrd;
  std::string append;
  bool native_zero = false;  // IGVM: empty pages are ZERO pages
  uint32_t vcpus = 1;
  std::string vcpu_type = "EPYC-v4";
  std::optional<uint32_t> vcpu_signature;  // instead of a type
  std::string vmm = "qemu";
  uint64_t sev_features = 1;
  std::vector<std::filesystem::path> id_keys;  // P-384 public keys, PEM: their digests as a report shows them
  MeasureOutput output;
};
int run_measure_snp(const MeasureSnpOptions& options);

// SecureBootOptions name the variables' contents; a file is the data of one, an EFI signature list but for SecureBoot.
struct SecureBootOptions {
  std::string secure_boot;  // "on", "off", a file; empty: not given
  std::filesystem::path pk, kek, db, dbx;
};

struct MeasureTdxOptions {
  std::filesystem::path firmware, gcp, igvm;
  bool two_passes = false;
  uint64_t memory = 0;                                   // bytes
  std::string cfv, acpi_loader, acpi_rsdp, acpi_tables;  // a file, or sha384:HEX
  SecureBootOptions secure_boot;
  std::string boot_order;                 // file or digest; empty: OVMF's own
  std::vector<std::string> boot_options;  // likewise
  std::string kernel, initrd;             // file or digest
  std::optional<std::string> append;
  std::string append_digest;
  std::filesystem::path uki, disk;
  std::vector<std::filesystem::path> applications;
  std::vector<std::string> extends;  // REGISTER=KIND:ARGUMENTS
  MeasureOutput output;
};
int run_measure_tdx(const MeasureTdxOptions& options);

struct MeasureTpmOptions {
  std::string bank = "sha256";
  SecureBootOptions secure_boot;
  std::vector<std::filesystem::path> authorities;
  std::filesystem::path uki, disk;
  std::vector<std::filesystem::path> applications;
  std::vector<std::string> phases;
  std::optional<std::string> append;
  std::filesystem::path initrd;
  std::vector<std::string> extends;
  MeasureOutput output;
};
int run_measure_tpm(const MeasureTpmOptions& options);

struct MeasureDiffOptions {
  std::filesystem::path expected, other;   // documents
  std::filesystem::path report, eventlog;  // instead of the second
  bool json = false;
};
int run_measure_diff(const MeasureDiffOptions& options);

// add_measure adds the command and its four parts.
void add_measure(CLI::App& app, std::function<int()>& chosen);

// show_measurement prints a result.
void show_measurement(const measure::Measurement& measurement, const MeasureOutput& output);
// measure_failed says why there is none, and gives the exit code.
int measure_failed(const Error& error);

}  // namespace openpcc::app
