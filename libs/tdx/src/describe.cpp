#include "openpcc/tdx/describe.h"

#include <algorithm>

#include "openpcc/core/describe.h"

namespace openpcc::tdx {
namespace {

std::string attributes_text(const TdReport& td) {
  std::string out = td.debug() ? "DEBUG: the host reads all of the TD's memory" : "no debugging";
  out += td.sept_ve_disable() ? "; no exceptions injected at memory accesses" : "; the host may inject exceptions at memory accesses";
  if (td.migratable()) out += "; a migration TD may take it elsewhere";
  if (td.pks()) out += "; protection keys for supervisor pages";
  if (td.kl()) out += "; Key Locker";
  if (td.perfmon()) out += "; performance monitoring";
  return out;
}

// List counts offsets by itself: fields are added in the order in which they stand, and gaps are skipped.
class List {
 public:
  void at(size_t offset) { offset_ = offset; }
  void bytes(std::string name, ByteSpan value, std::string_view meaning = {}, std::string_view if_zero = {}) {
    const bool zero = !if_zero.empty() && is_zero(value);
    out_.push_back({std::move(name), offset_, value.size(), to_hex(value), std::string(zero ? if_zero : meaning)});
    offset_ += value.size();
  }
  void number(std::string name, size_t size, std::string value, std::string meaning = {}) {
    out_.push_back({std::move(name), offset_, size, std::move(value), std::move(meaning)});
    offset_ += size;
  }
  appraisal::Fields take() { return std::move(out_); }

 private:
  appraisal::Fields out_;
  size_t offset_ = 0;
};

void add_header(List& list, const Header& header) {
  list.number("VERSION", 2, std::to_string(header.version));
  list.number("ATTESTATION_KEY_TYPE", 2, std::to_string(header.attestation_key_type), "ECDSA-256 with P-256");
  list.number("TEE_TYPE", 4, hex_number(static_cast<uint32_t>(header.tee_type)), header.tee_type == Tee::tdx ? "TDX" : "SGX");
  list.bytes("RESERVED", header.reserved);
  list.bytes("QE_VENDOR_ID", header.qe_vendor_id, "Intel's");
  list.bytes("USER_DATA", header.user_data, "the first 16 bytes name the quoting enclave's platform");
}

void add_td(List& list, const TdReport& td) {
  list.bytes("TEE_TCB_SVN", td.tee_tcb_svn, "of the TDX module that launched the TD, then of the platform");
  list.bytes("MRSEAM", td.mrseam, "the TDX module");
  list.bytes("MRSIGNERSEAM", td.mrsignerseam, "not Intel's", "Intel's");
  list.number("SEAMATTRIBUTES", 8, hex_number(td.seamattributes));
  list.number("TDATTRIBUTES", 8, hex_number(td.tdattributes), attributes_text(td));
  list.number("XFAM", 8, hex_number(td.xfam), "CPU features that the TD may use");
  list.bytes("MRTD", td.mrtd, "what was measured at launch: firmware, or a paravisor");
  list.bytes("MRCONFIGID", td.mrconfigid, "a configuration that the host named", "the host named no configuration");
  list.bytes("MROWNER", td.mrowner, "an owner that the host named", "the host named no owner");
  list.bytes("MROWNERCONFIG", td.mrownerconfig, "a configuration of the owner's", "no configuration of an owner's");
  constexpr std::string_view kRtmr[] = {"firmware's configuration", "boot loader and kernel", "command line and initial files",
                                        "what runs later"};
  for (size_t i = 0; i < td.rtmr.size(); ++i) list.bytes("RTMR" + std::to_string(i), td.rtmr[i], kRtmr[i], "nothing was extended into it");
  list.bytes("REPORTDATA", td.reportdata, "", "the TD bound nothing");
  if (!td.td15) return;
  list.bytes("TEE_TCB_SVN_2", td.td15->tee_tcb_svn_2, "of the TDX module that runs now");
  list.bytes("MRSERVICETD", td.td15->mrservicetd, "a service TD is bound, which may migrate it", "no service TD");
}

void add_enclave(List& list, const SgxReport& enclave, const std::string& prefix, size_t start) {
  const auto at = [&](size_t offset) { list.at(start + offset); };
  list.bytes(prefix + "CPUSVN", enclave.cpusvn);
  list.number(prefix + "MISCSELECT", 4, hex_number(enclave.miscselect));
  at(48);
  list.bytes(prefix + "ATTRIBUTES", enclave.attributes, enclave.debug() ? "DEBUG: the host reads all of its memory" : "no debugging");
  list.bytes(prefix + "MRENCLAVE", enclave.mrenclave, "what was measured at launch");
  at(128);
  list.bytes(prefix + "MRSIGNER", enclave.mrsigner, "who signed it");
  at(256);
  list.number(prefix + "ISVPRODID", 2, std::to_string(enclave.isvprodid));
  list.number(prefix + "ISVSVN", 2, std::to_string(enclave.isvsvn));
  at(320);
  list.bytes(prefix + "REPORTDATA", enclave.reportdata);
}

}  // namespace

appraisal::Fields describe(const Quote& quote, ByteSpan bytes) {
  const auto offset_of = [&](ByteSpan part) { return static_cast<size_t>(part.data() - bytes.data()); };
  List list;
  add_header(list, quote.header);
  list.at(kHeaderBytes + (quote.header.version == 5 ? kBodyDescriptorBytes : 0));
  if (const auto* td = std::get_if<TdReport>(&quote.body)) {
    add_td(list, *td);
  } else {
    add_enclave(list, std::get<SgxReport>(quote.body), "", kHeaderBytes);
  }
  list.at(offset_of(quote.signature));
  list.bytes("SIGNATURE", quote.signature, "by the attestation key");
  list.bytes("ATTESTATION_KEY", quote.attestation_key);
  list.at(offset_of(quote.qe_report_bytes));
  add_enclave(list, quote.qe_report, "QE.", offset_of(quote.qe_report_bytes));
  list.at(offset_of(quote.qe_report_signature));
  list.bytes("QE_REPORT_SIGNATURE", quote.qe_report_signature, "by the PCK");
  list.at(offset_of(quote.pck_chain));
  list.number("PCK_CHAIN", quote.pck_chain.size(), std::to_string(quote.pck_chain.size()) + " bytes", "PEM: PCK, its issuer, root");
  if (quote.padding_bytes > 0) list.number("PADDING", quote.padding_bytes, std::to_string(quote.padding_bytes) + " bytes", "zeros");
  return list.take();
}

}  // namespace openpcc::tdx
