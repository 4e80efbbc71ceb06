// Watches the engine: is it there, does it serve the models, did it answer a canary, and does it keep requests apart? A node is ready only
// after all of that, again after each time that the engine was away, however short: an engine that ended closes a connection which is held
// for nothing else.
#pragma once

#include <set>
#include <span>
#include <string>

#include "openpcc/daemon/log.h"
#include "openpcc/daemon/metrics.h"
#include "openpcc/http/client.h"
#include "openpcc/node/engine.h"
#include "openpcc/node/engine_profile.h"
#include "openpcc/node/request_filter.h"

namespace openpcc::node {

class EngineWatch {
 public:
  // The references outlive it. `probe` has time limits that are good for a canary.
  EngineWatch(Engine engine, std::vector<Model> models, http::Loop& loop, http::Client& probe, Random& random, daemon::Metrics& metrics,
              daemon::Log& log);

  // run asks for as long as the loop runs.
  http::Task<> run();
  // ready: this very engine passed everything, and has not ended since. It is false before another could listen in its place.
  bool ready() const { return ready_; }
  // kept_apart says whether requests of this path may be passed on: false where the engine was seen to share cached prefixes between two
  // of them although their salts differ. True also where nothing could be seen: the engine does not say, or no question can be put (ADR 0009).
  bool kept_apart(std::string_view path) const { return !sharing_.contains(path); }

 private:
  http::Task<> hold_connection();
  void lost();
  http::Task<Result<>> check();
  http::Task<Result<>> check_models();
  http::Task<Result<>> ask_canary();
  http::Task<> find_sharing();
  http::Task<bool> shared_by_any_model(std::string path);
  http::Task<bool> shares(std::string path, std::string model);
  http::Task<std::optional<uint64_t>> cached_by(std::string path, std::string model, std::string prompt);
  http::Task<> report_load();
  http::Task<Result<http::Client::Answer>> get(std::string_view path);
  http::Task<Result<http::Client::Answer>> post(const Canary& canary);
  std::string fresh_salt();
  void note(const Result<>& checked);

  Engine engine_;
  std::vector<Model> models_;
  http::Loop& loop_;
  http::Client& probe_;
  Random& random_;
  daemon::Metrics& metrics_;
  daemon::Log& log_;
  std::set<std::string, std::less<>> sharing_;
  bool ready_ = false;
  bool present_ = false;           // something listens, and has done so since losses_ changed
  uint64_t losses_ = 0;            // how often nothing listened
  http::Event changed_;            // present_ did
  std::string_view last_failure_;  // a rule id, so that the log says a lasting failure once
};

}  // namespace openpcc::node
