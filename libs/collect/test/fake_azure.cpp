#include "fake_azure.h"

namespace openpcc::collect::testing_guest {
namespace {

using tpm_collect::kAzureReport;
using tpm_collect::kAzureUserData;

std::unexpected<Error> no_index() { return fail(Code::unavailable, "tpm_collect.nv", "no such index"); }

Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

Bytes document(std::string_view member, const tdx::test::SignedJson& json) {
  return bytes_of("{\"" + std::string(member) + "\":" + json.value + ",\"signature\":\"" + json.signature_hex + "\"}");
}

}  // namespace

class FakeAzure::Tpm final : public tpm_collect::AzureTpm {
 public:
  explicit Tpm(FakeAzure& of) : of_(of) {}

  Result<size_t> size(uint32_t index) override {
    if (index != kAzureReport || !of_.has_report) return no_index();
    return azure::kHclBytes;
  }
  Result<Bytes> read(uint32_t index) override {
    if (index != kAzureReport || !of_.has_report) return no_index();
    if (of_.read_error) return std::unexpected(*of_.read_error);
    if (!of_.reads.empty()) {
      Bytes out = std::move(of_.reads.front());
      of_.reads.pop_front();
      return out;
    }
    if (of_.stale > 0) {
      --of_.stale;
    } else {
      of_.vm.set_user_data(of_.stored[kAzureUserData]);
      of_.owned = of_.vm.evidence();
    }
    return of_.owned.hcl;
  }
  Result<> write(uint32_t index, ByteSpan bytes) override {
    ++of_.writes;
    if (of_.write_error) return std::unexpected(*of_.write_error);
    of_.stored[index] = Bytes(bytes.begin(), bytes.end());
    return {};
  }
  Result<tpm_collect::Quoted> sign_pcrs(ByteSpan nonce, const tpm::Selections& selections) override {
    if (of_.recorded) return *of_.recorded;
    if (of_.quoter != nullptr) return of_.quoter->sign_pcrs(nonce, selections);
    tpm::forge::Machine& tpm = of_.vm.tpm;
    tpm.nonce = of_.other_nonce.value_or(Bytes(nonce.begin(), nonce.end()));
    tpm.selections = of_.other_selections.value_or(selections);
    const Bytes quote = tpm.quote();
    return tpm_collect::Quoted{quote, tpm.signature_of(quote), tpm.public_area()};
  }
  Result<tpm::Banks> read_pcrs(const tpm::Selections& selections) override {
    if (of_.recorded) return of_.recorded->values;
    if (of_.quoter != nullptr) return of_.quoter->read_pcrs(selections);
    return of_.vm.tpm.pcrs;
  }

 private:
  FakeAzure& of_;
};

FakeAzure::FakeAzure(azure::Hardware hardware) : vm(hardware), owned(vm.evidence()) {}

AzureMeans FakeAzure::means() {
  AzureMeans out;
  out.device = "fake";
  out.pcrs = 0x97;  // those of the forge's TPM
  out.open = [this](const std::string&) -> Result<std::unique_ptr<tpm_collect::AzureTpm>> {
    ++opened;
    return std::make_unique<Tpm>(*this);
  };
  out.quote_service = [this](ByteSpan td_report) -> Result<Bytes> {
    const auto hcl = azure::parse_hcl(owned.hcl);
    EXPECT_TRUE(equal(td_report, hcl->report)) << "the TDREPORT of the report";
    return td_quote.value_or(owned.td_quote);
  };
  out.pause = [this](std::chrono::seconds duration) { pauses.push_back(duration); };
  return out;
}

std::vector<Bytes> FakeAzure::items() const {
  if (vm.hardware == azure::Hardware::snp) return {vm.chip.vek_der(), vm.chip.line.ask_der(), vm.chip.line.ark_der(), vm.chip.line.crl()};
  const tdx::test::Set set = vm.td->set();
  return {document("tcbInfo", set.tcb_info), document("enclaveIdentity", set.identity), bytes_of(set.signing_chain), *set.root_crl,
          *set.pck_crl};
}

}  // namespace openpcc::collect::testing_guest
