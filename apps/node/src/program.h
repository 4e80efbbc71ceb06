// What both programs do once they have a TEE.
#pragma once

#include <functional>
#include <memory>

#include "openpcc/attest/attester.h"
#include "openpcc/daemon/daemon.h"
#include "settings.h"

namespace openpcc::app {

using MakeTee = std::function<Result<std::unique_ptr<attest::Attester>>(Random&)>;

// start_node wires a node together and serves it. `settings` outlive the daemon.
Result<> start_node(daemon::Daemon& daemon, const NodeSettings& settings, const MakeTee& make_tee);

}  // namespace openpcc::app
