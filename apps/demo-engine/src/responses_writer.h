// Answers and events of OpenAI's Responses API.
#pragma once

#include "answer.h"
#include "sse.h"

namespace openpcc::demo_engine {

// ResponsesWriter numbers its events, as the API wants. There is one item of output: a message, or a function's call.
class ResponsesWriter final : public Writer {
 public:
  // `echo`: members of the request that stand in the answer too.
  ResponsesWriter(Generation generation, boost::json::object echo) : generation_(std::move(generation)), echo_(std::move(echo)) {}
  std::string opening() override;
  std::string token(size_t step) override;
  std::string ending() override;
  std::string whole() override;

 private:
  const Completion& completion() const { return generation_.completions.front(); }
  bool is_call() const { return generation_.prompt.call.has_value(); }
  bool is_cut() const { return completion().finish_reason == "length"; }
  std::string_view final_status() const { return is_cut() ? "incomplete" : "completed"; }
  std::string item_id() const { return (is_call() ? "fc_" : "msg_") + generation_.id; }
  static boost::json::object part(std::string_view text);
  // item is the output in this state, holding so much text; response is everything around it.
  boost::json::object item(std::string_view status, boost::json::array content, std::string_view arguments) const;
  boost::json::object final_item() const;
  boost::json::object response(std::string_view status, boost::json::array output) const;
  std::string event(std::string_view type, boost::json::object members);
  // item_event is one that tells of the item, or of its part.
  std::string item_event(std::string_view type, boost::json::object members);

  Generation generation_;
  boost::json::object echo_;
  uint64_t sequence_ = 0;
};

}  // namespace openpcc::demo_engine
