// `openpcc policy lint`: what a policy will do, told before anything depends on it.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <ctime>

#include "commands.h"
#include "files.h"
#include "openpcc/core/describe.h"
#include "openpcc/policy/lint.h"

namespace openpcc::app {
namespace {

namespace bj = boost::json;
using policy::Advice;
using policy::Weight;

std::string_view heading(Weight weight) {
  switch (weight) {
    case Weight::warning: return "warnings";
    case Weight::cost: return "exceptions, and what each costs";
    case Weight::unchecked: return "rows of the verdict that will say not checked";
    case Weight::unprovable: return "rows of the verdict that will say not provable";
  }
  return "warnings";
}

void print(const std::filesystem::path& file, const std::vector<Advice>& all) {
  fmt::print("{}\n", file.string());
  const Advice* before = nullptr;
  for (const Advice& advice : all) {
    if (before == nullptr || before->weight != advice.weight) fmt::print("  {}\n", heading(advice.weight));
    const bool explained = advice.weight == Weight::warning || advice.weight == Weight::cost;
    fmt::print("    {:<38} {}\n", printable(advice.about), printable(advice.what));
    if (explained) fmt::print("{:43}rule     {}\n", "", advice.rule.id());
    if (!advice.remedy.empty()) fmt::print("{:43}remedy   {}\n", "", advice.remedy);
    before = &advice;
  }
}

bj::object json_of(const std::filesystem::path& file, const std::vector<Advice>& all) {
  bj::array advice;
  for (const Advice& one : all) {
    advice.push_back(bj::object{
        {"weight", to_string(one.weight)}, {"rule", one.rule.id()}, {"about", one.about}, {"what", one.what}, {"remedy", one.remedy}});
  }
  return {{"file", file.string()}, {"advice", std::move(advice)}};
}

// Report prints what is said of each file, and keeps the worst of the exit codes.
class Report {
 public:
  explicit Report(bool json) : json_(json) {}

  void advised(const std::filesystem::path& file, const std::vector<Advice>& all) {
    const bool warned = std::ranges::any_of(all, [](const Advice& advice) { return advice.weight == Weight::warning; });
    worst_ = std::max<int>(worst_, warned ? kReject : kAccept);
    json_ ? entries_.push_back(json_of(file, all)) : print(file, all);
  }
  void refused(const std::filesystem::path& file, const Error& error) {
    worst_ = std::max<int>(worst_, kMalformed);
    const std::string_view remedy = policy::remedy_of(error);
    if (json_) {
      entries_.push_back(bj::object{{"file", file.string()}, {"rule", error.rule.id()}, {"what", error.detail}, {"remedy", remedy}});
    } else {
      fmt::print("{}\n  no policy: {}\n  remedy     {}\n", file.string(), printable(describe(error)), remedy);
    }
  }
  int finish() const {
    if (json_) fmt::print("{}\n", bj::serialize(entries_));
    return worst_;
  }

 private:
  bool json_;
  bj::array entries_;
  int worst_ = kAccept;
};

}  // namespace

int run_policy_lint(const PolicyLintOptions& options) {
  const UnixSeconds now = options.at ? *options.at : std::time(nullptr);
  Report report(options.json);
  for (const auto& file : options.files) {
    const auto text = read_bounded(file, policy::kPolicyBytesMax);
    if (!text) {
      fmt::print(stderr, "openpcc policy lint: {}\n", told(text.error()));
      return text.error().code == Code::limit ? kMalformed : kInternal;
    }
    const auto advice = policy::lint(*text, now);
    advice ? report.advised(file, *advice) : report.refused(file, advice.error());
  }
  return report.finish();
}

}  // namespace openpcc::app
