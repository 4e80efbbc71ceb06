#include "openpcc/attest/platform.h"

#include <algorithm>

#include "verdict_builder.h"

namespace openpcc::attest {
namespace {

using appraisal::Aspect;
using appraisal::Finding;
using appraisal::State;

constexpr std::string_view kPemBegin = "-----BEGIN CERTIFICATE-----";
constexpr size_t kPemCertificatesMax = 8;

PlatformItem recognise_certificate(const x509::Certificate& certificate) {
  const std::string_view name = certificate.common_name();
  if (name == "SEV-VCEK" || name == "SEV-VLEK") return PlatformItem::snp_vek;
  if (name.starts_with("ARK-")) return PlatformItem::snp_root;
  if (name.starts_with("SEV-")) return PlatformItem::snp_issuer;
  return PlatformItem::other;
}

bool is_snp_report(ByteSpan bytes) {
  const auto report = snp::strip_response(bytes);
  return report && (*report)[0] >= 1 && (*report)[0] < 32 && (*report)[1] == 0 && (*report)[2] == 0 && (*report)[3] == 0;
}

// SnpFiles gathers what belongs to one report. Of several certificates for one place the first that fits is kept.
struct SnpFiles {
  Bytes report;
  size_t reports = 0;
  std::vector<Bytes> veks, issuers, roots, crls;

  void add(ByteSpan bytes, int depth = 0) {
    switch (recognise(bytes)) {
      case PlatformItem::snp_report:
        report.assign(snp::strip_response(bytes)->begin(), snp::strip_response(bytes)->end());
        ++reports;
        break;
      case PlatformItem::snp_vek: return keep(veks, bytes);
      case PlatformItem::snp_issuer: return keep(issuers, bytes);
      case PlatformItem::snp_root: return keep(roots, bytes);
      case PlatformItem::snp_crl: return keep(crls, bytes);
      case PlatformItem::snp_certificate_table: {
        const auto table = snp::parse_certificate_table(bytes);
        for (const auto& entry : {table->vcek, table->vlek, table->ask, table->ark}) {
          if (entry && depth == 0) add(*entry, 1);
        }
        break;
      }
      case PlatformItem::certificates: {
        const auto certificates = x509::Certificate::parse_pem(bytes, kPemCertificatesMax);
        for (const x509::Certificate& certificate : *certificates) add(certificate.der(), 2);
        break;
      }
      case PlatformItem::other: break;
    }
  }

  // fit names the certificates by the report: its kind of key, and the issuer of the certificate that was chosen before.
  snp::Collateral fit() const {
    snp::Collateral out;
    out.vek = fitting(veks, [&](const x509::Certificate& vek) {
      const bool vlek = report.size() > 0x48 && (report[0x48] >> 2 & 7) == 1;
      return (vek.common_name() == "SEV-VLEK") == vlek;
    });
    out.issuer = above(issuers, out.vek);
    out.root = above(roots, out.issuer);
    const auto root = x509::Certificate::parse(out.root);
    for (const Bytes& crl : crls) {
      const auto parsed = x509::Crl::parse(crl);
      if (root && parsed && equal(parsed->issuer(), root->subject())) out.crl = crl;
    }
    return out;
  }

 private:
  static void keep(std::vector<Bytes>& list, ByteSpan bytes) { list.emplace_back(bytes.begin(), bytes.end()); }

  template <class Fits>
  static ByteSpan fitting(const std::vector<Bytes>& list, Fits fits) {
    for (const Bytes& der : list) {
      const auto certificate = x509::Certificate::parse(der);
      if (certificate && fits(*certificate)) return der;
    }
    return list.empty() ? ByteSpan() : ByteSpan(list.front());
  }
  // above finds the certificate whose subject issued `der`; where none did, any, so that the verifier says what is wrong.
  static ByteSpan above(const std::vector<Bytes>& list, ByteSpan der) {
    const auto below = x509::Certificate::parse(der);
    return fitting(list, [&](const x509::Certificate& c) { return below && equal(c.subject(), below->issuer()); });
  }
};

std::string_view remedy_of(const Error& error) {
  const std::string_view rule = error.rule.id();
  if (rule == "snp.chain.missing")
    return "add the certificates: VCEK or VLEK, ASK or ASVK, and ARK (AMD's key distribution service has them)";
  if (rule.starts_with("snp.crl.")) return "get the current list of the product line from AMD's key distribution service";
  if (rule.ends_with(".expired") || rule.ends_with(".early")) return "get the certificates again, or judge as of another time (--at)";
  if (rule == "snp.vek.kind" || rule == "snp.product.mismatch") return "give the certificates that belong to this report";
  if (rule == "snp.tcb.certificate" || rule == "snp.chip_id.mismatch") return "get the certificate of this chip at its reported TCB";
  return "get the evidence again from the machine itself; if it stays, it is not genuine";
}

Outcome outcome_of(const std::vector<Error>& failures) {
  const auto is = [&](Code code) { return [code](const Error& error) { return error.code == code; }; };
  // What cannot be read is malformed; what we do not speak is unsupported; anything else is refused.
  if (failures.front().code == Code::malformed && failures.front().rule.id().find(".vek.") == std::string_view::npos &&
      failures.front().rule.id().find(".chain.") == std::string_view::npos) {
    return Outcome::malformed;
  }
  return std::ranges::all_of(failures, is(Code::unsupported)) ? Outcome::unsupported : Outcome::reject;
}

PlatformVerdict verify_snp(const SnpFiles& files, UnixSeconds now, const snp::Demands& demands) {
  PlatformVerdict out;
  out.evidence_digest = crypto::sha256(files.report);
  out.kind = "AMD SEV-SNP report";
  const snp::Verification verification = snp::verify(files.report, files.fit(), now);
  if (!verification.verified) {
    for (const Error& failure : verification.failures) {
      out.findings.push_back({Aspect::genuine, State::failed, failure.rule, "a report that the maker's roots vouch for",
                              printable(failure.detail), std::string(remedy_of(failure))});
    }
    out.outcome = outcome_of(verification.failures);
    return out;
  }
  const snp::VerifiedReport& verified = *verification.verified;
  out.kind += ", version " + std::to_string(verified.report().version) + ", " + std::string(to_string(verified.product()));
  out.window = verified.window();
  out.findings = snp::appraise(verified, demands);
  out.findings.insert(out.findings.begin(), {Aspect::genuine,
                                             State::passed,
                                             "snp.signature",
                                             "a report that the maker's roots vouch for",
                                             "signed by a key of " + verified.vek().product_name + " that AMD's ARK-" +
                                                 std::string(to_string(verified.product())) + " vouches for",
                                             {}});
  out.outcome = appraisal::refusal(out.findings) == nullptr ? Outcome::accept : Outcome::reject;
  return out;
}

}  // namespace

PlatformItem recognise(ByteSpan bytes) {
  if (is_snp_report(bytes)) return PlatformItem::snp_report;
  if (as_text(bytes).starts_with(kPemBegin)) {
    return x509::Certificate::parse_pem(bytes, kPemCertificatesMax) ? PlatformItem::certificates : PlatformItem::other;
  }
  if (const auto certificate = x509::Certificate::parse(bytes)) return recognise_certificate(*certificate);
  if (x509::Crl::parse(bytes)) return PlatformItem::snp_crl;
  const auto table = snp::parse_certificate_table(bytes);
  const bool filled = table && (table->vcek || table->vlek || table->ask || table->ark);
  return filled ? PlatformItem::snp_certificate_table : PlatformItem::other;
}

Result<PlatformVerdict> verify_platform(std::span<const Bytes> items, UnixSeconds now, const PlatformDemands& demands) {
  if (items.size() > kPlatformItemsMax) return fail(Code::limit, "platform.too_many", std::to_string(items.size()) + " items");
  SnpFiles files;
  for (const Bytes& item : items) files.add(item);
  if (files.reports == 0) return fail(Code::unsupported, "platform.none", "no file is a report of a platform that is verified here");
  if (files.reports > 1) return fail(Code::rejected, "platform.several", "give one report at a time");
  return verify_snp(files, now, demands.snp);
}

}  // namespace openpcc::attest
