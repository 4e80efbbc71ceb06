// Every shared sample, judged as is expected of it: fields, signatures, windows, and the TCB under every set of collateral.
#include "corpus.h"

#include <algorithm>
#include <set>

namespace openpcc::tdx {
namespace {

using boost::json::value;
using corpus::Sample;
using corpus::Set;

std::string_view text(const value& object, std::string_view key) { return object.at(key).as_string(); }

template <size_t N>
void expect_hex(const value& object, std::string_view key, const std::array<uint8_t, N>& bytes) {
  EXPECT_EQ(text(object, key), to_hex(bytes)) << key;
}
template <class Integer>
void expect_little_endian_hex(const value& object, std::string_view key, Integer number) {
  std::array<uint8_t, sizeof(Integer)> bytes{};
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(number >> (8 * i));
  EXPECT_EQ(text(object, key), to_hex(bytes)) << key;
}

void expect_td(const value& body, const TdReport& td) {
  expect_hex(body, "tee_tcb_svn", td.tee_tcb_svn);
  expect_hex(body, "mrseam", td.mrseam);
  expect_hex(body, "mrsignerseam", td.mrsignerseam);
  expect_little_endian_hex(body, "seam_attributes", td.seamattributes);
  expect_little_endian_hex(body, "td_attributes", td.tdattributes);
  expect_little_endian_hex(body, "xfam", td.xfam);
  expect_hex(body, "mr_td", td.mrtd);
  expect_hex(body, "mr_config_id", td.mrconfigid);
  expect_hex(body, "mr_owner", td.mrowner);
  expect_hex(body, "mr_owner_config", td.mrownerconfig);
  for (size_t i = 0; i < td.rtmr.size(); ++i) expect_hex(body, "rtmr" + std::to_string(i), td.rtmr[i]);
  expect_hex(body, "report_data", td.reportdata);
  const value& bits = body.at("td_attributes_bits");
  EXPECT_EQ(bits.at("debug").as_int64() != 0, td.debug());
  EXPECT_EQ(bits.at("sept_ve_disable").as_int64() != 0, td.sept_ve_disable());
  EXPECT_EQ(bits.at("migratable").as_int64() != 0, td.migratable());
  EXPECT_EQ(bits.at("pks").as_int64() != 0, td.pks());
  EXPECT_EQ(bits.at("kl").as_int64() != 0, td.kl());
  EXPECT_EQ(bits.at("perfmon").as_int64() != 0, td.perfmon());
  EXPECT_EQ(body.as_object().contains("tee_tcb_svn_2"), td.td15.has_value());
  if (!td.td15) return;
  expect_hex(body, "tee_tcb_svn_2", td.td15->tee_tcb_svn_2);
  expect_hex(body, "mr_service_td", td.td15->mrservicetd);
}

void expect_sgx(const value& report, const SgxReport& sgx) {
  expect_hex(report, "cpusvn", sgx.cpusvn);
  expect_little_endian_hex(report, "miscselect", sgx.miscselect);
  expect_hex(report, "attributes", sgx.attributes);
  expect_hex(report, "mrenclave", sgx.mrenclave);
  expect_hex(report, "mrsigner", sgx.mrsigner);
  EXPECT_EQ(testkit::int_at(report, "isvprodid"), sgx.isvprodid);
  EXPECT_EQ(testkit::int_at(report, "isvsvn"), sgx.isvsvn);
  expect_hex(report, "report_data", sgx.reportdata);
}

void expect_pck(const value& expected, const PckClaims& pck) {
  expect_hex(expected, "ppid", pck.ppid);
  expect_hex(expected, "cpusvn", pck.cpusvn);
  EXPECT_EQ(testkit::int_at(expected, "pcesvn"), pck.pcesvn);
  for (size_t i = 0; i < pck.components.size(); ++i) EXPECT_EQ(expected.at("comps").at(i).as_int64(), pck.components[i]);
  expect_hex(expected, "pceid", pck.pceid);
  expect_hex(expected, "fmspc", pck.fmspc);
  EXPECT_EQ(testkit::int_at(expected, "sgxType"), static_cast<size_t>(pck.sgx_type));
  EXPECT_EQ(expected.as_object().contains("platformInstanceId"), pck.platform_instance_id.has_value());
  if (!pck.platform_instance_id) return;
  expect_hex(expected, "platformInstanceId", *pck.platform_instance_id);
  EXPECT_EQ(expected.at("config").at("1").as_bool(), *pck.configuration->dynamic_platform);
  EXPECT_EQ(expected.at("config").at("2").as_bool(), *pck.configuration->cached_keys);
  EXPECT_EQ(expected.at("config").at("3").as_bool(), *pck.configuration->smt_enabled);
}

TEST(Corpus, every_quote_is_authentic_and_says_what_it_should) {
  OPENPCC_NEED_CORPUS();
  ASSERT_EQ(corpus::samples().size(), 27u);
  for (const Sample& sample : corpus::samples()) {
    SCOPED_TRACE(sample.id);
    const auto authentic = authenticate(sample.quote, sample.terms());
    ASSERT_OK(authentic);
    const Quote& quote = authentic->quote();
    const value& parsed = sample.expected.at("parsed");
    EXPECT_EQ(testkit::int_at(parsed, "version"), quote.header.version);
    EXPECT_EQ(testkit::int_at(parsed, "att_key_type"), quote.header.attestation_key_type);
    expect_hex(parsed, "qe_vendor_id", quote.header.qe_vendor_id);
    expect_hex(parsed, "user_data", quote.header.user_data);
    if (const auto* td = std::get_if<TdReport>(&quote.body)) {
      expect_td(parsed.at("body"), *td);
    } else {
      expect_sgx(parsed.at("body"), std::get<SgxReport>(quote.body));
    }
    expect_sgx(parsed.at("qe_report"), quote.qe_report);
    expect_pck(sample.expected.at("pck"), authentic->pck());
    EXPECT_EQ(text(sample.expected, "pck_issuer"), authentic->chain().issuer().common_name());
    const x509::Window window = common_window(authentic->chain().periods(kPckRules));
    EXPECT_EQ(window.from, corpus::time(text(sample.expected, "chain_valid_from")));
    EXPECT_EQ(window.to, corpus::time(text(sample.expected, "chain_valid_to")));
  }
}

TEST(Corpus, padding_is_zeros_alone) {
  OPENPCC_NEED_CORPUS();
  for (const Sample& sample : corpus::samples()) {
    SCOPED_TRACE(sample.id);
    const Bytes whole = corpus::file(sample.expected.at("files").at(0).as_string());
    const auto quote = parse_quote(whole);
    if (sample.quote.size() != whole.size()) {
      EXPECT_RULE(quote, "tdx.trailing");
      continue;
    }
    ASSERT_OK(quote);
    EXPECT_EQ(quote->padding_bytes, testkit::int_at(sample.expected, "trailing_bytes"));
  }
}

std::string_view module_of(const TcbResult& tcb) { return tcb.module ? std::string_view(tcb.module->id) : std::string_view(); }

std::string word_or_null(const value& word) { return word.is_null() ? std::string() : std::string(word.as_string()); }

void expect_parts(const value& expected, const AuthenticQuote& quote, const AuthenticCollateral& collateral) {
  const auto qe = evaluate_qe(quote.quote().qe_report, collateral.qe_identity());
  ASSERT_OK(qe);
  EXPECT_EQ(to_string(qe->status), text(expected, "qe_status"));
  const auto* td = std::get_if<TdReport>(&quote.quote().body);
  if (td == nullptr) return;
  const auto module = evaluate_module(*td, td->tee_tcb_svn, collateral.tcb_info());
  ASSERT_OK(module);
  EXPECT_EQ(module->id, word_or_null(expected.at("tdx_module")));
  EXPECT_EQ(module->level ? to_string(module->level->status) : "", word_or_null(expected.at("tdx_module_status")));
}

void expect_result(const value& expected, const Result<TcbResult>& tcb) {
  if (text(expected, "status") == "NotSupported(no matching TCB level)") {
    EXPECT_RULE(tcb, "tdx.tcb.unsupported");
    return;
  }
  ASSERT_OK(tcb);
  EXPECT_EQ(to_string(tcb->status), text(expected, "status"));
  EXPECT_EQ(to_string(tcb->platform.status), text(expected, "sgx_level_status"));
  EXPECT_EQ(module_of(*tcb), word_or_null(expected.at("tdx_module")));
  EXPECT_FALSE(tcb->relaunch_advised);
  if (!expected.at("tcb_date").is_null()) {
    EXPECT_EQ(tcb->platform.tcb_date, corpus::time(text(expected, "tcb_date")));
  }
  if (expected.at("advisoryIDs").is_null()) return;
  std::vector<std::string> advisories;
  for (const value& id : expected.at("advisoryIDs").as_array()) advisories.emplace_back(id.as_string());
  EXPECT_EQ(tcb->platform.advisory_ids, advisories);
  for (const std::string& id : advisories) EXPECT_TRUE(std::ranges::binary_search(tcb->advisory_ids, id));
}

template <class F>
size_t each_evaluation(F&& visit) {
  size_t n = 0;
  for (const Sample& sample : corpus::samples()) {
    for (const value& expected : sample.expected.at("evaluations").as_array()) {
      SCOPED_TRACE(sample.id + " with " + std::string(text(expected, "collateral")));
      visit(sample, expected, corpus::sets().at(std::string(text(expected, "collateral"))));
      ++n;
    }
  }
  return n;
}

TEST(Corpus, every_evaluation) {
  OPENPCC_NEED_CORPUS();
  const size_t n = each_evaluation([](const Sample& sample, const value& expected, const Set& set) {
    for (const auto& [name, matches] : expected.at("identity_checks").as_object()) EXPECT_TRUE(matches.as_bool()) << name;
    const auto authentic = authenticate(sample.quote, sample.terms());
    ASSERT_OK(authentic);
    const auto collateral = authenticate_collateral(set.view(), sample.terms(), &authentic->chain());
    ASSERT_OK(collateral);
    expect_parts(expected, *authentic, *collateral);
    expect_result(expected, evaluate_tcb(*authentic, *collateral));
  });
  EXPECT_EQ(n, 112u);
}

// The expected windows count the second of nextUpdate in; ours of revocation lists end before it.
x509::Window expected_window(const value& pair, const Set& set) {
  x509::Window out{corpus::time(pair.at(0).as_string()), corpus::time(pair.at(1).as_string())};
  for (const auto& [name, crl] : set.expected.at("parsed").at("crl").as_object()) {
    out.to = std::min(out.to, corpus::time(text(crl, "next")) - 1);
  }
  return out;
}

bool is_time_rule(std::string_view id) { return id.ends_with(".early") || id.ends_with(".expired"); }

template <class T>
void expect_out_of_time(const Result<T>& result, std::string_view word) {
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().rule.id().ends_with(word)) << describe(result.error());
  testkit::note_tripped(result.error().rule.id());
}

TEST(Known, row_38_every_quote_holds_within_the_window_of_all_its_parts_alone) {
  OPENPCC_NEED_CORPUS();
  each_evaluation([](const Sample& sample, const value& expected, const Set& set) {
    if (!set.has_identity) return;  // its borrowed identity has another time
    Terms terms = sample.terms();
    terms.revocation_lists_required = set.root_crl && set.pck_crl;
    const auto judge = [&](UnixSeconds now) { return verify(sample.quote, set.view(), now, terms); };
    if (expected.at("common_window").is_null()) {
      const value& ends = expected.at("collateral_window");
      for (const std::string_view at : {text(sample.expected, "chain_valid_from"), text(sample.expected, "chain_valid_to"),
                                        std::string_view(ends.at(0).as_string()), std::string_view(ends.at(1).as_string())}) {
        const auto judged = judge(corpus::time(at));
        ASSERT_FALSE(judged);
        EXPECT_TRUE(is_time_rule(judged.error().rule.id())) << describe(judged.error());
      }
      return;
    }
    const x509::Window window = expected_window(expected.at("common_window"), set);
    for (const UnixSeconds inside : {window.from, window.to}) {
      const auto judged = judge(inside);
      if (text(expected, "status").starts_with("NotSupported")) {
        EXPECT_RULE(judged, "tdx.tcb.unsupported");
        continue;
      }
      ASSERT_OK(judged);
      EXPECT_EQ(judged->window(), window);
      EXPECT_EQ(to_string(judged->tcb().status), text(expected, "status"));
      EXPECT_EQ(judged->revocation(), terms.revocation_lists_required ? Revocation::checked : Revocation::not_checked);
    }
    expect_out_of_time(judge(window.from - 1), ".early");
    expect_out_of_time(judge(window.to + 1), ".expired");
  });
}

TEST(Corpus, revocation_of_every_quote) {
  OPENPCC_NEED_CORPUS();
  each_evaluation([](const Sample& sample, const value& expected, const Set& set) {
    const auto authentic = authenticate(sample.quote, sample.terms());
    ASSERT_OK(authentic);
    const Chain& chain = authentic->chain();
    EXPECT_EQ(expected.at("pck_revoked").is_null(), !set.pck_crl);
    if (set.pck_crl) {
      const auto crl = read_crl(*set.pck_crl, chain.issuer(), chain.issuer_key());
      ASSERT_OK(crl);
      EXPECT_EQ(crl->revokes(chain.leaf().serial()), expected.at("pck_revoked").as_bool());
    }
    const RevocationSubjects subjects{&chain.leaf(), chain.issuer(), chain.issuer_key(), chain.root(), chain.root_key(), nullptr};
    Terms terms = sample.terms();
    const auto demanded = check_revocation(subjects, set.view(), terms);
    terms.revocation_lists_required = false;
    const auto taken_as_is = check_revocation(subjects, set.view(), terms);
    ASSERT_OK(taken_as_is);
    const bool complete = set.root_crl && set.pck_crl;
    EXPECT_EQ(taken_as_is->revocation == Revocation::checked, complete);
    if (complete) {
      EXPECT_OK(demanded);
    } else {
      EXPECT_RULE(demanded, "tdx.crl.missing");
    }
  });
}

TEST(Corpus, every_set_of_collateral_on_its_own) {
  OPENPCC_NEED_CORPUS();
  EXPECT_EQ(corpus::sets().size(), 17u);
  for (const auto& [name, set] : corpus::sets()) {
    SCOPED_TRACE(name);
    Terms terms;
    terms.tee = text(set.expected.at("parsed"), "id") == "TDX" ? Tee::tdx : Tee::sgx;
    const auto collateral = authenticate_collateral(set.view(), terms);
    ASSERT_OK(collateral);
    const value& parsed = set.expected.at("parsed");
    EXPECT_EQ(collateral->tcb_info().head.id, text(parsed, "id"));
    EXPECT_EQ(to_hex(collateral->tcb_info().fmspc), to_hex(testkit::hex_at(parsed, "fmspc")));
    EXPECT_EQ(collateral->tcb_info().head.tcb_evaluation_data_number, testkit::int_at(parsed, "tcbEvaluationDataNumber"));
    EXPECT_EQ(collateral->tcb_info().head.window,
              (x509::Window{corpus::time(text(parsed, "tcb_issue")), corpus::time(text(parsed, "tcb_next"))}));
    if (!set.has_identity) continue;
    EXPECT_EQ(collateral->qe_identity().head.id, text(parsed, "qe_id"));
    EXPECT_EQ(collateral->qe_identity().head.window,
              (x509::Window{corpus::time(text(parsed, "qe_issue")), corpus::time(text(parsed, "qe_next"))}));
    const UnixSeconds at = corpus::time(text(set.expected, "evaluate_at"));
    if (!set.issuer_chain) {
      EXPECT_RULE(verify_collateral(set.view(), at, terms), "tdx.collateral.missing");
      continue;
    }
    const x509::Window window = expected_window(boost::json::array{set.expected.at("valid_from"), set.expected.at("valid_to")}, set);
    const auto judged = verify_collateral(set.view(), at, terms);
    ASSERT_OK(judged);
    EXPECT_EQ(*judged, window);
    EXPECT_OK(verify_collateral(set.view(), window.from, terms));
    EXPECT_OK(verify_collateral(set.view(), window.to, terms));
    expect_out_of_time(verify_collateral(set.view(), window.from - 1, terms), ".early");
    expect_out_of_time(verify_collateral(set.view(), window.to + 1, terms), ".expired");
  }
}

TEST(Corpus, collateral_of_another_tee_or_platform) {
  OPENPCC_NEED_CORPUS();
  const Set& sgx = corpus::sets().at("phala-sgx-00A067");
  const Set& tdx = corpus::sets().at("phala-tdx-B0C06F");
  EXPECT_RULE(authenticate_collateral(sgx.view()), "tdx.collateral.id");
  Collateral mixed = tdx.view();
  mixed.qe_identity = sgx.view().qe_identity;
  EXPECT_RULE(authenticate_collateral(mixed), "tdx.collateral.id");
  const auto collateral = authenticate_collateral(tdx.view());
  ASSERT_OK(collateral);
  size_t others = 0;
  for (const Sample& sample : corpus::samples()) {
    const auto authentic = authenticate(sample.quote, sample.terms());
    ASSERT_OK(authentic);
    if (authentic->pck().fmspc == collateral->tcb_info().fmspc) continue;
    EXPECT_RULE(evaluate_tcb(*authentic, *collateral), "tdx.collateral.fmspc");
    ++others;
  }
  EXPECT_GT(others, 20u);
}

TEST(Corpus, the_pinned_root_is_intels) {
  OPENPCC_NEED_CORPUS();
  const auto root = x509::Certificate::parse(corpus::file("tdx/roots/intel_sgx_root_ca.der"));
  ASSERT_OK(root);
  EXPECT_EQ(to_hex(root->spki()), to_hex(intel_root_spki()));
}

// The digests stand for signatures, so each must be of a certificate that the root signed.
TEST(Corpus, the_known_certificates_are_signed_by_the_root) {
  OPENPCC_NEED_CORPUS();
  const auto root = x509::Certificate::parse(corpus::file("tdx/roots/intel_sgx_root_ca.der"));
  std::set<crypto::Sha256Digest> seen;
  const auto look_at = [&](const std::vector<x509::Certificate>& chain) {
    for (const x509::Certificate& one : chain) {
      if (!x509::is_known(one, intel_certificates())) continue;
      EXPECT_OK(one.signature().check(*root->key()));
      seen.insert(crypto::sha256(one.der()));
    }
  };
  for (const auto& [name, set] : corpus::sets()) {
    if (const auto chain = x509::Certificate::parse_pem(set.signing_chain, 2)) look_at(*chain);
  }
  for (const Sample& sample : corpus::samples()) {
    if (const auto chain = x509::Certificate::parse_pem(parse_quote(sample.quote)->pck_chain, 3)) look_at(*chain);
  }
  EXPECT_EQ(seen, std::set(intel_certificates().begin(), intel_certificates().end())) << "nothing else is known";
}

// turned gives a chain of two certificates in PEM, root first, in our order.
Bytes turned(const Bytes& pem) {
  const std::string_view text = as_text(pem);
  const size_t second = text.find("-----BEGIN", 1);
  return concat({as_bytes(text.substr(second)), as_bytes("\n"), as_bytes(text.substr(0, second))});
}

// Intel's own sample is signed by keys made for it; its certificates lie beside it.
TEST(Corpus, a_quote_of_intels_sample_keys_counts_only_where_they_are_pinned) {
  OPENPCC_NEED_CORPUS();
  const Bytes quote = corpus::file("tdx/intel-sample/quote.dat");
  EXPECT_RULE(authenticate(quote), "tdx.pck.pem");
  const Bytes chain =
      concat({corpus::file("tdx/intel-sample/pckCert.pem"), as_bytes("\n"), turned(corpus::file("tdx/intel-sample/pckSignChain.pem"))});
  Terms terms;
  terms.pck_chain = chain;
  EXPECT_RULE(authenticate(quote, terms), "tdx.pck.root");
  const auto root = x509::Certificate::parse_pem(corpus::file("tdx/intel-sample/trustedRootCaCert.pem"), 1);
  ASSERT_OK(root);
  terms.root_spki = root->front().spki();
  const auto authentic = authenticate(quote, terms);
  ASSERT_OK(authentic);
  EXPECT_EQ(authentic->pck().pcesvn, 10593);
  const Bytes signer = turned(corpus::file("tdx/intel-sample/tcbSignChain.pem"));
  const Bytes info = corpus::file("tdx/intel-sample/tcbInfo.json"), identity = corpus::file("tdx/intel-sample/qeIdentity.json");
  // Genuinely signed, and its levels are no levels: components over 255.
  EXPECT_RULE(authenticate_collateral({{info, {}}, {identity, {}}, signer, {}, {}, {}}, terms), "tdx.collateral.syntax");
}

}  // namespace
}  // namespace openpcc::tdx
