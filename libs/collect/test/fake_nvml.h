// NVIDIA's management library as a test has it: what it answers is set through fake_nvml(), a symbol of its own.
#pragma once

#include <cstdint>

struct FakeGpu {
  const uint8_t* report;
  unsigned report_size;
  const uint8_t* chain;
  unsigned chain_size;
};

struct FakeNvml {
  unsigned failing = 0;  // the call that fails: 1 init, 2 count, 3 handle, 4 state, 5 certificate, 6 report
  unsigned environment = 2, feature = 1, dev_tools = 0;
  unsigned count = 0;
  FakeGpu gpus[32] = {};
  bool recorded = false;  // the report's own nonce, whatever is asked
  int begun = 0;          // init less shutdown
};

extern "C" FakeNvml* fake_nvml();
