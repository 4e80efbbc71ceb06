// Nodes in Azure VMs of a test's own making under a production policy: B is carried by user-data and by the vTPM's quote, and every part that is swapped
// is refused by its rule.
#include "../src/kind_azure.h"
#include "azure_forge.h"
#include "openpcc/attest/azure_binding.h"
#include "world.h"

namespace openpcc::attest {
namespace {

using azure::Hardware;
using azure::forge::Owned;
using azure::forge::Vm;
using testing_world::World;

Bytes document(std::string_view member, const tdx::test::SignedJson& json) {
  const std::string whole = "{\"" + std::string(member) + "\":" + json.value + ",\"signature\":\"" + json.signature_hex + "\"}";
  return Bytes(whole.begin(), whole.end());
}

Bytes bytes_of(std::string_view text) { return Bytes(text.begin(), text.end()); }

// Node is a VM that bound a node's claims, and the policy that takes it.
struct Node {
  explicit Node(Hardware hardware) : vm(hardware) {
    bind();
    world.policy_text.kind = "production";
    world.policy_text.require_gpu = false;
    world.policy_text.gpu_releases.clear();
    world.policy_text.min_root_owners = 1;
    world.policy_text.one_root_owner = true;
    world.policy_text.releases = to_hex(azure_release(paravisor(), vm.tpm.pcrs.at(tpm::Hash::sha256)));
    owned = vm.evidence();
  }

  World world;
  Vm vm;
  Owned owned;
  std::string pcrs = "0,1,2,4,7";
  std::string tables = "[snp.min_tcb.Genoa]\nboot_loader = 1\ntee = 0\nsnp = 1\nmicrocode = 1\n[tdx]\nmin_evaluation = 1\n";
  bool with_azure = true;

  Bytes paravisor() const { return vm.hardware == Hardware::snp ? Bytes(48, 0x3e) : Bytes(48, 0x4d); }
  Binding b() const { return binding(world.claims.encode()); }
  void bind() {
    const crypto::Sha256Digest nonce = azure_nonce(b());
    vm.set_user_data(b());
    vm.tpm.nonce.assign(nonce.begin(), nonce.end());
  }

  Device device() const {
    const bool snp = vm.hardware == Hardware::snp;
    Device out;
    out.report = {std::string(snp ? kAzureSnpType : kAzureTdxType), owned.hcl};
    out.collateral = {{"tpm-quote", {std::string(kTpmQuoteType), owned.quote}},
                      {"tpm-signature", {std::string(kTpmSignatureType), vm.tpm.signature_of(owned.quote)}},
                      {"pcrs", {std::string(kJsonType), values()}}};
    if (snp) {
      for (const Bytes& der : {owned.vek, owned.issuer, owned.root}) out.chain.push_back({std::string(kCertificateType), der});
      return out;
    }
    out.collateral.insert({{"td-quote", {std::string(kTdxQuoteType), owned.td_quote}},
                           {"tcb-info", {std::string(kJsonType), document("tcbInfo", owned.tdx.tcb_info)}},
                           {"qe-identity", {std::string(kJsonType), document("enclaveIdentity", owned.tdx.identity)}},
                           {"tcb-signing-chain", {std::string(kPemType), bytes_of(owned.tdx.signing_chain)}},
                           {"root-ca-crl", {std::string(kCrlType), *owned.tdx.root_crl}},
                           {"pck-crl", {std::string(kCrlType), *owned.tdx.pck_crl}}});
    return out;
  }
  Bytes values() const {
    boost::json::object out;
    for (const auto& [pcr, value] : owned.values.at(tpm::Hash::sha256)) out[std::to_string(pcr)] = to_hex(value);
    return bytes_of(boost::json::serialize(out));
  }

  policy::ProductionPolicy policy() const {
    const std::string azure = "[azure]\nparavisors = [\"" + to_hex(paravisor()) + "\"]\npcrs = \"" + pcrs + "\"\nsecure_boot = true\n";
    const std::string text = world.policy_text.text() + "no_revocation = true\n" + tables + (with_azure ? azure : "");
    auto parsed = policy::parse(as_bytes(text));
    OPENPCC_CHECK(parsed.has_value());
    return std::get<policy::ProductionPolicy>(std::move(*parsed));
  }
  Result<Findings> judged(const Device& device) const { return verify_azure_machine_by(device, policy(), vm.now(), vm.trust()); }
  Result<Findings> judged() const { return judged(device()); }
};

const appraisal::Finding* refusal_of(const Result<Findings>& findings) {
  return findings ? appraisal::refusal(findings->platform) : nullptr;
}

class AzureNode : public testing::TestWithParam<Hardware> {};
INSTANTIATE_TEST_SUITE_P(All, AzureNode, testing::Values(Hardware::snp, Hardware::tdx),
                         [](const auto& test) { return test.param == Hardware::snp ? "snp" : "tdx"; });

TEST_P(AzureNode, a_fresh_bundle_carries_b) {
  Node node(GetParam());
  const auto evidence = Evidence::parse(encode_evidence(node.world.claims.encode(), node.device(), {}));
  ASSERT_OK(evidence);
  const auto findings = node.judged(evidence->cpu());
  ASSERT_OK(findings);
  EXPECT_TRUE(equal(findings->bound, evidence->binding()));
  EXPECT_EQ(to_hex(findings->measurement), node.world.policy_text.releases);
  EXPECT_EQ(refusal_of(findings), nullptr) << refusal_of(findings)->rule.id();
  EXPECT_FALSE(findings->debug);
  std::set<appraisal::Aspect> aspects;
  for (const appraisal::Finding& finding : findings->platform)
    EXPECT_TRUE(aspects.insert(finding.aspect).second) << to_string(finding.aspect);
  const auto limit = std::ranges::find(findings->platform, appraisal::Aspect::launch, &appraisal::Finding::aspect);
  ASSERT_NE(limit, findings->platform.end());
  EXPECT_EQ(limit->state, appraisal::State::not_provable) << "what the guest runs is the paravisor's word";
}

TEST_P(AzureNode, other_roots_than_the_makers_are_refused) {
  Node node(GetParam());
  const bool snp = GetParam() == Hardware::snp;
  EXPECT_RULE(verify_azure_machine(node.device(), node.policy(), node.vm.now()), snp ? "snp.chain.root" : "tdx.pck.root");
  // Through the table of kinds, as any client would.
  const Bytes bundle = encode_evidence(node.world.claims.encode(), node.device(), {});
  const Appraisal appraisal = verify(bundle, policy::Policy(node.policy()), {node.vm.now(), node.world.beacons, std::nullopt});
  EXPECT_EQ(appraisal.verdict.row(Property::root_of_trust)->rule.id(), snp ? "snp.chain.root" : "tdx.pck.root");
  EXPECT_EQ(appraisal.verdict.outcome(), Outcome::reject);
}

TEST_P(AzureNode, what_binds_b_cannot_be_swapped) {
  // A quote for another node's B.
  Node node(GetParam()), other(GetParam());
  other.vm.tpm.nonce.back() ^= 1;
  other.owned = other.vm.evidence();
  EXPECT_RULE(other.judged(), "attest.azure.nonce");
  // Another node's user-data: the report is right, and what it carries is not this B.
  Node stranger(GetParam());
  stranger.world.claims.not_after -= 1;
  const Binding asked = node.b();
  stranger.bind();
  stranger.owned = stranger.vm.evidence();
  const auto findings = stranger.judged();
  ASSERT_OK(findings);
  EXPECT_FALSE(equal(findings->bound, asked));
  // B in the JSON alone, behind the back of the hardware report.
  Node forged(GetParam());
  forged.vm.bind = false;
  forged.vm.set_user_data(Bytes(64, 1));
  forged.owned = forged.vm.evidence();
  EXPECT_RULE(forged.judged(), "azure.binding");
  // Each part of another VM.
  Device device = node.device();
  device.collateral["tpm-signature"].bytes = stranger.device().collateral["tpm-signature"].bytes;
  EXPECT_RULE(node.judged(device), "tpm.signature");
  device = node.device();
  device.report.bytes = stranger.device().report.bytes;
  EXPECT_FALSE(node.judged(device));
}

TEST_P(AzureNode, values_that_were_not_quoted) {
  Node node(GetParam());
  node.owned.values[tpm::Hash::sha256][4][0] ^= 1;
  EXPECT_RULE(node.judged(), "tpm.digest");
  node.owned = node.vm.evidence();
  node.pcrs = "0,1,2,4,7,9";
  EXPECT_RULE(node.judged(), "attest.azure.selection");
  Node changed(GetParam());
  const std::string release = changed.world.policy_text.releases;
  changed.vm.tpm.pcrs[tpm::Hash::sha256][7][0] ^= 1;
  changed.owned = changed.vm.evidence();
  EXPECT_NE(to_hex(changed.judged()->measurement), release) << "a release covers the quoted registers";
}

TEST_P(AzureNode, the_machine_below_is_judged) {
  Node boot(GetParam());
  boot.vm.configuration()["secure-boot"] = false;
  boot.owned = boot.vm.evidence();
  EXPECT_EQ(refusal_of(boot.judged())->rule.id(), "azure.vm.secure_boot");
  Node paravisor(GetParam());
  if (GetParam() == Hardware::snp) {
    paravisor.vm.chip.set(0x90, {1});
  } else {
    paravisor.vm.td->body[136] ^= 1;
  }
  paravisor.owned = paravisor.vm.evidence();
  EXPECT_EQ(refusal_of(paravisor.judged())->rule.id(), GetParam() == Hardware::snp ? "snp.measurement" : "tdx.mrtd");
  Node plain(GetParam());
  plain.with_azure = false;
  EXPECT_RULE(plain.judged(), "attest.kind.not_taken");
}

TEST_P(AzureNode, items_by_their_names) {
  Node node(GetParam());
  for (const char* name : {"tpm-quote", "tpm-signature", "pcrs"}) {
    Device absent = node.device(), other_type = node.device();
    absent.collateral.erase(name);
    EXPECT_RULE(node.judged(absent), "attest.kind.collateral");
    other_type.collateral[name].media_type = "text/plain";
    EXPECT_RULE(node.judged(other_type), "attest.kind.collateral");
  }
  Device more = node.device(), chain = node.device();
  more.collateral["event-log"] = {"text/plain", {1}};
  EXPECT_RULE(node.judged(more), "attest.kind.collateral");
  chain.chain.push_back({std::string(kCertificateType), {1}});
  EXPECT_RULE(node.judged(chain), "attest.kind.chain");
}

TEST(AzureNodeType, is_that_of_the_hardware) {
  Node node(Hardware::snp), td(Hardware::tdx);
  Device mixed = td.device();
  mixed.report.bytes = node.device().report.bytes;
  EXPECT_RULE(td.judged(mixed), "attest.azure.type");
  Device renamed = node.device();
  renamed.report.media_type = kAzureTdxType;
  EXPECT_RULE(node.judged(renamed), "attest.azure.type");
}

}  // namespace
}  // namespace openpcc::attest
