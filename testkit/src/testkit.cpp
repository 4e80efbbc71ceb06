#include "openpcc/testkit/testkit.h"

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace openpcc::testkit {

void note_tripped(std::string_view rule) {
  const char* path = std::getenv("OPENPCC_RULES_TRIPPED");
  if (path == nullptr) return;
  // One short append per line: several test programs may write at once.
  std::ofstream(path, std::ios::app) << std::string(rule) + "\n";
}

void TestRandom::fill(MutableByteSpan out) {
  // splitmix64: fixed forever, so that vectors made with it stay the same.
  for (size_t i = 0; i < out.size();) {
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    z ^= z >> 31;
    for (int b = 0; b < 8 && i < out.size(); ++b) out[i++] = static_cast<uint8_t>(z >> (8 * b));
  }
}

std::optional<std::filesystem::path> shared_file(std::string_view relative) {
  const char* configured = std::getenv("OPENPCC_SHARED");
  const std::filesystem::path root = configured != nullptr ? configured : OPENPCC_SHARED_DEFAULT;
  const auto path = root / relative;
  if (std::filesystem::exists(path)) return path;
  if (std::getenv("OPENPCC_REQUIRE_SHARED") != nullptr) {
    ADD_FAILURE() << path << " is absent, and OPENPCC_REQUIRE_SHARED is set";
  }
  return std::nullopt;
}

Bytes read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) ADD_FAILURE() << "cannot read " << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

Bytes hex(std::string_view text) {
  auto bytes = from_hex(text);
  OPENPCC_CHECK(bytes.has_value());
  return std::move(*bytes);
}

}  // namespace openpcc::testkit
