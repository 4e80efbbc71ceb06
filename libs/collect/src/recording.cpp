#include "openpcc/collect/recording.h"

#include "item_words.h"
#include "openpcc/attest/hardware_types.h"
#include "openpcc/collect/shelf.h"

namespace openpcc::collect {

Result<std::unique_ptr<Source>> Recording::open(const std::filesystem::path& folder) {
  OPENPCC_LET(std::vector<Bytes> files, read_folder(folder, FolderFor::recording));
  Collected out;
  for (Bytes& file : files) {
    const attest::PlatformItem item = attest::recognise(file);
    if (!attest::is_evidence(item)) {
      out.beside.push_back(std::move(file));
      continue;
    }
    if (!out.report.bytes.empty()) return fail(Code::rejected, "collect.replay.report", "more than one report in " + folder.string());
    if (item == attest::PlatformItem::snp_report) {
      OPENPCC_LET(const ByteSpan report, snp::strip_response(file));
      out.report = {std::string(attest::kSnpReportType), Bytes(report.begin(), report.end())};
    } else if (item == attest::PlatformItem::intel_quote) {
      out.report = {std::string(attest::kTdxQuoteType), std::move(file)};
    } else {
      return fail(Code::rejected, "collect.replay.report",
                  folder.string() + " holds " + std::string(words_for(item)) +
                      ": what can be played back is a report of AMD SEV-SNP or a quote of Intel TDX");
    }
  }
  if (out.report.bytes.empty()) return fail(Code::rejected, "collect.replay.report", "no report in " + folder.string());
  return std::unique_ptr<Source>(new Recording(std::move(out)));
}

Result<Collected> Recording::collect(const attest::Binding& /*binding*/) { return collected_; }

}  // namespace openpcc::collect
