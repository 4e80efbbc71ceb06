#include "doctor_report.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "openpcc/core/describe.h"

namespace openpcc::app {
namespace {

namespace json = boost::json;

std::string_view word(Health health) {
  switch (health) {
    case Health::ok: return "ok";
    case Health::warning: return "warning";
    case Health::problem: return "problem";
    case Health::not_checked: return "not_checked";
  }
  return "";
}

std::string_view heading(Health health) { return health == Health::not_checked ? "not checked" : word(health); }

size_t count(const std::vector<Finding>& findings, Health health) {
  return static_cast<size_t>(std::ranges::count(findings, health, &Finding::health));
}

std::string summary(const std::vector<Finding>& findings) {
  const auto some = [](size_t n, std::string_view what) { return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s"); };
  const size_t problems = count(findings, Health::problem);
  const size_t warnings = count(findings, Health::warning);
  if (problems > 0) return fmt::format("Diagnosis: {}, {}. Begin with the first.", some(problems, "problem"), some(warnings, "warning"));
  if (warnings > 0) return fmt::format("Diagnosis: requests can be answered; {}.", some(warnings, "warning"));
  return "Diagnosis: healthy.";
}

struct Remedy {
  std::string_view rule;  // or a beginning that ends in '.'
  std::string_view text;
};

// The first that fits counts.
constexpr Remedy kRemedies[] = {
    {"daemon.config.read", "name the file with --config; deploy/systemd/proxy.example.toml is one to begin with"},
    {"daemon.config.missing", "add the key; openpcc proxy --help explains each"},
    {"daemon.config.", "correct the line; openpcc proxy --help explains each key"},
    {"daemon.secret.permissions", "chmod 600 the file"},
    {"daemon.secret.", "write the secret into the file, in one line, and chmod 600 it"},
    {"daemon.tls.", "correct the path, or unset the setting or variable to use the system's store"},
    {"crypto.tls.certificate", "the file must hold certificates in PEM (-----BEGIN CERTIFICATE-----)"},
    {"proxy.relays.none", "write at least one URL into `relays`, better those of two operators"},
    {"proxy.listen.key", "name a key's file in api_key_file, or listen on 127.0.0.1"},
    {"http.proxy.url", "write it as http://[user:password@]host:port; SOCKS is not spoken"},
    {"app.file.", "correct the path in `policy`; the file comes from the operator of the service or is your own"},
    {"policy.", "correct the policy file; the error names the key"},
    {"http.client.connect",
     "check the name, the address and the port; behind a firewall that lets nothing out, name the organisation's proxy in HTTPS_PROXY or "
     "outgoing_proxy"},
    {"http.client.proxy_answer", "what stands at the outgoing proxy's address is not an HTTP proxy; check HTTPS_PROXY or outgoing_proxy"},
    {"http.client.proxy",
     "407: put user:password into HTTPS_PROXY or a file named in outgoing_proxy_auth_file; 403: ask the organisation's network team to "
     "allow "
     "the relay; relays inside the network belong into no_proxy"},
    {"http.client.tls",
     "where the issuer is your organisation's TLS-intercepting proxy, put its certificate into a file and name it in tls.ca_file or "
     "SSL_CERT_FILE; where you do not know the issuer, somebody is in the way: do not trust it"},
    {"http.client.", "what answers there is no relay, or its connection is bad; check the URL, then tell its operator"},
    {"client.relay.fetch", "something answers, but not a relay with a directory: check the URL and its path, then tell its operator"},
    {"note.verify.", "policy and relay belong to different deployments, or the bundle was forged: get the policy of this deployment anew"},
    {"note.", "what the relay serves is not a directory: check the relay's URL, then tell its operator"},
    {"directory.bundle.deployment", "policy and relay belong to different deployments: use the policy of this one"},
    {"directory.bundle.early", "set this machine's clock"},
    {"directory.beacon.future", "set this machine's clock"},
    {"directory.bundle.expired", "set this machine's clock; if it is right, the relay serves an old bundle: tell its operator"},
    {"directory.rollback", "this relay lags behind another one; if it stays so, tell its operator"},
    {"directory.fork",
     "two relays were given different directories of one time: tell both operators and stop using the service until they answer"},
    {"directory.draw.too_few", "set `recipients` lower, or wait until the operator runs more nodes"},
    {"directory.leaf.", "the directory describes this node wrongly: tell the operator of the service"},
    {"directory.", "the bundle is not acceptable: tell the operator of the service"},
    {"client.gateway_key", "the gateway is older or newer than this program: update, or tell its operator"},
    {"client.proxy.key", "another key is in use than in api_key_file: restart the proxy after changing it"},
    {"client.", "see docs/proxy.md; ask again in a minute"},
};

}  // namespace

std::string remedy_for(const Error& error) {
  const std::string_view id = error.rule.id();
  for (const Remedy& remedy : kRemedies) {
    const bool fits = remedy.rule.ends_with('.') ? id.starts_with(remedy.rule) : id == remedy.rule;
    if (fits) return std::string(remedy.text);
  }
  return {};
}

void DoctorReport::add(Finding finding) {
  for (std::string* text : {&finding.subject, &finding.seen, &finding.rule, &finding.remedy}) *text = printable(std::move(*text));
  findings_.push_back(std::move(finding));
}

void DoctorReport::refused(std::string_view check, std::string subject, const Error& error, Health health) {
  std::string seen = error.detail.empty() ? std::string(to_string(error.code)) : error.detail;
  add({check, std::move(subject), health, std::move(seen), std::string(error.rule.id()), remedy_for(error)});
}

bool DoctorReport::healthy() const { return count(findings_, Health::problem) == 0; }

std::string DoctorReport::text(std::string_view patient, UnixSeconds at) const {
  std::string out = fmt::format("openpcc doctor examined {} at {:%Y-%m-%d %H:%M:%S} UTC\n\n", printable(std::string(patient)),
                                fmt::gmtime(static_cast<std::time_t>(at)));
  for (const Finding& f : findings_) {
    const std::string name = std::string(f.check) + (f.subject.empty() ? "" : " " + f.subject);
    out += fmt::format("  {:<12} {}: {}\n", heading(f.health), name, f.seen);
    if (!f.rule.empty()) out += fmt::format("  {:<12}   rule  {}\n", "", f.rule);
    if (!f.remedy.empty()) out += fmt::format("  {:<12}   fix   {}\n", "", f.remedy);
  }
  return out + "\n" + summary(findings_) + "\n";
}

std::string DoctorReport::json() const {
  json::array checks;
  for (const Finding& f : findings_) {
    checks.push_back(
        {{"check", f.check}, {"subject", f.subject}, {"state", word(f.health)}, {"seen", f.seen}, {"rule", f.rule}, {"remedy", f.remedy}});
  }
  return json::serialize(json::value{{"outcome", healthy() ? "ok" : "problem"}, {"checks", std::move(checks)}});
}

}  // namespace openpcc::app
