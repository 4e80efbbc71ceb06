// Spec: spec/evidence.md s5.
#include "openpcc/policy/lint.h"

#include <algorithm>

#include "openpcc/core/calendar.h"
#include "openpcc/core/describe.h"
#include "toml_reader.h"

namespace openpcc::policy {
namespace {

// Exception is what an exception costs, and which of the tables or kinds it is for.
struct Exception {
  bool Exceptions::* taken;
  std::string_view name;
  std::string_view cost;
  std::string_view remedy;
  bool for_snp, for_tdx, for_all;
};
constexpr Exception kExceptions[] = {
    {&Exceptions::allow_debug, "allow_debug", "a debug TEE hides nothing: its operator reads every prompt",
     "take it out before anything real is asked", false, false, true},
    {&Exceptions::no_chip_ledger, "no_chip_ledger",
     "any genuine chip is accepted, also one whose keys were taken out of it by whoever holds it",
     "list the chips of machines whose place is known in nodes.chips", false, false, true},
    {&Exceptions::one_root_owner, "one_root_owner", "one maker vouches for all: whoever breaks or coerces it forges whole nodes",
     "require a GPU and min_root_owners = 2; a machine without one has no second maker", false, false, true},
    {&Exceptions::beyond_loopback, "beyond_loopback", "simulated TEEs and relays without TLS are reached on other machines",
     "take it out where nobody needs it", false, false, true},
    {&Exceptions::no_revocation, "no_revocation",
     "evidence without its maker's revocation lists is accepted, though what signed it may be revoked",
     "let nodes bring the lists, which their directory can fetch", true, true, false},
    {&Exceptions::allow_migration, "allow_migration", "a migration agent may take the guest, and all keys in it, to another machine",
     "launch guests that cannot be migrated", true, true, false},
    {&Exceptions::allow_provisional_firmware, "allow_provisional_firmware",
     "the host can put older firmware in the place of the one that the report shows", "let the host commit its firmware", true, false,
     false},
    {&Exceptions::allow_masked_chips, "allow_masked_chips", "reports need not say which chip they are of",
     "let the host launch without MASK_CHIP_KEY", true, false, false},
    {&Exceptions::allow_sept_ve, "allow_sept_ve", "the host can inject exceptions at the TD's memory accesses",
     "launch TDs with SEPT_VE_DISABLE", false, true, false},
};

// kNoKey begins the keys of the example policies, which are text.
constexpr std::string_view kNoKey = "NO KEY: ";

// setting is the name of a setting, put together: in one piece it would look like the id of a rule.
std::string setting(std::string_view table, std::string_view name) { return std::string(table) + "." + std::string(name); }

class Linter {
 public:
  Linter(const Policy& policy, UnixSeconds now)
      : r_(requirements(policy)), production_(std::holds_alternative<ProductionPolicy>(policy)), now_(now) {}

  std::vector<Advice> run(const std::vector<std::string>& empty_tables) {
    look_for_placeholders();
    look_at_machines();
    look_at_gpus();
    look_at_exceptions();
    look_at_snp();
    look_at_tdx();
    for (const std::string& table : empty_tables) warn("policy.lint.idle", table, "holds nothing", "fill it, or leave it out");
    foretell_common();
    if (production_ && r_.snp) foretell_snp(*r_.snp);
    if (production_ && r_.tdx) foretell_tdx(r_.tdx->demands);
    if (production_ && r_.nvgpu) foretell_nvgpu(*r_.nvgpu);
    if (production_ && r_.azure) foretell_azure();
    return by_weight();
  }

 private:
  std::vector<Advice> by_weight() {
    std::vector<Advice> out;
    for (const Weight weight : {Weight::warning, Weight::cost, Weight::unchecked, Weight::unprovable}) {
      std::ranges::copy_if(out_, std::back_inserter(out), [&](const Advice& advice) { return advice.weight == weight; });
    }
    return out;
  }
  void warn(Rule rule, std::string about, std::string what, std::string remedy) {
    out_.push_back({Weight::warning, rule, std::move(about), std::move(what), std::move(remedy)});
  }
  void cost(std::string about, std::string_view what, std::string_view remedy) {
    out_.push_back({Weight::cost, "policy.lint.exception", std::move(about), std::string(what), std::string(remedy)});
  }
  void unchecked(std::string_view row, std::string_view why, std::string_view remedy) {
    out_.push_back({Weight::unchecked, "policy.lint.unchecked", std::string(row), std::string(why), std::string(remedy)});
  }
  void unprovable(std::string_view row, std::string_view why, std::string_view remedy) {
    out_.push_back({Weight::unprovable, "policy.lint.unprovable", std::string(row), std::string(why), std::string(remedy)});
  }

  template <class List>
  void look_for_zeros(const std::string& name, const List& list) {
    if (std::ranges::any_of(list, [](const auto& digest) { return is_zero(digest); })) {
      warn("policy.lint.placeholder", name, "zeros are no digest of anything", "put what it should be in their place");
    }
  }
  void look_for_no_key(const std::string& name, const note::VerifierKey& key) {
    if (!as_text(key.key()).starts_with(kNoKey)) return;
    warn("policy.lint.placeholder", name, "nobody has its private half, so nothing is ever signed by it",
         "put the deployment's own key in its place");
  }
  void look_for_placeholders() {
    look_for_no_key(setting("keys", "directory"), r_.directory_key);
    look_for_no_key(setting("keys", "beacon"), r_.beacon_key);
    look_for_zeros("nodes.releases", r_.releases);
    look_for_zeros("nodes.gpu_releases", r_.gpu_releases);
    look_for_zeros("nodes.models", r_.models);
    look_for_zeros("nodes.configs", r_.configs);
    look_for_zeros("nodes.chips", r_.chips);
    if (r_.snp) look_for_zeros(setting("snp", "id_keys"), r_.snp->id_keys);
    if (r_.snp) look_for_zeros(setting("snp", "author_keys"), r_.snp->author_keys);
    if (r_.tdx) look_for_zeros(setting("tdx", "mrseam"), r_.tdx->demands.mrseam);
    if (r_.tdx) look_for_zeros(setting("tdx", "platforms"), r_.tdx->demands.platforms);
    if (r_.nvgpu) look_for_zeros(setting("nvgpu", "fwids"), r_.nvgpu->fwids);
    if (r_.azure) look_for_zeros(setting("azure", "paravisors"), r_.azure->paravisors);
  }

  void look_at_machines() {
    if (production_ && !r_.snp && !r_.tdx) {
      warn("policy.lint.accepts_nothing", "snp, tdx", "neither table is there, so no machine is taken", "add [snp] or [tdx]");
    }
    if (!production_) {
      for (const auto& [there, table] : {std::pair{r_.snp.has_value(), "snp"}, std::pair{r_.tdx.has_value(), "tdx"}}) {
        if (there) warn("policy.lint.idle", table, "a development policy takes simulated machines alone", "move it to a production policy");
      }
    }
    // One maker of CPUs and one of GPUs to a machine.
    if (r_.min_root_owners > 2) {
      warn("policy.lint.accepts_nothing", "nodes.min_root_owners", "a machine has two makers at most, its CPU's and its GPUs'", "say 2");
    }
  }

  void look_at_gpus() {
    if (production_ && r_.require_gpu && !r_.nvgpu) {
      warn("policy.lint.accepts_nothing", "nodes.require_gpu", "no table takes GPUs, so no machine fulfils it",
           "add [nvgpu], or say false");
    }
    if (!r_.require_gpu && !r_.gpu_releases.empty()) {
      warn("policy.lint.gpu_optional", "nodes.gpu_releases",
           "nodes that show no GPU are accepted, too, and may compute on one that nobody verified",
           "say require_gpu = true, or leave gpu_releases out");
    }
    if (!r_.require_gpu && r_.min_root_owners == 2) {
      warn(production_ && !r_.nvgpu ? Rule("policy.lint.accepts_nothing") : Rule("policy.lint.gpu_optional"), "nodes.min_root_owners",
           "a node without a GPU has one maker and is refused, whatever require_gpu says",
           "say require_gpu = true; or min_root_owners = 1 with the exception one_root_owner");
    }
  }

  void look_at_exceptions() {
    for (const Exception& exception : kExceptions) {
      if (!(r_.exceptions.*exception.taken)) continue;
      const std::string name = "exceptions." + std::string(exception.name);
      const bool applies = exception.for_all || (production_ && ((exception.for_snp && r_.snp) || (exception.for_tdx && r_.tdx)));
      if (!applies) {
        warn("policy.lint.idle", name, "there is no table of a machine that it is for", "take it out");
      } else if (exception.taken == &Exceptions::one_root_owner && r_.min_root_owners > 1) {
        warn("policy.lint.idle", name, "min_root_owners asks for more than one", "take it out");
      } else {
        cost(name, exception.cost, exception.remedy);
      }
    }
  }

  void look_at_snp() {
    if (!production_ || !r_.snp) return;
    for (const auto& [product, tcb] : r_.snp->min_tcb) {
      const std::string table = "snp.min_tcb." + std::string(snp::to_string(product));
      if (tcb == snp::Tcb{}) {
        warn("policy.lint.takes_all", table, "all zeros: firmware of any age is taken, known to be broken or not",
             "take the numbers of AMD's current bulletins for the line, or of a machine that you know to be current");
      }
    }
    const bool a_provider_in_the_ledger = std::ranges::any_of(
        r_.snp->csp_ids, [&](const std::string& id) { return std::ranges::binary_search(r_.chips, Bytes(id.begin(), id.end())); });
    if (!r_.snp->csp_ids.empty() && !r_.chips.empty() && !a_provider_in_the_ledger) {
      warn("policy.lint.idle", setting("snp", "csp_ids"),
           "a VLEK names no chip, so the ledger looks its provider up, and lists none of these",
           "list the bytes of its CSP_ID in nodes.chips, or leave csp_ids out");
    }
    if (r_.snp->products.contains(snp::Product::milan) && r_.chips.empty()) {
      warn("policy.lint.milan", "snp.min_tcb.Milan",
           "whoever controls a Milan host can take its chip's keys out (arXiv 2605.12990) and forge any report: without a list of chips, "
           "any such host will do",
           "leave Milan out, or list chips with a known history in nodes.chips");
    }
  }

  void look_at_tdx() {
    if (!production_ || !r_.tdx) return;
    if (r_.tdx->min_evaluation == 0) {
      warn("policy.lint.takes_all", setting("tdx", "min_evaluation"),
           "0: collateral of any evaluation is taken, so an old one can call an old platform up to date",
           "take tcbEvaluationDataNumber of Intel's current TCB info");
    }
    constexpr uint64_t kSeptVeDisable = uint64_t{1} << 28;
    if ((r_.tdx->demands.attributes_mask & kSeptVeDisable) == 0 && !r_.exceptions.allow_sept_ve) {
      warn("policy.lint.accepts_nothing", setting("tdx", "attributes_mask"),
           "SEPT_VE_DISABLE may not be set and must be: no TD can be both", "put 0x10000000 into the mask");
    }
    for (const tdx::TcbException& exception : r_.tdx->demands.tcb_exceptions) look_at_tcb_exception(exception);
  }

  void look_at_tcb_exception(const tdx::TcbException& exception) {
    const std::string name = "tdx.accept." + std::string(tdx::to_string(exception.status));
    const std::string end = utc_text(exception.until);
    if (exception.until <= now_) {
      warn("policy.lint.over", name, "ended on " + end + ": such platforms are refused",
           "take it out, or give it another end for a reason of its own");
      return;
    }
    std::string advisories;
    for (const std::string& id : exception.advisory_ids) advisories += (advisories.empty() ? "" : ", ") + id;
    cost(name,
         "platforms that Intel calls " + std::string(tdx::to_string(exception.status)) + " are taken until " + end + ", exposed to " +
             (advisories.empty() ? "no advisory" : advisories),
         "let hosts update, then take it out");
  }

  void foretell_common() {
    if (r_.configs.empty()) unchecked("config", "any configuration of the node is taken", "list digests in nodes.configs");
    if (r_.chips.empty()) unchecked("chip_ledger", "exception no_chip_ledger", "");
    if (!r_.require_gpu) {
      for (const std::string_view row : {"gpu", "gpu_firmware", "gpu_binding"}) unchecked(row, "of a node that shows no GPU", "");
    }
    if (r_.exceptions.allow_debug) {
      for (const std::string_view row : {"debug", "gpu_firmware"}) unchecked(row, "of a debug TEE: exception allow_debug", "");
    }
    unchecked("witnessed", "no log runs yet: nobody but the directory says that everybody sees it", "");
    unchecked("trusted_time", "a node's clock is its host's", "");
    unprovable("non_targetability", "how many nodes there are is the directory's word", "");
    unprovable("custody", "no third party says where a chip is, and who can reach it", "");
    unprovable("one_chassis", "CPU and GPU do not show that they are in one machine", "");
    unprovable("separation", "keys do not show who holds them", "");
  }

  void foretell_snp(const snp::Demands& demands) {
    unchecked("identity", "SEV-SNP: the row chip_ledger looks chips up", "");
    unchecked("platform", "SEV-SNP: reports of version 2 do not say whether memory was checked for aliases", "");
    if (demands.products.contains(snp::Product::milan))
      unprovable("product", "Milan: its reports can be forged (arXiv 2605.12990)", "leave Milan out");
    const bool launch = !demands.host_data.empty() || !demands.id_keys.empty() || !demands.author_keys.empty();
    if (!launch)
      unchecked("launch", "SEV-SNP: any host data and any ID key are taken", "say host_data or id_keys, where your guests have them");
    if (r_.exceptions.allow_provisional_firmware) unchecked("firmware", "SEV-SNP: where it is provisional", "");
    if (!demands.require_revocation) unchecked("revocation", "SEV-SNP: where evidence brings no list", "");
    if (demands.allow_migration) unchecked("migration", "SEV-SNP: where there is a migration agent", "");
  }

  void foretell_tdx(const tdx::Demands& demands) {
    if (demands.platforms.empty() && r_.chips.empty()) unchecked("identity", "TDX: any genuine platform is taken", "list tdx.platforms");
    if (demands.platforms.empty() && !r_.chips.empty()) unchecked("identity", "TDX: the row chip_ledger looks platforms up", "");
    if (demands.mrseam.empty()) unchecked("firmware", "TDX: any TDX module of Intel's whose TCB is taken", "list builds in tdx.mrseam");
    if (!r_.tdx->require_revocation) unchecked("revocation", "TDX: where evidence brings not all lists", "");
    if (demands.allow_migratable) unchecked("migration", "TDX: where the TD can be migrated", "");
    if (demands.allow_sept_ve) unchecked("guest_policy", "TDX: where SEPT_VE_DISABLE is clear", "");
    const bool excepted = std::ranges::any_of(demands.tcb_exceptions, [&](const auto& e) { return now_ < e.until; });
    if (excepted) unchecked("tcb", "TDX: where an exception takes the platform's status", "");
  }

  void foretell_nvgpu(const nvgpu::Demands& demands) {
    if (demands.fwids.empty()) {
      unchecked("gpu_firmware", "NVIDIA: which firmware the GPU's own certificate names, beyond driver and VBIOS",
                "list ids in nvgpu.fwids");
    }
    unprovable("gpu", "NVIDIA: that confidential computing is on and developers' tools are off, no report says",
               "demand it of the driver in the node's image, and list that image alone in nodes.releases");
  }

  void foretell_azure() {
    unprovable("launch", "Azure: hardware measures the paravisor; what the guest runs stands in the PCRs, by the paravisor's word", "");
  }

  const Requirements& r_;
  bool production_;
  UnixSeconds now_;
  std::vector<Advice> out_;
};

}  // namespace

std::string_view to_string(Weight weight) {
  switch (weight) {
    case Weight::warning: return "warning";
    case Weight::cost: return "cost";
    case Weight::unchecked: return "unchecked";
    case Weight::unprovable: return "unprovable";
  }
  return "warning";
}

Result<std::vector<Advice>> lint(ByteSpan toml, UnixSeconds now) {
  OPENPCC_LET(const Policy policy, parse(toml));
  return Linter(policy, now).run(empty_tables(as_text(toml)));
}

std::string_view remedy_of(const Error& error) {
  static constexpr std::pair<std::string_view, std::string_view> kRemedies[] = {
      {"policy.parse.too_large", "a policy has at most 1 MiB"},
      {"policy.parse.toml", "make it TOML 1.0"},
      {"policy.parse.empty", "begin with one of examples/policies"},
      {"policy.parse.unknown_key", "correct its name, or take it out: nothing that is not understood is passed over"},
      {"policy.parse.missing", "say it: nothing has a default that accepts more (spec/evidence.md, section 5)"},
      {"policy.parse.type", "give it the type that is asked for"},
      {"policy.parse.value", "give it a value that can be read and is within its bounds"},
      {"policy.parse.empty_list", "an empty list would accept nothing, or everything: say which"},
      {"policy.kind", "say kind = \"production\" for real machines, \"development\" for simulated ones"},
      {"policy.production.sim", "take [roots] out: real machines have roots of their makers', which are built in"},
      {"policy.production.debug", "take allow_debug out"},
      {"policy.production.loopback", "take beyond_loopback out"},
      {"policy.exception.chip_ledger", "do one of the two"},
      {"policy.exception.one_root_owner", "say min_root_owners = 2, or take the exception knowingly"},
      {"policy.snp.id_key", "list the digests of the keys that sign your ID blocks"},
      {"policy.roles.same_key", "make a key for each role: openpcc keygen"},
  };
  const auto* const found = std::ranges::find(kRemedies, error.rule.id(), &std::pair<std::string_view, std::string_view>::first);
  return found == std::end(kRemedies) ? std::string_view() : found->second;
}

}  // namespace openpcc::policy
