// openpcc-demo-engine: an engine without a model.
#include "engine.h"
#include "openpcc/daemon/daemon.h"

using namespace openpcc;

namespace {

struct Settings {
  http::Endpoint listen{.kind = http::Endpoint::Kind::tcp, .host = "127.0.0.1", .port = 8000, .base_path = ""};
  demo_engine::EngineSettings engine;
  std::string fault = "none";
  bool fault_control = false;

  void declare(daemon::Options& options) {
    options.add("listen", listen, "where the OpenAI API is served");
    options.add("model", engine.served.name, "the model that it claims to be");
    options.add("max_model_len", engine.served.max_model_len, daemon::Range{256, 1'048'576}, "tokens of prompt and answer together");
    options.add("ttft", engine.schedule.first_token, "time to the first token, from the request's turn");
    options.add("tpot", engine.schedule.each_token, "time between two tokens");
    options.add("concurrency", engine.concurrency, daemon::Range{1, 65'536}, "requests answered at once; the others wait in order");
    options.add("fault", fault,
                "how every answer goes wrong: none, error, garbage, close@BYTE, stall@BYTE, hold@TOKEN or hold@TOKEN/DURATION");
    options.add("fault_control", fault_control, "whether POST /fault and POST /release on the admin endpoint change that while it runs");
    options.add("fault_header", engine.fault_header, "whether a request's field openpcc-demo-fault chooses its own fault; for tests only");
    options.check([this] { return read_fault(); });
  }

  Result<> read_fault() {
    OPENPCC_LET(engine.fault, demo_engine::Fault::parse(fault));
    return {};
  }
};

Result<> start(daemon::Daemon& daemon, const Settings& settings) {
  const auto engine = std::make_shared<demo_engine::Engine>(daemon.loop(), daemon.clock(), daemon.metrics(), settings.engine);
  if (settings.fault_control || settings.engine.fault_header || settings.fault != "none")
    daemon.log().write(daemon::Event::fault_injection);
  if (settings.fault_control) {
    daemon.serve_admin("POST", "/fault", [engine](http::ServerExchange& exchange) { return engine->handle_fault(exchange); });
    daemon.serve_admin("POST", "/release", [engine](http::ServerExchange& exchange) { return engine->handle_release(exchange); });
  }
  OPENPCC_TRY(daemon.serve(settings.listen, nullptr, [engine](http::ServerExchange& exchange) { return engine->handle(exchange); }));
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  daemon::Options options(
      {"openpcc-demo-engine",
       "An engine without a model: speaks vLLM's API and answers with a report on what reached it, at the pace that it is told."});
  settings.declare(options);
  return daemon::run(
      argc, argv, std::move(options), [&](daemon::Daemon& daemon) { return start(daemon, settings); }, "http://127.0.0.1:8001");
}
