// openpcc: what a user of confidential inference runs. The command line becomes options here; each command has a file of its own.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>

#include "commands.h"
#include "measure.h"
#include "openpcc/core/calendar.h"

namespace {

using namespace openpcc::app;
using Command = std::function<int()>;

void add_output(CLI::App& command, bool& json) {
  command.add_option_function<std::string>(
             "-o,--output", [&json](const std::string& value) { json = value == "json"; }, "text or json")
      ->check(CLI::IsMember({"text", "json"}));
}

// unix_seconds turns a date and time in UTC into seconds; a number passes as it is.
CLI::Validator unix_seconds() {
  return CLI::Validator(
      [](std::string& text) -> std::string {
        if (text.find_first_not_of("-0123456789") == std::string::npos) return {};
        openpcc::CalendarTime t{};
        int read = 0;
        const int fields =
            std::sscanf(text.c_str(), "%4ld-%2ld-%2ldT%2ld:%2ld:%2ldZ%n", &t.year, &t.month, &t.day, &t.hour, &t.minute, &t.second, &read);
        const auto seconds = openpcc::unix_seconds(t);
        if (fields != 6 || static_cast<size_t>(read) != text.size() || !seconds) return "not a time: " + text;
        text = std::to_string(*seconds);
        return {};
      },
      "TIME");
}

void add_at(CLI::App& command, std::optional<int64_t>& at, const std::string& verb) {
  command.add_option("--at", at, verb + " as of this time, unix seconds or 2026-01-31T12:00:00Z (default: now)")->transform(unix_seconds());
}

void add_up(CLI::App& app, Command& chosen) {
  const auto options = std::make_shared<UpOptions>();
  CLI::App* up = app.add_subcommand("up",
                                    "Start a whole deployment on this machine: engines, nodes, gateway, two relays, directory, proxy.\n"
                                    "The nodes run in a simulated TEE: every program and every check is real, the hardware is not.");
  up->add_option("--folder", options->folder, "where keys, configurations, logs and captures go (default: a temporary folder)");
  up->add_option("--port", options->port, "where applications connect; 0: any free port")->capture_default_str();
  up->add_option("--nodes", options->nodes, "how many nodes")->check(CLI::Range(1, 32))->capture_default_str();
  up->add_option("--gpus", options->gpus, "simulated GPUs of each node")->check(CLI::Range(0, 16))->capture_default_str();
  up->add_option("--engine", options->engines,
                 "an OpenAI-compatible server, http://host:port or unix:/path (repeatable; default: the demo engine)");
  up->add_option("--engine-kind", options->engine_kind, "what the engines are")
      ->check(CLI::IsMember({"openai", "vllm", "llama.cpp"}))
      ->capture_default_str();
  up->add_option("--engine-canary", options->engine_canary, "where the engines are asked something before a node is ready")
      ->capture_default_str();
  up->add_option("--model", options->model, "the model that the engines serve")->capture_default_str();
  up->add_flag("--record", options->record, "keep what crosses each hop in <folder>/capture, to see what each party saw");
  up->add_option("--engine-ttft", options->engine_ttft, "demo engine: time to the first token")->capture_default_str();
  up->add_option("--engine-tpot", options->engine_tpot, "demo engine: time for each further token")->capture_default_str();
  up->callback([options, &chosen] { chosen = [options] { return run_up(*options); }; });
}

void add_chat(CLI::App& app, Command& chosen) {
  const auto options = std::make_shared<ChatOptions>();
  CLI::App* chat = app.add_subcommand("chat", "Ask one question through the local proxy and stream the answer.");
  chat->add_option("prompt", options->prompt, "the question (default: standard input)");
  chat->add_option("--proxy", options->proxy, "where the proxy listens")->capture_default_str();
  chat->add_option("--model", options->model, "which model to ask (default: the first one offered)");
  chat->add_option("--api-key-file", options->api_key_file, "the proxy's key, where it has one");
  chat->callback([options, &chosen] { chosen = [options] { return run_chat(*options); }; });
}

void add_verify(CLI::App& app, Command& chosen) {
  const auto options = std::make_shared<VerifyOptions>();
  CLI::App* verify = app.add_subcommand(
      "verify",
      "Judge evidence or a directory bundle by a policy, and say why.\n"
      "A platform's bare evidence (AMD SEV-SNP, Intel TDX or SGX, NVIDIA, AWS Nitro, an Azure VM) needs no policy: give it with\n"
      "what vouches for it, in any order and form, or as the one bundle that `openpcc collateral fetch` writes. So does a TPM's\n"
      "quote, with its signature, its key or the key's certificates, the PCR values as JSON, and the event log. A policy judges\n"
      "a bare SEV-SNP report or TDX quote as a platform; it speaks of no node, so that no exit code of a node's is given.\n"
      "Exit codes: 0 accepted, 3 accepted but simulated, 4 accepted as a platform by a policy, and no node, 10 rejected,\n"
      "20 unsupported, 30 malformed, 2 wrong options, 1 a file that cannot be read, or internal.");
  verify
      ->add_option(
          "files", options->files,
          "a node's evidence or its list of keys, a bundle with <file>.sig beside it, or a platform's report and what vouches for it")
      ->required();
  verify->add_option("--policy", options->policy, "what must be proven (TOML); of a platform's report: what it can prove of that");
  add_at(*verify, options->at, "judge");
  verify->add_option("--measurement", options->measurements, "a platform's report: what must have been measured, hexadecimal (repeatable)");
  verify->add_option("--report-data", options->report_data, "a platform's report: what it must have been made for, 64 bytes, hexadecimal");
  verify->add_option("--pcr", options->pcrs, "a TPM's quote: what a PCR must hold, e.g. sha256:7=<hexadecimal> (repeatable)");
  verify->add_option("--pcr-selection", options->selection,
                     "a TPM's quote: the PCRs that it must cover, e.g. 0,1,7 or all (default: those of --pcr)");
  verify->add_option(
      "--nonce", options->nonce,
      "a TPM's quote, a Nitro document, or a GPU's or switch's report (32 bytes): what it must have been asked with, hexadecimal");
  verify->add_option("--public-key", options->public_key, "a Nitro document: the public key that it must hold, hexadecimal");
  verify->add_flag("--nitro-tpm", options->instances,
                   "a Nitro document: an instance's NitroTPM will do, though its memory is its operating system's to protect");
  verify->add_option("--gpus", options->gpus, "NVIDIA's devices: how many GPUs there must be");
  verify->add_option("--switches", options->switches, "NVIDIA's devices: how many switches there must be");
  verify->add_option("--attestation-key", options->attestation_keys,
                     "a TPM's quote: the key that counts, with certificates or without; SHA-256 of its SubjectPublicKeyInfo (repeatable)");
  verify->add_option("--beacon", options->beacons, "a freshness beacon that the evidence may refer to (repeatable)");
  verify->add_flag("--explain", options->explain, "say for each property what was expected, what was seen, and what to do");
  add_output(*verify, options->json);
  verify->callback([options, &chosen] { chosen = [options] { return run_verify(*options); }; });
}

void add_policy(CLI::App& app, Command& chosen) {
  CLI::App* policy = app.add_subcommand("policy", "Policies: what a client demands of nodes.");
  policy->require_subcommand(1);
  const auto options = std::make_shared<PolicyLintOptions>();
  CLI::App* lint =
      policy->add_subcommand("lint",
                             "Say what a policy will do: each exception and what it costs, what will not be checked, what can never apply\n"
                             "or is over. What is wrong in a file is said with its line and a remedy.\n"
                             "Exit codes: 0 no warning, 10 warnings, 30 a file is no policy, 1 a file cannot be read.");
  lint->add_option("files", options->files, "policies (TOML)")->required();
  add_at(*lint, options->at, "read");
  add_output(*lint, options->json);
  lint->callback([options, &chosen] { chosen = [options] { return run_policy_lint(*options); }; });
}

void add_inspect(CLI::App& app, Command& chosen) {
  const auto options = std::make_shared<InspectOptions>();
  CLI::App* inspect =
      app.add_subcommand("inspect",
                         "Show every field of a platform's report, of what vouches for one, or of an event log, with its meaning.\n"
                         "Nothing is verified: openpcc verify does that.");
  inspect->add_option("file", options->file, "a report, a quote, an event log, a key, a certificate, a revocation list, a bundle of them")
      ->required();
  add_output(*inspect, options->json);
  inspect->callback([options, &chosen] { chosen = [options] { return run_inspect(*options); }; });
}

void add_collateral_fetch(CLI::App& parent, Command& chosen) {
  const auto options = std::make_shared<CollateralOptions>();
  CLI::App* fetch = parent.add_subcommand(
      "fetch",
      "Complete a report to a bundle: one file that `openpcc verify` judges with nothing else, and without a network.\n"
      "AMD is asked for the chip's certificate at its reported TCB, the certificates above it and the revocation list; Intel for TCB "
      "info,\n"
      "identity of the quoting enclave and two revocation lists. The vendor learns your address and which chip (AMD) or platform model "
      "(Intel) you ask about.\n"
      "Each answer is verified for this report before it is used or kept, and what is kept is verified again. A VLEK's certificate is "
      "served\n"
      "by nobody: give it, or the host's certificate table (auxblob of configfs-tsm).\n"
      "HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR count. What happens is said on standard error.\n"
      "Exit codes: 0 written, 10 not genuine or not known to the vendor, 20 unsupported, 30 malformed, 1 no answer or no file, 2 usage.");
  fetch->add_option("files", options->files, "a report or quote, and what its host gave beside it")->required();
  fetch->add_option("--out", options->out, "the bundle to write (default: the report's name with .bundle.json)");
  auto* cache = fetch->add_option("--cache", options->cache, "where answers are kept (default: openpcc/collateral in ~/.cache)");
  auto* no_cache = fetch->add_flag("--no-cache", options->no_cache, "keep nothing, and use nothing that was kept")->excludes(cache);
  fetch->add_flag("--offline", options->offline, "ask nobody: what is given and kept must do")->excludes(no_cache);
  add_at(*fetch, options->at, "judge");
  fetch->add_option("--amd", options->amd_url, "a service in place of https://kdsintf.amd.com (http:// on loopback alone)");
  fetch->add_option("--intel", options->intel_url,
                    "one in place of https://api.trustedservices.intel.com and https://certificates.trustedservices.intel.com");
  auto* early = fetch->add_flag("--tcb-early", options->early, "Intel's evaluation ahead of the one in force");
  fetch->add_option("--tcb-number", options->tcb_number, "Intel's evaluation of this tcbEvaluationDataNumber")->excludes(early);
  fetch->add_option("--ca-file", options->ca_file, "authorities that vouch for the servers, PEM");
  fetch->add_option("--timeout", options->timeout_s, "seconds for one answer")->check(CLI::Range(1, 3600))->capture_default_str();
  add_output(*fetch, options->json);
  fetch->callback([options, &chosen] { chosen = [options] { return run_collateral_fetch(*options); }; });
}

void add_collateral(CLI::App& app, Command& chosen) {
  CLI::App* collateral =
      app.add_subcommand("collateral",
                         "What vouches for the report of a real CPU: fetch it from AMD or Intel once, verify it anywhere.\n"
                         "No other command of openpcc asks AMD or Intel anything.");
  collateral->require_subcommand(1);
  add_collateral_fetch(*collateral, chosen);
  const auto options = std::make_shared<CollateralShowOptions>();
  CLI::App* show = collateral->add_subcommand("show", "Show what is in a bundle, and until when each piece holds. Nothing is verified.");
  show->add_option("file", options->file, "a bundle")->required();
  add_output(*show, options->json);
  show->callback([options, &chosen] { chosen = [options] { return run_collateral_show(*options); }; });
}

void add_keygen(CLI::App& app, Command& chosen) {
  const auto options = std::make_shared<KeygenOptions>();
  CLI::App* keygen = app.add_subcommand("keygen", "Make a key file for a party of a deployment.");
  keygen->add_option("kind", options->kind, "gateway, directory or beacon")->required();
  keygen->add_option("--name", options->name, "name in the signatures of a directory or beacon key, e.g. example.org/directory");
  keygen->add_option("--out", options->out, "the file to write; it must not exist")->required();
  add_output(*keygen, options->json);
  keygen->callback([options, &chosen] { chosen = [options] { return run_keygen(*options); }; });
}

void add_seal(CLI::App& app, Command& chosen) {
  const auto options = std::make_shared<SealOptions>();
  CLI::App* seal = app.add_subcommand("seal",
                                      "Seal one request to verified nodes, for a client with an Oblivious HTTP layer of its own:\n"
                                      "it posts the result to https://<gateway>/v1/envelope inside its own encapsulation.");
  seal->add_option("request", options->request, "file with the JSON body")->required();
  seal->add_option("--bundle", options->bundle, "the directory bundle, with <file>.sig beside it")->required();
  seal->add_option("--policy", options->policy, "what a node must prove (TOML)")->required();
  seal->add_option("--path", options->path, "the API's path")->capture_default_str();
  seal->add_option("--profile", options->profile, "low-latency, balanced or strict")->capture_default_str();
  seal->add_option("--recipients", options->recipients, "nodes that can open it")->check(CLI::Range(1, 4))->capture_default_str();
  seal->add_option("--out", options->out, "where the sealed body goes")->required();
  seal->add_option("--state", options->state, "where `openpcc open` finds the keys of the answer: a secret, readable by you alone")
      ->required();
  seal->callback([options, &chosen] { chosen = [options] { return run_seal(*options); }; });
}

void add_open(CLI::App& app, Command& chosen) {
  const auto options = std::make_shared<OpenOptions>();
  CLI::App* open = app.add_subcommand("open", "Open the answer to a request that `openpcc seal` sealed.");
  open->add_option("answer", options->answer, "file with the answer's body (application/vnd.openpcc.answer)")->required();
  open->add_option("--state", options->state, "what `openpcc seal` left")->required();
  open->callback([options, &chosen] { chosen = [options] { return run_open(*options); }; });
}

void add_doctor(CLI::App& app, Command& chosen) {
  const auto options = std::make_shared<DoctorOptions>();
  CLI::App* doctor = app.add_subcommand(
      "doctor",
      "Find out what is wrong with the local proxy's configuration, or with its way to the nodes, and how to put it right.\n"
      "It follows the way of a request: configuration, policy, roots and outgoing proxy, each relay, the bundle and the clock, gateway,\n"
      "nodes, models, and who answers where applications connect. Each check is ok, a warning (requests pass), a problem (they do not,\n"
      "or will not), or not checked. Nothing is sent that names you or holds content; --ask sends the word Hello.\n"
      "Exit codes: 0 no problem, 10 a problem, 2 usage.");
  doctor->add_option("--config", options->config,
                     "the proxy's configuration (default: openpcc/proxy.toml in ~/.config); OPENPCC_* count, too");
  add_at(*doctor, options->at, "judge");
  doctor->add_flag("--ask", options->ask, "ask the first model for one token, through the whole path");
  add_output(*doctor, options->json);
  doctor->callback([options, &chosen] { chosen = [options] { return run_doctor(*options); }; });
}

// proxy and directory build are daemons: everything after their name is theirs (daemon::Options).
std::optional<int> run_daemon_command(int argc, char** argv) {
  const std::string first = argc > 1 ? argv[1] : "";
  const std::string second = argc > 2 ? argv[2] : "";
  if (first == "proxy") return run_proxy(argc - 1, argv + 1);
  if (first == "directory" && second == "build") return run_directory_build(argc - 2, argv + 2);
  return std::nullopt;
}

}  // namespace

int main(int argc, char** argv) {
  if (const auto code = run_daemon_command(argc, argv)) return *code;
  CLI::App app(
      "Prompts to language models on other people's machines, readable by attested code alone.\n"
      "`openpcc up` shows the whole of it on this machine.");
  app.require_subcommand(1);
  Command chosen;
  add_up(app, chosen);
  add_chat(app, chosen);
  add_verify(app, chosen);
  add_inspect(app, chosen);
  add_policy(app, chosen);
  add_collateral(app, chosen);
  add_measure(app, chosen);
  add_keygen(app, chosen);
  add_doctor(app, chosen);
  add_seal(app, chosen);
  add_open(app, chosen);
  app.add_subcommand("proxy", "The local proxy: an OpenAI-compatible base URL for your applications (see openpcc proxy --help).");
  app.add_subcommand("directory", "directory build: collect evidence, publish the signed bundle (see openpcc directory build --help).");
  bool version_json = false;
  CLI::App* version = app.add_subcommand("version", "What this is, and what it was built with.");
  add_output(*version, version_json);
  version->callback([&] { chosen = [&] { return run_version(version_json); }; });
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(kUsage);
  }
  return chosen ? chosen() : static_cast<int>(kUsage);
}
