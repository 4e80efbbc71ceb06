// A field of a report for people: what it is called, where it stands, what it holds and what that means.
#pragma once

#include <string>
#include <vector>

namespace openpcc::appraisal {

struct Field {
  std::string name;     // as the vendor's specification has it
  size_t offset;        // bytes from the report's start
  size_t size;          // bytes
  std::string value;    // hexadecimal for byte strings
  std::string meaning;  // empty where the value says it all
};
using Fields = std::vector<Field>;

}  // namespace openpcc::appraisal
