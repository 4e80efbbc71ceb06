// Every SNP report of the shared corpus, judged as its EXPECTED.json says: verdict and reasons, fields, and each window to the second.
#include <boost/json.hpp>
#include <map>
#include <set>

#include "openpcc/snp/appraise.h"
#include "openpcc/testkit/json.h"
#include "openpcc/testkit/samples.h"
#include "snp_forge.h"

namespace openpcc::snp {
namespace {

namespace json = boost::json;
using testkit::evidence_file;
using testkit::text_at;
using testkit::time_of;

// Sample is an entry's files. What a composed entry leaves out of the chain is taken from the certificate's product line.
struct Sample {
  Bytes report, vek, issuer, root;
};

Sample sample_of(const json::value& entry) {
  Sample out;
  for (const json::value& file : entry.at("files").as_array()) {
    const std::string name(file.as_string());
    Bytes* slot = name.ends_with("report.bin")                               ? &out.report
                  : name.ends_with("vcek.der") || name.ends_with("vlek.der") ? &out.vek
                  : name.ends_with("ark.der")                                ? &out.root
                                                                             : &out.issuer;
    *slot = evidence_file(name);
  }
  if (out.vek.empty() || !out.root.empty()) return out;
  const auto fields = read_vek(*x509::Certificate::parse(out.vek));
  OPENPCC_CHECK(fields.has_value());
  std::string line(to_string(fields->product));
  line[0] = static_cast<char>(std::tolower(line[0]));
  out.root = evidence_file("snp/roots/" + line + "/ark.der");
  out.issuer = evidence_file("snp/roots/" + line + "/ask.der");
  return out;
}

Verification judge(const Sample& s, UnixSeconds now) { return verify(s.report, {s.vek, s.issuer, s.root, {}}, now); }

std::set<std::string> rules_of(const Verification& verification) {
  std::set<std::string> out;
  for (const Error& failure : verification.failures) out.emplace(failure.rule.id());
  return out;
}

// What the corpus calls a failed check, and the rules that say the same.
const std::map<std::string, std::set<std::string>, std::less<>> kReasons{
    {"report_signature failed", {"snp.signature"}},
    {"vek_signed_by_ask failed", {"snp.vek.signature", "snp.chain.issuer"}},
    // Both stand in extensions: where those are not AMD's, nothing can be compared.
    {"cert_tcb_equals_reported_tcb failed", {"snp.tcb.certificate", "snp.vek.extension"}},
    {"chip_id_equals_hwid failed", {"snp.chip_id.mismatch", "snp.vek.extension"}},
    {"report signature does not verify under another chip's VCEK; chip_id != hwID; TCB differs", {"snp.signature"}},
    {"Turin VCEK is not signed by the Genoa ASK", {"snp.chain.issuer"}},
    {"VLEK must chain to ASVK (SEV-VLEK-Milan), not to the ASK", {"snp.vek.kind"}},
    {"VCEK of a different Turin chip: signature fails, hwID 1e550a8ee5cf9f4d != chip_id, TCB differs", {"snp.signature"}},
};

void expect_reasons(const json::value& entry, const Verification& verification) {
  const std::set<std::string> seen = rules_of(verification);
  for (const json::value& reason : entry.at("reasons").as_array()) {
    const auto known = kReasons.find(std::string_view(reason.as_string()));
    ASSERT_NE(known, kReasons.end()) << "a reason that this test does not know: " << reason.as_string();
    EXPECT_TRUE(std::ranges::any_of(known->second, [&](const std::string& rule) { return seen.contains(rule); })) << reason.as_string();
  }
}

void expect_fields(const json::value& entry, const Report& report) {
  const json::value& parsed = entry.at("parsed");
  EXPECT_EQ(testkit::int_at(parsed, "version"), report.version);
  EXPECT_EQ(testkit::int_at(parsed, "guest_svn"), report.guest_svn);
  EXPECT_EQ(testkit::int_at(parsed, "vmpl"), report.vmpl);
  EXPECT_EQ(std::stoull(std::string(text_at(parsed, "policy")), nullptr, 16), report.policy.bits);
  EXPECT_EQ(std::stoull(std::string(text_at(parsed, "platform_info")), nullptr, 16), report.platform_info.bits);
  const std::pair<const char*, ByteSpan> texts[] = {{"family_id", report.family_id},       {"image_id", report.image_id},
                                                    {"report_data", report.report_data},   {"measurement", report.measurement},
                                                    {"host_data", report.host_data},       {"id_key_digest", report.id_key_digest},
                                                    {"report_id", report.report_id},       {"author_key_digest", report.author_key_digest},
                                                    {"report_id_ma", report.report_id_ma}, {"chip_id", report.chip_id}};
  for (const auto& [key, value] : texts) EXPECT_EQ(text_at(parsed, key), to_hex(value)) << key;
  const std::pair<const char*, ByteSpan> tcbs[] = {{"current_tcb", report.current_tcb},
                                                   {"reported_tcb", report.reported_tcb},
                                                   {"committed_tcb", report.committed_tcb},
                                                   {"launch_tcb", report.launch_tcb}};
  for (const auto& [key, value] : tcbs) EXPECT_EQ(text_at(parsed.at(key), "raw"), to_hex(value)) << key;
  EXPECT_EQ(text_at(parsed, "current_version"), report.current_version.text());
  EXPECT_EQ(text_at(parsed, "committed_version"), report.committed_version.text());
}

void expect_windows(const json::value& entry, const Sample& sample) {
  const UnixSeconds from = time_of(text_at(entry, "valid_from")), to = time_of(text_at(entry, "valid_to"));
  EXPECT_TRUE(judge(sample, from).verified);
  EXPECT_TRUE(judge(sample, to).verified);
  EXPECT_TRUE(forge::refused(judge(sample, from - 1), "snp.vek.early"));
  EXPECT_TRUE(forge::refused(judge(sample, to + 1), "snp.vek.expired"));
  EXPECT_EQ(judge(sample, from).verified->window(), (x509::Window{from, to}));
  for (const json::value& also : entry.at("also").as_array()) {
    EXPECT_EQ(text_at(also, "verdict"), "invalid");
    EXPECT_TRUE(forge::refused(judge(sample, time_of(text_at(also, "evaluate_at"))), "snp.vek.expired"));
  }
}

void check_entry(const json::value& entry) {
  const std::string_view verdict = text_at(entry, "verdict");
  const Sample sample = sample_of(entry);
  if (verdict == "unverifiable") {
    EXPECT_OK(parse_report(sample.report));
    EXPECT_TRUE(forge::refused(judge(sample, forge::kNow), "snp.chain.missing"));
    return;
  }
  const Verification verification = judge(sample, time_of(text_at(entry, "evaluate_at")));
  EXPECT_EQ(verification.verified.has_value(), verdict == "valid");
  if (!verification.verified) return expect_reasons(entry, verification);
  expect_fields(entry, verification.verified->report());
  expect_windows(entry, sample);
}

TEST(SnpEvidence, every_sample_is_judged_as_expected) {
  OPENPCC_SHARED_JSON(expected, "evidence/EXPECTED.json");
  int judged = 0;
  for (const json::value& entry : expected.as_array()) {
    if (text_at(entry, "kind") != "snp-report") continue;
    const std::string id(text_at(entry, "id"));
    SCOPED_TRACE(id);
    check_entry(entry);
    ++judged;
  }
  EXPECT_EQ(judged, 24);
}

// What the corpus says that a strict relying party must refuse of genuine evidence, and the rules that say the same.
const std::map<std::string, std::string, std::less<>> kStrictReasons{
    {"guest policy allows DEBUG", "snp.policy.debug"},
    {"provisional firmware: committed != current", "snp.tcb.provisional"},
    {"VMPL 1 (only accept when a VMPL0 SVSM/paravisor is expected)", "snp.vmpl"},
};

TEST(SnpEvidence, what_is_genuine_is_acceptable_or_not_as_expected) {
  OPENPCC_SHARED_JSON(expected, "evidence/EXPECTED.json");
  int judged = 0;
  for (const json::value& entry : expected.as_array()) {
    if (text_at(entry, "kind") != "snp-report" || text_at(entry, "verdict") != "valid") continue;
    SCOPED_TRACE(text_at(entry, "id"));
    const Verification verification = judge(sample_of(entry), time_of(text_at(entry, "evaluate_at")));
    ASSERT_TRUE(verification.verified);
    std::set<std::string> wanted, seen;
    for (const json::value& reason : entry.at("strict_policy").at("reasons").as_array()) {
      wanted.insert(kStrictReasons.at(std::string(reason.as_string())));
    }
    for (const appraisal::Finding& finding : appraise(*verification.verified, {})) {
      if (finding.state == appraisal::State::failed) seen.emplace(finding.rule.id());
    }
    EXPECT_EQ(seen, wanted);
    ++judged;
  }
  EXPECT_EQ(judged, 16);
}

// The digests stand for signatures, so each must be of a certificate that its root signed.
TEST(SnpEvidence, the_known_certificates_are_signed_by_their_root) {
  if (!testkit::shared_file("evidence/snp/roots")) GTEST_SKIP() << "no shared evidence";
  for (const PinnedRoot& pin : amd_roots()) {
    const std::string line = pin.product == Product::milan ? "milan" : pin.product == Product::genoa ? "genoa" : "turin";
    const auto ark = x509::Certificate::parse(evidence_file("snp/roots/" + line + "/ark.der"));
    EXPECT_EQ(crypto::sha256(ark->spki()), pin.spki_sha256);
    std::set<crypto::Sha256Digest> signed_ones;
    for (const char* name : {"ark", "ask", "asvk"}) {
      const auto one = x509::Certificate::parse(evidence_file("snp/roots/" + line + "/" + name + ".der"));
      EXPECT_OK(one->signature().check(*ark->key()));
      EXPECT_TRUE(x509::is_known(*one, pin.certificates)) << line << " " << name;
      signed_ones.insert(crypto::sha256(one->der()));
    }
    EXPECT_EQ(signed_ones, std::set(pin.certificates.begin(), pin.certificates.end())) << "nothing else is known";
  }
}

TEST(SnpEvidence, every_revocation_list_in_its_time) {
  OPENPCC_SHARED_JSON(expected, "evidence/EXPECTED.json");
  int judged = 0;
  for (const json::value& entry : expected.as_array()) {
    if (text_at(entry, "kind") != "snp-crl") continue;
    const std::string file(entry.at("files").at(0).as_string());
    SCOPED_TRACE(file);
    const std::string line = file.substr(8, 5);  // snp/crl/milan-...
    const auto ark = x509::Certificate::parse(evidence_file("snp/roots/" + line + "/ark.der"));
    const auto crl = x509::Crl::parse(evidence_file(file));
    ASSERT_OK(crl);
    EXPECT_OK(x509::check_crl(*crl, *ark, *ark->key(), time_of(text_at(entry, "evaluate_at"))));
    EXPECT_RULE(x509::check_crl(*crl, *ark, *ark->key(), crl->window().to + 1), "x509.crl.stale");
    EXPECT_RULE(x509::check_crl(*crl, *ark, *ark->key(), crl->window().from - 1), "x509.crl.early");
    if (const json::value* also = entry.as_object().if_contains("also")) {
      for (const json::value& later : also->as_array()) {
        EXPECT_RULE(x509::check_crl(*crl, *ark, *ark->key(), time_of(text_at(later, "evaluate_at"))), "x509.crl.stale");
      }
    }
    ++judged;
  }
  EXPECT_EQ(judged, 5);
}

}  // namespace
}  // namespace openpcc::snp
