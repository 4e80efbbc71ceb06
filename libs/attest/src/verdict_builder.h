// VerdictBuilder collects rows and sums them up.
#pragma once

#include "openpcc/attest/verdict.h"
#include "openpcc/core/describe.h"
#include "openpcc/policy/policy.h"

namespace openpcc::attest {

class VerdictBuilder {
 public:
  VerdictBuilder(ByteSpan evidence, const policy::Requirements& requirements);

  void set_node_id(const NodeId& node_id) { verdict_.node_id_ = node_id; }
  void set_simulated() { simulated_ = true; }

  void pass(Property property, Rule rule, std::string expected, std::string seen);
  void refuse(Property property, Rule rule, std::string expected, std::string seen, std::string remedy);
  // refuse_by takes over an error; `unsupported` errors make the verdict unsupported, `malformed` ones of Property::format malformed.
  void refuse_by(Property property, const Error& error, std::string expected, std::string remedy);
  // skip says that a required check could not be made, because one that it rests on failed.
  void skip(Property property, Rule rule);
  // leave says that something not required was not checked, and why.
  void leave(Property property, Rule rule, std::string expected, std::string why);
  void unprovable(Property property, Rule rule, std::string expected, std::string why);

  void add_gpu(GpuVerdict gpu) { verdict_.gpus_.push_back(std::move(gpu)); }

  Verdict build();

 private:
  void add(Property property, State state, bool required, Rule rule, std::string expected, std::string seen, std::string remedy);

  Verdict verdict_;
  bool simulated_ = false;
  bool malformed_ = false;
  bool unsupported_ = false;
};

}  // namespace openpcc::attest
