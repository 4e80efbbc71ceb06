// Every confidential VM of the shared corpus, judged as its EXPECTED.json says: verdict, fields, and what a strict policy refuses.
#include <boost/json.hpp>

#include "azure_forge.h"
#include "openpcc/azure/appraise.h"
#include "openpcc/tpm/transport.h"

namespace openpcc::azure {
namespace {

namespace json = boost::json;
using testkit::evidence_file;
using testkit::text_at;
using testkit::time_of;

// Sample is an entry's files, and the roots of its chip's line.
struct Sample {
  Bytes hcl, vek, issuer, root, td_quote, quote, signature, values;
  std::optional<Bytes> ak_certificate;

  explicit Sample(const json::value& entry) {
    for (const json::value& file : entry.at("files").as_array()) take(std::string(file.as_string()));
    if (vek.empty()) return;
    std::string line(to_string(snp::read_vek(*x509::Certificate::parse(vek))->product));
    line[0] = static_cast<char>(std::tolower(line[0]));
    issuer = evidence_file("snp/roots/" + line + "/ask.der");
    root = evidence_file("snp/roots/" + line + "/ark.der");
  }

  Evidence view() const {
    Evidence out;
    out.hcl = hcl;
    out.snp = {vek, issuer, root, {}};
    out.td_quote = td_quote;
    if (!quote.empty()) out.quote = TpmQuote{quote, tpm::rsassa_sha256(signature), *tpm::parse_values(values)};
    if (ak_certificate) out.ak_certificate = *ak_certificate;
    return out;
  }

 private:
  void take(const std::string& name) {
    const std::pair<std::string_view, Bytes*> slots[] = {{"hcl_report.bin", &hcl},      {"vcek.der", &vek},
                                                         {"quote.bin", &td_quote},      {"tpm_quote.msg", &quote},
                                                         {"tpm_quote.sig", &signature}, {"pcrs.json", &values}};
    for (const auto& [ending, slot] : slots) {
      if (name.ends_with(ending)) *slot = evidence_file(name);
    }
    if (name.ends_with("ak_cert.pem")) ak_certificate = evidence_file(name);
  }
};

void expect_fields(const json::value& parsed, const Sample& sample) {
  const auto hcl = parse_hcl(sample.hcl);
  ASSERT_OK(hcl);
  const auto runtime = read_runtime(hcl->json);
  ASSERT_OK(runtime);
  EXPECT_EQ(testkit::int_at(parsed.at("hcl"), "version"), hcl->version);
  EXPECT_EQ(testkit::int_at(parsed.at("hcl"), "var_len"), hcl->json.size());
  EXPECT_EQ(text_at(parsed.at("hcl"), "hw_report_type") == "SNP", hcl->hardware == Hardware::snp);
  EXPECT_EQ(testkit::hex_at(parsed.at("runtime"), "user_data"), Bytes(runtime->user_data.begin(), runtime->user_data.end()));
  const json::object& configuration = parsed.at("runtime").at("vm_configuration").as_object();
  EXPECT_EQ(configuration.at("secure-boot").as_bool(), runtime->configuration.secure_boot);
  EXPECT_EQ(configuration.at("vmUniqueId").as_string(), runtime->configuration.vm_unique_id);
  const auto quote = tpm::parse_quote(sample.quote);
  ASSERT_OK(quote);
  EXPECT_EQ(testkit::hex_at(parsed.at("tpm"), "extra_data"), quote->extra_data);
  EXPECT_EQ(testkit::hex_at(parsed.at("tpm"), "pcr_digest"), quote->pcr_digest);
}

std::set<std::string> refusals(const appraisal::Findings& findings) {
  std::set<std::string> out;
  for (const appraisal::Finding& finding : findings) {
    if (finding.state == appraisal::State::failed) out.emplace(finding.rule.id());
  }
  return out;
}

std::set<std::string> strict_rules(const json::value& entry, const Sample& sample) {
  if (sample.quote.empty()) return {"azure.quote.missing"};
  const json::array& reasons = entry.at("strict_policy").at("reasons").as_array();
  if (reasons.empty()) return {};
  EXPECT_EQ(reasons.at(0).as_string(), "empty qualifying data: no freshness");
  return {"tpm.nonce"};
}

// A TD's quote needs collateral, which is not part of these entries: all else must be good.
void expect_td(const Sample& sample, UnixSeconds now) {
  const Verification verification = verify(sample.view(), now);
  ASSERT_EQ(verification.failures.size(), 1u) << describe(verification.failures.front());
  EXPECT_TRUE(forge::refused(verification, "tdx.collateral.missing"));
  const auto authentic = tdx::authenticate(sample.td_quote);
  ASSERT_OK(authentic);
  const auto td = read_td_report(parse_hcl(sample.hcl)->report);
  ASSERT_OK(td);
  const auto& quoted = std::get<tdx::TdReport>(authentic->quote().body);
  EXPECT_EQ(td->reportdata, quoted.reportdata);
  EXPECT_EQ(td->mrtd, quoted.mrtd);
  EXPECT_EQ(td->rtmr, quoted.rtmr);
}

TEST(AzureEvidence, every_sample_is_judged_as_expected) {
  OPENPCC_SHARED_JSON(expected, "evidence/EXPECTED.json");
  int judged = 0;
  for (const json::value& entry : expected.as_array()) {
    if (text_at(entry, "kind") != "azure-hcl") continue;
    SCOPED_TRACE(text_at(entry, "id"));
    ++judged;
    const Sample sample(entry);
    const json::value* at = entry.as_object().if_contains("evaluate_at");
    const UnixSeconds now = time_of(at == nullptr ? std::string_view("2025-09-01T00:00:00Z") : std::string_view(at->as_string()));
    ASSERT_EQ(text_at(entry, "verdict"), "valid");
    if (!sample.quote.empty()) expect_fields(entry.at("parsed"), sample);
    if (!sample.td_quote.empty()) {
      expect_td(sample, now);
      continue;
    }
    const Verification verification = verify(sample.view(), now);
    ASSERT_TRUE(verification.verified) << describe(verification.failures.front());
    EXPECT_EQ(refusals(appraise(*verification.verified, {}, now)), strict_rules(entry, sample));
  }
  EXPECT_EQ(judged, 10);
}

TEST(AzureEvidence, a_td_with_its_collateral) {
  OPENPCC_SHARED_JSON(expected, "evidence/EXPECTED.json");
  const auto entry =
      std::ranges::find_if(expected.as_array(), [](const json::value& e) { return text_at(e, "id") == "azure-tdx-lunal-live"; });
  const Sample sample(*entry);
  std::map<std::string, Bytes> parts;
  for (const char* name : {"tcb_info.json", "tcb_info.sig.hex", "qe_identity.json", "qe_identity.sig.hex", "tcb_signing_chain.pem",
                           "root_ca_crl.der", "pck_crl.der"}) {
    parts[name] = evidence_file(std::string("tdx/collateral/lunal-90c06f000000/") + name);
  }
  const auto digits = [&](const char* name) { return ByteSpan(parts[name]).first(128); };
  Evidence evidence = sample.view();
  evidence.tdx = {{parts["tcb_info.json"], digits("tcb_info.sig.hex")},
                  {parts["qe_identity.json"], digits("qe_identity.sig.hex")},
                  parts["tcb_signing_chain.pem"],
                  parts["root_ca_crl.der"],
                  parts["pck_crl.der"],
                  {}};
  constexpr UnixSeconds kInAllWindows = 1'774'000'000;
  const Verification verification = verify(evidence, kInAllWindows);
  ASSERT_TRUE(verification.verified) << describe(verification.failures.front());
  EXPECT_EQ(refusals(appraise(*verification.verified, {}, kInAllWindows)), std::set<std::string>());
  EXPECT_TRUE(verification.verified->window().contains(kInAllWindows));
}

TEST(AzureEvidence, a_vm_of_another_boot_does_not_lend_its_parts) {
  OPENPCC_SHARED_JSON(expected, "evidence/EXPECTED.json");
  std::map<std::string, Sample> samples;
  for (const json::value& entry : expected.as_array()) {
    const std::string id(text_at(entry, "id"));
    if (id == "azure-snp-trustee-v0" || id == "azure-snp-trustee-v2-userdata") samples.emplace(id, Sample(entry));
  }
  Sample mixed = samples.at("azure-snp-trustee-v0");
  const Sample& other = samples.at("azure-snp-trustee-v2-userdata");
  const UnixSeconds now = time_of("2026-06-15T00:00:00Z");
  mixed.quote = other.quote;
  mixed.signature = other.signature;
  mixed.values = other.values;
  EXPECT_TRUE(forge::refused(verify(mixed.view(), now), "tpm.signature"));
  mixed = samples.at("azure-snp-trustee-v0");
  mixed.values = other.values;
  EXPECT_TRUE(forge::refused(verify(mixed.view(), now), "tpm.digest"));
  mixed = samples.at("azure-snp-trustee-v0");
  mixed.vek = other.vek;
  EXPECT_TRUE(forge::refused(verify(mixed.view(), now), "snp.signature"));
}

}  // namespace
}  // namespace openpcc::azure
