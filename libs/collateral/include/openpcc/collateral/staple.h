// Completes a fresh report or quote to a device as evidence carries it: with the certificates, lists and documents that vouch for it, from what the
// host gave, what is kept, and the vendor. Whatever its source, each piece is used only after it was verified, for this report at this time.
#pragma once

#include <chrono>
#include <functional>
#include <span>

#include "openpcc/collateral/plan.h"
#include "openpcc/collateral/store.h"
#include "openpcc/snp/collateral.h"

namespace openpcc::collateral {

// Event is what happens on the way, for people.
struct Event {
  enum class Kind : uint8_t { given, kept, fetched, waiting };
  Kind kind;
  const Request& request;
  size_t bytes = 0;              // of what was given, kept or fetched
  std::chrono::seconds wait{0};  // before the next try
};

// Source is where collateral comes from; all of it outlives the call. Empty members are left out.
struct Source {
  Fetcher* fetcher = nullptr;  // without it nothing is asked of anybody
  Store* store = nullptr;      // without it nothing is kept
  TcbChoice tcb = TcbUpdate::standard;
  std::function<void(std::chrono::seconds)> pause;  // before asking a busy service again; without it a busy service is an error at once
  std::function<void(const Event&)> tell;
  std::span<const snp::PinnedRoot> amd_roots = snp::amd_roots();
  ByteSpan intel_root_spki = tdx::intel_root_spki();
};

// A busy service (429, 503) is asked this often in all, and never waited for longer than this at a time.
inline constexpr int kTriesMax = 4;
inline constexpr std::chrono::seconds kWaitMax{60};

// staple blocks while it fetches. `report` is an SNP report (or MSG_REPORT_RSP around one) or an Intel quote; `given` what the host gave beside a
// report: its certificate table, certificates (DER or PEM), a revocation list. A platform that Intel's collateral takes for out of date or
// does not know is no error: that is for whoever judges the evidence.
//   collateral.report.none       not a report or quote (unsupported)
//   collateral.item.unused       something given that can be no part of this report's collateral
//   collateral.vlek.missing      the host must give a VLEK: AMD lends it to the provider, and serves it to nobody else
//   collateral.chip_id.masked    a VCEK is asked for by chip id, which the report does not show
//   collateral.offline           something is neither given nor kept, and there is no fetcher (unavailable)
//   collateral.answer.unknown    404: the vendor does not know this chip, TCB or platform
//   collateral.answer.gone       410: the evaluation asked for is no longer served
//   collateral.answer.busy       429 or 503 at each try, or for longer than kWaitMax (unavailable)
//   collateral.answer.redirect, collateral.answer.status   any other status
//   collateral.answer.encoding   a content coding, of which none was offered
//   collateral.answer.*          of read_answer
//   snp.*, tdx.*                 of the report, or of a piece as the vendor served it
//   tdx.collateral.rollback      an older evaluation than one that was kept for this platform
//   those of Fetcher and Store
Result<attest::Device> staple(ByteSpan report, std::span<const Bytes> given, const Source& source, UnixSeconds now);

}  // namespace openpcc::collateral
