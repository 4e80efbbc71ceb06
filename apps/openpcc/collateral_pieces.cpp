#include "collateral_pieces.h"

#include <algorithm>

#include "openpcc/attest/platform.h"
#include "openpcc/core/describe.h"
#include "openpcc/tdx/collateral.h"

namespace openpcc::app {
namespace {

using attest::PlatformItem;

struct Said {
  std::string what;
  std::optional<x509::Window> window;
};

Said said_by_list(ByteSpan bytes) {
  const auto list = x509::Crl::parse(bytes);
  return {"revocation list, " + std::to_string(list->size()) + " certificates", list->window()};
}

Said said_by_chain(ByteSpan pem) {
  const auto chain = x509::Certificate::parse_pem(pem, attest::kChainMax);
  if (!chain) return {"certificates", std::nullopt};
  Said out{"", chain->front().window()};
  for (const x509::Certificate& certificate : *chain) {
    out.what += (out.what.empty() ? "certificates of " : ", ") + std::string(certificate.common_name());
    out.window = out.window->intersect(certificate.window());
  }
  return out;
}

Said said_by_head(const tdx::DocumentHead& head, const std::string& of) {
  return {head.id + of + ", evaluation " + std::to_string(head.tcb_evaluation_data_number), head.window};
}

Said said_by(ByteSpan bytes) {
  switch (attest::recognise(bytes)) {
    case PlatformItem::snp_report: return {"report of AMD SEV-SNP", std::nullopt};
    case PlatformItem::intel_quote: return {"quote of Intel's", std::nullopt};
    case PlatformItem::revocation_list: return said_by_list(bytes);
    case PlatformItem::certificates: return said_by_chain(bytes);
    case PlatformItem::certificate: {
      const auto certificate = x509::Certificate::parse(bytes);
      return {"certificate of " + std::string(certificate->common_name()), certificate->window()};
    }
    case PlatformItem::tcb_info: {
      const auto document = tdx::open_document({bytes, {}}, "tcbInfo");
      const auto info = document ? tdx::parse_tcb_info(document->value) : Result<tdx::TcbInfo>(std::unexpected(document.error()));
      if (info) return said_by_head(info->head, " TCB info of FMSPC " + to_hex(info->fmspc));
      break;
    }
    case PlatformItem::qe_identity: {
      const auto document = tdx::open_document({bytes, {}}, "enclaveIdentity");
      const auto identity = document ? tdx::parse_qe_identity(document->value) : Result<tdx::QeIdentity>(std::unexpected(document.error()));
      if (identity) return said_by_head(identity->head, " identity");
      break;
    }
    default: break;
  }
  return {"nothing that is known here", std::nullopt};
}

Piece piece_of(std::string label, const attest::Item& item) {
  Said said = said_by(item.bytes);
  return {std::move(label), printable(item.media_type), item.bytes.size(), printable(std::move(said.what)), said.window};
}

}  // namespace

std::vector<Piece> pieces_of(const attest::Device& device) {
  std::vector<Piece> out{piece_of("report", device.report)};
  for (size_t i = 0; i < device.chain.size(); ++i) out.push_back(piece_of("chain." + std::to_string(i), device.chain[i]));
  for (const auto& [label, item] : device.collateral) out.push_back(piece_of(label, item));
  return out;
}

}  // namespace openpcc::app
