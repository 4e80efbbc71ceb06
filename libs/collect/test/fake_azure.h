// An Azure VM of a test's own making behind its TPM's interface: a forged chip or TD, the paravisor's report, which takes up user data when it is
// read, and a TPM's key. No TPM in software has indices of the report's size.
#pragma once

#include <deque>

#include "azure_forge.h"
#include "openpcc/collect/source.h"

namespace openpcc::collect::testing_guest {

class FakeAzure {
 public:
  explicit FakeAzure(azure::Hardware hardware = azure::Hardware::snp);

  azure::forge::Vm vm;
  azure::forge::Owned owned;         // of the last report
  std::map<uint32_t, Bytes> stored;  // other indices than the report's
  bool has_report = true;
  int stale = 0;                    // further reads that give the last report
  std::deque<Bytes> reads;          // what the next reads give
  std::optional<Error> read_error;  // of every read
  std::optional<Error> write_error;
  // Of every quote:
  std::optional<Bytes> other_nonce;                 // in place of the one that was asked for
  std::optional<tpm::Selections> other_selections;  // likewise
  std::optional<tpm_collect::Collected> recorded;   // in place of one of its own
  tpm_collect::AzureTpm* quoter = nullptr;          // another TPM, which makes the quotes
  std::optional<Bytes> td_quote;                    // what the quoting service gives, in place of the TD's

  int writes = 0, opened = 0;
  std::vector<std::chrono::seconds> pauses;

  // means are those of a source; the VM outlives it.
  AzureMeans means();
  // items are what vouches for the machine.
  std::vector<Bytes> items() const;

 private:
  class Tpm;
};

}  // namespace openpcc::collect::testing_guest
