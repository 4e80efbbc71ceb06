// The bundle on disk, as the directory's builder replaces it.
#pragma once

#include <filesystem>

#include "openpcc/daemon/daemon.h"
#include "openpcc/gateway/gateway.h"

namespace openpcc::app {

// watch_bundle publishes `<folder>/bundle` and `<folder>/bundle.sig` whenever they change, for as long as the loop runs.
http::Task<> watch_bundle(daemon::Daemon& daemon, std::shared_ptr<gateway::Gateway> gateway, std::filesystem::path folder);

}  // namespace openpcc::app
