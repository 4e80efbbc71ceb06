// A guest's kernel as its drivers behave, in memory: configfs-tsm, /dev/sev-guest and /dev/tdx_guest, each there or not. The layouts are written
// down here a second time.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>

#include "openpcc/collect/source.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::collect::testing_guest {

// MakeReport gives what the TEE says for 64 bytes of report data.
using MakeReport = std::function<Bytes(ByteSpan)>;

// recorded_report is a report of the shared corpus with other report data: it says what the machine said, and nobody signed it.
MakeReport recorded_report(const std::string& name);
MakeReport recorded_quote(const std::string& name);
attest::Binding some_binding(uint8_t first = 0x42);

struct TsmDriver {
  std::string provider = "sev_guest";
  unsigned floor = 0;
  bool has_level = true;       // SEV-SNP has privlevel and privlevel_floor
  std::optional<Bytes> table;  // auxblob; nullopt: the technology has none
  MakeReport report;
  unsigned foreign_writes = 0;  // by somebody else, between our write and our read; of each attempt
  std::string provider_later;   // what `provider` says of entries after the first; empty: the same
};

struct SevDriver {
  MakeReport report;
  Bytes table;
  size_t table_bytes_max = 16u << 10;  // what the driver takes
  int error = 0;                       // of every call
  uint32_t firmware_error = 0;
  uint32_t host_error = 0;
  uint32_t status = 0;  // in the firmware's answer
};

struct TdxDriver {
  int error = 0;
  uint8_t type = 0x81;
  bool echoes = true;  // the report data that was asked for
};

class FakeGuest final : public Kernel {
 public:
  std::optional<TsmDriver> tsm;
  std::optional<SevDriver> sev;
  std::optional<TdxDriver> tdx;
  // errors that calls meet before they do anything, one after the other: "mkdir", "open /dev/sev-guest", "read outblob", "write inblob", "ioctl".
  std::map<std::string, std::deque<int>> errors;
  size_t piece_bytes_max = 4096;  // of one read or write

  Guest guest() { return {*this, random_}; }
  size_t entries() const { return entries_.size(); }  // that were not removed
  size_t entries_made() const { return entries_made_; }
  const std::string& level() const { return level_; }  // the last that was asked for
  const std::vector<unsigned long>& requests() const { return requests_; }
  uint32_t vmpl() const { return vmpl_; }

  Called<int> open(const std::string& path, Access access) override;
  Called<size_t> read(int file, MutableByteSpan into) override;
  Called<size_t> write(int file, ByteSpan bytes) override;
  Called<void> close(int file) override;
  Called<void> make_directory(const std::string& path) override;
  Called<void> remove_directory(const std::string& path) override;
  Called<void> control(int file, unsigned long request, void* argument) override;

 private:
  struct Entry {
    uint64_t generation = 0;
    Bytes inblob;
  };
  struct Open {
    std::string device;  // or
    std::string entry;   // with
    std::string attribute;
    bool writes = false;
    std::optional<Bytes> content;  // to be read, from the first read on
    size_t at = 0;
    Bytes written;
  };
  int failure(const std::string& call);
  Called<Bytes> show(Entry& entry, const std::string& attribute);
  void store(Entry& entry, const Open& file);
  Called<void> sev_request(unsigned long request, uint8_t* call);
  Called<void> tdx_request(unsigned long request, uint8_t* call);

  testkit::TestRandom random_;
  std::map<std::string, Entry> entries_;
  std::map<int, Open> files_;
  int next_file_ = 3;
  size_t entries_made_ = 0;
  std::string level_;
  std::vector<unsigned long> requests_;
  uint32_t vmpl_ = 99;
};

}  // namespace openpcc::collect::testing_guest
