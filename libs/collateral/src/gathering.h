// Gathering finds what each unit of a plan holds: what was given, else what is kept, else what the vendor answers; and lets the report's own verifier
// judge all of it together. What is to blame for a refusal is taken from its next source, until there is none. Private to this library.
#pragma once

#include "openpcc/attest/items.h"
#include "openpcc/collateral/staple.h"

namespace openpcc::collateral {

using Parts = std::vector<Bytes>;  // of one unit, its answers' one after another

// Judgement is what the verifier of a technology says of parts.
struct Judgement {
  std::optional<Error> error;    // none: they vouch for the report
  std::vector<size_t> suspects;  // units that may be to blame, the likeliest first; none: the report itself is
  std::vector<size_t> proven;    // units that are good whatever the others are
};

// Case is a report with its plan.
class Case {
 public:
  virtual ~Case() = default;
  virtual const Plan& plan() const = 0;
  // given is what the host gave for a unit; empty: nothing.
  virtual const Parts& given(size_t unit) const = 0;
  // remember looks at what is kept of a unit, whether it is good for this report and time or not.
  virtual void remember(size_t unit, const Parts& kept) = 0;
  virtual Judgement judge(std::span<const Parts> parts) const = 0;
  virtual attest::Device device(std::vector<Parts> parts) const = 0;
};

class Gathering {
 public:
  Gathering(Case& judged, const Source& source) : case_(judged), source_(source), slots_(judged.plan().size()) {}

  // from_kept asks nobody.
  Result<attest::Device> from_kept();
  // run asks the vendor for what is not given and not kept, or not good any more. One fetch at a time to a key of the store.
  Result<attest::Device> run();

 private:
  enum class Origin : uint8_t { none, given, kept, fetched };
  struct Slot {
    std::optional<Parts> kept;  // as the store has it
    Origin origin = Origin::none;
    bool filled = false;
    Parts parts;
    std::vector<Kept> answers;  // where it was fetched
  };

  Result<> load();
  Result<attest::Device> attempt(Fetcher* fetcher);
  Result<> advance(size_t unit, Fetcher* fetcher);
  bool has_next(size_t unit, const Fetcher* fetcher) const;
  Result<> fetch(size_t unit, Fetcher& fetcher);
  Result<Answer> ask(const Request& request, Fetcher& fetcher) const;
  Result<> keep(size_t unit);
  void tell(Event::Kind kind, const Request& request, size_t bytes, std::chrono::seconds wait = {}) const;

  Case& case_;
  const Source& source_;
  std::vector<Slot> slots_;
};

std::unique_ptr<Case> snp_case(ByteSpan report, const snp::Report& parsed, snp::Product product, std::span<const attest::Recognised> given,
                               const Source& source, UnixSeconds now);
// product_given is the line of the VEK among what the host gave.
std::optional<snp::Product> product_given(const snp::Report& report, std::span<const attest::Recognised> given, UnixSeconds now);
Result<std::unique_ptr<Case>> intel_case(ByteSpan bytes, const Source& source, UnixSeconds now);

}  // namespace openpcc::collateral
