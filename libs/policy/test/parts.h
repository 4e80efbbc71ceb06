// A policy file part by part, so that a test changes one thing.
#pragma once

#include "openpcc/policy/policy.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::policy::test {

inline std::string vkey(uint64_t seed, note::KeyType type) {
  testkit::TestRandom random(seed);
  return note::SignerKey::generate("example.org/key" + std::to_string(seed), type, random)->verifier().to_string();
}

inline const std::string kDirectory = vkey(1, note::KeyType::ed25519);
inline const std::string kBeacon = vkey(2, note::KeyType::cosignature_v1);
inline const std::string kA = std::string(64, 'a');
inline const std::string kB = std::string(64, 'b');

// The parts of a policy, each replaceable.
struct Parts {
  std::string kind = "kind = \"development\"\n";
  std::string deployment = "deployment = \"demo.example\"\n";
  std::string keys = "[keys]\ndirectory = \"" + kDirectory + "\"\nbeacon = \"" + kBeacon + "\"\n";
  std::string roots = "[roots]\nsim_cpu = \"" + to_base64(Bytes(32, 1)) + "\"\nsim_gpu = \"" + to_base64(Bytes(32, 2)) + "\"\n";
  std::string nodes = "[nodes]\n";
  std::string releases = "releases = [\"" + kA + "\"]\n";
  std::string models = "models = [\"" + kA + "\", \"" + kB + "\"]\n";
  std::string gpu = "require_gpu = true\ngpu_releases = [\"0102\"]\n";
  std::string numbers = "min_tcb = 3\nmin_gpu_tcb = 4\nmin_root_owners = 2\nfreshness_age_s = 600\n";
  std::string ledger = "chips = [\"bb\", \"aa\"]\n";
  std::string exceptions;

  std::string text() const { return kind + deployment + keys + roots + nodes + releases + models + gpu + numbers + ledger + exceptions; }
  Result<Policy> parse() const { return policy::parse(as_bytes(text())); }
  static Parts production() {
    Parts out;
    out.kind = "kind = \"production\"\n";
    out.roots.clear();
    out.numbers = "min_root_owners = 2\nfreshness_age_s = 600\n";
    return out;
  }
};

// with_tables is a production policy with these tables at its end.
inline Parts with_tables(const std::string& tables, const std::string& exceptions = "") {
  Parts parts = Parts::production();
  parts.exceptions = (exceptions.empty() ? "" : "[exceptions]\n" + exceptions) + tables;
  return parts;
}
inline const std::string kGenoa = "[snp.min_tcb.Genoa]\nboot_loader = 10\ntee = 0\nsnp = 24\nmicrocode = 84\n";

}  // namespace openpcc::policy::test
