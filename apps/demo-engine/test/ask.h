// Asks an API as the engine does, without its time.
#pragma once

#include <boost/json.hpp>

#include "apis.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::demo_engine {

namespace json = boost::json;

using Api = Parsed<Job> (*)(ByteSpan body, const Context& context);

inline const Served kServed{.name = "openpcc-demo", .max_model_len = 1000};

inline Parsed<Job> ask(Api api, std::string_view body, const http::Fields& fields = {}) {
  return api(as_bytes(body), {.served = kServed, .fields = fields, .number = 7, .now = 1'790'000'000});
}

// answer_of returns all bytes of an answer.
inline std::string answer_of(Api api, std::string_view body, const http::Fields& fields = {}) {
  const auto job = ask(api, body, fields);
  EXPECT_TRUE(job) << body << ": " << (job ? "" : job.error().message);
  if (!job) return {};
  if (!job->stream) return job->writer->whole();
  std::string out = job->writer->opening();
  for (size_t step = 0; step < job->steps.size(); ++step) out += job->writer->token(step);
  return out + job->writer->ending();
}

inline json::value json_of(Api api, std::string_view body) { return json::parse(answer_of(api, body)); }

// events_of parses the data of each event; "[DONE]" becomes a string.
inline std::vector<json::value> events_of(std::string_view stream) {
  std::vector<json::value> out;
  for (size_t at = 0; at < stream.size();) {
    const size_t end = stream.find("\n\n", at);
    EXPECT_NE(end, std::string_view::npos);
    if (end == std::string_view::npos) break;
    const std::string_view event = stream.substr(at, end - at);
    const size_t data = event.find("data: ");
    EXPECT_NE(data, std::string_view::npos) << event;
    if (data == std::string_view::npos) break;
    const std::string_view text = event.substr(data + 6);
    out.push_back(text == "[DONE]" ? json::value("[DONE]") : json::parse(text));
    if (data > 0) {
      EXPECT_EQ(event.substr(0, data), "event: " + std::string(out.back().at("type").as_string()) + "\n");
    }
    at = end + 2;
  }
  return out;
}

inline void expect_error(Api api, std::string_view body, uint16_t status, std::string_view part) {
  const auto job = ask(api, body);
  ASSERT_FALSE(job) << body;
  EXPECT_EQ(job.error().status, status) << body;
  EXPECT_NE(job.error().message.find(part), std::string::npos) << body << ": " << job.error().message;
}

inline bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

}  // namespace openpcc::demo_engine
