// verify(): each check looks at one property and writes its row. Spec: spec/evidence.md s4.
#include "openpcc/attest/verify.h"

#include <algorithm>
#include <set>

#include "kinds.h"
#include "verdict_builder.h"

namespace openpcc::attest {
namespace {

constexpr std::string_view kGenuineGpu = "a report that chains up to a root of the policy";

std::string text_of(UnixSeconds time) { return std::to_string(time) + " s"; }

std::string list_of(const std::vector<Bytes>& values) {
  constexpr size_t kShown = 4;
  std::string out;
  for (size_t i = 0; i < std::min(values.size(), kShown); ++i) out += (i == 0 ? "" : ", ") + to_hex(values[i]);
  if (values.size() > kShown) out += ", and " + std::to_string(values.size() - kShown) + " more";
  return out;
}

std::optional<Property> property_of(appraisal::Aspect aspect) {
  using appraisal::Aspect;
  switch (aspect) {
    case Aspect::revocation: return Property::revocation;
    case Aspect::product: return Property::product;
    case Aspect::identity: return Property::identity;
    case Aspect::tcb: return Property::tcb;
    case Aspect::firmware: return Property::firmware;
    case Aspect::debug: return Property::debug;
    case Aspect::migration: return Property::migration;
    case Aspect::guest_policy: return Property::guest_policy;
    case Aspect::privilege: return Property::privilege;
    case Aspect::platform: return Property::platform;
    case Aspect::launch: return Property::launch;
    case Aspect::signatures:
    case Aspect::genuine:
    case Aspect::software:
    case Aspect::bound_data: break;  // rows of every kind
  }
  return std::nullopt;
}

bool contains(const std::vector<Bytes>& values, const Bytes& value) { return std::ranges::find(values, value) != values.end(); }

}  // namespace

// Appraiser holds what the checks of one piece of evidence look at.
class Appraiser {
 public:
  Appraiser(const Evidence& evidence, const policy::Requirements& requirements, const Circumstances& circumstances, VerdictBuilder& rows)
      : evidence_(evidence), claims_(evidence.claims()), policy_(requirements), circumstances_(circumstances), rows_(rows) {}

  // check_claims needs no device's word; what it passes counts only together with the key binding.
  void check_claims();
  void check_devices(const Examined& examined);
  // skip_devices writes the rows of check_devices where no device could be examined.
  void skip_devices();
  void state_limits(bool simulated);

  std::shared_ptr<const VerifiedNode> accept(const Examined& examined);

 private:
  void check_cpu(const Examined& examined);
  void skip_cpu();
  void take_over(const appraisal::Findings& findings);
  void check_tcb(const Findings& cpu);
  void check_debug(const Findings& cpu);
  void check_release(const Findings& cpu);
  void check_key_binding(const Findings& cpu);
  void check_deployment();
  void check_freshness();
  void check_validity();
  void check_models();
  void check_config();
  void check_no_gpus();
  void list_gpus(const Examined& examined);
  void check_gpus(const Examined& examined);
  void check_gpu_firmware(const std::vector<Findings>& gpus);
  void check_gpu_binding(const std::vector<Findings>& gpus);
  void check_root_owners(const std::vector<Findings>& devices);
  void check_chip_ledger(const std::vector<Findings>& devices);

  const Evidence& evidence_;
  const Claims& claims_;
  const policy::Requirements& policy_;
  const Circumstances& circumstances_;
  VerdictBuilder& rows_;
  std::optional<hpke::PublicKey> key_;
};

void Appraiser::check_claims() {
  check_deployment();
  check_freshness();
  check_validity();
  check_models();
  check_config();
}

void Appraiser::check_devices(const Examined& examined) {
  check_cpu(examined);
  std::vector<Findings> genuine;
  if (examined.cpu) genuine.push_back(*examined.cpu);
  if (examined.gpus.empty()) {
    check_no_gpus();
  } else {
    check_gpus(examined);
    for (const auto& gpu : examined.gpus) {
      if (gpu) genuine.push_back(*gpu);
    }
  }
  if (genuine.size() == 1 + examined.gpus.size()) {
    check_root_owners(genuine);
    check_chip_ledger(genuine);
  } else {
    rows_.skip(Property::root_owners, "attest.roots.too_few");
    rows_.skip(Property::chip_ledger, "attest.ledger.unknown");
  }
}

void Appraiser::skip_devices() {
  rows_.skip(Property::root_of_trust, "attest.kind.unknown");
  skip_cpu();
  rows_.skip(Property::gpu, "attest.gpu.missing");
  rows_.skip(Property::gpu_firmware, "attest.gpu.release");
  rows_.skip(Property::gpu_binding, "attest.gpu.digest");
  rows_.skip(Property::root_owners, "attest.roots.too_few");
  rows_.skip(Property::chip_ledger, "attest.ledger.unknown");
}

void Appraiser::check_cpu(const Examined& examined) {
  if (!examined.cpu) {
    rows_.refuse_by(Property::root_of_trust, examined.cpu.error(), "a report that chains up to a root of the policy",
                    "get the node's evidence again; if it stays, the node is not what the policy's roots endorse");
    return skip_cpu();
  }
  rows_.pass(Property::root_of_trust, examined.cpu_root_rule, "a report that chains up to a root of the policy",
             std::string(examined.cpu->root_owner));
  if (examined.cpu->platform.empty()) {
    check_tcb(*examined.cpu);
    check_debug(*examined.cpu);
  } else {
    take_over(examined.cpu->platform);
  }
  check_release(*examined.cpu);
  check_key_binding(*examined.cpu);
}

void Appraiser::skip_cpu() {
  rows_.skip(Property::tcb, "attest.tcb.old");
  rows_.skip(Property::debug, "attest.debug.enabled");
  rows_.skip(Property::release, "attest.release.unknown");
  rows_.skip(Property::key_binding, "attest.binding.report_data");
}

// take_over makes rows of what the kind's own verifier judged. What it did not check, the policy did not ask for or allowed by name.
void Appraiser::take_over(const appraisal::Findings& findings) {
  for (const appraisal::Finding& f : findings) {
    const auto property = property_of(f.aspect);
    OPENPCC_CHECK(property.has_value());
    switch (f.state) {
      case State::passed: rows_.pass(*property, f.rule, f.expected, f.seen); break;
      case State::failed: rows_.refuse(*property, f.rule, f.expected, f.seen, f.remedy); break;
      case State::not_checked: rows_.leave(*property, f.rule, f.expected, f.seen); break;
      case State::not_provable: rows_.unprovable(*property, f.rule, f.expected, f.seen); break;
    }
  }
}

void Appraiser::check_tcb(const Findings& cpu) {
  constexpr Rule kRule = "attest.tcb.old";
  const std::string expected = "at least " + std::to_string(policy_.min_tcb);
  if (cpu.tcb < policy_.min_tcb) {
    return rows_.refuse(Property::tcb, kRule, expected, std::to_string(cpu.tcb), "update the node's firmware, or choose another node");
  }
  rows_.pass(Property::tcb, kRule, expected, std::to_string(cpu.tcb));
}

void Appraiser::check_debug(const Findings& cpu) {
  constexpr Rule kRule = "attest.debug.enabled";
  if (!cpu.debug) return rows_.pass(Property::debug, kRule, "off", "off");
  if (policy_.exceptions.allow_debug) return rows_.leave(Property::debug, kRule, "off", "on; exception allow_debug");
  rows_.refuse(Property::debug, kRule, "off", "on", "start the node without debug; its operator can read all of its memory");
}

void Appraiser::check_release(const Findings& cpu) {
  constexpr Rule kRule = "attest.release.unknown";
  if (!contains(policy_.releases, cpu.measurement)) {
    return rows_.refuse(Property::release, kRule, list_of(policy_.releases), to_hex(cpu.measurement),
                        "run an allowed release, or allow this measurement once its source is known");
  }
  rows_.pass(Property::release, kRule, "an allowed release", to_hex(cpu.measurement));
}

void Appraiser::check_key_binding(const Findings& cpu) {
  if (!equal(cpu.bound, evidence_.binding())) {
    return rows_.refuse(
        Property::key_binding, "attest.binding.report_data", to_hex(evidence_.binding()), to_hex(cpu.bound),
        "the report was made for other claims, an earlier key's or another node's: recorded evidence cannot cover a key made now; get the "
        "evidence from the node itself");
  }
  auto key = hpke::PublicKey::parse(hpke::KemId::x_wing, claims_.hpke_public_key);
  if (!key) {
    return rows_.refuse(Property::key_binding, "attest.binding.public_key", "a valid X-Wing public key", describe(key.error()),
                        "the node's software is broken: choose another node");
  }
  key_ = std::move(*key);
  rows_.pass(Property::key_binding, "attest.binding.report_data", "report data = B", "B covers keys, config, models, GPUs");
}

void Appraiser::check_deployment() {
  constexpr Rule kRule = "attest.deployment.other";
  if (claims_.deployment != policy_.deployment) {
    return rows_.refuse(Property::deployment, kRule, policy_.deployment, claims_.deployment, "the node belongs to another deployment");
  }
  rows_.pass(Property::deployment, kRule, policy_.deployment, claims_.deployment);
}

void Appraiser::check_freshness() {
  const std::string expected = "a beacon at most " + text_of(policy_.freshness_age_s) + " old at not-before";
  const auto beacon = std::ranges::find(circumstances_.beacons, claims_.freshness, &note::VerifiedBeacon::freshness);
  if (beacon == circumstances_.beacons.end()) {
    return rows_.refuse(Property::freshness, "attest.freshness.unknown", expected, to_hex(claims_.freshness) + ", no recent beacon",
                        "get the current bundle; if it stays, the evidence is old or of another deployment");
  }
  const UnixSeconds age = claims_.not_before - beacon->time();
  if (age > policy_.freshness_age_s) {
    return rows_.refuse(Property::freshness, "attest.freshness.stale", expected, text_of(age), "the node must take a newer beacon");
  }
  rows_.pass(Property::freshness, "attest.freshness.stale", expected, age > 0 ? text_of(age) : "made within the key's time");
}

void Appraiser::check_validity() {
  const UnixSeconds now = circumstances_.now;
  const std::string seen = std::to_string(claims_.not_before) + " to " + std::to_string(claims_.not_after) + ", now " + std::to_string(now);
  if (claims_.not_after <= claims_.not_before || claims_.not_after - claims_.not_before > kKeyLifetimeMax_s) {
    return rows_.refuse(Property::validity, "attest.validity.lifetime", "more than 0, at most " + text_of(kKeyLifetimeMax_s), seen,
                        "the node must make keys that live shorter");
  }
  if (now < claims_.not_before) {
    return rows_.refuse(Property::validity, "attest.validity.early", "a key whose time has come", seen,
                        "wait, or set this machine's clock");
  }
  if (now >= claims_.not_after - kStopEarly_s) {
    return rows_.refuse(Property::validity, "attest.validity.expired", "more than " + text_of(kStopEarly_s) + " left", seen,
                        "get the current bundle, or set this machine's clock");
  }
  rows_.pass(Property::validity, "attest.validity.expired", "within the key's time", seen);
}

void Appraiser::check_models() {
  if (claims_.models.empty()) {
    return rows_.refuse(Property::models, "attest.models.none", "at least one model", "none", "the node's configuration names no model");
  }
  std::string names;
  for (const Model& model : claims_.models) {
    if (std::ranges::find(policy_.models, model.digest) == policy_.models.end()) {
      return rows_.refuse(Property::models, "attest.models.unknown", "models that the policy allows",
                          model.name + " " + to_hex(model.digest), "serve an allowed model, or allow this digest");
    }
    names += (names.empty() ? "" : ", ") + model.name;
  }
  rows_.pass(Property::models, "attest.models.unknown", "models that the policy allows", names);
}

void Appraiser::check_config() {
  constexpr Rule kRule = "attest.config.unknown";
  const std::string seen = to_hex(claims_.config_digest);
  if (policy_.configs.empty()) return rows_.leave(Property::config, kRule, "", seen + "; the policy names no configurations");
  if (std::ranges::find(policy_.configs, claims_.config_digest) == policy_.configs.end()) {
    return rows_.refuse(Property::config, kRule, "a configuration that the policy allows", seen, "use an allowed configuration file");
  }
  rows_.pass(Property::config, kRule, "a configuration that the policy allows", seen);
}

void Appraiser::check_no_gpus() {
  constexpr Rule kDigest = "attest.gpu.digest";
  if (policy_.require_gpu) {
    rows_.refuse(Property::gpu, "attest.gpu.missing", "at least one GPU's report", "none", "choose a node with a confidential GPU");
  } else {
    rows_.leave(Property::gpu, "attest.gpu.missing", "", "no GPU in the evidence; the policy requires none");
  }
  rows_.leave(Property::gpu_firmware, "attest.gpu.release", "", "no GPU in the evidence");
  if (claims_.gpu_digest) {
    rows_.refuse(Property::gpu_binding, kDigest, "the GPUs that the claims speak of", "none", "GPU reports were left out of the evidence");
  } else {
    rows_.leave(Property::gpu_binding, kDigest, "", "no GPU in the evidence, none in the claims");
  }
}

void Appraiser::list_gpus(const Examined& examined) {
  for (const auto& gpu : examined.gpus) {
    if (gpu) {
      rows_.add_gpu({gpu->device_id, gpu->platform});
    } else {
      rows_.add_gpu(
          {{},
           {{appraisal::Aspect::genuine, State::failed, gpu.error().rule, std::string(kGenuineGpu), printable(gpu.error().detail), {}}}});
    }
  }
}

void Appraiser::check_gpus(const Examined& examined) {
  list_gpus(examined);
  const std::string expected(kGenuineGpu);
  std::vector<Findings> gpus;
  for (const auto& gpu : examined.gpus) {
    if (!gpu) {
      rows_.refuse_by(Property::gpu, gpu.error(), expected, "get the node's evidence again; if it stays, the GPU is not genuine");
      rows_.skip(Property::gpu_firmware, "attest.gpu.release");
      rows_.skip(Property::gpu_binding, "attest.gpu.digest");
      return;
    }
    gpus.push_back(*gpu);
  }
  rows_.pass(Property::gpu, examined.gpu_root_rule, expected, std::to_string(gpus.size()) + " by " + std::string(gpus[0].root_owner));
  check_gpu_firmware(gpus);
  check_gpu_binding(gpus);
}

void Appraiser::check_gpu_firmware(const std::vector<Findings>& gpus) {
  const std::string remedy = "update the GPU's firmware, or choose another node";
  for (const Findings& gpu : gpus) {
    const std::string who = "GPU " + to_hex(gpu.device_id) + ": ";
    if (!contains(policy_.gpu_releases, gpu.measurement)) {
      return rows_.refuse(Property::gpu_firmware, "attest.gpu.release", list_of(policy_.gpu_releases), who + to_hex(gpu.measurement),
                          remedy);
    }
    if (!gpu.platform.empty()) {
      const appraisal::Finding* finding = appraisal::refusal(gpu.platform);
      if (finding == nullptr) continue;
      return rows_.refuse(Property::gpu_firmware, finding->rule, finding->expected, who + finding->seen, finding->remedy);
    }
    if (gpu.tcb < policy_.min_gpu_tcb) {
      return rows_.refuse(Property::gpu_firmware, "attest.gpu.tcb", "at least " + std::to_string(policy_.min_gpu_tcb),
                          who + std::to_string(gpu.tcb), remedy);
    }
    if (gpu.debug && !policy_.exceptions.allow_debug) {
      return rows_.refuse(Property::gpu_firmware, "attest.gpu.debug", "debug off", who + "on", "switch the GPU's developer mode off");
    }
  }
  if (std::ranges::any_of(gpus, &Findings::debug)) {
    return rows_.leave(Property::gpu_firmware, "attest.gpu.debug", "debug off", "on; exception allow_debug");
  }
  rows_.pass(Property::gpu_firmware, "attest.gpu.release", "allowed firmware", to_hex(gpus[0].measurement));
}

void Appraiser::check_gpu_binding(const std::vector<Findings>& gpus) {
  const std::string remedy = "the GPU reports were not made for this node's key: get the evidence from the node itself";
  std::vector<Bytes> ids;
  ids.reserve(gpus.size());
  for (const Findings& gpu : gpus) ids.push_back(gpu.device_id);
  if (std::set<Bytes>(ids.begin(), ids.end()).size() != ids.size()) {
    return rows_.refuse(Property::gpu_binding, "attest.gpu.duplicate", "distinct devices", "one device twice", remedy);
  }
  if (!std::ranges::is_sorted(ids)) {
    return rows_.refuse(Property::gpu_binding, "attest.gpu.order", "devices in the order of their ids", "another order", remedy);
  }
  for (size_t rank = 0; rank < gpus.size(); ++rank) {
    const GpuNonce nonce = gpu_nonce(claims_.hpke_public_key, claims_.freshness, rank);
    if (!equal(gpus[rank].bound, nonce)) {
      return rows_.refuse(Property::gpu_binding, "attest.gpu.nonce", to_hex(nonce), to_hex(gpus[rank].bound), remedy);
    }
  }
  const GpuDigest digest = gpu_digest(ids, evidence_.gpus());
  if (claims_.gpu_digest != digest) {
    return rows_.refuse(Property::gpu_binding, "attest.gpu.digest", to_hex(digest),
                        claims_.gpu_digest ? to_hex(*claims_.gpu_digest) : "no GPUs in the claims", remedy);
  }
  rows_.pass(Property::gpu_binding, "attest.gpu.digest", to_hex(digest), "GPUs answer the key's nonce, the CPU covers their reports");
}

void Appraiser::check_root_owners(const std::vector<Findings>& devices) {
  constexpr Rule kRule = "attest.roots.too_few";
  std::set<std::string_view> owners;
  for (const Findings& device : devices) owners.insert(device.root_owner);
  std::string names;
  for (const std::string_view owner : owners) names += (names.empty() ? "" : ", ") + std::string(owner);
  const std::string expected = "at least " + std::to_string(policy_.min_root_owners) + " independent owners";
  if (owners.size() < policy_.min_root_owners) {
    return rows_.refuse(Property::root_owners, kRule, expected, names, "choose a node whose CPU and GPU have different makers");
  }
  rows_.pass(Property::root_owners, kRule, expected, names);
}

void Appraiser::check_chip_ledger(const std::vector<Findings>& devices) {
  constexpr Rule kRule = "attest.ledger.unknown";
  if (policy_.chips.empty()) return rows_.leave(Property::chip_ledger, kRule, "", "exception no_chip_ledger: any genuine chip is accepted");
  for (const Findings& device : devices) {
    if (!std::ranges::binary_search(policy_.chips, device.device_id)) {
      return rows_.refuse(Property::chip_ledger, kRule, "a chip in the ledger", to_hex(device.device_id),
                          "enter the chip, or choose another node");
    }
  }
  rows_.pass(Property::chip_ledger, kRule, "chips in the ledger", std::to_string(devices.size()) + " found");
}

// What no check of today can show is said, so that a green line is not taken for more than it is.
void Appraiser::state_limits(bool simulated) {
  const auto n = circumstances_.directory_nodes;
  rows_.leave(Property::witnessed, "attest.witnessed.no_log", "witnesses' signatures over the directory", "no log runs yet");
  rows_.unprovable(Property::non_targetability, "attest.targetability.unprovable", "a large set that everybody sees",
                   n ? std::to_string(*n) + " nodes in the directory" : "this evidence alone");
  rows_.unprovable(Property::custody, "attest.custody.unprovable", "an endorsement of the chip's place by a third party", "none");
  rows_.unprovable(Property::one_chassis, "attest.chassis.unprovable", "CPU and GPU in one machine", "quotes do not show it");
  rows_.unprovable(Property::separation, "attest.separation.unprovable", "parties run by different organisations",
                   simulated ? "simulated: one person may run every role" : "keys do not show who holds them");
  rows_.leave(Property::trusted_time, "attest.time.host", "a clock that the host cannot set", "the node's time is its host's");
}

std::shared_ptr<const VerifiedNode> Appraiser::accept(const Examined& examined) {
  OPENPCC_CHECK(key_.has_value() && examined.cpu.has_value());
  std::vector<Bytes> gpu_ids;
  x509::Window window = examined.cpu->window;
  for (const auto& gpu : examined.gpus) {
    gpu_ids.push_back(gpu->device_id);
    window = window.intersect(gpu->window);
  }
  std::unique_ptr<const VerifiedNode> node(new VerifiedNode(evidence_.node_id(), std::move(*key_), claims_, examined.cpu->device_id,
                                                            std::move(gpu_ids), examined.simulated, window));
  return node;
}

VerifiedNode::VerifiedNode(const NodeId& node_id, hpke::PublicKey key, Claims claims, Bytes chip_id, std::vector<Bytes> gpu_ids,
                           bool simulated, const x509::Window& window)
    : node_id_(node_id),
      key_(std::move(key)),
      claims_(std::move(claims)),
      chip_id_(std::move(chip_id)),
      gpu_ids_(std::move(gpu_ids)),
      simulated_(simulated),
      window_(window) {}

bool VerifiedNode::serves(std::string_view model) const {
  return std::ranges::find(claims_.models, model, &Model::name) != claims_.models.end();
}

bool VerifiedNode::usable_at(UnixSeconds now) const {
  return window_.contains(now) && now >= claims_.not_before && now < claims_.not_after - kStopEarly_s;
}

Appraisal verify(ByteSpan evidence, const policy::Policy& policy, const Circumstances& circumstances) {
  const auto parsed = Evidence::parse(evidence);
  if (parsed) return verify(*parsed, policy, circumstances);
  VerdictBuilder rows(evidence, policy::requirements(policy));
  rows.refuse_by(Property::format, parsed.error(), "a CMW collection of a node's evidence", "get the evidence again");
  return {rows.build(), nullptr};
}

Appraisal verify(const Evidence& evidence, const policy::Policy& policy, const Circumstances& circumstances) {
  return appraise(evidence, policy::requirements(policy), circumstances, examine(evidence, policy, circumstances.now));
}

Appraisal appraise(const Evidence& evidence, const policy::Requirements& requirements, const Circumstances& circumstances,
                   const Result<Examined>& examined) {
  VerdictBuilder rows(evidence.bytes(), requirements);
  rows.set_node_id(evidence.node_id());
  rows.pass(Property::format, "attest.cmw.json", "a CMW collection of a node's evidence",
            std::to_string(evidence.bytes().size()) + " bytes");
  Appraiser appraiser(evidence, requirements, circumstances, rows);
  if (!examined) {
    rows.refuse_by(Property::evidence_kind, examined.error(), "a kind that the policy admits",
                   "choose a node of a kind that the policy admits");
    appraiser.skip_devices();
  } else {
    rows.pass(Property::evidence_kind, "attest.kind.unknown", "a kind that the policy admits", evidence.cpu().report.media_type);
    if (examined->simulated) rows.set_simulated();
    appraiser.check_devices(*examined);
  }
  appraiser.check_claims();
  appraiser.state_limits(examined && examined->simulated);
  Verdict verdict = rows.build();
  const bool accepted = verdict.outcome() == Outcome::accept || verdict.outcome() == Outcome::accept_simulated;
  return {std::move(verdict), accepted ? appraiser.accept(*examined) : nullptr};
}

}  // namespace openpcc::attest
