#include <algorithm>
#include <set>

#include "judging.h"
#include "openpcc/nvgpu/choose.h"
#include "openpcc/nvgpu/token.h"

namespace openpcc::attest {
namespace {

using appraisal::Aspect;
using appraisal::Finding;
using appraisal::State;

constexpr std::string_view kExpected = "a report that NVIDIA's root vouches for";

// Files are what may vouch for devices.
struct Files {
  Items items;
  UnixSeconds age_max_s;
  std::vector<ByteSpan> reports = all_of(items, PlatformItem::nvidia_report), chains = all_of(items, PlatformItem::certificates),
                        manifests = all_of(items, PlatformItem::nvidia_manifest);
  std::set<const Recognised*> used{};

  // take gives a chain the statements about its certificates, and keeps the others.
  nvgpu::Statements take(std::span<const x509::Certificate> chain) {
    nvgpu::Statements out;
    out.age_max_s = age_max_s;
    for (const Recognised& item : items) {
      const auto* response = item.as<x509::OcspResponse>();
      const auto* list = item.as<x509::Crl>();
      const bool taken =
          (response != nullptr && nvgpu::about(*response, chain) != nullptr) || (list != nullptr && nvgpu::about(*list, chain) != nullptr);
      if (!taken) continue;
      (response != nullptr ? out.ocsp : out.crls).push_back(item.bytes);
      used.insert(&item);
    }
    return out;
  }
  // leave gives the last chain whatever no chain took, so that the verifier says what is wrong with it.
  void leave(nvgpu::Statements& statements) const {
    for (const Recognised& item : items) {
      if (used.contains(&item)) continue;
      if (item.kind == PlatformItem::ocsp_response) statements.ocsp.push_back(item.bytes);
      if (item.kind == PlatformItem::revocation_list) statements.crls.push_back(item.bytes);
    }
  }
};

constexpr std::string_view kItsChain = "add the device's chain of five certificates, PEM, as the driver gives it";
constexpr std::string_view kAnswers = "get current answers from NVIDIA's responder";
constexpr std::string_view kOtherTime = "get the manifest again from NVIDIA, or judge as of another time (--at)";
constexpr std::string_view kOwnManifests = "give the manifests of this chip's driver and VBIOS, at the versions that it reports";
constexpr Remedy kRemedies[] = {
    {"nvgpu.chain.pem", kItsChain}, {"nvgpu.chain.count", kItsChain},  {"nvgpu.ocsp.*", kAnswers},
    {"nvgpu.crl.*", kAnswers},      {"rim.chain.expired", kOtherTime}, {"rim.chain.early", kOtherTime},
    {"rim.product", kOwnManifests}, {"rim.version", kOwnManifests},    {"rim.*", "get the manifest again from NVIDIA"},
};
bool of_form(std::string_view rule) {
  return !rule.starts_with("nvgpu.chain.") && !rule.starts_with("nvgpu.ocsp.") && !rule.starts_with("nvgpu.crl.");
}

// graver is the outcome of two devices: one that is refused is not made better by another that is unknown here.
Outcome graver(Outcome a, Outcome b) {
  for (const Outcome one : {Outcome::reject, Outcome::malformed, Outcome::unsupported}) {
    if (a == one || b == one) return one;
  }
  return a;
}

// Judge verifies all devices of a set and what vouches for them. Chains that they share are paid for once.
class Judge {
 public:
  Judge(Items items, UnixSeconds now, const NvidiaDemands& demands)
      : files_{items, demands.device.max_revocation_age_s}, now_(now), demands_(demands) {}

  PlatformVerdict run() {
    verify_manifests();
    verify_devices();
    for (size_t i = 0; i < devices_.size(); ++i) appraise(i);
    expect_manifests_used();
    const bool counted = demands_.set.gpus || demands_.set.switches;
    if (devices_.size() == files_.reports.size() && (devices_.size() > 1 || counted))
      append(nvgpu::appraise_set(devices_, demands_.set), "");
    out_.kind = kind();
    out_.genuine = devices_.size() == files_.reports.size();
    if (out_.genuine) out_.window = window_;
    if (out_.outcome == Outcome::accept && appraisal::refusal(out_.findings) != nullptr) out_.outcome = Outcome::reject;
    return std::move(out_);
  }

 private:
  void append(appraisal::Findings findings, const std::string& who) {
    for (Finding& finding : findings) {
      finding.seen = who + finding.seen;
      out_.findings.push_back(std::move(finding));
    }
  }
  void refuse(Aspect aspect, const std::vector<Error>& failures, const std::string& who, std::string_view expected) {
    appraisal::Findings findings;
    for (const Error& error : failures)
      findings.push_back(failed(aspect, error, std::string(expected), remedy_in(kRemedies, error.rule.id())));
    append(std::move(findings), who);
  }

  void verify_manifests() {
    for (size_t i = 0; i < files_.manifests.size(); ++i) {
      const auto statements = files_.take(nvgpu::certificates_of_manifest(files_.manifests[i]));
      auto manifest = nvgpu::verify_manifest(files_.manifests[i], statements, now_, nvgpu::manifest_roots(), &links_);
      if (manifest.verified) {
        window_ = window_.intersect(manifest.verified->window());
        manifests_.push_back(std::move(*manifest.verified));
      } else {
        refuse(Aspect::software, manifest.failures, "manifest " + std::to_string(i + 1) + ": ", "a manifest that NVIDIA signed");
        out_.outcome = Outcome::reject;
      }
    }
  }

  // chain_of finds the chain under which the report verifies; where none does, that of the same place. One that is wrong whatever it should vouch for
  // is tried once.
  ByteSpan chain_of(size_t place) {
    const auto of_chain = [](const Error& error) { return error.rule.id().starts_with("nvgpu.chain."); };
    for (size_t i = 0; files_.chains.size() > 1 && i < files_.chains.size(); ++i) {
      if (wrong_chains_.contains(i)) continue;
      const auto tried = nvgpu::verify(files_.reports[place], files_.chains[i], {}, now_, nvgpu::device_roots(), &links_);
      if (tried.verified) return files_.chains[i];
      if (std::ranges::any_of(tried.failures, of_chain)) wrong_chains_.insert(i);
    }
    return place < files_.chains.size() ? files_.chains[place] : ByteSpan();
  }

  void verify_devices() {
    for (size_t i = 0; i < files_.reports.size(); ++i) {
      const ByteSpan chain = chain_of(i);
      const auto certificates = nvgpu::read_chain(chain);
      nvgpu::Statements statements = certificates ? files_.take(*certificates) : nvgpu::Statements();
      if (i + 1 == files_.reports.size()) files_.leave(statements);
      auto device = nvgpu::verify(files_.reports[i], chain, statements, now_, nvgpu::device_roots(), &links_);
      if (device.verified) {
        window_ = window_.intersect(device.verified->window());
        devices_.push_back(std::move(*device.verified));
        continue;
      }
      const std::string who = files_.reports.size() > 1 ? "device " + std::to_string(i + 1) + ": " : "";
      out_.outcome = graver(out_.outcome, outcome_of(device.failures, of_form));
      appraisal::Findings before = std::move(out_.findings);  // genuineness comes first
      out_.findings.clear();
      refuse(Aspect::genuine, device.failures, who, kExpected);
      out_.findings.insert(out_.findings.end(), before.begin(), before.end());
    }
  }

  void appraise(size_t place) {
    const nvgpu::VerifiedReport& device = devices_[place];
    const std::string who = files_.reports.size() > 1 ? device.device().chip + " " + to_hex(device.device().id) + ": " : "";
    const nvgpu::Software software = nvgpu::measure(device, manifests_);
    appraisal::Findings findings = nvgpu::appraise(device, software, demands_.device);
    findings.insert(findings.begin(), {Aspect::genuine,
                                       State::passed,
                                       "nvgpu.signature",
                                       std::string(kExpected),
                                       "signed by a key of " + device.device().model + " that NVIDIA's device root vouches for",
                                       {}});
    append(std::move(findings), who);
  }

  void expect_manifests_used() {
    for (const nvgpu::VerifiedManifest& manifest : manifests_) {
      std::optional<Error> why;
      bool used = devices_.empty();  // nothing to compare with
      for (const nvgpu::VerifiedReport& device : devices_) {
        const auto comparison = nvgpu::compare(device, manifest);
        used = used || comparison.has_value();
        if (!comparison) why = comparison.error();
      }
      if (!used) refuse(Aspect::software, {*why}, "", "manifests of these devices");
    }
  }

  std::string kind() const {
    if (files_.reports.size() == 1) {
      if (devices_.empty()) return "NVIDIA GPU or switch report";
      const nvgpu::Device& device = devices_.front().device();
      return std::string("NVIDIA ") + (device.is_switch() ? "switch" : "GPU") + " report, " + device.chip;
    }
    return std::to_string(files_.reports.size()) + " reports of NVIDIA GPUs and switches";
  }

  Files files_;
  UnixSeconds now_;
  const NvidiaDemands& demands_;
  nvgpu::CheckedLinks links_;
  std::set<size_t> wrong_chains_;  // places
  std::vector<nvgpu::VerifiedReport> devices_;
  std::vector<nvgpu::VerifiedManifest> manifests_;
  x509::Window window_{INT64_MIN, INT64_MAX};
  PlatformVerdict out_ = [] {
    PlatformVerdict verdict;
    verdict.outcome = Outcome::accept;
    return verdict;
  }();
};

}  // namespace

PlatformVerdict judge_nvidia(Items items, UnixSeconds now, const NvidiaDemands& demands) { return Judge(items, now, demands).run(); }

PlatformVerdict refuse_nvidia_token(ByteSpan token) {
  PlatformVerdict out;
  out.kind = "NVIDIA attestation token";
  const Error error = nvgpu::refuse_token(token);
  out.outcome = outcome_of(std::span(&error, 1), [](std::string_view /*rule*/) { return true; });
  out.findings.push_back(failed(Aspect::genuine, error, "the device's own report", "give the report, its chain and its manifests instead"));
  return out;
}

}  // namespace openpcc::attest
