#include "openpcc/measure/explain.h"

#include <algorithm>

#include "fields.h"
#include "openpcc/core/describe.h"
#include "snp_causes.h"

namespace openpcc::measure {
namespace {

constexpr size_t kStepsTried = 512;  // each is recomputed without its neighbours: quadratic
constexpr size_t kCausesMax = 8;

std::vector<const Extend*> steps_of(const Measurement& measurement, std::string_view reg) {
  std::vector<const Extend*> out;
  for (const Extend& step : measurement.trace) {
    if (step.reg == reg) out.push_back(&step);
  }
  return out;
}

bool same(const Extend& a, const Extend& b) { return a.digest == b.digest && a.gpa == b.gpa && (a.gpa ? a.what == b.what : true); }

std::string step_text(const Extend& step) {
  std::string out = step.what + " (from " + step.input;
  if (step.offset > 0) out += ", offset " + std::to_string(step.offset);
  if (step.gpa) out += ", address " + hex_text(*step.gpa);
  return out + "), " + to_hex(ByteSpan(step.digest).first(std::min<size_t>(8, step.digest.size()))) + "…";
}

// first_difference says where two lists of steps part.
std::string first_difference(const Measurement& expected, const Measurement& seen, std::string_view reg) {
  const auto a = steps_of(expected, reg), b = steps_of(seen, reg);
  if (a.empty() || b.empty()) return {};
  size_t i = 0;
  while (i < a.size() && i < b.size() && same(*a[i], *b[i])) ++i;
  const std::string step = "step " + std::to_string(i + 1) + ": ";
  if (i == a.size() && i == b.size()) return "every step is the same: the registers began at other values";
  if (i == a.size()) return step + "nothing more expected, seen " + step_text(*b[i]);
  if (i == b.size()) return step + "expected " + step_text(*a[i]) + ", seen nothing more";
  return step + "expected " + step_text(*a[i]) + ", seen " + step_text(*b[i]);
}

// Chain recomputes a register from digests; it begins as the measurement's own did.
class Chain {
 public:
  Chain(const Measurement& measurement, std::string_view reg) : bank_(measurement.bank), steps_(steps_of(measurement, reg)) {
    for (const Extend* step : steps_) digests_.push_back(step->digest);
  }

  // usable: the steps really lead to the register's value from zero, so that others can be tried.
  bool usable(ByteSpan value) const { return !digests_.empty() && digests_.size() <= kStepsTried && equal(run(digests_), value); }
  const std::vector<const Extend*>& steps() const { return steps_; }
  const std::vector<Bytes>& digests() const { return digests_; }
  Bytes run(const std::vector<Bytes>& digests) const {
    Bytes value(digest_bytes(bank_));
    for (const Bytes& d : digests) value = digest(bank_, concat({value, d}));
    return value;
  }

 private:
  Bank bank_;
  std::vector<const Extend*> steps_;
  std::vector<Bytes> digests_;
};

void try_alternatives(const Measurement& expected, std::string_view reg, const Chain& chain, ByteSpan seen, std::vector<std::string>& out) {
  for (size_t i = 0; i < chain.steps().size(); ++i) {
    for (const Alternative& other : expected.alternatives) {
      if (other.reg != reg || other.what != chain.steps()[i]->what) continue;
      std::vector<Bytes> digests = chain.digests();
      digests[i] = other.digest;
      if (equal(chain.run(digests), seen)) out.push_back(other.what + " " + other.why);
    }
  }
}

void try_orders(const Chain& chain, ByteSpan seen, std::vector<std::string>& out) {
  const auto matches = [&](const std::vector<Bytes>& digests) { return equal(chain.run(digests), seen); };
  for (size_t i = 0; i < chain.steps().size(); ++i) {
    const auto at = static_cast<ptrdiff_t>(i);
    const std::string name = chain.steps()[i]->what + " (step " + std::to_string(i + 1) + ")";
    std::vector<Bytes> digests = chain.digests();
    digests.erase(digests.begin() + at);
    if (matches(digests)) out.push_back("without " + name);
    digests = chain.digests();
    digests.insert(digests.begin() + at, digests[i]);
    if (matches(digests)) out.push_back(name + " twice");
    digests = chain.digests();
    if (i + 1 < digests.size()) std::swap(digests[i], digests[i + 1]);
    if (i + 1 < digests.size() && matches(digests)) out.push_back(name + " after what follows it");
    if (matches({chain.digests().begin(), chain.digests().begin() + at})) out.push_back("nothing from " + name + " on");
  }
}

// changed_parameters are what two measurements were given differently.
std::vector<std::string> changed_parameters(const Measurement& expected, const Measurement& seen) {
  std::vector<std::string> out;
  for (const auto& [name, value] : expected.parameters) {
    const std::string_view other = seen.parameter(name);
    if (other != value) out.push_back(name + ": " + value + ", seen " + (other.empty() ? "none" : std::string(other)));
  }
  for (const auto& [name, value] : seen.parameters) {
    if (expected.parameter(name).empty() && !value.empty()) out.push_back(name + ": none, seen " + value);
  }
  return out;
}

}  // namespace

std::vector<std::string> causes_of(const Measurement& expected, std::string_view reg, ByteSpan seen) {
  std::vector<std::string> out;
  const auto launch = reg == "MEASUREMENT" ? launch_of(expected) : std::nullopt;
  if (launch) out = snp_causes(expected, *launch, seen);
  for (const Alternative& other : expected.alternatives) {
    if (other.reg == reg && reg == "MRTD" && equal(other.digest, seen)) out.push_back(other.why);
  }
  const Chain chain(expected, reg);
  if (!launch && chain.usable(expected.value(reg))) {
    try_alternatives(expected, reg, chain, seen, out);
    try_orders(chain, seen, out);
  }
  if (is_zero(seen)) out.emplace_back("nothing was extended");
  if (out.size() > kCausesMax) out.resize(kCausesMax);
  return out;
}

std::vector<Difference> compare(const Measurement& expected, const Measurement& seen) {
  std::vector<Difference> out;
  for (const Register& reg : expected.registers) {
    const ByteSpan other = seen.value(reg.name);
    if (other.empty() || equal(reg.value, other)) continue;
    Difference difference{reg.name, reg.value, Bytes(other.begin(), other.end()), first_difference(expected, seen, reg.name), {}};
    difference.causes = seen.parameters.empty() ? causes_of(expected, reg.name, other) : changed_parameters(expected, seen);
    out.push_back(std::move(difference));
  }
  return out;
}

}  // namespace openpcc::measure
