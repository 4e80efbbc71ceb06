// What `openpcc doctor` found, as data, and how it is told.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "openpcc/core/environment.h"
#include "openpcc/core/result.h"

namespace openpcc::app {

// Health: a warning does not stop a request, a problem does or will; not_checked says why in `seen`.
enum class Health : uint8_t { ok, warning, problem, not_checked };

struct Finding {
  std::string_view check;  // a closed set of words: "relay", "bundle", ...
  std::string subject;     // which relay, node or model; empty where there is one alone
  Health health;
  std::string seen;
  std::string rule = {};    // of the refusal; empty where there was none
  std::string remedy = {};  // what to do; empty where nothing is to be done
};

class DoctorReport {
 public:
  // add replaces what could steer a terminal: parts of what was seen were chosen by others.
  void add(Finding finding);
  void ok(std::string_view check, std::string subject, std::string seen) {
    add({.check = check, .subject = std::move(subject), .health = Health::ok, .seen = std::move(seen)});
  }
  void not_checked(std::string_view check, std::string why) {
    add({.check = check, .subject = {}, .health = Health::not_checked, .seen = std::move(why)});
  }
  // refused files an error under `health`, with the remedy of remedy_for.
  void refused(std::string_view check, std::string subject, const Error& error, Health health = Health::problem);

  const std::vector<Finding>& findings() const { return findings_; }
  bool healthy() const;
  // text is a report for people, json one object for programs.
  std::string text(std::string_view patient, UnixSeconds at) const;
  std::string json() const;

 private:
  std::vector<Finding> findings_;
};

// remedy_for says what the person who runs the proxy can do about a refusal; empty where we know nothing better than the error itself.
std::string remedy_for(const Error& error);

}  // namespace openpcc::app
