#include "openpcc/azure/describe.h"

#include "openpcc/azure/runtime.h"
#include "openpcc/core/describe.h"
#include "openpcc/snp/describe.h"

namespace openpcc::azure {
namespace {

std::string setting(std::optional<bool> value) { return !value ? "not said" : *value ? "true" : "false"; }

class List {
 public:
  void add(std::string name, size_t offset, size_t size, std::string value, std::string meaning = {}) {
    out_.push_back({std::move(name), offset, size, std::move(value), std::move(meaning)});
  }
  void bytes(std::string name, size_t offset, ByteSpan value, std::string meaning = {}) {
    add(std::move(name), offset, value.size(), to_hex(value), std::move(meaning));
  }
  // hardware puts a report's own fields where it stands in this one.
  void hardware(appraisal::Fields fields) {
    for (appraisal::Field& field : fields)
      add("SNP." + field.name, kHeaderBytes + field.offset, field.size, std::move(field.value), std::move(field.meaning));
  }
  void td(const tdx::TdReport& td) {
    bytes("TD.REPORTDATA", kHeaderBytes + 128, td.reportdata);
    add("TD.ATTRIBUTES", kHeaderBytes + 512, 8, hex_number(td.tdattributes),
        td.debug() ? "a debug TD: the host reads all of its memory" : "");
    add("TD.XFAM", kHeaderBytes + 520, 8, hex_number(td.xfam));
    bytes("TD.MRTD", kHeaderBytes + 528, td.mrtd, "the paravisor");
    for (size_t i = 0; i < td.rtmr.size(); ++i) {
      bytes("TD.RTMR" + std::to_string(i), kHeaderBytes + 720 + 48 * i, td.rtmr[i],
            is_zero(td.rtmr[i]) ? "nothing was measured into it" : "");
    }
  }
  appraisal::Fields take() { return std::move(out_); }

 private:
  appraisal::Fields out_;
};

}  // namespace

appraisal::Fields describe(const HclReport& report, ByteSpan bytes) {
  List list;
  list.bytes("signature", 0, bytes.first(4), "HCLA");
  list.add("version", 4, 4, std::to_string(report.version));
  if (report.hardware == Hardware::snp) {
    if (const auto parsed = snp::parse_report(report.report)) list.hardware(snp::describe(*parsed));
  } else if (const auto td = read_td_report(report.report)) {
    list.td(*td);
  }
  list.add("report type", kDataAt + 8, 4, std::to_string(static_cast<uint32_t>(report.hardware)), std::string(to_string(report.hardware)));
  list.add("hash type", kDataAt + 12, 4, std::to_string(static_cast<uint32_t>(report.hash_type)), std::string(to_string(report.hash_type)));
  const bool bound = equal(report.report_data(), report.bound());
  list.add("runtime data", kJsonAt, report.json.size(), std::string(as_text(report.json)),
           bound ? "REPORT_DATA is its hash" : "REPORT_DATA is not its hash: nobody's word");
  const auto runtime = read_runtime(report.json);
  if (!runtime) return list.take();
  list.bytes("HCLAkPub", kJsonAt, runtime->ak.fingerprint(), "SHA-256 of the key by which the vTPM signs");
  list.bytes("user-data", kJsonAt, runtime->user_data, is_zero(runtime->user_data) ? "the guest gave none" : "the guest's own");
  list.add("secure-boot", kJsonAt, 0, setting(runtime->configuration.secure_boot));
  list.add("tpm-enabled", kJsonAt, 0, setting(runtime->configuration.tpm_enabled));
  list.add("console-enabled", kJsonAt, 0, setting(runtime->configuration.console_enabled));
  list.add("vmUniqueId", kJsonAt, 0, runtime->configuration.vm_unique_id);
  return list.take();
}

}  // namespace openpcc::azure
