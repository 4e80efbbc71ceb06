// `openpcc inspect`: every field with its meaning, and no judgement.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "collateral_pieces.h"
#include "commands.h"
#include "files.h"
#include "openpcc/attest/platform.h"
#include "openpcc/azure/certificate.h"
#include "openpcc/azure/describe.h"
#include "openpcc/core/calendar.h"
#include "openpcc/core/describe.h"
#include "openpcc/nitro/describe.h"
#include "openpcc/nvgpu/describe.h"
#include "openpcc/snp/describe.h"
#include "openpcc/tdx/describe.h"
#include "openpcc/tpm/describe.h"
#include "openpcc/tpm/runtime_log.h"
#include "openpcc/tpm/transport.h"

namespace openpcc::app {
namespace {

namespace bj = boost::json;

struct Line {
  std::string name;
  std::string place;  // where it stands; empty for what has no fixed place
  std::string value;
  std::string meaning;
};

std::vector<Line> lines_of_fields(appraisal::Fields fields) {
  std::vector<Line> out;
  for (appraisal::Field& field : fields) {
    out.push_back(
        {std::move(field.name), fmt::format("{:#05x}, {}", field.offset, field.size), std::move(field.value), std::move(field.meaning)});
  }
  return out;
}

Result<std::vector<Line>> lines_of_report(ByteSpan bytes) {
  OPENPCC_LET(const ByteSpan bare, snp::strip_response(bytes));
  OPENPCC_LET(const snp::Report report, snp::parse_report(bare));
  return lines_of_fields(snp::describe(report));
}

Result<std::vector<Line>> lines_of_quote(ByteSpan bytes) {
  OPENPCC_LET(const tdx::Quote quote, tdx::parse_quote(bytes));
  return lines_of_fields(tdx::describe(quote, bytes));
}

Result<std::vector<Line>> lines_of_gpu(ByteSpan bytes) {
  OPENPCC_LET(const nvgpu::Report report, nvgpu::parse_report(bytes));
  return lines_of_fields(nvgpu::describe(report));
}

Result<std::vector<Line>> lines_of_tpm_quote(ByteSpan bytes) {
  const auto package = tpm::parse_package(bytes);
  const ByteSpan inner = package ? ByteSpan(package->quote) : bytes;
  OPENPCC_LET(const tpm::Quote quote, tpm::parse_quote(inner));
  return lines_of_fields(tpm::describe(quote, inner));
}

Result<std::vector<Line>> lines_of_tpm_signature(ByteSpan bytes) {
  OPENPCC_LET(const tpm::Signature signature, tpm::parse_signature(bytes));
  return std::vector<Line>{
      {"scheme", "", std::string(tpm::to_string(signature.scheme)), "with " + std::string(tpm::to_string(signature.hash))},
      {"signature", "", to_hex(signature.value), ""}};
}

Result<std::vector<Line>> lines_of_tpm_key(ByteSpan bytes) {
  OPENPCC_LET(const tpm::AttestationKey key, tpm::AttestationKey::read(bytes));
  return lines_of_fields(tpm::describe(key));
}

Result<std::vector<Line>> lines_of_values(ByteSpan bytes) {
  OPENPCC_LET(const tpm::Banks banks, tpm::parse_values(bytes));
  std::vector<Line> out;
  for (const auto& [bank, values] : banks) {
    for (const auto& [pcr, value] : values)
      out.push_back({"PCR " + std::to_string(pcr), std::string(tpm::to_string(bank)), to_hex(value), ""});
  }
  return out;
}

Result<std::vector<Line>> lines_of_log(ByteSpan bytes) {
  OPENPCC_LET(const tpm::EventLog log, tpm::EventLog::parse(bytes, tpm::form_of(bytes)));
  return lines_of_fields(tpm::describe(log));
}

Result<std::vector<Line>> lines_of_runtime_log(ByteSpan bytes) {
  OPENPCC_LET(const tpm::RuntimeLog log, tpm::RuntimeLog::parse(bytes));
  std::vector<Line> out;
  for (const tpm::RuntimeEvent& event : log.events()) {
    out.push_back({"RTMR" + std::to_string(event.rtmr) + " " + event.name, "", to_hex(event.payload), "sha384:" + to_hex(event.digest)});
  }
  for (const auto& [index, value] : log.replay())
    out.push_back({"sha384 RTMR" + std::to_string(index - 1), "", to_hex(value), "what the log replays to"});
  return out;
}

Result<std::vector<Line>> lines_of_hcl(ByteSpan bytes) {
  OPENPCC_LET(const azure::HclReport report, azure::parse_hcl(bytes));
  return lines_of_fields(azure::describe(report, bytes));
}

Result<std::vector<Line>> lines_of_document(ByteSpan bytes) {
  OPENPCC_LET(const nitro::Document document, nitro::parse_document(bytes));
  return lines_of_fields(nitro::describe(document, bytes));
}

Result<std::vector<Line>> lines_of_certificate(ByteSpan der) {
  OPENPCC_LET(const x509::Certificate certificate, x509::Certificate::parse(der));
  std::vector<Line> out{{"subject", "", std::string(certificate.common_name()), ""},
                        {"serial", "", to_hex(certificate.serial()), ""},
                        {"valid from", "", utc_text(certificate.window().from), ""},
                        {"valid to", "", utc_text(certificate.window().to), ""},
                        {"key", "", "SHA-256 " + to_hex(crypto::sha256(certificate.spki())), "of its SubjectPublicKeyInfo"}};
  if (const auto vek = snp::read_vek(certificate)) {
    out.push_back({"product", "", vek->product_name, std::string(to_string(vek->product))});
    out.push_back({"TCB", "", vek->tcb.text(vek->product), "what a report must say as REPORTED_TCB"});
    if (!vek->hwid.empty()) out.push_back({"hwID", "", to_hex(vek->hwid), "what a report must say as CHIP_ID"});
    if (!vek->csp_id.empty()) out.push_back({"CSP_ID", "", vek->csp_id, "the provider whom AMD lent the key"});
  }
  if (const auto pck = tdx::read_pck(certificate)) {
    out.push_back({"FMSPC", "", to_hex(pck->fmspc), "the platform's model, which names its TCB info"});
    out.push_back({"PPID", "", to_hex(pck->ppid), "this platform"});
    out.push_back({"PCESVN", "", std::to_string(pck->pcesvn), ""});
    out.push_back({"CPUSVN", "", to_hex(pck->cpusvn), ""});
  }
  return out;
}

Result<std::vector<Line>> lines_of_list(ByteSpan der) {
  OPENPCC_LET(const x509::Crl crl, x509::Crl::parse(der));
  return std::vector<Line>{{"this update", "", utc_text(crl.window().from), ""},
                           {"next update", "", utc_text(crl.window().to + 1), "from then on the list counts no more"},
                           {"revoked", "", std::to_string(crl.size()), "certificates"}};
}

Result<std::vector<Line>> lines_of(ByteSpan bytes);

// lines_of_bundle names each piece, and shows its fields where it is of a kind that has some.
Result<std::vector<Line>> lines_of_bundle(ByteSpan bytes) {
  OPENPCC_LET(const attest::Device device, attest::parse_platform(bytes));
  std::vector<Line> out;
  for (const Piece& piece : pieces_of(device)) out.push_back({piece.label, std::to_string(piece.bytes), piece.what, piece.media_type});
  std::vector<const attest::Item*> items{&device.report};
  for (const attest::Item& certificate : device.chain) items.push_back(&certificate);
  for (const auto& [label, item] : device.collateral) items.push_back(&item);
  for (const attest::Item* item : items) {
    if (attest::recognise(item->bytes) == attest::PlatformItem::bundle) continue;
    const auto lines = lines_of(item->bytes);
    if (lines) out.insert(out.end(), lines->begin(), lines->end());
  }
  return out;
}

Result<std::vector<Line>> lines_of(ByteSpan bytes) {
  switch (attest::recognise(bytes)) {
    case attest::PlatformItem::bundle: return lines_of_bundle(bytes);
    case attest::PlatformItem::snp_report: return lines_of_report(bytes);
    case attest::PlatformItem::intel_quote: return lines_of_quote(bytes);
    case attest::PlatformItem::nvidia_report: return lines_of_gpu(bytes);
    case attest::PlatformItem::tpm_quote: return lines_of_tpm_quote(bytes);
    case attest::PlatformItem::tpm_signature: return lines_of_tpm_signature(bytes);
    case attest::PlatformItem::tpm_key: return lines_of_tpm_key(bytes);
    case attest::PlatformItem::tpm_values: return lines_of_values(bytes);
    case attest::PlatformItem::event_log: return lines_of_log(bytes);
    case attest::PlatformItem::runtime_log: return lines_of_runtime_log(bytes);
    case attest::PlatformItem::azure_hcl: return lines_of_hcl(bytes);
    case attest::PlatformItem::vtpm_certificate: {
      OPENPCC_LET(const x509::Certificate certificate, azure::read_ak_certificate(bytes));
      return lines_of_certificate(certificate.der());
    }
    case attest::PlatformItem::nitro_document: return lines_of_document(bytes);
    case attest::PlatformItem::revocation_list: return lines_of_list(bytes);
    case attest::PlatformItem::certificates: {
      OPENPCC_LET(const auto certificates, x509::Certificate::parse_pem(bytes, 8));
      std::vector<Line> out;
      for (const x509::Certificate& certificate : certificates) {
        OPENPCC_LET(const std::vector<Line> lines, lines_of_certificate(certificate.der()));
        out.insert(out.end(), lines.begin(), lines.end());
      }
      return out;
    }
    default: break;
  }
  if (auto certificate = lines_of_certificate(bytes)) return certificate;
  return fail(Code::unsupported, "app.inspect.unknown",
              "neither a report nor anything that vouches for one of a platform that is known here");
}

std::vector<Line> shown(std::vector<Line> lines) {
  for (Line& line : lines) {
    for (std::string* text : {&line.name, &line.value, &line.meaning}) *text = printable(std::move(*text));
  }
  return lines;
}

void print(const std::vector<Line>& lines) {
  for (const Line& line : lines) {
    fmt::print("{:<21} {:<11} {}\n", line.name, line.place, line.value);
    if (!line.meaning.empty()) fmt::print("{:<33} {}\n", "", line.meaning);
  }
}

void print_json(const std::vector<Line>& lines) {
  bj::array out;
  for (const Line& line : lines)
    out.push_back(bj::object{{"name", line.name}, {"place", line.place}, {"value", line.value}, {"meaning", line.meaning}});
  fmt::print("{}\n", bj::serialize(out));
}

}  // namespace

int run_inspect(const InspectOptions& options) {
  const auto bytes = read_bounded(options.file, x509::kCrlBytesMax);
  const auto lines = bytes ? lines_of(*bytes) : Result<std::vector<Line>>(std::unexpected(bytes.error()));
  if (lines) {
    options.json ? print_json(shown(*lines)) : print(shown(*lines));
    return kAccept;
  }
  fmt::print(stderr, "openpcc inspect: {}\n", told(lines.error()));
  if (!bytes) return kInternal;
  return lines.error().code == Code::unsupported ? kUnsupported : kMalformed;
}

}  // namespace openpcc::app
