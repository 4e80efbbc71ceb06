#include "openpcc/measure/tpm.h"

#include "fields.h"

namespace openpcc::measure {
namespace {

// Boot keeps the bank and the registers together.
class Boot {
 public:
  Boot(Replayer& registers, Bank bank) : registers_(registers), bank_(bank) {}

  void text(std::string reg, std::string_view text) { data(std::move(reg), std::string(text), "constant", as_bytes(text)); }
  void separator(std::string reg) { data(std::move(reg), "separator", "constant", kSeparator); }
  void data(std::string reg, std::string what, std::string input, ByteSpan bytes) {
    registers_.extend(data_step(bank_, std::move(reg), std::move(what), std::move(input), bytes));
  }
  void steps(std::vector<Extend> steps) {
    for (Extend& step : steps) registers_.extend(std::move(step));
  }
  Result<PeImage> executable(const std::string& input, ByteSpan bytes) {
    OPENPCC_LET(PeImage image, parse_pe(bytes));
    registers_.extend({"PCR4", "executable", input, 0, bytes.size(), std::nullopt, authenticode(image, bank_), {}});
    return image;
  }

 private:
  Replayer& registers_;
  Bank bank_;
};

void extend_secure_boot(Boot& boot, Bank bank, const TpmBoot& given) {
  boot.steps(variable_steps(bank, "PCR7", *given.secure_boot));
  boot.separator("PCR7");
  for (const auto& [input, data] : given.authorities) {
    boot.data("PCR7", "authority in db", input, variable_event(guid(kImageSecurity), "db", data));
  }
}

Result<> extend_executables(Boot& boot, Bank bank, const TpmBoot& given) {
  boot.text("PCR4", kCallingApplication);
  boot.separator("PCR4");
  for (const auto& [input, bytes] : given.applications) {
    OPENPCC_TRY(boot.executable(input, bytes));
  }
  if (!given.uki) return {};
  OPENPCC_LET(const PeImage image, boot.executable("uki", *given.uki));
  OPENPCC_LET(std::vector<Extend> sections, uki_events(image, bank, "PCR11"));
  boot.steps(std::move(sections));
  const Bytes kernel = image.data(*image.section(".linux"));
  OPENPCC_TRY(boot.executable("uki: .linux", kernel));
  return {};
}

}  // namespace

Result<> extend_tpm_boot(Replayer& registers, Bank bank, const TpmBoot& given) {
  Boot boot(registers, bank);
  if (given.secure_boot) extend_secure_boot(boot, bank, given);
  if (given.uki || !given.applications.empty()) {
    OPENPCC_TRY(extend_executables(boot, bank, given));
  }
  for (const std::string& phase : given.phases) boot.data("PCR11", "phase " + phase, "phase", as_bytes(phase));
  if (given.cmdline) boot.data("PCR9", "command line", "append", cmdline_bytes(*given.cmdline));
  if (given.initrd) boot.data("PCR9", "initrd", "initrd", *given.initrd);
  if (!given.disk) return {};
  OPENPCC_LET(const Bytes gpt, gpt_event(*given.disk));
  boot.separator("PCR5");
  boot.data("PCR5", "partition table", "disk", gpt);
  boot.text("PCR5", kExitBootServices);
  boot.text("PCR5", kExitedBootServices);
  return {};
}

}  // namespace openpcc::measure
