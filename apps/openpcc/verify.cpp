// `openpcc verify`: judges files as a client would, and says why.
#include "openpcc/attest/verify.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <ctime>

#include "commands.h"
#include "files.h"
#include "openpcc/attest/key_list.h"
#include "openpcc/directory/bundle.h"
#include "openpcc/directory/nodes.h"
#include "verify_platform.h"

namespace openpcc::app {
namespace {

std::string quoted(const std::filesystem::path& file) { return boost::json::serialize(boost::json::string(file.string())); }

// Report gathers what is printed, and the worst outcome for the exit code.
class Report {
 public:
  explicit Report(const VerifyOptions& options) : options_(options) {}

  void verdict(const std::filesystem::path& file, const attest::Verdict& verdict) {
    worst(verdict.exit_code());
    if (options_.json) {
      entries_.push_back(fmt::format("{{\"file\":{},\"verdict\":{}}}", quoted(file), verdict.json()));
    } else {
      fmt::print("{}\n{}\n", file.string(), verdict.text(options_.explain));
    }
  }

  void refusal(const std::filesystem::path& file, const Error& error) {
    worst(error.code == Code::unsupported                              ? kUnsupported
          : error.code == Code::malformed || error.code == Code::limit ? kMalformed
                                                                       : kReject);
    if (options_.json) {
      entries_.push_back(fmt::format("{{\"file\":{},\"rule\":\"{}\"}}", quoted(file), error.rule.id()));
    } else {
      fmt::print("{}\n  refused by {}\n", file.string(), told(error));
    }
  }

  int finish() {
    if (options_.json) fmt::print("[{}]\n", fmt::join(entries_, ","));
    return worst_;
  }

 private:
  // A simulated acceptance is worse than a real one, and any refusal worse than both.
  void worst(int code) { worst_ = std::max(worst_, code); }

  const VerifyOptions& options_;
  std::vector<std::string> entries_;
  int worst_ = kAccept;
};

class Verifier {
 public:
  Verifier(const VerifyOptions& options, std::shared_ptr<const policy::Policy> policy, std::vector<note::VerifiedBeacon> beacons,
           Report& report)
      : now_(options.at ? *options.at : std::time(nullptr)), policy_(std::move(policy)), beacons_(std::move(beacons)), report_(report) {}

  // verify recognises what it is given: a node's list of keys, a bundle with bundle.sig beside it, or one piece of evidence.
  Result<> verify(const std::filesystem::path& file) {
    OPENPCC_LET(const Bytes bytes, read_bounded(file, directory::kBundleBytesMax));
    if (const auto keys = attest::parse_key_list(bytes)) {
      for (const Bytes& evidence : *keys) appraise(file, evidence);
      return {};
    }
    auto signature = file;
    signature += ".sig";
    if (std::filesystem::exists(signature)) return verify_bundle(file, bytes, signature);
    appraise(file, bytes);
    return {};
  }

 private:
  void appraise(const std::filesystem::path& file, ByteSpan evidence) {
    const attest::Circumstances circumstances{now_, beacons_, std::nullopt};
    report_.verdict(file, attest::verify(evidence, *policy_, circumstances).verdict);
  }

  Result<> verify_bundle(const std::filesystem::path& file, ByteSpan bundle, const std::filesystem::path& signature_file) {
    OPENPCC_LET(const Bytes signature, read_bounded(signature_file, note::kNoteBytesMax));
    const policy::Requirements& required = policy::requirements(*policy_);
    const directory::Trust trust{required.directory_key, required.beacon_key, required.deployment};
    OPENPCC_LET(const directory::VerifiedBundle verified, directory::verify_bundle(bundle, signature, trust, now_, std::nullopt));
    directory::NodeSet nodes(policy_);
    nodes.update(verified, now_);
    for (const directory::Entry& entry : nodes.entries()) {
      if (entry.verdict != nullptr) report_.verdict(file, *entry.verdict);
    }
    return {};
  }

  UnixSeconds now_;
  std::shared_ptr<const policy::Policy> policy_;
  std::vector<note::VerifiedBeacon> beacons_;
  Report& report_;
};

Result<std::vector<note::VerifiedBeacon>> read_beacons(const VerifyOptions& options, const note::VerifierKey& key) {
  std::vector<note::VerifiedBeacon> out;
  for (const auto& file : options.beacons) {
    OPENPCC_LET(const Bytes text, read_bounded(file, note::kNoteBytesMax));
    OPENPCC_LET(note::VerifiedBeacon beacon, note::verify_beacon(text, key));
    out.push_back(std::move(beacon));
  }
  return out;
}

Result<int> verify_all(const VerifyOptions& options) {
  OPENPCC_LET(const std::optional<int> platform, verify_as_platform(options));
  if (platform) return *platform;
  if (options.policy.empty()) {
    return fail(Code::rejected, "app.verify.policy", "a node's evidence and bundles are judged by a policy: name one with --policy");
  }
  if (const std::string_view option = demanded_of_platform(options); !option.empty()) {
    return fail(Code::rejected, "app.verify.node",
                std::string(option) + " is for a platform's bare evidence, and this is a node's: leave it out");
  }
  OPENPCC_LET(const Bytes text, read_bounded(options.policy, policy::kPolicyBytesMax));
  OPENPCC_LET(policy::Policy parsed, policy::parse(text));
  const auto policy = std::make_shared<const policy::Policy>(std::move(parsed));
  OPENPCC_LET(auto beacons, read_beacons(options, policy::requirements(*policy).beacon_key));
  Report report(options);
  Verifier verifier(options, policy, std::move(beacons), report);
  for (const auto& file : options.files) {
    const auto verified = verifier.verify(file);
    if (!verified) report.refusal(file, verified.error());
  }
  return report.finish();
}

int exit_code_of(const Error& error) {
  const std::string_view rule = error.rule.id();
  if (rule.starts_with("app.verify.")) return kUsage;
  if (error.code == Code::malformed) return kMalformed;
  if (!rule.starts_with("platform.") && !rule.starts_with("attest.")) return kInternal;
  return error.code == Code::limit ? kMalformed : error.code == Code::unsupported ? kUnsupported : kReject;
}

}  // namespace

int run_verify(const VerifyOptions& options) {
  const auto code = verify_all(options);
  if (code) return *code;
  fmt::print(stderr, "openpcc verify: {}\n", told(code.error()));
  return exit_code_of(code.error());
}

}  // namespace openpcc::app
