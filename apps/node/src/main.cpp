// openpcc-node: the node for real TEEs.
#include "collector.h"
#include "openpcc/collect/background.h"
#include "program.h"

namespace {

constexpr int kUnsupported = 20;

}  // namespace

int main(int argc, char** argv) {
  using namespace openpcc;
  app::NodeSettings settings;
  app::CollectorSettings collector;
  daemon::Options options(
      {"openpcc-node",
       "Opens sealed requests inside a TEE, lets the inference engine beside it answer, and seals the answer. Its keys never "
       "leave it, and its evidence shows what it runs."});
  settings.declare(options);
  collector.declare(options);
  bool unsupported = false;
  const int status = daemon::run(argc, argv, std::move(options), [&](daemon::Daemon& daemon) -> Result<> {
    // A node that cannot prove what it runs must not take requests, and says so before it listens.
    auto machine = collector.make_tee();
    if (!machine) {
      unsupported = machine.error().code == Code::unsupported;
      return std::unexpected(std::move(machine).error());
    }
    const collect::Source& source = (*machine)->source();
    daemon.log().write(daemon::Event::evidence_source, {daemon::Field::source(source.name())});
    if (source.recorded()) daemon.log().write(daemon::Event::evidence_recorded);
    return app::start_node(daemon, settings, [&](Random&) -> Result<std::unique_ptr<attest::Attester>> {
      return std::make_unique<collect::Background>(*machine);
    });
  });
  return unsupported ? kUnsupported : status;
}
