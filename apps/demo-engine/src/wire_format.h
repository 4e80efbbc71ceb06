// vLLM's answers as bytes: JSON documents and server-sent events.
#pragma once

#include <string>
#include <vector>

#include "answer.h"
#include "chat.h"
#include "openpcc/core/environment.h"

namespace openpcc::demo_engine {

// Usage counts tokens; `completion` grows while an answer streams.
struct Usage {
  size_t prompt = 0;
  size_t completion = 0;
};

// ChunkWriter makes the events of one streamed answer, in vLLM's order: for each choice role(), then text()…, then finish(); at the end
// usage() where it was asked for, then done().
class ChunkWriter {
 public:
  // `continuous_usage`: every event carries the usage so far.
  ChunkWriter(std::string id, UnixSeconds created, const std::string& model, bool continuous_usage);
  std::string role(uint32_t choice, const Usage& usage) const;
  std::string text(uint32_t choice, std::string_view token, const Usage& usage) const;
  std::string finish(uint32_t choice, const Completion& completion, const Usage& usage) const;
  std::string usage(const Usage& usage) const;
  static std::string done();

 private:
  std::string event(uint32_t choice, std::string_view delta, std::string_view ending, const Usage& usage, std::string_view tail = {}) const;

  std::string head_;  // what every event begins with
  bool continuous_usage_;
};

// whole_answer is the answer to a request that did not ask for a stream: the same completion for each of `choices`.
std::string whole_answer(const std::string& id, UnixSeconds created, const std::string& model, const Completion& completion,
                         uint32_t choices, size_t prompt_tokens);
std::string models_answer(const Served& served, UnixSeconds created);
std::string error_answer(const ApiError& error);

}  // namespace openpcc::demo_engine
