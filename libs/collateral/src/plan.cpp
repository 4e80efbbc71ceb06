#include "openpcc/collateral/plan.h"

#include <algorithm>
#include <cctype>

#include "openpcc/crypto/hash.h"

namespace openpcc::collateral {
namespace {

constexpr size_t kTurinChipBytes = 8;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::string two_digits(uint8_t value) { return (value < 10 ? "0" : "") + std::to_string(value); }

// chip_of is the chip's id as AMD's service takes it; empty where the report does not show one.
std::string chip_of(const snp::Report& report, snp::Product product) {
  const bool hidden = report.mask_chip_key || std::ranges::all_of(report.chip_id, [](uint8_t byte) { return byte == 0; });
  if (hidden || report.signing_key != snp::SigningKey::vcek) return {};
  return to_hex(ByteSpan(report.chip_id).first(product == snp::Product::turin ? kTurinChipBytes : report.chip_id.size()));
}

Error unobtainable(const snp::Report& report) {
  if (report.signing_key == snp::SigningKey::vlek) {
    return fail(Code::rejected, "collateral.vlek.missing",
                "AMD lends the VLEK to the cloud provider and serves its certificate to nobody: give it, or the host's certificate table")
        .error();
  }
  return fail(Code::rejected, "collateral.chip_id.masked",
              "the report does not show its chip, by whose id a VCEK is asked for: give the VCEK, or the host's certificate table")
      .error();
}

std::string tcb_query(const snp::Tcb& tcb, snp::Product product) {
  const std::string fmc = product == snp::Product::turin ? "fmcSPL=" + two_digits(tcb.fmc) + "&" : "";
  return "?" + fmc + "blSPL=" + two_digits(tcb.boot_loader) + "&teeSPL=" + two_digits(tcb.tee) + "&snpSPL=" + two_digits(tcb.snp) +
         "&ucodeSPL=" + two_digits(tcb.microcode);
}

std::string choice_query(const TcbChoice& choice, std::string_view before) {
  if (const auto* number = std::get_if<uint32_t>(&choice)) {
    return std::string(before) + "tcbEvaluationDataNumber=" + std::to_string(*number);
  }
  return std::get<TcbUpdate>(choice) == TcbUpdate::early ? std::string(before) + "update=early" : "";
}

}  // namespace

std::string_view default_url(Service service) {
  switch (service) {
    case Service::amd_kds: return "https://kdsintf.amd.com";
    case Service::intel_pcs: return "https://api.trustedservices.intel.com";
    case Service::intel_certificates: return "https://certificates.trustedservices.intel.com";
  }
  return {};
}

Plan plan_snp(const snp::Report& report, snp::Product product) {
  const bool vlek = report.signing_key == snp::SigningKey::vlek;
  const std::string line(to_string(product));
  const std::string kind = vlek ? "vlek" : "vcek";
  const std::string base = "/" + kind + "/v1/" + line;
  const std::string name = lower(line) + "-" + kind;
  Plan out(3);
  const std::string chip = chip_of(report, product);
  if (chip.empty()) {
    out[kSnpVek].unobtainable = unobtainable(report);
  } else {
    const std::string target = base + "/" + chip + tcb_query(snp::read_tcb(report.reported_tcb, product), product);
    out[kSnpVek].key = "amd-" + name + "-" + to_hex(ByteSpan(crypto::sha256(as_bytes(target))).first(16));
    out[kSnpVek].requests = {
        {Service::amd_kds, Kind::certificate, target, "VCEK of " + line + " chip " + chip.substr(0, 16) + "... at its reported TCB"}};
  }
  const std::string issuer = vlek ? "ASVK" : "ASK";
  out[kSnpChain] = {"amd-" + name + "-chain",
                    {{Service::amd_kds, Kind::certificate_chain, base + "/cert_chain", issuer + " and ARK of " + line}}};
  out[kSnpCrl] = {"amd-" + name + "-crl", {{Service::amd_kds, Kind::revocation_list, base + "/crl", "revocation list of " + line}}};
  return out;
}

Plan plan_intel(tdx::Tee tee, const tdx::AuthenticQuote& quote, const TcbChoice& choice) {
  const std::string name = tee == tdx::Tee::tdx ? "tdx" : "sgx";
  const std::string base = "/" + name + "/certification/v4";
  const std::string fmspc = to_hex(quote.pck().fmspc);
  const std::string ca = quote.chain().issuer().common_name() == "Intel SGX PCK Processor CA" ? "processor" : "platform";
  Plan out(3);
  out[kIntelTcb] = {
      "intel-" + name + "-tcb-" + fmspc,
      {{Service::intel_pcs, Kind::tcb_info, base + "/tcb?fmspc=" + fmspc + choice_query(choice, "&"), "TCB info of FMSPC " + fmspc},
       {Service::intel_pcs, Kind::qe_identity, base + "/qe/identity" + choice_query(choice, "?"), "identity of the quoting enclave"}}};
  out[kIntelPckCrl] = {"intel-pck-crl-" + ca,
                       {{Service::intel_pcs, Kind::revocation_list, "/sgx/certification/v4/pckcrl?ca=" + ca + "&encoding=der",
                         "revocation list of the PCK's issuer (" + ca + ")"}}};
  out[kIntelRootCrl] = {"intel-root-crl",
                        {{Service::intel_certificates, Kind::revocation_list, "/IntelSGXRootCA.der", "revocation list of Intel's root"}}};
  return out;
}

}  // namespace openpcc::collateral
