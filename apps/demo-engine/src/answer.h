// The answer: a report on what of the request arrived, the same for the same request.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "prompt.h"

namespace openpcc::demo_engine {

// report says in plain English which fields of body and head arrived, whether anything in them could tell who asks, and how the question
// begins. Values of header fields are never repeated.
std::string report(const Prompt& prompt, const http::Fields& fields, const Served& served);

// Completion is one choice of an answer. Where the prompt demands a tool's call its text is the call's arguments.
struct Completion {
  std::vector<std::string> tokens;
  std::string_view finish_reason;          // "stop", "length" or "tool_calls"
  std::optional<std::string> stop_reason;  // the stop that was met
};
std::string text_of(const Completion& completion);

// complete cuts or fills the report to what the prompt asks for.
Completion complete(const Prompt& prompt, std::string_view text, const Served& served);

// Generation is everything that a writer gives its API's shape.
struct Generation {
  std::string id;
  UnixSeconds created = 0;
  std::string model;
  Prompt prompt;
  std::vector<Completion> completions;  // one for each prompt of the request; each stands for `prompt.choices` choices

  size_t completion_tokens() const;
  std::vector<uint32_t> steps() const;  // how many tokens each step makes
};
// generate answers a prompt with the report, or with what else it demands.
Generation generate(Prompt prompt, const Context& context, std::string_view id_prefix);

// generation_job is the job of a generation in the shape of writer W.
template <class W, class... More>
Job generation_job(Generation generation, std::string_view whole_type, std::string_view stream_type, More... more) {
  Job job{.steps = generation.steps(), .stream = generation.prompt.stream, .content_type = {}, .writer = nullptr};
  job.content_type = job.stream ? stream_type : whole_type;
  job.writer = std::make_unique<W>(std::move(generation), std::move(more)...);
  return job;
}

}  // namespace openpcc::demo_engine
