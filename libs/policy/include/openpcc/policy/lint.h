// What a policy that parses will and will not do, told to whoever writes it: a pure function of the file, the time, and what is verified beside it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "openpcc/policy/policy.h"

namespace openpcc::policy {

enum class Weight : uint8_t {
  warning,     // hardly what was meant: it can never apply, is over, or takes all there is
  cost,        // an exception that was taken, and what it costs
  unchecked,   // a row of the verdict that will be not checked
  unprovable,  // one that no evidence can show
};
std::string_view to_string(Weight weight);  // "warning"

// Advice is one thing to know about a policy. `about` is a setting, "tdx.accept.OutOfDate", or a row of the verdict, "chip_ledger".
struct Advice {
  Weight weight;
  Rule rule;
  std::string about;
  std::string what;
  std::string remedy;  // empty where nothing is to be done
};

// lint reads a policy as of `now`, and gives what is to be said of it: warnings first, then costs, rows not checked and rows not provable. Errors: those of parse.
//   policy.lint.accepts_nothing   no machine can fulfil it
//   policy.lint.idle              a table, a setting or an exception that can never apply, or an empty table
//   policy.lint.over              an exception whose end has come
//   policy.lint.takes_all         a minimum that nothing is below
//   policy.lint.placeholder       a digest of zeros, which nothing has; a key that is text, of which nobody has the private half
//   policy.lint.gpu_optional      GPUs are named, and nodes without any are accepted
//   policy.lint.milan             keys of Milan can be forged by whoever controls a host, and the chip ledger lists no chips
//   policy.lint.exception         a check that is switched off
//   policy.lint.unchecked, policy.lint.unprovable
Result<std::vector<Advice>> lint(ByteSpan toml, UnixSeconds now);

// remedy_of says what to do about an error of parse.
std::string_view remedy_of(const Error& error);

}  // namespace openpcc::policy
