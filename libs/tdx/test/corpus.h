// The shared samples of quotes and collateral, and what is expected of them.
#pragma once

#include <map>
#include <memory>

#include "openpcc/tdx/verify.h"
#include "openpcc/testkit/json.h"

namespace openpcc::tdx::corpus {

inline constexpr std::string_view kExpected = "evidence/EXPECTED.json";

// A test that needs the samples begins with OPENPCC_NEED_CORPUS.
bool available();

// Set is one set of collateral, with what it lacks to be read taken from other sets: the signing chain, where its own has none, is whichever signed.
struct Set {
  std::string name;
  boost::json::value expected;
  bool has_identity = false;
  Bytes tcb_info, tcb_info_signature, identity, identity_signature, signing_chain;
  std::optional<Bytes> root_crl, pck_crl, issuer_chain;

  Collateral view() const;
};
// sets are all of them, by name.
const std::map<std::string, Set, std::less<>>& sets();

struct Sample {
  std::string id;
  boost::json::value expected;
  Bytes quote;

  Tee tee() const { return expected.at("kind") == "sgx-quote" ? Tee::sgx : Tee::tdx; }
  Terms terms() const;
};
// samples are quotes of Intel's production keys: without what some of them have after their end.
const std::vector<Sample>& samples();

Bytes file(std::string_view relative);
UnixSeconds time(std::string_view text);

}  // namespace openpcc::tdx::corpus

#define OPENPCC_NEED_CORPUS()               \
  if (!::openpcc::tdx::corpus::available()) \
  GTEST_SKIP() << "SHARED VECTORS ABSENT: " << ::openpcc::tdx::corpus::kExpected << " is not checked"
