#include "tokens.h"

#include <algorithm>
#include <array>

namespace openpcc::demo_engine {
namespace {

constexpr size_t kPieceBytesMax = 6;
constexpr std::array<std::string_view, 6> kRoles{"system", "developer", "user", "assistant", "tool", "function"};

bool continues_character(char c) { return (static_cast<uint8_t>(c) & 0xc0) == 0x80; }

uint64_t id_of(std::string_view piece) {
  uint64_t out = 1;
  for (const char c : piece) out = out << 8 | static_cast<uint8_t>(c);
  return out;
}

}  // namespace

std::vector<std::string> tokenize(std::string_view text) {
  static constexpr std::string_view kSpace = " \t\r\n";
  std::vector<std::string> out;
  for (size_t at = 0; at < text.size();) {
    const size_t word = std::min(text.find_first_not_of(kSpace, at), text.size());
    const size_t end = std::min(text.find_first_of(kSpace, word), text.size());
    out.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return out;
}

std::vector<std::string> pieces(std::string_view text) {
  std::vector<std::string> out;
  for (const std::string& word : tokenize(text)) {
    for (size_t at = 0; at < word.size();) {
      size_t end = std::min(at + kPieceBytesMax, word.size());
      // A character has at most 4 bytes; what has more bytes of that kind in a row is no UTF-8, and is cut anywhere.
      for (size_t back = 0; back < 3 && end < word.size() && continues_character(word[end]); ++back) --end;
      out.push_back(word.substr(at, end - at));
      at = end;
    }
  }
  return out;
}

std::vector<uint64_t> token_ids(std::string_view text) {
  std::vector<uint64_t> out;
  for (const std::string& piece : pieces(text)) out.push_back(id_of(piece));
  return out;
}

uint64_t role_id(std::string_view role) { return static_cast<uint64_t>(std::ranges::find(kRoles, role) - kRoles.begin()) + 1; }

std::optional<std::string> token_text(uint64_t id) {
  if (id >= 1 && id <= kRoles.size()) return "<|" + std::string(kRoles[id - 1]) + "|>";
  for (size_t bytes = 1; bytes <= kPieceBytesMax; ++bytes) {
    if (id >> (8 * bytes) != 1) continue;
    std::string out(bytes, '\0');
    for (size_t i = 0; i < bytes; ++i) out[i] = static_cast<char>(id >> (8 * (bytes - 1 - i)) & 0xff);
    return out;
  }
  return std::nullopt;
}

size_t code_points(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(text, [](char c) { return !continues_character(c); }));
}

}  // namespace openpcc::demo_engine
