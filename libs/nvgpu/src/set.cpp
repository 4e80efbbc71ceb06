#include <algorithm>

#include "openpcc/appraisal/writer.h"
#include "openpcc/nvgpu/appraise.h"

namespace openpcc::nvgpu {
namespace {

using appraisal::Aspect;
using Pdis = std::set<Pdi>;

constexpr std::string_view kGatherAgain = "ask all devices of the machine, each once, with one nonce";

Pdis distinct(const std::vector<Pdi>& list) { return {list.begin(), list.end()}; }

class SetAppraiser : private appraisal::Writer {
 public:
  SetAppraiser(std::span<const VerifiedReport> devices, const SetDemands& demands) : demands_(demands) {
    for (const VerifiedReport& device : devices) (device.device().is_switch() ? switches_ : gpus_).push_back(&device);
  }

  appraisal::Findings run() {
    check_count();
    check_kinds();
    check_duplicates();
    check_nonces();
    check_topology();
    return take();
  }

 private:
  void find(Rule rule, bool good, std::string expected, std::string seen) {
    judge(Aspect::platform, rule, good, false, std::move(expected), std::move(seen), std::string(kGatherAgain));
  }
  static std::string number(const std::optional<size_t>& n) { return n ? std::to_string(*n) : "any number of"; }

  void check_count() {
    const bool right =
        gpus_.size() == demands_.gpus.value_or(gpus_.size()) && switches_.size() == demands_.switches.value_or(switches_.size());
    const std::string seen = std::to_string(gpus_.size()) + " GPUs, " + std::to_string(switches_.size()) + " switches";
    if (!demands_.gpus && !demands_.switches) return leave(Aspect::platform, "nvgpu.set.count", "", seen);
    find("nvgpu.set.count", right, number(demands_.gpus) + " GPUs, " + number(demands_.switches) + " switches", seen);
  }

  void check_kinds() {
    std::set<std::string> chips;
    for (const VerifiedReport* gpu : gpus_) chips.insert(gpu->device().chip);
    std::string seen;
    for (const std::string& chip : chips) seen += (seen.empty() ? "" : ", ") + chip;
    find("nvgpu.set.kind", chips.size() == 1, "GPUs of one chip", seen.empty() ? "no GPU" : seen);
  }

  void check_duplicates() {
    std::set<Bytes> leaves;
    Pdis chips;
    for (const auto* list : {&gpus_, &switches_}) {
      for (const VerifiedReport* device : *list) {
        leaves.insert(device->device().ueid);
        chips.insert(device->device().id);
      }
    }
    const size_t all = gpus_.size() + switches_.size();
    find("nvgpu.set.duplicate", leaves.size() == all && chips.size() == all, "each device once",
         std::to_string(chips.size()) + " devices in " + std::to_string(all) + " reports");
  }

  void check_nonces() {
    std::set<Nonce> nonces;
    for (const auto* list : {&gpus_, &switches_}) {
      for (const VerifiedReport* device : *list) nonces.insert(device->report().nonce);
    }
    find("nvgpu.set.nonce", nonces.size() <= 1, "one nonce", std::to_string(nonces.size()) + " nonces");
  }

  void check_topology() {
    const bool shared = std::ranges::any_of(gpus_, [](const VerifiedReport* gpu) {
      return gpu->report().mode == Mode::protected_pcie || gpu->report().protected_pcie.value_or(false);
    });
    const std::string expected = "each GPU connected to all switches and to no other, each switch to all GPUs and to no other";
    if (switches_.empty() && !shared) return pass(Aspect::platform, "nvgpu.set.topology", expected, "no switches");
    Pdis gpus, switches;
    for (const VerifiedReport* gpu : gpus_) gpus.insert(gpu->device().id);
    for (const VerifiedReport* one : switches_) switches.insert(one->device().id);
    const auto fits = [](const std::vector<const VerifiedReport*>& list, const Pdis& wanted, std::vector<Pdi> Report::* seen) {
      return std::ranges::all_of(list, [&](const VerifiedReport* device) { return distinct(device->report().*seen) == wanted; });
    };
    const bool right = switches.size() == switches_.size() && fits(gpus_, switches, &Report::switch_pdis) &&
                       fits(switches_, gpus, &Report::switch_gpu_pdis);
    find("nvgpu.set.topology", right, expected, right ? "so" : "a device names others than those that were attested");
  }

  const SetDemands& demands_;
  std::vector<const VerifiedReport*> gpus_, switches_;
};

}  // namespace

appraisal::Findings appraise_set(std::span<const VerifiedReport> devices, const SetDemands& demands) {
  return SetAppraiser(devices, demands).run();
}

}  // namespace openpcc::nvgpu
