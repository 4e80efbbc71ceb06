// Spec: Intel TDX DCAP Quoting Library API, appendix A.3 and A.4; Intel SGX ECDSA QuoteLibReference DCAP API, appendix A.
#include "openpcc/tdx/quote.h"

#include <algorithm>

namespace openpcc::tdx {
namespace {

constexpr uint16_t kEcdsaP256 = 2;
constexpr std::array<uint8_t, 16> kIntelQeVendor{0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
                                                 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07};
constexpr uint16_t kTd10Type = 2;
constexpr uint16_t kTd15Type = 3;
constexpr uint16_t kPckChainPem = 5;
constexpr uint16_t kQeReportCertificationData = 6;

std::unexpected<Error> bad_size(std::string_view what) { return fail(Code::malformed, "tdx.size", std::string(what)); }

// Fields takes fields off the front of bytes whose size was checked.
class Fields {
 public:
  explicit Fields(ByteSpan bytes) : rest_(bytes) {}

  template <size_t N>
  void copy(std::array<uint8_t, N>& out) {
    std::ranges::copy(take(N), out.begin());
  }
  template <class Integer>
  Integer integer() {
    Integer out = 0;
    const ByteSpan bytes = take(sizeof(Integer));
    for (size_t i = 0; i < sizeof(Integer); ++i) out = static_cast<Integer>(out | static_cast<Integer>(bytes[i]) << (8 * i));
    return out;
  }
  ByteSpan take(size_t n) {
    OPENPCC_CHECK(n <= rest_.size());
    const ByteSpan out = rest_.first(n);
    rest_ = rest_.subspan(n);
    return out;
  }
  size_t left() const { return rest_.size(); }
  ByteSpan rest() const { return rest_; }

 private:
  ByteSpan rest_;
};

Result<Header> parse_header(Fields fields) {
  Header out;
  out.version = fields.integer<uint16_t>();
  if (out.version < 3 || out.version > 5) return fail(Code::unsupported, "tdx.version", std::to_string(out.version));
  out.attestation_key_type = fields.integer<uint16_t>();
  if (out.attestation_key_type != kEcdsaP256) return fail(Code::unsupported, "tdx.key_type", std::to_string(out.attestation_key_type));
  const auto tee = fields.integer<uint32_t>();
  out.tee_type = out.version == 3 ? Tee::sgx : Tee::tdx;
  if (tee != static_cast<uint32_t>(out.tee_type)) return fail(Code::unsupported, "tdx.tee_type", std::to_string(tee));
  fields.copy(out.reserved);
  fields.copy(out.qe_vendor_id);
  fields.copy(out.user_data);
  if (out.qe_vendor_id != kIntelQeVendor) return fail(Code::unsupported, "tdx.qe_vendor", to_hex(out.qe_vendor_id));
  return out;
}

TdReport parse_td_report(Fields fields) {
  TdReport out;
  fields.copy(out.tee_tcb_svn);
  fields.copy(out.mrseam);
  fields.copy(out.mrsignerseam);
  out.seamattributes = fields.integer<uint64_t>();
  out.tdattributes = fields.integer<uint64_t>();
  out.xfam = fields.integer<uint64_t>();
  fields.copy(out.mrtd);
  fields.copy(out.mrconfigid);
  fields.copy(out.mrowner);
  fields.copy(out.mrownerconfig);
  for (Measurement& rtmr : out.rtmr) fields.copy(rtmr);
  fields.copy(out.reportdata);
  if (fields.left() == 0) return out;
  Td15& more = out.td15.emplace();
  fields.copy(more.tee_tcb_svn_2);
  fields.copy(more.mrservicetd);
  return out;
}

// body_bytes takes the descriptor of a version 5 body, and gives the size of the body in every version.
Result<size_t> body_bytes(uint16_t version, Fields& rest) {
  if (version == 3) return kSgxReportBytes;
  if (version == 4) return kTd10Bytes;
  if (rest.left() < kBodyDescriptorBytes) return bad_size("no body");
  const auto type = rest.integer<uint16_t>();
  const auto size = rest.integer<uint32_t>();
  if (type != kTd10Type && type != kTd15Type) return fail(Code::unsupported, "tdx.body_type", std::to_string(type));
  const size_t expected = type == kTd10Type ? kTd10Bytes : kTd15Bytes;
  if (size != expected) return fail(Code::malformed, "tdx.body_size", std::to_string(size));
  return expected;
}

// certification_data takes u16 type, u32 size and the data, which must be all that is left.
Result<ByteSpan> certification_data(Fields& rest, uint16_t expected_type) {
  if (rest.left() < 6) return bad_size("no certification data");
  const auto type = rest.integer<uint16_t>();
  if (type != expected_type) return fail(Code::unsupported, "tdx.cert_type", std::to_string(type));
  const auto size = rest.integer<uint32_t>();
  if (size != rest.left()) return bad_size("the certification data's size");
  return rest.take(size);
}

Result<> parse_signature_data(ByteSpan data, Quote& out) {
  Fields fields(data);
  if (fields.left() < kSignatureBytes + kAttestationKeyBytes) return bad_size("no signature");
  out.signature = fields.take(kSignatureBytes);
  out.attestation_key = fields.take(kAttestationKeyBytes);
  if (out.header.version != 3) {
    OPENPCC_LET(const ByteSpan qe_part, certification_data(fields, kQeReportCertificationData));
    fields = Fields(qe_part);
  }
  if (fields.left() < kSgxReportBytes + kSignatureBytes + 2) return bad_size("no report of the quoting enclave");
  out.qe_report_bytes = fields.take(kSgxReportBytes);
  out.qe_report_signature = fields.take(kSignatureBytes);
  const auto authentication_bytes = fields.integer<uint16_t>();
  if (authentication_bytes > fields.left()) return bad_size("the authentication data's size");
  out.qe_authentication_data = fields.take(authentication_bytes);
  OPENPCC_LET(out.pck_chain, certification_data(fields, kPckChainPem));
  out.qe_report = parse_sgx_report(out.qe_report_bytes.first<kSgxReportBytes>());
  return {};
}

}  // namespace

SgxReport parse_sgx_report(std::span<const uint8_t, kSgxReportBytes> bytes) {
  Fields fields(bytes);
  SgxReport out;
  fields.copy(out.cpusvn);
  out.miscselect = fields.integer<uint32_t>();
  fields.take(12);
  fields.copy(out.isvextprodid);
  fields.copy(out.attributes);
  fields.copy(out.mrenclave);
  fields.take(32);
  fields.copy(out.mrsigner);
  fields.take(32);
  fields.copy(out.configid);
  out.isvprodid = fields.integer<uint16_t>();
  out.isvsvn = fields.integer<uint16_t>();
  out.configsvn = fields.integer<uint16_t>();
  fields.take(42);
  fields.copy(out.isvfamilyid);
  fields.copy(out.reportdata);
  return out;
}

const ReportData& Quote::reportdata() const {
  const auto* td = std::get_if<TdReport>(&body);
  return td != nullptr ? td->reportdata : std::get<SgxReport>(body).reportdata;
}

Result<Quote> parse_quote(ByteSpan bytes) {
  if (bytes.size() > kQuoteBytesMax) return fail(Code::limit, "tdx.size", std::to_string(bytes.size()) + " bytes");
  if (bytes.size() < kHeaderBytes) return bad_size("no header");
  Quote out;
  Fields rest(bytes);
  OPENPCC_LET(out.header, parse_header(Fields(rest.take(kHeaderBytes))));
  OPENPCC_LET(const size_t size, body_bytes(out.header.version, rest));
  if (rest.left() < size + 4) return bad_size("cut short in the body");
  const ByteSpan body = rest.take(size);
  out.signed_bytes = bytes.first(bytes.size() - rest.left());
  if (out.header.tee_type == Tee::sgx) {
    out.body = parse_sgx_report(body.first<kSgxReportBytes>());
  } else {
    out.body = parse_td_report(Fields(body));
  }
  const auto signature_bytes = rest.integer<uint32_t>();
  if (signature_bytes > rest.left()) return bad_size("cut short in the signature data");
  OPENPCC_TRY(parse_signature_data(rest.take(signature_bytes), out));
  if (!std::ranges::all_of(rest.rest(), [](uint8_t byte) { return byte == 0; })) {
    return fail(Code::malformed, "tdx.trailing", "something after the signature data");
  }
  out.padding_bytes = rest.left();
  return out;
}

}  // namespace openpcc::tdx
