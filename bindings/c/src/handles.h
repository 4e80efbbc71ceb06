// What stands behind the handles, and the boundary that no exception crosses.
#pragma once

#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "openpcc.h"
#include "openpcc/attest/platform.h"
#include "openpcc/note/checkpoint.h"
#include "openpcc/policy/policy.h"

struct openpcc_evidence {
  std::vector<openpcc::Bytes> items;
};

struct openpcc_demands {
  openpcc::attest::PlatformDemands demands;
};

struct openpcc_node_demands {
  openpcc::policy::Policy policy;
  std::vector<openpcc::note::VerifiedBeacon> beacons;
};

struct openpcc_verdict {
  struct Finding {
    int32_t state;
    bool refuses;
    std::string aspect, state_name, rule, expected, seen, remedy;
  };
  int32_t outcome;
  bool genuine;
  std::string kind;
  std::optional<openpcc::x509::Window> window;
  std::vector<Finding> findings;
  std::string json;
};

namespace openpcc::abi {

// guarded turns what `call` throws into a status.
template <class Call>
openpcc_status guarded(Call call) noexcept {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    return OPENPCC_ERROR_MEMORY;
  } catch (...) {
    return OPENPCC_ERROR_INTERNAL;
  }
}

inline bool in_time(int64_t unix_seconds) { return unix_seconds >= 0 && unix_seconds <= OPENPCC_UNIX_SECONDS_MAX; }

int32_t state_number(appraisal::State state);

}  // namespace openpcc::abi
