#include "program.h"

#include "openpcc/crypto/random.h"
#include "openpcc/daemon/supervisor.h"

namespace openpcc::app {
namespace {

http::ClientLimits engine_limits(const node::NodeConfig& config) {
  http::ClientLimits limits;
  limits.head_timeout = config.answer_time_max;
  limits.idle_timeout = config.answer_time_max;
  return limits;
}

http::ClientLimits probe_limits() {
  http::ClientLimits limits;
  limits.connect_timeout = http::Milliseconds(2'000);
  limits.head_timeout = http::Milliseconds(60'000);  // a canary may be the first question that a large model is asked
  limits.idle_timeout = http::Milliseconds(60'000);
  return limits;
}

// Program holds everything that a node works with; what is used by others stands above them.
struct Program {
  Program(daemon::Daemon& daemon, node::NodeConfig config, node::KeyringConfig keys, std::unique_ptr<attest::Attester> made_tee)
      : tee(std::move(made_tee)),
        keyring(std::move(keys), *tee, random),
        client(http::Client::create(daemon.loop(), nullptr, engine_limits(config))),
        probe(http::Client::create(daemon.loop(), nullptr, probe_limits())),
        watch(config.engine, config.models, daemon.loop(), *probe, random, daemon.metrics(), daemon.log()),
        supervisor(daemon.loop(), [&daemon](const std::string&) { daemon.log().write(daemon::Event::engine_restarted); }),
        node(std::move(config), keyring, watch,
             {daemon.loop(), *client, daemon.clock(), &std::chrono::steady_clock::now, random, daemon.metrics(), daemon.log()}) {}

  crypto::SystemRandom random;
  std::unique_ptr<attest::Attester> tee;
  node::Keyring keyring;
  std::unique_ptr<http::Client> client;
  std::unique_ptr<http::Client> probe;
  node::EngineWatch watch;
  daemon::Supervisor supervisor;
  node::Node node;
};

// The two background tasks own the program, so that it outlives what they wait for.
http::Task<> tend_keys(std::shared_ptr<Program> program) { co_await program->node.tend_keys(); }
http::Task<> watch_engine(std::shared_ptr<Program> program) { co_await program->watch.run(); }
http::Task<> stop_engine(std::shared_ptr<Program> program) {
  const http::Milliseconds most(10'000);
  co_await program->supervisor.stop_all(most);
}

}  // namespace

Result<> start_node(daemon::Daemon& daemon, const NodeSettings& settings, const MakeTee& make_tee) {
  OPENPCC_LET(node::NodeConfig config, settings.node_config());
  OPENPCC_LET(node::KeyringConfig keys, settings.keyring_config(daemon.options().file_bytes()));
  crypto::SystemRandom random;
  OPENPCC_LET(std::unique_ptr<attest::Attester> tee, make_tee(random));
  const auto program = std::make_shared<Program>(daemon, std::move(config), std::move(keys), std::move(tee));
  if (!settings.engine_command.empty()) {
    OPENPCC_TRY(program->supervisor.start(settings.engine_program()));
    daemon.at_end([program] { return stop_engine(program); });
  }
  daemon.loop().spawn(tend_keys(program));
  daemon.loop().spawn(watch_engine(program));
  daemon.ready_when([program] { return program->node.ready(); });
  OPENPCC_TRY(daemon.serve(settings.listen, nullptr, [program](http::ServerExchange& exchange) { return program->node.handle(exchange); }));
  return {};
}

}  // namespace openpcc::app
