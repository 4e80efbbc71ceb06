// The tables of spec/evidence_regions/: what each byte of a piece of evidence must lead to when it flips.
#pragma once

#include <string>
#include <vector>

#include "openpcc/core/bytes.h"

namespace openpcc::x509::forge {

struct Region {
  std::string from;  // where `at` counts from; empty: the object's start
  size_t at = 0;
  size_t size = 0;   // 0: as far as the part goes
  std::string part;  // of DER, in place of from, at and size
  std::string field;
  uint8_t mask = 0xff;
  std::vector<std::string> reasons;      // the rules of which one must come first when all masked bits of a byte flip
  std::vector<std::string> bit_reasons;  // the same when one of them flips
};

// regions are the rows of a table that hold for a version.
std::vector<Region> regions(std::string_view table, int64_t version);

}  // namespace openpcc::x509::forge
