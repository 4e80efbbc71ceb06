// The one translation unit that compiles toml++'s implementation.
#define TOML_IMPLEMENTATION
#include "toml_checked.h"

namespace openpcc::toml_checked {
namespace {

// skip_string returns the text after the string at its front, of any of TOML's four kinds; nothing where the string does not end.
std::string_view skip_string(std::string_view text) {
  const char quote = text[0];
  const bool long_form = text.size() >= 3 && text[1] == quote && text[2] == quote;
  const size_t delimiter = long_form ? 3 : 1;
  for (size_t i = delimiter; i < text.size(); ++i) {
    if (text[i] == '\\' && quote == '"') {
      ++i;
    } else if (text[i] == '\n' && !long_form) {
      return text.substr(i);
    } else if (text.substr(i, delimiter) == std::string_view(text.data(), delimiter)) {
      i += delimiter;
      // Up to two quotes may stand right before the three that end a long string.
      for (int extra = 0; long_form && extra < 2 && i < text.size() && text[i] == quote; ++extra) ++i;
      return text.substr(i);
    }
  }
  return {};
}

// has_stray_character: a byte outside ASCII that stands neither in a string nor in a comment, where TOML has no use for it.
bool has_stray_character(std::string_view text) {
  while (!text.empty()) {
    if (static_cast<unsigned char>(text[0]) >= 0x80) return true;
    if (text[0] == '"' || text[0] == '\'') {
      text = skip_string(text);
    } else if (text[0] == '#') {
      const size_t end = text.find('\n');
      text = end == std::string_view::npos ? std::string_view() : text.substr(end);
    } else {
      text.remove_prefix(1);
    }
  }
  return false;
}

}  // namespace

toml::table parse(std::string_view text) {
  if (has_stray_character(text)) throw NotToml("a character outside ASCII that stands neither in a string nor in a comment");
  return toml::parse(text);
}

}  // namespace openpcc::toml_checked
