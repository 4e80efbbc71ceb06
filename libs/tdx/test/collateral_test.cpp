#include "world.h"

namespace openpcc::tdx {
namespace {

namespace bj = boost::json;
using test::kIssued;
using test::kNextUpdate;
using test::kNow;
using test::Set;
using test::SignedJson;
using test::World;

class CollateralTest : public testing::Test {
 protected:
  World world_;

  Result<VerifiedQuote> with_tcb_info(const std::string& value) {
    Set set = world_.set();
    set.tcb_info = world_.sign(value);
    return world_.verified(set);
  }
  Result<VerifiedQuote> with_identity(const bj::object& value) {
    Set set = world_.set();
    set.identity = world_.sign(value);
    return world_.verified(set);
  }
  // together gives the form in which the service sends: value and signature in one object.
  static std::string together(std::string_view member, const SignedJson& json) {
    return R"({")" + std::string(member) + R"(":)" + json.value + R"(,"signature":")" + json.signature_hex + R"("})";
  }
  Result<VerifiedQuote> with_document(std::string_view text) {
    const Set set = world_.set();
    Collateral view = set.view();
    view.tcb_info = {as_bytes(text), {}};
    return verify(world_.quote(), view, kNow, world_.terms());
  }
};

TEST_F(CollateralTest, both_forms) {
  const Set set = world_.set();
  const std::string info = together("tcbInfo", set.tcb_info), identity = together("enclaveIdentity", set.identity);
  Collateral view = set.view();
  view.tcb_info = {as_bytes(info), {}};
  view.qe_identity = {as_bytes(identity), {}};
  EXPECT_OK(verify(world_.quote(), view, kNow, world_.terms()));
  std::swap(view.tcb_info, view.qe_identity);
  EXPECT_RULE(verify(world_.quote(), view, kNow, world_.terms()), "tdx.collateral.syntax");
}

TEST_F(CollateralTest, the_outer_object_in_any_order_and_spacing_and_nothing_else_in_it) {
  const SignedJson json = world_.set().tcb_info;
  const std::string signature = R"("signature")", value = R"("tcbInfo":)" + json.value;
  const std::string quoted = '"' + json.signature_hex + '"';
  EXPECT_OK(with_document("\n{ " + signature + " :\t" + quoted + " ,\r\n" + value + " }\n "));
  for (const std::string& text : {
           "{" + value + "}",
           "{" + signature + ":" + quoted + "}",
           "{" + value + "," + signature + ":" + quoted + "}x",
           "{" + value + "," + signature + ":" + quoted,
           "{" + value + "," + signature + ":" + quoted + ",}",
           "{" + value + "," + signature + ":" + quoted + ",\"more\":\"\"}",
           "{" + value + "," + value + "," + signature + ":" + quoted + "}",
           "{" + signature + ":" + quoted + "," + value + "," + signature + ":" + quoted + "}",
           "{" + value + "," + signature + ":\"\\u0030" + json.signature_hex.substr(1) + "\"}",
           "{" + value + "," + signature + ":[" + quoted + "]}",
           "{" + value + "," + signature + ":\"" + json.signature_hex.substr(2) + "\"}",
           "{" + value + "," + signature + ":\"xx" + json.signature_hex.substr(2) + "\"}",
           R"({"tcbInfo":"text",)" + signature + ":" + quoted + "}",
           std::string(R"({"tcbInfo":{"a":"b)"),
           std::string("{"),
           std::string("[]"),
       }) {
    EXPECT_RULE(with_document(text), "tdx.collateral.syntax") << text;
  }
}

TEST_F(CollateralTest, braces_inside_strings_do_not_end_the_value) {
  world_.tcb_info["comment"] = R"(}}{"\)";
  EXPECT_OK(with_document(together("tcbInfo", world_.set().tcb_info)));
}

TEST_F(CollateralTest, missing_parts) {
  for (const int part : {0, 1}) {
    const Set set = world_.set();
    Collateral view = set.view();
    (part == 0 ? view.tcb_info : view.qe_identity).text = {};
    EXPECT_RULE(verify(world_.quote(), view, kNow, world_.terms()), "tdx.collateral.missing");
  }
}

TEST_F(CollateralTest, signatures_are_over_the_bytes_as_received) {
  Set set = world_.set();
  const SignedJson spaced = world_.sign(" " + set.tcb_info.value + "\n");
  set.tcb_info = spaced;
  EXPECT_OK(world_.verified(set));
  set.tcb_info.value = spaced.value.substr(1);
  EXPECT_RULE(world_.verified(set), "tdx.collateral.signature");
  set = world_.set();
  std::swap(set.tcb_info.signature_hex, set.identity.signature_hex);
  EXPECT_RULE(world_.verified(set), "tdx.collateral.signature");
  set = world_.set();
  set.tcb_info.signature_hex.back() = 'g';
  EXPECT_RULE(world_.verified(set), "tdx.collateral.syntax");
}

TEST_F(CollateralTest, members_that_we_do_not_know_are_left_alone) {
  world_.tcb_info["tcbNews"] = bj::array{1, "two"};
  world_.identity["tcbNews"] = nullptr;
  EXPECT_OK(world_.verified());
}

TEST_F(CollateralTest, every_member_must_be_there) {
  for (const auto& [name, value] : bj::object(world_.tcb_info)) {
    if (name == "tdxModuleIdentities") continue;  // older TCB info has none
    bj::object without = world_.tcb_info;
    without.erase(name);
    EXPECT_RULE(with_tcb_info(bj::serialize(without)), "tdx.collateral.syntax") << name;
  }
  for (const auto& [name, value] : bj::object(world_.identity)) {
    bj::object without = world_.identity;
    without.erase(name);
    EXPECT_RULE(with_identity(without), "tdx.collateral.syntax") << name;
  }
}

TEST_F(CollateralTest, every_member_of_a_level_must_be_there) {
  for (const std::string_view name : {"tcb", "tcbDate", "tcbStatus"}) {
    for (bj::object* document : {&world_.tcb_info, &world_.identity}) {
      const bj::object good = *document;
      document->at("tcbLevels").at(1).as_object().erase(name);
      EXPECT_RULE(world_.verified(), "tdx.collateral.syntax") << name;
      *document = good;
    }
  }
  for (const std::string_view name : {"sgxtcbcomponents", "tdxtcbcomponents", "pcesvn"}) {
    const bj::object good = world_.tcb_info;
    world_.tcb_info.at("tcbLevels").at(0).at("tcb").as_object().erase(name);
    EXPECT_RULE(world_.verified(), "tdx.collateral.syntax") << name;
    world_.tcb_info = good;
  }
}

TEST_F(CollateralTest, values_of_another_type_or_size) {
  const auto judged = [&](std::string_view name, bj::value value) {
    bj::object changed = world_.tcb_info;
    changed[name] = std::move(value);
    return with_tcb_info(bj::serialize(changed));
  };
  EXPECT_RULE(judged("fmspc", "90C06F0000"), "tdx.collateral.syntax");
  EXPECT_RULE(judged("fmspc", "90C06F00000g"), "tdx.collateral.syntax");
  EXPECT_RULE(judged("fmspc", 90), "tdx.collateral.syntax");
  EXPECT_RULE(judged("tcbType", 1), "tdx.collateral.syntax");
  EXPECT_RULE(judged("tcbEvaluationDataNumber", -1), "tdx.collateral.syntax");
  EXPECT_RULE(judged("tcbEvaluationDataNumber", 17.0), "tdx.collateral.syntax");
  EXPECT_RULE(judged("tcbEvaluationDataNumber", uint64_t{1} << 32), "tdx.collateral.syntax");
  EXPECT_RULE(judged("tdxModule", "none"), "tdx.collateral.syntax");
  EXPECT_RULE(judged("tdxModuleIdentities", bj::object()), "tdx.collateral.syntax");
  EXPECT_RULE(judged("tcbLevels", bj::object()), "tdx.collateral.syntax");
  EXPECT_RULE(judged("tcbLevels", bj::array{1}), "tdx.collateral.syntax");
  EXPECT_RULE(with_tcb_info("[]"), "tdx.collateral.syntax");
  EXPECT_RULE(with_tcb_info("{}{}"), "tdx.collateral.syntax");
}

TEST_F(CollateralTest, a_name_twice) {
  std::string value = bj::serialize(world_.tcb_info);
  value.insert(1, R"("version":3,)");
  EXPECT_RULE(with_tcb_info(value), "tdx.collateral.syntax");
}

TEST_F(CollateralTest, a_module_twice) {
  auto& modules = world_.tcb_info.at("tdxModuleIdentities").as_array();
  modules.push_back(modules[0]);
  EXPECT_RULE(world_.verified(), "tdx.collateral.syntax");
}

TEST_F(CollateralTest, components_are_sixteen_bytes) {
  const auto components = [&](World& world) -> bj::array& {
    return world.tcb_info.at("tcbLevels").at(0).at("tcb").at("tdxtcbcomponents").as_array();
  };
  components(world_).push_back(bj::object{{"svn", 0}});
  EXPECT_RULE(world_.verified(), "tdx.collateral.syntax");
  World large;
  components(large)[15] = bj::object{{"svn", 256}};
  EXPECT_RULE(large.verified(), "tdx.collateral.syntax");
  World other;
  components(other)[15] = 0;
  EXPECT_RULE(other.verified(), "tdx.collateral.syntax");
}

TEST_F(CollateralTest, statuses_are_intels_words_and_enclaves_have_three_of_them) {
  bj::object changed = world_.tcb_info;
  changed.at("tcbLevels").at(0).as_object()["tcbStatus"] = "Uptodate";
  EXPECT_RULE(with_tcb_info(bj::serialize(changed)), "tdx.collateral.syntax");
  bj::object identity = world_.identity;
  identity.at("tcbLevels").at(0).as_object()["tcbStatus"] = "ConfigurationNeeded";
  EXPECT_RULE(with_identity(identity), "tdx.collateral.syntax");
}

TEST_F(CollateralTest, advisories_are_strings) {
  world_.identity.at("tcbLevels").at(0).as_object()["advisoryIDs"] = bj::array{1};
  EXPECT_RULE(world_.verified(), "tdx.collateral.syntax");
}

TEST_F(CollateralTest, too_large) {
  world_.tcb_info["comment"] = std::string(kDocumentBytesMax, 'x');
  EXPECT_RULE(world_.verified(), "tdx.collateral.syntax");
}

TEST_F(CollateralTest, ids_and_versions) {
  const auto info = [&](std::string_view name, const bj::value& value) {
    bj::object changed = world_.tcb_info;
    changed[name] = value;
    return with_tcb_info(bj::serialize(changed));
  };
  EXPECT_RULE(info("version", 2), "tdx.collateral.id");
  EXPECT_RULE(info("version", 4), "tdx.collateral.id");
  EXPECT_RULE(info("id", "SGX"), "tdx.collateral.id");
  EXPECT_RULE(info("id", "TD_QE"), "tdx.collateral.id");
  const auto identity = [&](std::string_view name, const bj::value& value) {
    bj::object changed = world_.identity;
    changed[name] = value;
    return with_identity(changed);
  };
  EXPECT_RULE(identity("version", 1), "tdx.collateral.id");
  EXPECT_RULE(identity("id", "QE"), "tdx.collateral.id");
  EXPECT_RULE(identity("id", "QVE"), "tdx.collateral.id");
}

TEST_F(CollateralTest, documents_out_of_their_time) {
  EXPECT_RULE(world_.verified(kIssued - 1), "tdx.collateral.early");
  EXPECT_OK(world_.verified(kIssued));
  EXPECT_OK(world_.verified(kNextUpdate));
  EXPECT_RULE(world_.verified(kNextUpdate + 1), "tdx.collateral.expired");
  world_.identity["nextUpdate"] = "2025-06-15T15:06:40Z";
  EXPECT_OK(world_.verified(kNow));
  EXPECT_RULE(world_.verified(kNow + 1), "tdx.collateral.expired");
  world_.identity["issueDate"] = "2025-06-15T15:06:41Z";
  EXPECT_RULE(world_.verified(), "tdx.collateral.syntax");
}

TEST_F(CollateralTest, evaluations_differ_or_are_too_old) {
  Terms terms = world_.terms();
  terms.tcb_evaluation_data_number_min = 17;
  const Set set = world_.set();
  EXPECT_OK(verify(world_.quote(), set.view(), kNow, terms));
  terms.tcb_evaluation_data_number_min = 18;
  EXPECT_RULE(verify(world_.quote(), set.view(), kNow, terms), "tdx.collateral.minimum");
  terms.tcb_evaluation_data_number_min = 0;
  terms.tcb_evaluation_data_number_seen = 17;
  EXPECT_OK(verify(world_.quote(), set.view(), kNow, terms));
  terms.tcb_evaluation_data_number_seen = 18;
  EXPECT_RULE(verify(world_.quote(), set.view(), kNow, terms), "tdx.collateral.rollback");
  world_.identity["tcbEvaluationDataNumber"] = 18;
  EXPECT_RULE(world_.verified(), "tdx.collateral.evaluation");
}

TEST(ParseTime, utc_in_whole_seconds) {
  EXPECT_EQ(*parse_time("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(*parse_time("2024-02-29T12:34:56Z"), 1'709'210'096);
  EXPECT_EQ(*parse_time("2025-06-15T15:06:40Z"), kNow);
  for (const std::string_view text :
       {"", "2025-06-15T15:06:40", "2025-06-15T15:06:40z", "2025-06-15t15:06:40Z", "2025-06-15 15:06:40Z", "2025-06-15T15:06:40.0Z",
        "2025-06-15T15:06:40+00:00", "2025-02-29T00:00:00Z", "2025-13-01T00:00:00Z", "2025-00-01T00:00:00Z", "2025-06-00T00:00:00Z",
        "2025-06-15T24:00:00Z", "2025-06-15T15:60:00Z", "2025-06-15T15:06:60Z", "+025-06-15T15:06:40Z"}) {
    EXPECT_RULE(parse_time(text), "tdx.collateral.syntax") << text;
  }
}

}  // namespace
}  // namespace openpcc::tdx
