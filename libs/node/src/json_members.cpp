#include "openpcc/node/json_members.h"

#include <algorithm>

namespace openpcc::node {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_printable_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  const char l = lower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

// hex4 reads the four digits of \uXXXX; -1: they are not there.
int hex4(std::string_view text) {
  if (text.size() < 4) return -1;
  int value = 0;
  for (const char c : text.substr(0, 4)) {
    const int digit = hex_digit(c);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

bool is_high_surrogate(int unit) { return unit >= 0xd800 && unit <= 0xdbff; }
bool is_low_surrogate(int unit) { return unit >= 0xdc00 && unit <= 0xdfff; }

// utf8_bytes is the length of the well-formed sequence (Unicode table 3-7) at the front of `text`; 0: there is none.
size_t utf8_bytes(std::string_view text) {
  const auto at = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0}; };
  const auto within = [&](size_t i, uint8_t low, uint8_t high) { return at(i) >= low && at(i) <= high; };
  const uint8_t lead = at(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return within(1, 0x80, 0xbf) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    const uint8_t low = lead == 0xe0 ? 0xa0 : 0x80;
    const uint8_t high = lead == 0xed ? 0x9f : 0xbf;
    return within(1, low, high) && within(2, 0x80, 0xbf) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const uint8_t low = lead == 0xf0 ? 0x90 : 0x80;
    const uint8_t high = lead == 0xf4 ? 0x8f : 0xbf;
    return within(1, low, high) && within(2, 0x80, 0xbf) && within(3, 0x80, 0xbf) ? 4 : 0;
  }
  return 0;
}

void append_utf8(std::string& out, uint32_t point) {
  const auto tail = [&](int shift) { out.push_back(static_cast<char>(0x80 | (point >> shift & 0x3f))); };
  if (point < 0x80) {
    out.push_back(static_cast<char>(point));
  } else if (point < 0x800) {
    out.push_back(static_cast<char>(0xc0 | point >> 6));
    tail(0);
  } else if (point < 0x10000) {
    out.push_back(static_cast<char>(0xe0 | point >> 12));
    tail(6);
    tail(0);
  } else {
    out.push_back(static_cast<char>(0xf0 | point >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

constexpr size_t kOutermost = 1;  // the depth of the outermost object

// Place is where a value stands.
struct Place {
  std::string_view owner;
  std::string_view key;
  size_t depth;
};

class Scanner {
 public:
  Scanner(std::string_view text, const JsonStringVisitor& visit, const JsonLimits& limits) : text_(text), visit_(visit), limits_(limits) {}

  Result<std::vector<JsonMember>> outermost();

 private:
  Result<JsonKind> value(const Place& place);
  Result<> object(const Place& place);
  Result<> array(const Place& place);
  Result<> number();
  Result<> literal(std::string_view word);
  Result<std::string_view> string();
  Result<> escape();
  Result<JsonMember> member(const Place& place);
  Result<> admit(const JsonMember& member, const std::vector<JsonMember>& earlier) const;

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) ++at_;
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (peek() != c || at_ == text_.size()) return false;
    ++at_;
    return true;
  }
  bool take_digits() {
    const size_t begin = at_;
    while (is_digit(peek())) ++at_;
    return at_ > begin;
  }
  static std::unexpected<Error> syntax() { return fail(Code::malformed, "node.json.syntax"); }

  std::string_view text_;
  const JsonStringVisitor& visit_;
  JsonLimits limits_;
  size_t at_ = 0;
  std::string_view member_;  // of the outermost object, while its value is read
};

Result<std::vector<JsonMember>> Scanner::outermost() {
  std::vector<JsonMember> members;
  skip_space();
  if (!take('{')) return syntax();
  skip_space();
  if (!take('}')) {
    do {
      OPENPCC_LET(JsonMember next, member({"", "", kOutermost}));
      OPENPCC_TRY(admit(next, members));
      members.push_back(std::move(next));
    } while (take(','));
    if (!take('}')) return syntax();
  }
  skip_space();
  if (at_ != text_.size()) return syntax();
  return members;
}

Result<> Scanner::admit(const JsonMember& member, const std::vector<JsonMember>& earlier) const {
  if (earlier.size() == limits_.members_max) return fail(Code::limit, "node.json.members");
  if (!is_printable_ascii(member.key)) return fail(Code::rejected, "node.json.key");
  const auto same = [&](const JsonMember& other) { return same_key(other.key, member.key); };
  if (std::any_of(earlier.begin(), earlier.end(), same)) return fail(Code::rejected, "node.json.duplicate");
  return {};
}

// member reads a key and its value and the space around both. `place` is the object's own.
Result<JsonMember> Scanner::member(const Place& place) {
  skip_space();
  const size_t begin = at_;
  OPENPCC_LET(const std::string_view raw, string());
  JsonMember out;
  out.key = json_unescape(raw);
  skip_space();
  if (!take(':')) return syntax();
  skip_space();
  const size_t value_begin = at_;
  if (place.depth == kOutermost) member_ = out.key;
  OPENPCC_LET(out.kind, value({place.key, out.key, place.depth}));
  out.text = text_.substr(begin, at_ - begin);
  out.value = text_.substr(value_begin, at_ - value_begin);
  skip_space();
  return out;
}

Result<JsonKind> Scanner::value(const Place& place) {
  const char c = peek();
  if (c == '"') {
    OPENPCC_LET(const std::string_view raw, string());
    OPENPCC_TRY(visit_({member_, place.owner, place.key, raw}));
    return JsonKind::string;
  }
  if (c == '{') {
    OPENPCC_TRY(object(place));
    return JsonKind::object;
  }
  if (c == '[') {
    OPENPCC_TRY(array(place));
    return JsonKind::array;
  }
  if (c == '-' || is_digit(c)) {
    OPENPCC_TRY(number());
    return JsonKind::number;
  }
  OPENPCC_TRY(literal(c == 't' ? "true" : c == 'f' ? "false" : "null"));
  return JsonKind::literal;
}

Result<> Scanner::object(const Place& place) {
  if (place.depth >= limits_.depth_max) return fail(Code::limit, "node.json.depth");
  take('{');
  skip_space();
  if (take('}')) return {};
  do {
    OPENPCC_TRY(member({place.owner, place.key, place.depth + 1}));
  } while (take(','));
  if (!take('}')) return syntax();
  return {};
}

Result<> Scanner::array(const Place& place) {
  if (place.depth >= limits_.depth_max) return fail(Code::limit, "node.json.depth");
  take('[');
  skip_space();
  if (take(']')) return {};
  do {
    skip_space();
    OPENPCC_TRY(value({place.owner, place.key, place.depth + 1}));
    skip_space();
  } while (take(','));
  if (!take(']')) return syntax();
  return {};
}

Result<> Scanner::number() {
  take('-');
  if (!take('0') && !take_digits()) return syntax();
  if (take('.') && !take_digits()) return syntax();
  if (take('e') || take('E')) {
    if (!take('+')) take('-');
    if (!take_digits()) return syntax();
  }
  return {};
}

Result<> Scanner::literal(std::string_view word) {
  if (!text_.substr(at_).starts_with(word)) return syntax();
  at_ += word.size();
  return {};
}

Result<std::string_view> Scanner::string() {
  if (!take('"')) return syntax();
  const size_t begin = at_;
  while (at_ < text_.size()) {
    const auto c = static_cast<uint8_t>(text_[at_]);
    if (c == '"') {
      ++at_;
      return text_.substr(begin, at_ - 1 - begin);
    }
    if (c == '\\') {
      OPENPCC_TRY(escape());
      continue;
    }
    const size_t n = c < 0x20 ? 0 : utf8_bytes(text_.substr(at_));
    if (n == 0) return fail(Code::malformed, "node.json.utf8");
    at_ += n;
  }
  return syntax();
}

Result<> Scanner::escape() {
  const std::string_view rest = text_.substr(at_ + 1);
  if (rest.empty()) return syntax();
  if (std::string_view("\"\\/bfnrt").find(rest.front()) != std::string_view::npos) {
    at_ += 2;
    return {};
  }
  const int unit = rest.front() == 'u' ? hex4(rest.substr(1)) : -1;
  if (unit < 0 || is_low_surrogate(unit)) return fail(Code::malformed, "node.json.escape");
  at_ += 6;
  if (!is_high_surrogate(unit)) return {};
  const std::string_view second = text_.substr(at_);
  if (!second.starts_with("\\u") || !is_low_surrogate(hex4(second.substr(2)))) return fail(Code::malformed, "node.json.escape");
  at_ += 6;
  return {};
}

}  // namespace

Result<std::vector<JsonMember>> scan_members(std::string_view text, const JsonStringVisitor& visit, const JsonLimits& limits) {
  return Scanner(text, visit, limits).outermost();
}

std::string json_unescape(std::string_view raw) {
  std::string out;
  out.reserve(raw.size());
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\') {
      out.push_back(raw[i]);
      continue;
    }
    const char c = raw[++i];
    const size_t simple = std::string_view("bfnrt").find(c);
    if (simple != std::string_view::npos) {
      out.push_back("\b\f\n\r\t"[simple]);
    } else if (c != 'u') {
      out.push_back(c);
    } else {
      auto point = static_cast<uint32_t>(hex4(raw.substr(i + 1)));
      i += 4;
      if (is_high_surrogate(static_cast<int>(point))) {
        point = 0x10000 + ((point - 0xd800) << 10) + (static_cast<uint32_t>(hex4(raw.substr(i + 3))) - 0xdc00);
        i += 6;
      }
      append_utf8(out, point);
    }
  }
  return out;
}

bool same_key(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace openpcc::node
