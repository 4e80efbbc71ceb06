#include "corpus.h"

#include <algorithm>

#include "openpcc/testkit/samples.h"

namespace openpcc::tdx::corpus {
namespace {

const boost::json::array& expectations() {
  static const boost::json::value all = testkit::read_json(*testkit::shared_file(kExpected));
  return all.as_array();
}

std::optional<Bytes> file_of(const boost::json::value& expected, std::string_view name) {
  for (const boost::json::value& path : expected.at("files").as_array()) {
    const std::string_view text = path.as_string();
    if (text.ends_with("/" + std::string(name))) return file(text);
  }
  return std::nullopt;
}

Set read_set(const boost::json::value& expected) {
  Set out;
  out.expected = expected;
  out.name = std::string_view(expected.at("id").as_string()).substr(std::string_view("tdx-collateral-").size());
  out.tcb_info = *file_of(expected, "tcb_info.json");
  out.tcb_info_signature = *file_of(expected, "tcb_info.sig.hex");
  const auto identity = file_of(expected, "qe_identity.json");
  out.has_identity = identity.has_value();
  if (identity) {
    out.identity = *identity;
    out.identity_signature = *file_of(expected, "qe_identity.sig.hex");
  }
  out.signing_chain = file_of(expected, "tcb_signing_chain.pem").value_or(Bytes());
  out.root_crl = file_of(expected, "root_ca_crl.der");
  out.pck_crl = file_of(expected, "pck_crl.der");
  out.issuer_chain = file_of(expected, "pck_crl_issuer_chain.pem");
  return out;
}

bool signs(ByteSpan chain_pem, const Set& set) {
  const auto chain = x509::Certificate::parse_pem(chain_pem, 2);
  OPENPCC_CHECK(chain && chain->size() == 2);
  const auto key = chain->front().key();
  const auto value = open_document({set.tcb_info, set.tcb_info_signature}, "tcbInfo");
  OPENPCC_CHECK(key && value);
  return std::get<crypto::EcdsaPublic>(*key).verify(value->value, value->signature).has_value();
}

// complete borrows what a set lacks to be judged at all: the signer's chain, and an identity of the same evaluation.
void complete(Set& set, const std::map<std::string, Set, std::less<>>& all) {
  for (const auto& [name, other] : all) {
    if (set.signing_chain.empty() && !other.signing_chain.empty() && signs(other.signing_chain, set))
      set.signing_chain = other.signing_chain;
  }
  for (const auto& [name, other] : all) {
    const bool same = other.has_identity &&
                      other.expected.at("parsed").at("tcbEvaluationDataNumber") == set.expected.at("parsed").at("tcbEvaluationDataNumber");
    if (!set.identity.empty() || !same || other.signing_chain != set.signing_chain) continue;
    set.identity = other.identity;
    set.identity_signature = other.identity_signature;
  }
}

Sample read_sample(const boost::json::value& expected) {
  Sample out{std::string(expected.at("id").as_string()), expected, file(expected.at("files").at(0).as_string())};
  const auto trailing = expected.at("trailing_bytes").to_number<size_t>();
  if (trailing > 0 && !expected.at("trailing_all_zero").as_bool()) out.quote.resize(out.quote.size() - trailing);
  return out;
}

}  // namespace

bool available() { return testkit::shared_file(kExpected).has_value(); }

Collateral Set::view() const {
  Collateral out{{tcb_info, tcb_info_signature}, {identity, identity_signature}, signing_chain, {}, {}, {}};
  if (root_crl) out.root_ca_crl = *root_crl;
  if (pck_crl) out.pck_crl = *pck_crl;
  if (issuer_chain) out.pck_crl_issuer_chain = *issuer_chain;
  return out;
}

const std::map<std::string, Set, std::less<>>& sets() {
  static const std::map<std::string, Set, std::less<>> all = [] {
    std::map<std::string, Set, std::less<>> out;
    for (const boost::json::value& one : expectations()) {
      if (one.at("kind") != "tdx-collateral") continue;
      Set set = read_set(one);
      out.emplace(set.name, std::move(set));
    }
    for (auto& [name, set] : out) complete(set, out);
    return out;
  }();
  return all;
}

Terms Sample::terms() const {
  Terms out;
  out.tee = tee();
  return out;
}

const std::vector<Sample>& samples() {
  static const std::vector<Sample> all = [] {
    std::vector<Sample> out;
    for (const boost::json::value& one : expectations()) {
      const bool quote = one.at("kind") == "tdx-quote" || one.at("kind") == "sgx-quote";
      if (quote && one.at("verdict") == "valid") out.push_back(read_sample(one));
    }
    return out;
  }();
  return all;
}

Bytes file(std::string_view relative) { return testkit::evidence_file(relative); }

UnixSeconds time(std::string_view text) { return testkit::time_of(text); }

}  // namespace openpcc::tdx::corpus
