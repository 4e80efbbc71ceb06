// Results and errors: how every library says that something went wrong.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace openpcc {

// Code is the kind of a failure; a caller branches on it, a person reads Error::rule.
enum class Code : uint8_t {
  malformed,            // the bytes do not have the shape that the specification gives them
  unsupported,          // well formed, but a version, suite or type that we do not speak
  verification_failed,  // a tag, signature, digest or binding is wrong
  rejected,             // genuine, but refused by a policy or an allowlist
  limit,                // larger, longer or more numerous than we accept
  unavailable,          // a peer or a resource cannot serve now; trying again later may work
  closed,               // the peer ended the exchange early, or the machine already failed or finished
  internal,             // our own environment failed (no file, no memory, no randomness)
};

// Rule is the static id of a violated requirement, "<library>.<section>.<word>": tests assert it, operators search for it.
// Only a string literal converts to it, so that the ids can be listed from the sources.
class Rule {
 public:
  template <size_t N>
  consteval Rule(const char (&id)[N]) : id_(id, N - 1) {}  // NOLINT(google-explicit-constructor): reads as a literal
  constexpr std::string_view id() const { return id_; }
  friend constexpr bool operator==(Rule a, Rule b) { return a.id_ == b.id_; }

 private:
  std::string_view id_;
};

// Error says what failed. `detail` is for people; it never holds keys, plaintext or anything else of a user's.
struct Error {
  Code code;
  Rule rule;
  std::string detail;
};

// Result is std::expected, made a type that no caller can drop unseen (g++ and clang warn, and warnings are errors).
template <class T = void>
struct [[nodiscard]] Result : std::expected<T, Error> {
  using std::expected<T, Error>::expected;
};

// fail is the one way to make an error; the list of rule ids is read from its calls.
[[nodiscard]] inline std::unexpected<Error> fail(Code code, Rule rule, std::string detail = {}) {
  return std::unexpected<Error>(Error{code, rule, std::move(detail)});
}

// to_string returns the code's name as it stands in the enumeration.
std::string_view to_string(Code code);

// describe returns "rule: detail" for people.
std::string describe(const Error& error);

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace openpcc

// OPENPCC_CHECK ends the process when our own code is wrong; it is compiled in every build. Never for what a peer sent.
#define OPENPCC_CHECK(condition) \
  (static_cast<bool>(condition) ? static_cast<void>(0) : ::openpcc::check_failed(#condition, __FILE__, __LINE__))

// NOLINTBEGIN(bugprone-macro-parentheses): a declaration and `return` cannot stand in parentheses
#define OPENPCC_CONCAT_(a, b) a##b
#define OPENPCC_CONCAT(a, b) OPENPCC_CONCAT_(a, b)
#define OPENPCC_TRY_(name, expression, return_) \
  auto&& name = (expression);                   \
  if (!name) return_ ::std::unexpected(::std::move(name).error())
#define OPENPCC_LET_(name, declaration, expression, return_) \
  OPENPCC_TRY_(name, expression, return_);                   \
  declaration = ::std::move(*name)

// OPENPCC_TRY returns the error of a Result<> from the enclosing function; OPENPCC_LET also names the value:
//   OPENPCC_LET(const uint16_t kem, reader.u16());
// The CO_ forms do the same in a coroutine; co_await into a named local first (GCC 12 miscompiles temporaries there).
#define OPENPCC_TRY(expression) OPENPCC_TRY_(OPENPCC_CONCAT(result_, __LINE__), expression, return)
#define OPENPCC_LET(declaration, expression) OPENPCC_LET_(OPENPCC_CONCAT(result_, __LINE__), declaration, expression, return)
#define OPENPCC_CO_TRY(expression) OPENPCC_TRY_(OPENPCC_CONCAT(result_, __LINE__), expression, co_return)
#define OPENPCC_CO_LET(declaration, expression) OPENPCC_LET_(OPENPCC_CONCAT(result_, __LINE__), declaration, expression, co_return)
// NOLINTEND(bugprone-macro-parentheses)
