// Recorded machines of the shared corpus, as nodes of a deployment at a time of the recording.
#pragma once

#include <map>
#include <set>

#include "../src/kind_hardware.h"
#include "openpcc/attest/platform.h"
#include "openpcc/policy/lint.h"
#include "openpcc/testkit/samples.h"
#include "world.h"

namespace openpcc::attest {

// RecordedMachine is a world at a time of the recording, with a production policy that takes the recorded machine.
class RecordedMachine : public testing::Test {
 protected:
  testing_world::World world_;
  UnixSeconds now_ = 0;
  Device cpu_;
  std::vector<Device> gpus_;
  std::string hardware_;    // the policy's [snp] or [tdx]
  std::string exceptions_;  // further ones

  static bool available() { return testkit::shared_file("evidence/EXPECTED.json").has_value(); }

  void at(UnixSeconds now) {
    now_ = now;
    world_.claims.not_before = now - 60;
    world_.claims.not_after = now - 60 + 55 * 60;
    world_.beacon_note = note::make_beacon(43, now - 300, world_.beacon_key, world_.random);
    world_.beacons = {*note::verify_beacon(as_bytes(world_.beacon_note), world_.beacon_key.verifier())};
    world_.claims.freshness = world_.beacons[0].freshness();
    world_.policy_text.kind = "production";
    world_.policy_text.require_gpu = false;
    world_.policy_text.gpu_releases.clear();
    world_.policy_text.min_root_owners = 1;
    world_.policy_text.one_root_owner = true;
  }
  void snp(const std::string& report, const std::string& line) {
    cpu_.report = {std::string(kSnpReportType), testkit::evidence_file("snp/reports/" + report + "/report.bin")};
    const Bytes vek = testkit::evidence_file("snp/reports/" + report + "/vcek.der");
    at(x509::Certificate::parse(vek)->window().from + 100);
    cpu_.chain.clear();
    for (const Bytes& der :
         {vek, testkit::evidence_file("snp/roots/" + line + "/ask.der"), testkit::evidence_file("snp/roots/" + line + "/ark.der")}) {
      cpu_.chain.push_back({std::string(kCertificateType), der});
    }
    const auto parsed = snp::parse_report(cpu_.report.bytes);
    world_.policy_text.releases = to_hex(parsed->measurement);
    hardware_ = "[snp.min_tcb.Genoa]\nboot_loader = 1\ntee = 0\nsnp = 1\nmicrocode = 1\n";
    exceptions_ = "no_revocation = true\n";
  }
  void tdx(const std::string& quote, const std::string& set, UnixSeconds now) {
    cpu_.report = {std::string(kTdxQuoteType), testkit::evidence_file("tdx/quotes/" + quote + "/quote.bin")};
    at(now);
    const std::string folder = "tdx/collateral/" + set + "/";
    const auto text = [&](const std::string& file) { return std::string(as_text(testkit::evidence_file(folder + file))); };
    const auto document = [&](const std::string& member, const std::string& name) {
      const std::string whole =
          "{\"" + member + "\":" + text(name + ".json") + ",\"signature\":\"" + text(name + ".sig.hex").substr(0, 128) + "\"}";
      return Item{std::string(kJsonType), Bytes(whole.begin(), whole.end())};
    };
    cpu_.chain.clear();
    cpu_.collateral = {{"tcb-info", document("tcbInfo", "tcb_info")},
                       {"qe-identity", document("enclaveIdentity", "qe_identity")},
                       {"tcb-signing-chain", {std::string(kPemType), testkit::evidence_file(folder + "tcb_signing_chain.pem")}},
                       {"root-ca-crl", {std::string(kCrlType), testkit::evidence_file(folder + "root_ca_crl.der")}},
                       {"pck-crl", {std::string(kCrlType), testkit::evidence_file(folder + "pck_crl.der")}}};
    const tdx::Quote parsed = *tdx::parse_quote(cpu_.report.bytes);
    world_.policy_text.releases = to_hex(tdx_release(std::get<tdx::TdReport>(parsed.body)));
    hardware_ = "[tdx]\nmin_evaluation = 1\n";
    exceptions_.clear();
  }

  Verdict judged() {
    const std::string text = world_.policy_text.text() + exceptions_ + hardware_;
    auto policy = policy::parse(as_bytes(text));
    OPENPCC_CHECK(policy.has_value());
    const Bytes evidence = encode_evidence(world_.claims.encode(), cpu_, gpus_);
    return verify(evidence, *policy, {now_, world_.beacons, std::nullopt}).verdict;
  }
  // unforetold names the rows that stay open without standing in the way, and of which nobody was told by the policy's lint.
  std::set<std::string_view> unforetold() {
    const auto advice = policy::lint(as_bytes(world_.policy_text.text() + exceptions_ + hardware_), now_);
    OPENPCC_CHECK(advice.has_value());
    std::set<std::string, std::less<>> told;
    for (const auto& one : *advice) told.insert(one.about);
    std::set<std::string_view> out;
    const Verdict verdict = judged();
    for (const Row& row : verdict.rows()) {
      const bool open = row.state == State::not_checked || row.state == State::not_provable;
      if (open && !row.required && !told.contains(to_string(row.property))) out.insert(to_string(row.property));
    }
    return out;
  }
  static std::map<Property, std::string_view> refusals(const Verdict& verdict) {
    std::map<Property, std::string_view> out;
    for (const Row& row : verdict.rows()) {
      if (row.state == State::failed) out[row.property] = row.rule.id();
    }
    return out;
  }
};

}  // namespace openpcc::attest
