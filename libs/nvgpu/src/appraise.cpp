#include "openpcc/nvgpu/appraise.h"

#include <algorithm>
#include <charconv>

#include "openpcc/appraisal/writer.h"

namespace openpcc::nvgpu {
namespace {

using appraisal::Aspect;
using appraisal::Findings;

// parts of a version: "550.90.07" is 550, 90, 7.
std::optional<std::vector<uint32_t>> parts_of(std::string_view version, int base) {
  std::vector<uint32_t> out;
  while (true) {
    const std::string_view part = version.substr(0, version.find('.'));
    uint32_t value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value, base);
    if (error != std::errc() || end != part.data() + part.size()) return std::nullopt;
    out.push_back(value);
    if (part.size() == version.size()) return out;
    version.remove_prefix(part.size() + 1);
  }
}

class Appraiser : private appraisal::Writer {
 public:
  Appraiser(const VerifiedReport& verified, const Software& software, const Demands& demands)
      : verified_(verified), report_(verified.report()), device_(verified.device()), software_(software), demands_(demands) {}

  Findings run() {
    check_revocation();
    check_product();
    check_identity();
    if (!device_.is_switch()) check_driver();
    check_vbios();
    check_fwid();
    check_mode();
    check_software();
    check_bound_data();
    return take();
  }

 private:
  void check_revocation() {
    constexpr Rule kRule = "nvgpu.ocsp.missing";
    const std::string expected = "answers of NVIDIA's responder in their time";
    const auto good = [](const VerifiedManifest* manifest) { return manifest == nullptr || manifest->revocation_checked(); };
    const bool checked = verified_.revocation_checked() && good(software_.driver_manifest) && good(software_.vbios_manifest);
    if (checked) return pass(Aspect::revocation, kRule, expected, "every certificate that has a responder is good");
    const std::string seen = "not every certificate that has a responder was answered for";
    if (!demands_.require_revocation) return leave(Aspect::revocation, kRule, expected, seen);
    refuse(Aspect::revocation, kRule, expected, seen, "add the responder's answers to the evidence");
  }

  void check_product() {
    std::string expected;
    for (const Architecture one : demands_.architectures) expected += (expected.empty() ? "" : ", ") + std::string(to_string(one));
    judge(Aspect::product, "nvgpu.chip.excluded", demands_.architectures.contains(device_.architecture), false, expected,
          std::string(to_string(device_.architecture)) + ", " + device_.model, "choose a machine with a chip that the policy takes");
  }

  void check_identity() {
    leave(Aspect::identity, "nvgpu.chip.mismatch", "",
          to_hex(device_.id) + ", UEID " + to_hex(device_.ueid) + "; under a policy the chip ledger looks it up");
  }

  void check_driver() {
    constexpr Rule kRule = "nvgpu.driver.minimum";
    const std::string seen = report_.driver_version.value_or("none");
    if (demands_.min_driver.empty()) return leave(Aspect::tcb, kRule, "", "driver " + seen + "; no minimum was given");
    judge(Aspect::tcb, kRule, at_least(seen, demands_.min_driver, 10).value_or(false), false, "at least driver " + demands_.min_driver,
          seen, "update the driver: manifests of old ones stay valid");
  }

  void check_vbios() {
    constexpr Rule kRule = "nvgpu.vbios.minimum";
    const std::string board = report_.board();
    const std::string seen = "VBIOS " + report_.vbios_version + (board.empty() ? "" : " of board " + board);
    const auto of_architecture = demands_.min_vbios.find(device_.architecture);
    if (of_architecture == demands_.min_vbios.end()) return leave(Aspect::firmware, kRule, "", seen + "; no minimum was given");
    const auto& [any, boards] = of_architecture->second;
    const auto of_board = boards.find(board);
    const std::string& minimum = of_board == boards.end() ? any : of_board->second;
    if (minimum.empty()) {
      return refuse(Aspect::firmware, kRule, "a board that has a minimum", seen, "give the board a minimum, once its versions are known");
    }
    judge(Aspect::firmware, kRule, at_least(report_.vbios_version, minimum, 16).value_or(false), false, "at least VBIOS " + minimum, seen,
          "update the VBIOS: manifests of old ones stay valid");
  }

  // The boot ROM made the leaf for one firmware, and says for which; a newer driver says the same in the report.
  void check_fwid() {
    constexpr Rule kRule = "nvgpu.fwid.value";
    if (!report_.fwid && demands_.require_fwid && !device_.is_switch()) {  // a switch's report never has it
      refuse(Aspect::firmware, "nvgpu.fwid.missing", "the firmware's id in the report", "none", "update the driver to one that reports it");
    }
    const std::string seen = "firmware id " + to_hex(device_.fwid) + (report_.fwid ? "" : ", by the leaf alone");
    if (demands_.fwids.empty()) return leave(Aspect::firmware, kRule, "", seen + "; no list was given");
    judge(Aspect::firmware, kRule, demands_.fwids.contains(device_.fwid), false, "a firmware that the policy lists", seen,
          "update the firmware, or list its id once its source is known");
  }

  // Whether confidential computing is on, without the developers' tools, and whether the GPU was set ready, the measured driver inside the machine
  // knows; its word reaches us through the machine's own evidence alone.
  void check_mode() {
    constexpr Rule kRule = "nvgpu.feature_flag";
    unprovable(Aspect::debug, kRule, "confidential computing on, without developers' tools; ready state set",
               "no report says so: the driver does, inside the machine", "allow only releases whose driver setup demands it");
    if (device_.is_switch()) return;
    std::string expected;
    for (const Mode mode : demands_.modes) expected += (expected.empty() ? "" : ", ") + std::string(to_string(mode));
    const std::string seen = report_.mode ? std::string(to_string(*report_.mode)) : "no flag: an older driver";
    if (demands_.modes.empty()) return leave(Aspect::platform, kRule, "", seen);
    judge(Aspect::platform, kRule, report_.mode && demands_.modes.contains(*report_.mode), false, expected, seen,
          "set the GPU up for the mode that the policy takes");
  }

  static std::string compared(const std::optional<Comparison>& comparison) {
    if (!comparison) return "no manifest of the ";
    return std::to_string(comparison->compared) + " measurements as in the manifest of the ";
  }

  void check_software() {
    constexpr Rule kRule = "rim.missing";
    for (const Error& failure : software_.failures) {
      refuse(Aspect::software, failure.rule, "what NVIDIA's manifests say", failure.detail,
             "run released firmware and driver, and give the manifests of this board and these versions");
    }
    if (!software_.failures.empty()) return;
    const std::string expected = device_.is_switch() ? "as in NVIDIA's manifest" : "as in NVIDIA's manifests of driver and VBIOS";
    const std::string driver = device_.is_switch() ? "" : compared(software_.driver) + "driver; ";
    const std::string seen = driver + compared(software_.vbios) + "VBIOS";
    if (software_.complete(device_)) return pass(Aspect::software, kRule, expected, seen);
    if (!demands_.require_manifests) return leave(Aspect::software, kRule, expected, seen);
    refuse(Aspect::software, kRule, expected, seen, "add the manifests of this board and these versions to the evidence");
  }

  void check_bound_data() {
    constexpr Rule kRule = "nvgpu.nonce";
    const std::string seen = to_hex(report_.nonce);
    if (!demands_.nonce) return leave(Aspect::bound_data, kRule, "", seen + "; nothing was given to compare with");
    judge(Aspect::bound_data, kRule, *demands_.nonce == report_.nonce, false, to_hex(*demands_.nonce), seen,
          "ask for the report with this nonce");
  }

  const VerifiedReport& verified_;
  const Report& report_;
  const Device& device_;
  const Software& software_;
  const Demands& demands_;
};

}  // namespace

std::optional<bool> at_least(std::string_view version, std::string_view minimum, int base) {
  const auto a = parts_of(version, base), b = parts_of(minimum, base);
  if (!a || !b) return std::nullopt;
  return *a >= *b;
}

Findings appraise(const VerifiedReport& verified, const Software& software, const Demands& demands) {
  return Appraiser(verified, software, demands).run();
}

}  // namespace openpcc::nvgpu
