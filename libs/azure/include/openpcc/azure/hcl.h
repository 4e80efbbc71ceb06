// The report of the paravisor under an Azure confidential VM (HCL, NV index 0x01400001 of the vTPM), as its bytes: a header, a hardware report whose
// REPORT_DATA is the hash of what follows, and the runtime data (Azure documentation, "Guest attestation for confidential VMs"; the paravisor's source,
// openhcl_attestation_protocol). Parsing says nothing about who made it; verify.h does. All integers are little-endian.
#pragma once

#include <array>

#include "openpcc/core/bytes.h"
#include "openpcc/tdx/quote.h"

namespace openpcc::azure {

inline constexpr size_t kHclBytes = 2600;
inline constexpr size_t kHeaderBytes = 32;
inline constexpr size_t kReportAreaBytes = 1184;  // an SEV-SNP report; a TDREPORT and zeros
inline constexpr size_t kTdReportBytes = 1024;
inline constexpr size_t kDataAt = kHeaderBytes + kReportAreaBytes;
inline constexpr size_t kDataHeaderBytes = 20;
inline constexpr size_t kJsonAt = kDataAt + kDataHeaderBytes;

enum class Hardware : uint32_t { snp = 2, tdx = 4 };
enum class HashType : uint32_t { sha256 = 1, sha384 = 2, sha512 = 3 };
std::string_view to_string(Hardware hardware);   // "SEV-SNP"
std::string_view to_string(HashType hash_type);  // "SHA-256"

using ReportData = std::array<uint8_t, 64>;

// HclReport shows parts of the bytes that it was parsed from, and lives as long as they do.
struct HclReport {
  uint32_t version = 0;
  Hardware hardware = Hardware::snp;
  HashType hash_type = HashType::sha256;
  ByteSpan report;  // 1184 bytes of SEV-SNP, 1024 of TDX
  ByteSpan json;    // the runtime data's, exactly as hashed

  // bound is what the hardware report's REPORT_DATA must be: the hash of the JSON, and zeros.
  ReportData bound() const;
  // report_data is what it is.
  ByteSpan report_data() const { return hardware == Hardware::snp ? report.subspan(0x50, 64) : report.subspan(128, 64); }
};

// parse_hcl reads exactly kHclBytes.
//   azure.hcl.size         another size               azure.hcl.magic       not "HCLA"
//   azure.hcl.version      none of 1 and 2; of the runtime data, not 1 (unsupported)
//   azure.hcl.request      not 2 (unsupported)        azure.hcl.status      status or reserved bytes are set
//   azure.hcl.report_type  neither SEV-SNP nor TDX (unsupported)            azure.hcl.hash_type   an unknown one (unsupported)
//   azure.hcl.length       the three lengths do not fit        azure.hcl.padding     not zeros after TDREPORT or JSON
Result<HclReport> parse_hcl(ByteSpan bytes);

// looks_like_hcl: the bytes begin as a report does. For telling files apart; nothing is checked.
bool looks_like_hcl(ByteSpan bytes);

// read_td_report reads a TDREPORT (Intel TDX module ABI, TDREPORT_STRUCT), which only the platform itself could verify: the fields that a quote of
// the TD repeats.
//   azure.tdreport   not of type 0x81, or its hashes are not those of the parts that they cover
Result<tdx::TdReport> read_td_report(ByteSpan bytes);
// same_td: the quote is of the TD whose TDREPORT it is, in this boot. The module may have been updated in between: its version is for the quote.
bool same_td(const tdx::TdReport& report, const tdx::TdReport& quoted);

}  // namespace openpcc::azure
