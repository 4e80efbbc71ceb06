// What OpenAI's chat and text completions have in common, as vLLM writes them.
#pragma once

#include "answer.h"
#include "sse.h"

namespace openpcc::demo_engine {

// Usage counts tokens; `completion` grows while an answer streams.
struct Usage {
  size_t prompt = 0;
  size_t completion = 0;
};
boost::json::object usage_object(const Usage& usage);

boost::json::value stop_reason(const Completion& completion);

// OpenAiWriter makes the events of a streamed answer: opening chunks, a chunk for each token of each choice, the endings, then the usage
// where it was asked for, and [DONE]. Subclasses say what a choice looks like.
class OpenAiWriter : public Writer {
 public:
  OpenAiWriter(Generation generation, std::string_view chunk_object);
  std::string opening() final;
  std::string token(size_t step) final;
  std::string ending() final;
  std::string whole() final;

 protected:
  // Each returns the members of one choice but its index; no choices are written for an empty object.
  virtual boost::json::object opening_choice(const Completion& completion, size_t prompt) = 0;
  virtual boost::json::object token_choice(const Completion& completion, size_t step) = 0;
  virtual boost::json::object ending_choice(const Completion& completion) = 0;
  virtual boost::json::object whole_choice(const Completion& completion, size_t prompt) = 0;
  virtual std::string_view whole_object() const = 0;
  const Generation& generation() const { return generation_; }

 private:
  std::string chunk(size_t choice, boost::json::object members, bool last = false) const;
  boost::json::object head(std::string_view object) const;

  Generation generation_;
  std::string_view chunk_object_;
  Usage usage_;
};

}  // namespace openpcc::demo_engine
