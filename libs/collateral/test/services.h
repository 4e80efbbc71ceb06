// The vendors' services and a store, in memory, over machines of a test's own making. They answer what a test puts into them, and count.
#pragma once

#include <map>
#include <set>

#include "openpcc/collateral/staple.h"
#include "snp_forge.h"
#include "world.h"

namespace openpcc::collateral::test {

// Services answer by target. What a test scripts for a target comes first, one answer at a time.
class Services final : public Fetcher {
 public:
  std::map<std::string, Answer> answers;
  std::map<std::string, std::vector<Answer>> scripted;
  std::vector<std::string> asked;
  std::function<void()> on_fetch;

  Result<Answer> fetch(const Request& request) override;
  size_t count(std::string_view part) const;

  // serve puts a good answer for what a plan asks.
  void serve(const Request& request, Bytes body, std::vector<Field> fields = {}) {
    answers[request.target] = {200, std::move(fields), std::move(body)};
  }
  void serve_snp(const snp::forge::Machine& machine, const snp::Report& report, UnixSeconds next_update);
  void serve_intel(const tdx::test::World& world, const Plan& plan);
};

// MemoryStore keeps entries, and who holds which key.
class MemoryStore final : public Store {
 public:
  std::map<std::string, Bytes> entries;
  std::set<std::string> locked;
  std::optional<Error> broken;

  Result<std::optional<Bytes>> read(const std::string& key) override;
  Result<> write(const std::string& key, ByteSpan entry) override;
  Result<std::unique_ptr<Lock>> lock(const std::string& key) override;
};

std::string url_encoded(std::string_view text);
// document is Intel's signed JSON in the form in which it comes.
Bytes document(std::string_view member, const tdx::test::SignedJson& json);

}  // namespace openpcc::collateral::test
