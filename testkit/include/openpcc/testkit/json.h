// Test vectors in JSON. Apart from testkit.h, because Boost.JSON is slow to compile.
#pragma once

#include <boost/json.hpp>

#include "openpcc/testkit/testkit.h"

namespace openpcc::testkit {

// read_json parses a whole file.
inline boost::json::value read_json(const std::filesystem::path& path) {
  const Bytes text = read_file(path);
  return boost::json::parse(as_text(text));
}

// text_at is a string member, hex_at the bytes that it spells, int_at a number; each dies where the member is missing or of another type.
inline std::string_view text_at(const boost::json::value& object, std::string_view key) { return object.at(key).as_string(); }
inline Bytes hex_at(const boost::json::value& object, std::string_view key) { return hex(text_at(object, key)); }
inline size_t int_at(const boost::json::value& object, std::string_view key) { return object.at(key).to_number<size_t>(); }

}  // namespace openpcc::testkit

// OPENPCC_SHARED_JSON names a vector file of the shared folder, or skips the test loudly where the folder is absent.
#define OPENPCC_SHARED_JSON(name, relative)                                                       \
  const auto name##_path = ::openpcc::testkit::shared_file(relative);                             \
  if (!name##_path) GTEST_SKIP() << "SHARED VECTORS ABSENT: " << (relative) << " is not checked"; \
  const boost::json::value name = ::openpcc::testkit::read_json(*name##_path)
