#include "services.h"

#include <algorithm>

namespace openpcc::collateral::test {

Result<Answer> Services::fetch(const Request& request) {
  asked.push_back(request.target);
  if (on_fetch) on_fetch();
  if (auto script = scripted.find(request.target); script != scripted.end() && !script->second.empty()) {
    Answer next = script->second.front();
    script->second.erase(script->second.begin());
    return next;
  }
  const auto found = answers.find(request.target);
  return found == answers.end() ? Answer{404, {}, {}} : found->second;
}

size_t Services::count(std::string_view part) const {
  return static_cast<size_t>(
      std::ranges::count_if(asked, [&](const std::string& target) { return target.find(part) != std::string::npos; }));
}

void Services::serve_snp(const snp::forge::Machine& machine, const snp::Report& report, UnixSeconds next_update) {
  const Plan plan = plan_snp(report, machine.line.product);
  const bool vlek = report.signing_key == snp::SigningKey::vlek;
  if (!plan[kSnpVek].requests.empty()) serve(plan[kSnpVek].requests[0], machine.vek_der());
  const std::string chain =
      x509::forge::pem(vlek ? machine.line.asvk_der() : machine.line.ask_der()) + x509::forge::pem(machine.line.ark_der());
  serve(plan[kSnpChain].requests[0], Bytes(chain.begin(), chain.end()));
  serve(plan[kSnpCrl].requests[0], machine.line.crl({}, next_update));
}

void Services::serve_intel(const tdx::test::World& world, const Plan& plan) {
  const tdx::test::Set set = world.set();
  const std::string chain = url_encoded(set.signing_chain);
  serve(plan[kIntelTcb].requests[0], document("tcbInfo", set.tcb_info), {{"tcb-info-issuer-chain", chain}});
  serve(plan[kIntelTcb].requests[1], document("enclaveIdentity", set.identity), {{"sgx-enclave-identity-issuer-chain", chain}});
  serve(plan[kIntelPckCrl].requests[0], *set.pck_crl);
  serve(plan[kIntelRootCrl].requests[0], *set.root_crl);
}

Result<std::optional<Bytes>> MemoryStore::read(const std::string& key) {
  if (broken) return std::unexpected(*broken);
  const auto found = entries.find(key);
  return found == entries.end() ? std::optional<Bytes>() : std::optional(found->second);
}

Result<> MemoryStore::write(const std::string& key, ByteSpan entry) {
  entries[key].assign(entry.begin(), entry.end());
  return {};
}

Result<std::unique_ptr<Store::Lock>> MemoryStore::lock(const std::string& key) {
  struct Held final : Lock {
    Held(std::set<std::string>& all, const std::string& key) : locked(all), name(key) { locked.insert(name); }
    ~Held() override { locked.erase(name); }
    std::set<std::string>& locked;
    std::string name;
  };
  OPENPCC_CHECK(!locked.contains(key));
  return std::make_unique<Held>(locked, key);
}

std::string url_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    if (plain) {
      out += c;
    } else {
      const auto byte = static_cast<uint8_t>(c);
      out += "%" + to_hex({&byte, 1});
    }
  }
  return out;
}

Bytes document(std::string_view member, const tdx::test::SignedJson& json) {
  const std::string text = "{\"" + std::string(member) + "\":" + json.value + ",\"signature\":\"" + json.signature_hex + "\"}";
  return Bytes(text.begin(), text.end());
}

}  // namespace openpcc::collateral::test
