// What every API of this engine is: a function from a request's bytes to a Job, which the engine then carries out in time.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "openpcc/core/bytes.h"
#include "openpcc/core/environment.h"
#include "openpcc/http/message.h"

namespace openpcc::demo_engine {

// ApiError is what is wrong with a request, in vLLM's words; each API writes it in its own shape.
struct ApiError {
  uint16_t status = 400;
  std::string message;
  std::string type = "BadRequestError";
  std::string param = {};
};

template <class T>
using Parsed = std::expected<T, ApiError>;

// Served is the model that this engine claims to be.
struct Served {
  std::string name = "openpcc-demo";
  uint32_t max_model_len = 32'768;  // tokens of prompt and answer together
};

// Context is what an API knows beside the body. Everything in it outlives the call alone.
struct Context {
  const Served& served;
  const http::Fields& fields;
  uint64_t number;  // of this answer, for its id
  UnixSeconds now;
};

// Writer gives one answer the shape of its API. A streamed answer is opening(), token() for each step, ending(), in that order and once
// each; any other is whole().
class Writer {
 public:
  Writer() = default;
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  virtual ~Writer() = default;
  virtual std::string opening() { return {}; }
  virtual std::string token(size_t /*step*/) { return {}; }
  virtual std::string ending() { return {}; }
  virtual std::string whole() { return {}; }
};

// Job is an answer to be given: in `steps` at the pace of the engine, each making so many tokens (0: none that count).
struct Job {
  std::vector<uint32_t> steps = {};
  bool stream = false;
  std::string content_type;
  std::unique_ptr<Writer> writer;
};

// instant_job is an answer that is there at once; timed_job one that takes the time of `steps` tokens without making any.
Job instant_job(std::string body);
Job timed_job(std::string body, size_t steps);

struct Route {
  std::string_view path;
  Parsed<Job> (*api)(ByteSpan body, const Context& context);
  std::string (*error)(const ApiError& error);
};

// routes are the endpoints that are asked by POST.
std::span<const Route> routes();

std::string models_answer(const Served& served, UnixSeconds created);
// error_answer is vLLM's shape: {"error":{"message":…,"type":…,"param":…,"code":…}}.
std::string error_answer(const ApiError& error);

inline constexpr size_t kBodyBytesMax = 32 * 1024 * 1024;

}  // namespace openpcc::demo_engine
