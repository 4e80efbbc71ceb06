#include "openpcc/snp/appraise.h"

#include <algorithm>

#include "openpcc/appraisal/writer.h"
#include "openpcc/core/describe.h"

namespace openpcc::snp {
namespace {

using appraisal::Aspect;
using appraisal::Findings;

// Appraiser writes one finding to each aspect: the first rule of it that refuses, or that it passed, or why it was not looked at.
class Appraiser : private appraisal::Writer {
 public:
  Appraiser(const VerifiedReport& verified, const Demands& demands)
      : verified_(verified), report_(verified.report()), product_(verified.product()), demands_(demands) {}

  Findings run() {
    check_revocation();
    check_product();
    check_identity();
    check_tcb();
    check_firmware();
    check_debug();
    check_migration();
    check_guest_policy();
    check_privilege();
    check_platform();
    check_launch();
    check_software();
    check_bound_data();
    return take();
  }

 private:
  void check_revocation() {
    constexpr Rule kRule = "snp.crl.missing";
    const std::string expected = "a revocation list of AMD's in its time";
    if (verified_.revocation_checked()) return pass(Aspect::revocation, kRule, expected, "the issuer's certificate is not in it");
    if (!demands_.require_revocation) return leave(Aspect::revocation, kRule, expected, "no list was given");
    refuse(Aspect::revocation, kRule, expected, "no list was given", "add the list of the product line to the evidence");
  }

  void check_product() {
    std::string expected;
    for (const Product product : demands_.products) expected += (expected.empty() ? "" : ", ") + std::string(to_string(product));
    const std::string seen(to_string(product_));
    if (demands_.products.contains(product_) && product_ == Product::milan) {
      unprovable(Aspect::product, "snp.product.excluded", expected,
                 seen + ": whoever controls a host can forge reports of its chip (arXiv 2605.12990)",
                 "take Genoa or Turin, or list chips of a known history");
      return;
    }
    judge(Aspect::product, "snp.product.excluded", demands_.products.contains(product_), false, expected, seen,
          "choose a machine of a line that the policy takes");
  }

  void check_identity() {
    const VekFields& vek = verified_.vek();
    if (vek.kind == SigningKey::vlek) {
      constexpr Rule kRule = "snp.csp_id";
      const std::string seen = "some chip of " + vek.csp_id + ", which the report does not name";
      if (demands_.csp_ids.empty() && demands_.allow_any_csp) return leave(Aspect::identity, kRule, "", seen);
      return judge(Aspect::identity, kRule, demands_.csp_ids.contains(vek.csp_id), false, "a provider that the policy names", seen,
                   "choose a machine of a provider that the policy names");
    }
    if (!report_.mask_chip_key)
      return leave(Aspect::identity, "snp.chip_id.masked", "", "chip " + to_hex(vek.hwid) + "; no list of chips was given");
    judge(Aspect::identity, "snp.chip_id.masked", false, demands_.allow_masked_chip, "a chip that shows its id", "masked",
          "the host must launch the guest without MASK_CHIP_KEY");
  }

  void check_tcb() {
    const Tcb reported = verified_.tcb(report_.reported_tcb);
    const std::string update = "the host must update its firmware and microcode";
    const auto minimum = demands_.min_tcb.find(product_);
    const std::string seen = reported.text(product_);
    if (minimum != demands_.min_tcb.end()) {
      const Tcb& min = minimum->second;
      const std::string expected = "at least " + min.text(product_);
      if (!reported.at_least(min) || !verified_.tcb(report_.committed_tcb).at_least(min)) {
        return refuse(Aspect::tcb, "snp.tcb.minimum", expected, seen, update);
      }
      const Tcb launch = verified_.tcb(report_.launch_tcb);
      if (!launch.at_least(min)) {
        return refuse(Aspect::tcb, "snp.tcb.launch_minimum", expected, "launched at " + launch.text(product_), "launch the guest anew");
      }
    }
    const auto version = demands_.min_version.find(product_);
    if (version != demands_.min_version.end() && report_.committed_version < version->second) {
      return refuse(Aspect::tcb, "snp.tcb.version", "at least firmware " + version->second.text(), report_.committed_version.text(),
                    update);
    }
    // Reports before version 5 show none.
    const uint64_t mitigations = report_.launch_mit_vector & report_.current_mit_vector;
    const auto demanded = demands_.mitigations.find(product_);
    if (demanded != demands_.mitigations.end() && (demanded->second & ~mitigations) != 0) {
      return refuse(Aspect::tcb, "snp.tcb.mitigations", hex_number(demanded->second), hex_number(mitigations), update);
    }
    if (minimum == demands_.min_tcb.end()) return leave(Aspect::tcb, "snp.tcb.minimum", "", seen + "; no minimum was given");
    pass(Aspect::tcb, "snp.tcb.minimum", "at least " + minimum->second.text(product_), seen);
  }

  void check_firmware() {
    const bool committed = report_.committed_tcb == report_.current_tcb && report_.committed_version == report_.current_version;
    judge(Aspect::firmware, "snp.tcb.provisional", committed, demands_.allow_provisional, "firmware that cannot be rolled back",
          committed ? "committed" : "provisional: the host can put an older one in its place", "the host must commit its firmware");
  }

  void check_debug() {
    judge(Aspect::debug, "snp.policy.debug", !report_.policy.debug(), demands_.allow_debug, "off",
          report_.policy.debug() ? "on: the host reads all of the guest's memory" : "off", "launch the guest without DEBUG in its policy");
  }

  void check_migration() {
    judge(Aspect::migration, "snp.policy.migration", !report_.policy.migrate_ma(), demands_.allow_migration, "no migration agent",
          report_.policy.migrate_ma() ? "a migration agent may take the guest elsewhere" : "none",
          "launch the guest without MIGRATE_MA in its policy");
  }

  void check_guest_policy() {
    const GuestPolicy& policy = report_.policy;
    const std::string seen = hex_number(policy.bits);
    const std::string relaunch = "launch the guest with another policy";
    if (!policy.reserved_one() || !policy.reserved_zero()) {
      return refuse(Aspect::guest_policy, "snp.policy.reserved", "bit 17 set, 26 to 63 clear", seen, relaunch);
    }
    const FirmwareVersion abi{policy.abi_major(), policy.abi_minor(), 0};
    if (abi < demands_.min_abi) {
      return refuse(Aspect::guest_policy, "snp.policy.abi", "ABI " + demands_.min_abi.text() + " or later", abi.text(), relaunch);
    }
    if (policy.smt() && !demands_.allow_smt) return refuse(Aspect::guest_policy, "snp.policy.smt", "no SMT", "SMT allowed", relaunch);
    if (policy.cxl() && !demands_.allow_cxl) return refuse(Aspect::guest_policy, "snp.policy.cxl", "no CXL", "CXL allowed", relaunch);
    if ((demands_.restrictions & ~policy.bits) != 0) {
      return refuse(Aspect::guest_policy, "snp.policy.restriction", hex_number(demands_.restrictions) + " set", seen, relaunch);
    }
    pass(Aspect::guest_policy, "snp.policy.restriction", "what the policy takes", seen);
  }

  void check_privilege() {
    judge(Aspect::privilege, "snp.vmpl", report_.vmpl == demands_.vmpl, false, "VMPL " + std::to_string(demands_.vmpl),
          "VMPL " + std::to_string(report_.vmpl), "ask for the report at the level at which the trusted part of the guest runs");
  }

  void check_platform() {
    constexpr Rule kRule = "snp.platform.alias_check";
    const std::string expected = "memory checked for aliases at boot";
    const PlatformInfo info = report_.platform_info;
    const std::string seen = hex_number(info.bits);
    if (report_.has_cpuid() && !info.alias_check_complete()) {
      return refuse(Aspect::platform, kRule, expected, seen, "the host must update its firmware (BadRAM, CVE-2024-21944)");
    }
    if ((demands_.platform_set & ~info.bits) != 0 || (demands_.platform_clear & info.bits) != 0) {
      const std::string bits = hex_number(demands_.platform_set) + " set, " + hex_number(demands_.platform_clear) + " clear";
      return refuse(Aspect::platform, "snp.platform.setting", bits, seen,
                    "the host must set its machine up otherwise, or choose another one");
    }
    if (!report_.has_cpuid()) return leave(Aspect::platform, kRule, expected, "reports of version 2 do not say");
    pass(Aspect::platform, kRule, expected, seen);
  }

  // FAMILY_ID, IMAGE_ID and GUEST_SVN are the host's word unless an expected ID key signed them.
  void check_launch() {
    const Demands& d = demands_;
    const bool vouched = !is_zero(report_.id_key_digest) && d.id_keys.contains(report_.id_key_digest);
    const bool family = d.family_ids.empty() || d.family_ids.contains(report_.family_id);
    const bool image = d.image_ids.empty() || d.image_ids.contains(report_.image_id);
    const std::string key = "ID key " + shown(report_.id_key_digest);
    const std::string block = "family " + to_hex(report_.family_id) + ", image " + to_hex(report_.image_id);
    const std::string svn = "guest SVN " + std::to_string(report_.guest_svn);
    const Launch checks[] = {
        {"snp.host_data", !d.host_data.empty(), d.host_data.contains(report_.host_data), "host data " + shown(report_.host_data)},
        {"snp.id_key", !d.id_keys.empty(), d.id_keys.contains(report_.id_key_digest), key},
        {"snp.author_key", !d.author_keys.empty(), report_.author_key_en && d.author_keys.contains(report_.author_key_digest),
         "author key " + shown(report_.author_key_digest)},
        {"snp.id_block", !d.family_ids.empty() || !d.image_ids.empty(), vouched && family && image, block + ", " + key},
        {"snp.guest_svn", d.min_guest_svn > 0, vouched && report_.guest_svn >= d.min_guest_svn, svn + ", " + key},
    };
    const Launch* last = nullptr;
    for (const Launch& check : checks) {
      if (!check.demanded) continue;
      if (!check.good) {
        return refuse(Aspect::launch, check.rule, "what the policy lists, signed by a listed ID key where one must sign", check.seen,
                      "launch the guest as its owner means it, or list what was seen once its source is known");
      }
      last = &check;
    }
    const std::string seen = checks[0].seen + ", " + key;
    if (last == nullptr) return leave(Aspect::launch, "snp.host_data", "", seen + "; nothing was given to compare with");
    pass(Aspect::launch, last->rule, "what the policy lists", seen);
  }

  void check_software() {
    constexpr Rule kRule = "snp.measurement";
    const std::string seen = to_hex(report_.measurement);
    if (demands_.measurements.empty()) return leave(Aspect::software, kRule, "", seen + "; no release was given to compare with");
    const bool known = std::ranges::any_of(demands_.measurements, [&](const Bytes& m) { return equal(m, report_.measurement); });
    judge(Aspect::software, kRule, known, false, "an allowed release", seen,
          "run an allowed release, or allow this measurement once its source is known");
  }

  void check_bound_data() {
    constexpr Rule kRule = "snp.report_data";
    const std::string seen = to_hex(report_.report_data);
    if (!demands_.report_data) return leave(Aspect::bound_data, kRule, "", seen + "; nothing was given to compare with");
    judge(Aspect::bound_data, kRule, equal(*demands_.report_data, report_.report_data), false, to_hex(*demands_.report_data), seen,
          "the report was made for something else: get it from the node itself");
  }

  struct Launch {
    Rule rule;
    bool demanded;
    bool good;
    std::string seen;
  };
  static std::string shown(ByteSpan digest) { return is_zero(digest) ? "none" : to_hex(digest); }

  const VerifiedReport& verified_;
  const Report& report_;
  Product product_;
  const Demands& demands_;
};

}  // namespace

Findings appraise(const VerifiedReport& verified, const Demands& demands) { return Appraiser(verified, demands).run(); }

}  // namespace openpcc::snp
