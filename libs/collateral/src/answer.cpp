#include "openpcc/collateral/answer.h"

#include <algorithm>
#include <charconv>

#include "openpcc/tdx/collateral.h"
#include "openpcc/x509/x509.h"

namespace openpcc::collateral {
namespace {

constexpr size_t kRetryDigitsMax = 6;

const std::string* field(const Answer& answer, std::string_view name) {
  const auto found = std::ranges::find(answer.fields, name, &Field::name);
  return found == answer.fields.end() ? nullptr : &found->value;
}

Result<> check_status(const Request& request, const Answer& answer) {
  const std::string status = "status " + std::to_string(answer.status);
  switch (answer.status) {
    case 200: return {};
    case 404:
      return fail(Code::rejected, "collateral.answer.unknown",
                  "the vendor does not know it; is this a production machine with a released firmware, and the report unchanged?");
    case 410: return fail(Code::rejected, "collateral.answer.gone", "that evaluation is not served any more; ask for the one in force");
    case 429:
    case 503: return fail(Code::unavailable, "collateral.answer.busy", status + "; try again later, and keep what was fetched");
    default: break;
  }
  if (answer.status >= 300 && answer.status < 400) {
    return fail(Code::rejected, "collateral.answer.redirect", status + "; redirects are not followed, name the server itself");
  }
  return fail(Code::unavailable, "collateral.answer.status",
              status + (request.service == Service::amd_kds ? " of AMD's service" : " of Intel's service") + "; try again later");
}

std::unexpected<Error> bad(std::string what) { return fail(Code::malformed, "collateral.answer.syntax", std::move(what)); }

Result<std::vector<Bytes>> read_chain(ByteSpan pem) {
  const auto certificates = x509::Certificate::parse_pem(pem, 2);
  if (!certificates || certificates->size() != 2) return bad("not two certificates in PEM");
  const x509::Certificate& first = certificates->front();
  const x509::Certificate& second = certificates->back();
  if (equal(first.subject(), first.issuer()) && !equal(second.subject(), second.issuer())) {
    return fail(Code::malformed, "collateral.answer.chain_order", "the root comes first; ASK or ASVK must, then the ARK");
  }
  std::vector<Bytes> out;
  for (const x509::Certificate& certificate : *certificates) out.emplace_back(certificate.der().begin(), certificate.der().end());
  return out;
}

Result<std::vector<Bytes>> read_document(const Answer& answer, std::string_view member, std::string_view chain_field) {
  const auto document = tdx::open_document({answer.body, {}}, member);
  if (!document) return bad(describe(document.error()));
  const std::string* encoded = field(answer, chain_field);
  if (encoded == nullptr) return fail(Code::malformed, "collateral.answer.issuer_chain", "no header " + std::string(chain_field));
  OPENPCC_LET(Bytes chain, url_decode(*encoded));
  const auto certificates = x509::Certificate::parse_pem(chain, 2);
  if (!certificates || certificates->size() != 2) {
    return fail(Code::malformed, "collateral.answer.issuer_chain", "not two certificates in PEM");
  }
  return std::vector<Bytes>{answer.body, std::move(chain)};
}

}  // namespace

std::optional<std::chrono::seconds> retry_after(const Answer& answer, std::chrono::seconds fallback) {
  if (answer.status != 429 && answer.status != 503) return std::nullopt;
  const std::string* value = field(answer, "retry-after");
  if (value == nullptr || value->empty() || value->size() > kRetryDigitsMax) return fallback;
  long seconds = 0;
  const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), seconds);
  if (error != std::errc() || end != value->data() + value->size() || seconds < 0) return fallback;
  return std::chrono::seconds(std::max(seconds, 1L));
}

Result<std::vector<Bytes>> read_answer(const Request& request, const Answer& answer) {
  OPENPCC_TRY(check_status(request, answer));
  const std::string* coding = field(answer, "content-encoding");
  if (coding != nullptr && *coding != "identity") return fail(Code::unsupported, "collateral.answer.encoding", *coding);
  if (answer.body.size() > kAnswerBytesMax) return fail(Code::limit, "collateral.answer.too_large");
  switch (request.kind) {
    case Kind::certificate:
      if (!x509::Certificate::parse(answer.body)) return bad("not a certificate in DER");
      return std::vector<Bytes>{answer.body};
    case Kind::certificate_chain: return read_chain(answer.body);
    case Kind::revocation_list:
      if (!x509::Crl::parse(answer.body)) return bad("not a revocation list in DER");
      return std::vector<Bytes>{answer.body};
    case Kind::tcb_info: return read_document(answer, "tcbInfo", "tcb-info-issuer-chain");
    case Kind::qe_identity: return read_document(answer, "enclaveIdentity", "sgx-enclave-identity-issuer-chain");
  }
  return bad("of no kind that is known");
}

Result<Bytes> url_decode(std::string_view text) {
  Bytes out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      out.push_back(static_cast<uint8_t>(text[at]));
      continue;
    }
    const auto byte = from_hex(text.substr(at + 1, 2));
    if (!byte || byte->size() != 1) return fail(Code::malformed, "collateral.answer.issuer_chain", "not URL-encoded");
    out.push_back((*byte)[0]);
    at += 2;
  }
  return out;
}

}  // namespace openpcc::collateral
