// The outer form of signed JSON: finding the signed bytes, and times.
// Spec: Intel PCS API version 4, "Get TCB Info", "Get Enclave Identity"; RFC 3339 s5.6.
#include <algorithm>
#include <chrono>

#include "openpcc/tdx/collateral.h"

namespace openpcc::tdx {
namespace {

std::unexpected<Error> bad(std::string_view what) { return fail(Code::malformed, "tdx.collateral.syntax", std::string(what)); }

// Scanner walks over the outer object. It finds where the value ends and leaves to the parser whether it is JSON.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool take(char c) {
    skip_space();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // text takes a string without escapes.
  std::optional<std::string_view> text() {
    if (!take('"')) return std::nullopt;
    const size_t end = rest_.find_first_of("\"\\");
    if (end == std::string_view::npos || rest_[end] == '\\') return std::nullopt;
    const std::string_view out = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return out;
  }
  // object takes an object whole.
  std::optional<std::string_view> object() {
    skip_space();
    if (!rest_.starts_with('{')) return std::nullopt;
    size_t depth = 0;
    bool in_text = false;
    for (size_t i = 0; i < rest_.size(); ++i) {
      const char c = rest_[i];
      if (in_text) {
        if (c == '\\') ++i;
        if (c == '"') in_text = false;
        continue;
      }
      if (c == '"') in_text = true;
      if (c == '{') ++depth;
      if (c != '}' || --depth != 0) continue;
      const std::string_view out = rest_.substr(0, i + 1);
      rest_.remove_prefix(i + 1);
      return out;
    }
    return std::nullopt;
  }
  bool at_end() {
    skip_space();
    return rest_.empty();
  }

 private:
  void skip_space() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size())); }
  std::string_view rest_;
};

Result<SignedValue> with_signature(std::string_view value, std::string_view signature_hex) {
  SignedValue out{as_bytes(value), {}};
  if (signature_hex.size() != 2 * kSignatureBytes) return bad("a signature of another length");
  const auto signature = from_hex(signature_hex);
  if (!signature) return bad("a signature that is not hexadecimal");
  std::ranges::copy(*signature, out.signature.begin());
  return out;
}

}  // namespace

Result<SignedValue> open_document(const Document& document, std::string_view member) {
  if (document.text.empty()) return fail(Code::verification_failed, "tdx.collateral.missing", std::string(member));
  if (document.text.size() > kDocumentBytesMax) return bad("too large");
  if (!document.signature_hex.empty()) return with_signature(as_text(document.text), as_text(document.signature_hex));
  Scanner scanner(as_text(document.text));
  std::optional<std::string_view> value, signature;
  bool more = scanner.take('{');
  while (more) {
    const auto name = scanner.text();
    if (!name || !scanner.take(':')) return bad("not an object of value and signature");
    auto& found = *name == member ? value : signature;
    if ((*name != member && *name != "signature") || found) return bad("a member that is unknown, or there twice");
    found = *name == member ? scanner.object() : scanner.text();
    if (!found) return bad("\"" + std::string(*name) + "\" is of another type");
    more = scanner.take(',');
  }
  if (!value || !signature || !scanner.take('}') || !scanner.at_end()) return bad("not an object of value and signature");
  return with_signature(*value, *signature);
}

Result<UnixSeconds> parse_time(std::string_view text) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00Z";
  if (text.size() != kForm.size()) return bad("a time of another form");
  for (size_t i = 0; i < kForm.size(); ++i) {
    const bool fits = kForm[i] == '0' ? text[i] >= '0' && text[i] <= '9' : text[i] == kForm[i];
    if (!fits) return bad("a time of another form");
  }
  const auto number = [&](size_t at, size_t digits) {
    unsigned out = 0;
    for (const char c : text.substr(at, digits)) out = out * 10 + static_cast<unsigned>(c - '0');
    return out;
  };
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(number(0, 4))), std::chrono::month(number(5, 2)),
                                         std::chrono::day(number(8, 2))};
  const UnixSeconds hour = number(11, 2), minute = number(14, 2), second = number(17, 2);
  if (!date.ok() || hour > 23 || minute > 59 || second > 59) return bad("no such time");
  return UnixSeconds{std::chrono::sys_days(date).time_since_epoch().count()} * 86'400 + hour * 3600 + minute * 60 + second;
}

}  // namespace openpcc::tdx
