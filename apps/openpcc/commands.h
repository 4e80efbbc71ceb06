// The commands of `openpcc`, each in a file of its own. main.cpp parses the command line into these.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace openpcc::app {

// ExitCode is what a caller's script can rely on.
enum ExitCode : int {
  kAccept = 0,
  kInternal = 1,
  kUsage = 2,
  kAcceptSimulated = 3,
  kAcceptPlatform = 4,
  kReject = 10,
  kUnsupported = 20,
  kMalformed = 30
};

struct UpOptions {
  std::filesystem::path folder;  // empty: a temporary one, removed at the end
  uint16_t port = 8787;          // of the proxy; 0: any free one
  size_t nodes = 3;
  size_t gpus = 2;                   // simulated GPUs a node: two, so that their order counts
  std::vector<std::string> engines;  // OpenAI-compatible servers by URL or unix:/path, one a node in turn; none: the demo engine
  std::string engine_canary = "/v1/chat/completions";  // where engines are asked something before a node is ready
  std::string engine_kind = "openai";                  // how a node reads the engines' health and load: openai, vllm or llama.cpp
  std::string model = "openpcc-demo";
  bool record = false;  // keep what crosses each hop in <folder>/capture
  std::string engine_ttft = "40ms";
  std::string engine_tpot = "15ms";
};
int run_up(const UpOptions& options);

struct ChatOptions {
  std::string proxy = "http://127.0.0.1:8787";
  std::string model;   // empty: the first that the proxy offers
  std::string prompt;  // empty: read from standard input
  std::filesystem::path api_key_file;
};
int run_chat(const ChatOptions& options);

struct VerifyOptions {
  std::vector<std::filesystem::path>
      files;                     // evidence of a node, its list of keys, a bundle (with bundle.sig beside it); or a platform's report
                                 // with its certificates and lists
  std::filesystem::path policy;  // empty: for a platform's report, strictly and without one
  std::vector<std::string> measurements;      // of a platform's report: hexadecimal, any of them is taken
  std::string report_data;                    // of a platform's report: hexadecimal, 64 bytes
  std::vector<std::string> pcrs;              // of a TPM's quote: "sha256:7=<hexadecimal>", any of those of one PCR is taken
  std::string selection;                      // of a TPM's quote: "0,1,7" or "all"; empty: exactly those of pcrs
  std::string nonce;                          // of a TPM's quote, a Nitro document, or a GPU's report (32 bytes): hexadecimal
  std::string public_key;                     // of a Nitro document: hexadecimal
  bool instances = false;                     // of Nitro documents: those of an instance's NitroTPM are taken, too
  std::optional<size_t> gpus, switches;       // of NVIDIA's devices: how many
  std::vector<std::string> attestation_keys;  // of TPMs: SHA-256 of SubjectPublicKeyInfo, hexadecimal
  std::optional<int64_t> at;                  // unix seconds; none: now
  std::vector<std::filesystem::path> beacons;
  bool json = false;
  bool explain = false;
};
int run_verify(const VerifyOptions& options);

struct PolicyLintOptions {
  std::vector<std::filesystem::path> files;
  std::optional<int64_t> at;  // unix seconds; none: now
  bool json = false;
};
int run_policy_lint(const PolicyLintOptions& options);

struct InspectOptions {
  std::filesystem::path file;  // a platform's report, what vouches for one, or the event log of a boot
  bool json = false;
};
int run_inspect(const InspectOptions& options);

struct CollateralOptions {
  std::vector<std::filesystem::path> files;  // a report or quote, and what its host gave beside it
  std::filesystem::path out;                 // empty: beside the report
  std::filesystem::path cache;               // empty: the user's
  bool no_cache = false;
  bool offline = false;                // nobody is asked
  std::optional<int64_t> at;           // unix seconds; none: now
  std::string amd_url, intel_url;      // empty: the vendors' own
  bool early = false;                  // Intel's evaluation ahead of the one in force
  std::optional<uint32_t> tcb_number;  // Intel's evaluation by its number
  std::filesystem::path ca_file;
  int64_t timeout_s = 30;  // of one request
  bool json = false;
};
int run_collateral_fetch(const CollateralOptions& options);

struct CollateralShowOptions {
  std::filesystem::path file;  // a bundle
  bool json = false;
};
int run_collateral_show(const CollateralShowOptions& options);

struct KeygenOptions {
  std::string kind;  // gateway, directory, beacon, sim-root
  std::string name;  // of a signing key: the origin that stands in its signatures
  std::filesystem::path out;
  bool json = false;
};
int run_keygen(const KeygenOptions& options);

struct SealOptions {
  std::filesystem::path bundle;  // with bundle.sig beside it
  std::filesystem::path policy;
  std::filesystem::path request;  // the JSON body
  std::string path = "/v1/chat/completions";
  std::string profile = "balanced";
  size_t recipients = 2;
  std::filesystem::path out;    // the body of POST /v1/envelope
  std::filesystem::path state;  // what `openpcc open` needs to read the answer: a secret
};
int run_seal(const SealOptions& options);

struct OpenOptions {
  std::filesystem::path state;
  std::filesystem::path answer;  // the body that came back
};
int run_open(const OpenOptions& options);

struct DoctorOptions {
  std::filesystem::path config;  // of the proxy; empty: where the systemd unit has it
  std::optional<int64_t> at;     // unix seconds; none: now
  bool ask = false;              // send a question through the whole path
  bool json = false;
};
int run_doctor(const DoctorOptions& options);

// The long-running commands have settings of their own (daemon::Options); `arguments` begin with the program's name.
int run_proxy(int argc, char** argv);
int run_directory_build(int argc, char** argv);

int run_version(bool json);

}  // namespace openpcc::app
