// The files of a local deployment: keys, policy, and one configuration per program, each as a person could have written it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "commands.h"
#include "openpcc/http/endpoint.h"

namespace openpcc::app {

// Party is one program of the deployment.
struct Party {
  std::string name;                  // e.g. "node-2"
  std::vector<std::string> command;  // program and arguments, without the folder of the programs
  http::Endpoint listen;             // what it serves
  http::Endpoint admin;              // /livez, /readyz, /metrics
};

// Hop is a place where a tap stands between two parties.
struct Hop {
  std::string name;  // e.g. "relay-1" : what reaches relay-1
  http::Endpoint listen;
  http::Endpoint target;
};

struct Deployment {
  std::filesystem::path folder;
  std::vector<Party> parties;  // in the order of starting
  std::vector<Hop> hops;       // empty without --record
  http::Endpoint proxy;
  std::filesystem::path policy;

  const Party* find(std::string_view name) const;
};

// prepare writes everything that the programs need into `folder`, which is empty or a deployment's from before (its keys are kept).
// Errors: app.file.*, up.ports.
Result<Deployment> prepare(const UpOptions& options, const std::filesystem::path& folder);

}  // namespace openpcc::app
