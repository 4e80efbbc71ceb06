#include "openpcc/daemon/metrics.h"

#include "openpcc/testkit/testkit.h"

namespace openpcc::daemon {
namespace {

using namespace std::chrono_literals;

testing::AssertionResult has_line(const Metrics& metrics, std::string_view line) {
  const std::string text = "\n" + metrics.text();
  if (text.find("\n" + std::string(line) + "\n") != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "no line " << line << " in" << text;
}

TEST(Metrics, exports_only_what_was_touched) {
  Metrics metrics;
  EXPECT_EQ(metrics.text(), "");
  metrics.add(Counter::cancelled, 0);
  EXPECT_TRUE(has_line(metrics, "openpcc_cancelled_total 0"));
  EXPECT_EQ(metrics.text().find("requests"), std::string::npos);
}

TEST(Metrics, counters_add_up) {
  Metrics metrics;
  metrics.add(Counter::requests);
  metrics.add(Counter::requests, 41);
  EXPECT_TRUE(has_line(metrics, "openpcc_requests_total 42"));
  EXPECT_TRUE(has_line(metrics, "# TYPE openpcc_requests_total counter"));
}

TEST(Metrics, gauges_go_up_and_down) {
  Metrics metrics;
  metrics.set(Gauge::requests_running, 5);
  metrics.change(Gauge::requests_running, -2);
  EXPECT_TRUE(has_line(metrics, "openpcc_requests_running 3"));
}

TEST(Metrics, histograms_are_in_seconds) {
  Metrics metrics;
  metrics.observe(Histogram::first_byte, 150us);
  metrics.observe(Histogram::first_byte, 3s);
  EXPECT_TRUE(has_line(metrics, "openpcc_first_byte_seconds_bucket{le=\"0.0001\"} 0"));
  EXPECT_TRUE(has_line(metrics, "openpcc_first_byte_seconds_bucket{le=\"0.0002\"} 1"));
  EXPECT_TRUE(has_line(metrics, "openpcc_first_byte_seconds_bucket{le=\"5\"} 2"));
  EXPECT_TRUE(has_line(metrics, "openpcc_first_byte_seconds_count 2"));
}

TEST(Metrics, refusals_and_answers_have_their_own_label) {
  Metrics metrics;
  metrics.refused("test.one");
  metrics.refused(Error{Code::malformed, "test.one", "the detail is not exported"});
  metrics.refused("test.two");
  metrics.answered(200);
  metrics.answered(503);
  EXPECT_TRUE(has_line(metrics, "openpcc_refusals_total{rule=\"test.one\"} 2"));
  EXPECT_TRUE(has_line(metrics, "openpcc_refusals_total{rule=\"test.two\"} 1"));
  EXPECT_TRUE(has_line(metrics, "openpcc_answers_total{status=\"200\"} 1"));
  EXPECT_TRUE(has_line(metrics, "openpcc_answers_total{status=\"503\"} 1"));
  EXPECT_EQ(metrics.text().find("detail"), std::string::npos);
}

TEST(Metrics, every_name_of_the_closed_set_is_its_own) {
  Metrics metrics;
  for (int i = 0; i <= static_cast<int>(Counter::log_lines_dropped); ++i) metrics.add(static_cast<Counter>(i));
  for (int i = 0; i <= static_cast<int>(Gauge::bundle_epoch); ++i) metrics.set(static_cast<Gauge>(i), 1);
  for (int i = 0; i <= static_cast<int>(Histogram::verification); ++i) metrics.observe(static_cast<Histogram>(i), 1ms);
  const std::string text = metrics.text();
  size_t types = 0;
  for (size_t at = 0; (at = text.find("# TYPE ", at)) != std::string::npos; ++at) ++types;
  EXPECT_EQ(types, 14u + 8u + 5u);
}

}  // namespace
}  // namespace openpcc::daemon
