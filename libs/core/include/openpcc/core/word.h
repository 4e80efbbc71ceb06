// Words of the program's own text.
#pragma once

#include <cstddef>
#include <string_view>

namespace openpcc {

// Word is a word that stands in the sources: only a string literal converts to it, so that nothing from outside becomes one.
class Word {
 public:
  template <size_t N>
  consteval Word(const char (&text)[N]) : text_(text, N - 1) {}  // NOLINT(google-explicit-constructor): reads as a literal
  constexpr std::string_view text() const { return text_; }
  friend constexpr bool operator==(Word a, Word b) { return a.text_ == b.text_; }

 private:
  std::string_view text_;
};

}  // namespace openpcc
