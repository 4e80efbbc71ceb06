#include "../src/event_ends.h"

#include <gtest/gtest.h>

#include <string>

namespace openpcc::client {
namespace {

// ended is how much of `text` belongs to whole events, when it comes in pieces of `step` bytes.
size_t ended(std::string_view text, size_t step) {
  EventEnds ends;
  size_t out = 0;
  for (size_t at = 0; at < text.size(); at += step) {
    const size_t n = ends.pass(as_bytes(text.substr(at, step)));
    if (n != 0) out = at + n;
  }
  return out;
}

TEST(EventEnds, whole_events_however_they_are_cut) {
  struct Case {
    std::string_view whole;
    std::string_view rest;
  };
  const Case cases[] = {
      {"", ""},
      {"", "data: a"},
      {"", "data: a\n"},
      {"", "data: a\r\n"},
      {"", "data: a\r"},
      {"", "event: e\ndata: a\nid: 1\n"},
      {"data: a\n\n", ""},
      {"data: a\n\n", "data: b\n"},
      {"data: a\r\n\r\n", "data: b\r\n"},
      {"data: a\r\r", "data: b\r"},
      {"data: a\n\r\n", "d"},
      {"data: a\r\n\n", "d"},
      {"data: a\n\r", "d"},
      {"data: a\r\r\n", "d"},
      {"data: a\r\n\r", ""},
      {"data: a\n\ndata: b\n\n\n", ": comment\n"},
      {"\n", "data: a\n"},
      {": comment\n\n", " \n"},
  };
  for (const Case& c : cases) {
    const std::string text = std::string(c.whole) + std::string(c.rest);
    for (size_t step = 1; step <= text.size(); ++step) EXPECT_EQ(ended(text, step), c.whole.size()) << text << " by " << step;
  }
}

}  // namespace
}  // namespace openpcc::client
