// Benchmarks of evidence: a verification against what its signatures alone cost in the same run, and the genuine samples that they share with the
// verifiers of others (bench/evidence.json).
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>

#include "openpcc/testkit/json.h"
#include "openpcc/testkit/samples.h"

namespace openpcc::testkit {

// genuine_samples is a list of bench/evidence.json, by the name of its library; empty where the shared folder is absent.
inline boost::json::array genuine_samples(std::string_view tee) {
  if (!shared_file("evidence/EXPECTED.json")) return {};
  return read_json(OPENPCC_BENCH_EVIDENCE).at(tee).as_array();
}

// seconds_of runs the work once.
template <class F>
double seconds_of(F&& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

inline double median_of(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

// compare_with_signatures takes turns between the whole verification and its signatures alone, so that whatever else the machine does hits both.
// Counters: verify_us and signatures_us, medians; ratio, the median of the ratios of neighbours; signatures, their number.
template <class Whole, class Alone>
void compare_with_signatures(benchmark::State& state, size_t signatures, Whole&& whole, Alone&& alone) {
  std::vector<double> all, only, ratios;
  for (auto _ : state) {
    all.push_back(seconds_of(whole));
    only.push_back(seconds_of(alone));
    ratios.push_back(all.back() / only.back());
    state.SetIterationTime(all.back());
  }
  state.counters["signatures"] = static_cast<double>(signatures);
  state.counters["verify_us"] = median_of(all) * 1e6;
  state.counters["signatures_us"] = median_of(only) * 1e6;
  state.counters["ratio"] = median_of(ratios);
}

}  // namespace openpcc::testkit
