// Where answers are kept. Nothing that comes out of a Store is trusted: it is verified again, as if the network had brought it, and fetched anew
// where it is not good for the report and the time in hand.
#pragma once

#include <memory>
#include <optional>

#include "openpcc/collateral/plan.h"

namespace openpcc::collateral {

inline constexpr size_t kEntryBytesMax = 512u << 10;

// Store maps keys of Units to entries. Errors are its own: they say that it is damaged.
class Store {
 public:
  // Lock excludes everybody else who wants the same key, in this process and others, until it is destroyed.
  class Lock {
   public:
    virtual ~Lock() = default;
  };
  virtual ~Store() = default;
  // read gives at most kEntryBytesMax; nullopt: nothing is kept, or something larger.
  virtual Result<std::optional<Bytes>> read(const std::string& key) = 0;
  // write replaces the entry whole: a reader sees the old one or the new one.
  virtual Result<> write(const std::string& key, ByteSpan entry) = 0;
  virtual Result<std::unique_ptr<Lock>> lock(const std::string& key) = 0;
};

// Parts are what the answers of a unit held, in the form in which evidence carries it, each beside the target it answered.
struct Kept {
  std::string target;
  std::vector<Bytes> parts;
};
// Entry := "openpcc collateral v1" 0x00, then of each answer lp(target) u8 number of parts, lp(part)...
Bytes encode_entry(std::span<const Kept> kept);
//   collateral.entry.syntax
Result<std::vector<Kept>> parse_entry(ByteSpan bytes);

}  // namespace openpcc::collateral
