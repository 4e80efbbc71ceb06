// openpcc-node-sim: the node in a simulated TEE, for development. The only program that the maker of simulated evidence is linked into.
#include "program.h"
#include "sim_settings.h"

int main(int argc, char** argv) {
  using namespace openpcc;
  app::NodeSettings settings;
  app::SimSettings sim;
  daemon::Options options(
      {"openpcc-node-sim",
       "A node in a simulated TEE, for development: it protects nothing, and no production policy accepts its evidence."});
  settings.declare(options);
  sim.declare(options);
  return daemon::run(argc, argv, std::move(options), [&](daemon::Daemon& daemon) {
    return app::start_node(daemon, settings, [&sim](Random& random) { return sim.make_tee(random); });
  });
}
