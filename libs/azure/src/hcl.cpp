#include "openpcc/azure/hcl.h"

#include <algorithm>

#include "openpcc/core/describe.h"
#include "openpcc/crypto/hash.h"

namespace openpcc::azure {
namespace {

constexpr std::string_view kMagic = "HCLA";
constexpr uint32_t kReportRequest = 2;
constexpr uint32_t kDataVersion = 1;

// TDREPORT_STRUCT: REPORTMACSTRUCT, TEE_TCB_INFO, TDINFO.
constexpr uint8_t kTdxType = 0x81;
constexpr size_t kTcbInfoHashAt = 32, kInfoHashAt = 80, kReportDataAt = 128;
constexpr size_t kTcbInfoAt = 256, kTcbInfoBytes = 239, kTcbSvnAt = 264;
constexpr size_t kInfoAt = 512, kInfoBytes = 512;

template <class Integer>
Integer little_endian(ByteSpan bytes, size_t at) {
  Integer out = 0;
  for (size_t i = sizeof(Integer); i > 0; --i) out = static_cast<Integer>(out << 8 | bytes[at + i - 1]);
  return out;
}

uint32_t u32(ByteSpan bytes, size_t at) { return little_endian<uint32_t>(bytes, at); }

// Fields copies fields of a structure at the offsets of its table.
class Fields {
 public:
  explicit Fields(ByteSpan bytes) : bytes_(bytes) {}
  template <size_t N>
  void copy(size_t at, std::array<uint8_t, N>& out) const {
    std::ranges::copy(bytes_.subspan(at, N), out.begin());
  }
  uint64_t u64(size_t at) const { return little_endian<uint64_t>(bytes_, at); }

 private:
  ByteSpan bytes_;
};

Result<> read_header(ByteSpan bytes, HclReport& out) {
  if (!looks_like_hcl(bytes)) return fail(Code::malformed, "azure.hcl.magic", "not HCLA");
  out.version = u32(bytes, 4);
  const uint32_t data_version = u32(bytes, kDataAt + 4);
  if (out.version < 1 || out.version > 2 || data_version != kDataVersion) {
    return fail(Code::unsupported, "azure.hcl.version", std::to_string(out.version) + ", runtime data " + std::to_string(data_version));
  }
  if (u32(bytes, 12) != kReportRequest) return fail(Code::unsupported, "azure.hcl.request", std::to_string(u32(bytes, 12)));
  if (!is_zero(bytes.subspan(16, 16))) return fail(Code::malformed, "azure.hcl.status", "status " + std::to_string(u32(bytes, 16)));
  const uint32_t hardware = u32(bytes, kDataAt + 8);
  if (hardware != static_cast<uint32_t>(Hardware::snp) && hardware != static_cast<uint32_t>(Hardware::tdx)) {
    return fail(Code::unsupported, "azure.hcl.report_type", std::to_string(hardware));
  }
  const uint32_t hash_type = u32(bytes, kDataAt + 12);
  if (hash_type < 1 || hash_type > 3) return fail(Code::unsupported, "azure.hcl.hash_type", std::to_string(hash_type));
  out.hardware = static_cast<Hardware>(hardware);
  out.hash_type = static_cast<HashType>(hash_type);
  return {};
}

// The JSON's length, that with its header, and that with all before it.
Result<size_t> json_bytes(ByteSpan bytes) {
  const uint32_t json = u32(bytes, kDataAt + 16);
  const bool fits =
      json > 0 && json <= kHclBytes - kJsonAt && u32(bytes, kDataAt) == json + kDataHeaderBytes && u32(bytes, 8) == json + kJsonAt;
  if (!fits) return fail(Code::malformed, "azure.hcl.length", "JSON of " + std::to_string(json) + " bytes");
  return json;
}

}  // namespace

std::string_view to_string(Hardware hardware) { return hardware == Hardware::snp ? "SEV-SNP" : "TDX"; }

std::string_view to_string(HashType hash_type) {
  switch (hash_type) {
    case HashType::sha256: return "SHA-256";
    case HashType::sha384: return "SHA-384";
    case HashType::sha512: return "SHA-512";
  }
  return "unknown";
}

ReportData HclReport::bound() const {
  ReportData out{};
  switch (hash_type) {
    case HashType::sha256: std::ranges::copy(crypto::sha256(json), out.begin()); break;
    case HashType::sha384: std::ranges::copy(crypto::sha384(json), out.begin()); break;
    case HashType::sha512: std::ranges::copy(crypto::sha512(json), out.begin()); break;
  }
  return out;
}

bool looks_like_hcl(ByteSpan bytes) { return bytes.size() >= kMagic.size() && as_text(bytes.first(kMagic.size())) == kMagic; }

Result<HclReport> parse_hcl(ByteSpan bytes) {
  if (bytes.size() != kHclBytes) return fail(Code::malformed, "azure.hcl.size", std::to_string(bytes.size()) + " bytes instead of 2600");
  HclReport out;
  OPENPCC_TRY(read_header(bytes, out));
  OPENPCC_LET(const size_t json, json_bytes(bytes));
  const ByteSpan area = bytes.subspan(kHeaderBytes, kReportAreaBytes);
  out.report = out.hardware == Hardware::snp ? area : area.first(kTdReportBytes);
  out.json = bytes.subspan(kJsonAt, json);
  if (!is_zero(area.subspan(out.report.size())) || !is_zero(bytes.subspan(kJsonAt + json))) {
    return fail(Code::malformed, "azure.hcl.padding", "bytes after the report or the JSON");
  }
  return out;
}

Result<tdx::TdReport> read_td_report(ByteSpan bytes) {
  constexpr Rule kRule = "azure.tdreport";
  if (bytes.size() != kTdReportBytes || bytes[0] != kTdxType) return fail(Code::unsupported, kRule, "not a TD's");
  const ByteSpan info = bytes.subspan(kInfoAt, kInfoBytes);
  const bool whole = equal(crypto::sha384(bytes.subspan(kTcbInfoAt, kTcbInfoBytes)), bytes.subspan(kTcbInfoHashAt, 48)) &&
                     equal(crypto::sha384(info), bytes.subspan(kInfoHashAt, 48));
  if (!whole) return fail(Code::verification_failed, kRule, "its hashes are of other parts");
  tdx::TdReport out;
  const Fields all(bytes), fields(info);
  all.copy(kTcbSvnAt, out.tee_tcb_svn);
  all.copy(kReportDataAt, out.reportdata);
  out.tdattributes = fields.u64(0);
  out.xfam = fields.u64(8);
  fields.copy(16, out.mrtd);
  fields.copy(64, out.mrconfigid);
  fields.copy(112, out.mrowner);
  fields.copy(160, out.mrownerconfig);
  for (size_t i = 0; i < out.rtmr.size(); ++i) fields.copy(208 + 48 * i, out.rtmr[i]);
  return out;
}

bool same_td(const tdx::TdReport& report, const tdx::TdReport& quoted) {
  return report.reportdata == quoted.reportdata && report.tdattributes == quoted.tdattributes && report.xfam == quoted.xfam &&
         report.mrtd == quoted.mrtd && report.mrconfigid == quoted.mrconfigid && report.mrowner == quoted.mrowner &&
         report.mrownerconfig == quoted.mrownerconfig && report.rtmr == quoted.rtmr;
}

}  // namespace openpcc::azure
