// What was measured, step by step: each register, each extend of it and what that covers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "openpcc/core/bytes.h"

namespace openpcc::measure {

// Bank is a hash algorithm by its TPM_ALG_ID. SHA-1 has none here: nothing that it says can be relied on.
enum class Bank : uint16_t { sha256 = 0x0b, sha384 = 0x0c, sha512 = 0x0d };
std::string_view to_string(Bank bank);  // "sha256"
std::optional<Bank> bank_of(std::string_view name);
Bytes digest(Bank bank, ByteSpan bytes);
size_t digest_bytes(Bank bank);

// Extend is one step of one register.
struct Extend {
  std::string reg;      // "MEASUREMENT", "MRTD", "RTMR0", "PCR11"
  std::string what;     // what was measured, for people: "kernel hashes", "separator"
  std::string input;    // where it came from: a file's role ("firmware", "uki"), "vmm" for what the host's software makes up, "constant"
  uint64_t offset = 0;  // in the input
  uint64_t size = 0;    // bytes covered
  std::optional<uint64_t> gpa;
  Bytes digest;  // of what is covered
  Bytes after;   // the register's value after this step; empty within MRTD, which is one hash over all
};
using Trace = std::vector<Extend>;

struct Register {
  std::string name;
  Bytes value;
};

// Proof says which published pair of inputs and value went the same way through this library (its tests hold them against each other). No
// pair: nobody has published one, and the aspect is unverified.
struct Proof {
  std::string aspect;
  std::string pair;
};

// Alternative is what a step's digest would be had something else been given or done: what a difference is explained with.
struct Alternative {
  std::string reg;
  std::string what;  // the step's
  std::string why;   // "with 4 GiB of memory"
  Bytes digest;      // of the step; for MRTD the register's value
};

// Measurement is a result: values, how they came about, and what was given.
struct Measurement {
  std::string technology;  // "snp", "tdx" or "tpm"
  Bank bank = Bank::sha384;
  std::vector<Register> registers;
  std::vector<Proof> proofs;
  std::vector<std::pair<std::string, std::string>> parameters;  // what was given, so that a difference can be explained by trying others
  std::vector<Alternative> alternatives;
  Trace trace;

  // value is empty for a register that was not computed.
  ByteSpan value(std::string_view reg) const;
  // parameter is empty where none of the name was given.
  std::string_view parameter(std::string_view name) const;
};

// Replayer extends registers as hardware does: register := H(register ‖ digest), from zero.
class Replayer {
 public:
  explicit Replayer(Bank bank) : bank_(bank) {}

  // extend appends `step` with its `after` filled in. A digest of another size than the bank's is a bug of the caller.
  void extend(Extend step);
  // start makes a register known that may never be extended, or begins at another value than zero.
  void start(const std::string& reg, Bytes start);
  // finish gives the registers in the order in which they were first named.
  void finish(Measurement& out) &&;

 private:
  Bytes& value(const std::string& reg);

  Bank bank_;
  std::vector<Register> registers_;
  Trace trace_;
};

}  // namespace openpcc::measure
