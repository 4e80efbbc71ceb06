// Text as words, and as token numbers that can be turned back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace openpcc::demo_engine {

// tokenize cuts text into words, each with the white space before it: the tokens of an answer. Joined, they are the text again.
std::vector<std::string> tokenize(std::string_view text);

// pieces cuts the words on into at most 6 bytes, never inside a character: the tokens of a prompt. Each has a number: its bytes, big-endian,
// behind a 1. So all of Unicode has numbers, and none needs more than the 53 bits that JSON readers keep.
std::vector<std::string> pieces(std::string_view text);
std::vector<uint64_t> token_ids(std::string_view text);
// role_id is the number of the token that opens a message; 1..255 are kept for those.
uint64_t role_id(std::string_view role);
// token_text returns nullopt for a number that no piece of text and no role has.
std::optional<std::string> token_text(uint64_t id);

// code_points counts the characters of UTF-8.
size_t code_points(std::string_view text);

}  // namespace openpcc::demo_engine
