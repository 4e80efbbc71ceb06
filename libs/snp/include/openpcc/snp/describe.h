// A report's fields for people: what each is called, where it stands, what it holds and what that means. Nothing is verified.
#pragma once

#include <string>
#include <vector>

#include "openpcc/snp/report.h"

namespace openpcc::snp {

struct FieldText {
  std::string name;     // as the ABI specification has it
  size_t offset;        // bytes from the report's start
  size_t size;          // bytes
  std::string value;    // hexadecimal for byte strings
  std::string meaning;  // empty where the value says it all
};

// describe lists every field. The layout of TCB_VERSIONs needs the product: that of the CPU where the report says it, else `product`.
std::vector<FieldText> describe(const Report& report, std::optional<Product> product = std::nullopt);

}  // namespace openpcc::snp
