// Server-sent events, and the bits of JSON that every API writes.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>

namespace openpcc::demo_engine {

inline constexpr std::string_view kJson = "application/json";
inline constexpr std::string_view kEvents = "text/event-stream; charset=utf-8";
inline constexpr std::string_view kSseDone = "data: [DONE]\n\n";

inline boost::json::value js(std::string_view text) { return boost::json::value(boost::json::string_view(text.data(), text.size())); }

// sse is one event with data alone; named_sse is one whose name is the data's member `type`, as OpenAI's and Anthropic's newer APIs have.
inline std::string sse(const boost::json::object& data) { return "data: " + boost::json::serialize(data) + "\n\n"; }
inline std::string named_sse(const boost::json::object& data) {
  return "event: " + std::string(std::string_view(data.at("type").as_string())) + "\n" + sse(data);
}

}  // namespace openpcc::demo_engine
