// Whether what a genuine report says is acceptable. Demands are data, strict as they come; every check gives a finding, so that nothing is
// left out unseen.
#pragma once

#include <map>
#include <set>

#include "openpcc/appraisal/finding.h"
#include "openpcc/snp/verify.h"

namespace openpcc::snp {

struct Demands {
  std::set<Product> products{Product::milan, Product::genoa, Product::turin};  // lines that are taken
  std::map<Product, Tcb> min_tcb;                                              // of REPORTED, COMMITTED and LAUNCH; none: not checked
  std::map<Product, FirmwareVersion> min_version;                              // of COMMITTED; none: not checked
  std::map<Product, uint64_t> mitigations;                                     // bits of both vectors, which reports of version 5 have
  uint32_t vmpl = 0;                                                           // exactly this one
  FirmwareVersion min_abi;                                                     // major and minor number of POLICY
  uint64_t restrictions = 0;                                                   // bits of POLICY that must be set, of 20 and 22 to 25
  uint64_t platform_set = 0;                                                   // bits of PLATFORM_INFO that must be set
  uint64_t platform_clear = 0;                                                 // bits of PLATFORM_INFO that must be clear
  std::set<std::string> csp_ids;                                               // of a VLEK
  std::set<std::array<uint8_t, 32>> host_data;                                 // none: not checked
  std::set<std::array<uint8_t, 48>> id_keys;                                   // ID_KEY_DIGEST; none: not checked
  std::set<std::array<uint8_t, 48>> author_keys;                               // AUTHOR_KEY_DIGEST; none: not checked
  // Words of whoever holds an ID key: where one of id_keys did not sign them they are the host's, and refused.
  std::set<std::array<uint8_t, 16>> family_ids;  // none: not checked
  std::set<std::array<uint8_t, 16>> image_ids;   // none: not checked
  uint32_t min_guest_svn = 0;                    // 0: not checked

  std::vector<Bytes> measurements;                     // none: not checked
  std::optional<std::array<uint8_t, 64>> report_data;  // none: not checked
  bool require_revocation = false;                     // a revocation list must be there

  // What a policy may allow by name.
  bool allow_any_csp = true;  // a VLEK of a provider that is not in csp_ids
  bool allow_smt = true;
  bool allow_cxl = false;
  bool allow_debug = false;
  bool allow_migration = false;
  bool allow_provisional = false;  // firmware that the host can roll back
  bool allow_masked_chip = false;
};

// appraise judges each of, in this order:
//   snp.crl.missing  snp.product.excluded  snp.csp_id, snp.chip_id.masked  snp.tcb.minimum, snp.tcb.launch_minimum, snp.tcb.version,
//   snp.tcb.mitigations  snp.tcb.provisional  snp.policy.debug  snp.policy.migration
//   snp.policy.reserved, snp.policy.abi, snp.policy.smt, snp.policy.cxl, snp.policy.restriction  snp.vmpl
//   snp.platform.alias_check, snp.platform.setting  snp.host_data, snp.id_key, snp.author_key, snp.id_block, snp.guest_svn
//   snp.measurement  snp.report_data
appraisal::Findings appraise(const VerifiedReport& verified, const Demands& demands);

}  // namespace openpcc::snp
