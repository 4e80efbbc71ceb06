// Which requests the collateral of a report takes. Pure: who sends them implements Fetcher.
//
// AMD: Versioned Chip Endorsement Key Certificate and KDS Interface Specification (publication 57230), sections 4 and 5.
// Intel: SGX and TDX Provisioning Certification Service API, version 4.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "openpcc/attest/evidence.h"
#include "openpcc/snp/report.h"
#include "openpcc/tdx/verify.h"

namespace openpcc::collateral {

// What is larger could not stand in evidence.
inline constexpr size_t kAnswerBytesMax = attest::kItemBytesMax;

// Service is one of the vendors' servers.
enum class Service : uint8_t { amd_kds, intel_pcs, intel_certificates };
std::string_view default_url(Service service);  // "https://kdsintf.amd.com"

// Kind is what an answer holds.
enum class Kind : uint8_t {
  certificate,        // DER
  certificate_chain,  // PEM: ASK or ASVK, then ARK
  revocation_list,    // DER
  tcb_info,           // Intel's JSON with its signature inside, its signer's chain in TCB-Info-Issuer-Chain
  qe_identity,        // likewise, in SGX-Enclave-Identity-Issuer-Chain
};

// Request is a GET for `target`, path and query.
struct Request {
  Service service;
  Kind kind;
  std::string target;
  std::string what;  // for people: "VCEK of chip 59790fb1... at its reported TCB"
};

struct Field {
  std::string name;  // lower case
  std::string value;
};
struct Answer {
  uint16_t status = 0;
  std::vector<Field> fields;
  Bytes body;  // at most kAnswerBytesMax
};

// Fetcher asks a service once, in bounded time, and follows no redirects. Its errors are its own; one that says that the answer exceeds
// kAnswerBytesMax has the rule collateral.answer.too_large.
class Fetcher {
 public:
  virtual ~Fetcher() = default;
  virtual Result<Answer> fetch(const Request& request) = 0;
};

// Unit is what is asked for, judged and kept together: TCB info and QE identity count only as a pair of one evaluation.
struct Unit {
  std::string key;  // names it in a Store: a-z 0-9 and '-'
  std::vector<Request> requests;
  std::optional<Error> unobtainable = std::nullopt;  // why nobody can be asked for it; there exactly where there are no requests
};
using Plan = std::vector<Unit>;

// The units of each plan, by place.
inline constexpr size_t kSnpVek = 0, kSnpChain = 1, kSnpCrl = 2;
inline constexpr size_t kIntelTcb = 0, kIntelPckCrl = 1, kIntelRootCrl = 2;

// plan_snp gives the plan for a product line. The VEK is unobtainable
//   collateral.vlek.missing     where it is a VLEK: AMD lends it to the cloud provider, and serves its certificate to nobody
//   collateral.chip_id.masked   where the report does not show its chip, by whose id a VCEK is asked for
Plan plan_snp(const snp::Report& report, snp::Product product);

// TcbUpdate is which of Intel's evaluations is asked for: the one in force, the one ahead of it, or one by its number.
enum class TcbUpdate : uint8_t { standard, early };
using TcbChoice = std::variant<TcbUpdate, uint32_t>;

Plan plan_intel(tdx::Tee tee, const tdx::AuthenticQuote& quote, const TcbChoice& choice = TcbUpdate::standard);

}  // namespace openpcc::collateral
