// openpcc-node: the node for real TEEs.
#include "program.h"

namespace {

using namespace openpcc;

constexpr int kUnsupported = 20;

// collector is the line at which each TEE's collector is linked in. Without one there is nothing that could prove what this program is,
// and a node that cannot prove it must not take requests.
app::MakeTee collector() { return nullptr; }

}  // namespace

int main(int argc, char** argv) {
  app::NodeSettings settings;
  daemon::Options options(
      {"openpcc-node",
       "Opens sealed requests inside a TEE, lets the inference engine beside it answer, and seals the answer. Its keys never "
       "leave it, and its evidence shows what it runs."});
  settings.declare(options);
  const app::MakeTee make_tee = collector();
  int unsupported = 0;
  const int status = daemon::run(argc, argv, std::move(options), [&](daemon::Daemon& daemon) -> Result<> {
    if (make_tee) return app::start_node(daemon, settings, make_tee);
    unsupported = kUnsupported;
    return fail(Code::unsupported, "node.tee.none",
                "this build has no evidence collector for AMD SEV-SNP, Intel TDX or NVIDIA GPUs, so it cannot prove what it runs; "
                "for development without a TEE use openpcc-node-sim");
  });
  return unsupported != 0 ? unsupported : status;
}
