// What other verifiers got wrong, each a test named after its row in the list of known faults (1: identity unchecked, and so on).
#include "corpus.h"
#include "openpcc/x509/der.h"
#include "world.h"

namespace openpcc::tdx {
namespace {

namespace bj = boost::json;
namespace forge = x509::forge;
using test::kNow;
using test::World;

TEST(Known, row_1_the_identity_of_the_quoting_enclave_is_checked) {
  World world;
  test::Set set = world.set();
  for (size_t at = 0; at < set.identity.value.size(); at += 7) {
    test::Set flipped = set;
    flipped.identity.value[at] = static_cast<char>(flipped.identity.value[at] ^ 1);
    EXPECT_RULE(world.verified(flipped), "tdx.collateral.signature");
  }
  set.identity.signature_hex[0] = set.identity.signature_hex[0] == '0' ? '1' : '0';
  EXPECT_RULE(world.verified(set), "tdx.collateral.signature");
  // Any enclave of the platform can have a report with the right report data.
  world.qe_report[128] ^= 1;
  EXPECT_OK(world.authenticated());
  EXPECT_RULE(world.verified(), "tdx.qe.mrsigner");
}

TEST(Known, row_2_the_module_must_be_listed_and_the_vendor_intel) {
  World world;
  world.tcb_info.at("tdxModuleIdentities").as_array().pop_back();
  EXPECT_RULE(world.verified(), "tdx.module.unknown");
  world.tcb_info.erase("tdxModuleIdentities");
  EXPECT_RULE(world.verified(), "tdx.module.unknown");
  World vendor;
  vendor.header[27] ^= 1;
  EXPECT_RULE(vendor.authenticated(), "tdx.qe_vendor");
}

TEST(Known, row_5_an_embedded_chain_is_no_anchor) {
  const World world;
  EXPECT_OK(world.verified());
  Terms production;
  EXPECT_RULE(verify(world.quote(), world.set().view(), kNow, production), "tdx.pck.root");
  const World other;
  Terms terms = world.terms();
  EXPECT_RULE(authenticate(other.quote(), terms), "tdx.pck.root");
}

TEST(Known, row_10_json_is_verified_as_received_and_the_identity_is_td_qes) {
  World world;
  test::Set set = world.set();
  // Another order, other spaces, escapes: what one would not write anew in the same way.
  std::string value = "{ \"version\" :\t3,\r\n  \"\\u0069d\" : \"TDX\" ";
  for (const auto& [name, member] : world.tcb_info) {
    if (name != "id" && name != "version") value += " , \"" + std::string(name) + "\":  " + bj::serialize(member);
  }
  value += "\n}";
  set.tcb_info = world.sign(value);
  EXPECT_OK(world.verified(set));
  world.identity["id"] = "QE";
  EXPECT_RULE(world.verified(), "tdx.collateral.id");
}

TEST(Known, row_12_every_bit_of_the_report_data_is_signed_and_told) {
  World world;
  for (size_t i = 0; i < 64; ++i) world.body[520 + i] = static_cast<uint8_t>(i + 1);
  const auto verified = world.verified();
  ASSERT_OK(verified);
  EXPECT_EQ(to_hex(std::get<TdReport>(verified->claims().body).reportdata), to_hex(ByteSpan(world.body).subspan(520)));
  const Bytes quote = world.quote();
  for (size_t bit = 0; bit < 512; bit += 37) {
    Bytes flipped = quote;
    flipped[48 + 520 + bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
    EXPECT_RULE(authenticate(flipped, world.terms()), "tdx.quote_signature");
  }
}

TEST(Known, row_13_fifteen_components_huge_lengths_and_nested_der) {
  World world;
  world.tcb_info.at("tcbLevels").at(0).at("tcb").at("sgxtcbcomponents").as_array().pop_back();
  EXPECT_RULE(world.verified(), "tdx.collateral.syntax");
  World huge;
  const Bytes quote = huge.quote();
  const size_t signature = 48 + 584, outer = signature + 4 + 128 + 2, inner = outer + 4 + 384 + 64 + 2 + huge.authentication.size() + 2;
  for (const size_t at : {signature, outer, inner}) {
    Bytes changed = quote;
    test::put(changed, at, Bytes(4, 0xff));
    EXPECT_RULE(parse_quote(changed), "tdx.size") << at;
  }
  World nested;
  Bytes value;
  for (int depth = 0; depth < 1000; ++depth) value = forge::tlv(x509::der::kSequence, value);
  nested.pck_members[7] = value;
  EXPECT_RULE(nested.authenticated(), "tdx.pck.extension");
}

TEST(Known, row_26_fields_stand_where_the_module_put_them) {
  OPENPCC_NEED_CORPUS();
  // The local report of the same TD, 32 bytes into the paravisor's blob; its layout is another (TDINFO from 512 on).
  const Bytes blob = corpus::file("azure/tdx-trustee-v1/hcl_report.bin");
  const Bytes bytes = corpus::file("azure/tdx-trustee-v1/td_quote.bin");
  const auto quote = parse_quote(bytes);
  ASSERT_OK(quote);
  const auto& td = std::get<TdReport>(quote->body);
  const auto local = [&](size_t at, size_t n) { return to_hex(ByteSpan(blob).subspan(32 + at, n)); };
  EXPECT_EQ(to_hex(td.reportdata), local(128, 64));
  EXPECT_EQ(to_hex(td.tee_tcb_svn), local(264, 16));
  EXPECT_EQ(to_hex(td.mrseam), local(280, 48));
  EXPECT_EQ(to_hex(td.mrtd), local(528, 48));
  EXPECT_EQ(to_hex(td.mrconfigid), local(576, 48));
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(to_hex(td.rtmr[i]), local(720 + 48 * i, 48));
  World world;
  for (size_t i = 0; i < 4; ++i) test::put(world.body, 328 + 48 * i, Bytes(48, static_cast<uint8_t>(0xb0 + i)));
  const auto verified = world.verified();
  ASSERT_OK(verified);
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(std::get<TdReport>(verified->claims().body).rtmr[i][47], 0xb0 + i);
}

TEST(Known, row_30_lengths_of_every_kind) {
  World world;
  const Bytes quote = world.quote();
  const size_t signature = 48 + 584, outer = signature + 4 + 128 + 2, auth = outer + 4 + 384 + 64, inner = auth + 2 + 32 + 2;
  for (const size_t at : {signature, outer, auth, inner}) {
    for (const int step : {-1, 1}) {
      Bytes changed = quote;
      changed[at] = static_cast<uint8_t>(changed[at] + step);
      const auto parsed = parse_quote(changed);
      // The authentication data's end moves what is read as the type of what follows.
      if (at == auth) {
        EXPECT_RULE(parsed, "tdx.cert_type");
      } else {
        EXPECT_RULE(parsed, "tdx.size");
      }
    }
  }
}

TEST(Known, row_37_hexadecimal_of_either_case) {
  for (const std::string_view fmspc : {"90C06F000000", "90c06f000000", "90C06f000000"}) {
    World world;
    world.tcb_info["fmspc"] = fmspc;
    EXPECT_OK(world.verified());
  }
}

TEST(Known, row_39_components_from_index_two) {
  World world;
  // The module's own two numbers are above every level's: with the version told, they are not the platform's.
  world.tcb_info.at("tcbLevels").at(1).at("tcb").at("tdxtcbcomponents").at(1) = bj::object{{"svn", 9}};
  world.body[2] = 3;
  const auto tcb = world.evaluated();
  ASSERT_OK(tcb);
  EXPECT_EQ(tcb->platform.status, TcbStatus::out_of_date);
  OPENPCC_NEED_CORPUS();
  size_t seen = 0;
  for (const corpus::Sample& sample : corpus::samples()) {
    if (sample.id != "tdx-v4-azure-trustee-outofdate") continue;
    const auto authentic = authenticate(sample.quote);
    ASSERT_OK(authentic);
    EXPECT_GT(std::get<TdReport>(authentic->quote().body).tee_tcb_svn[1], 0);
    const auto collateral = authenticate_collateral(corpus::sets().at("flashbots-dcap-00806F").view());
    ASSERT_OK(collateral);
    EXPECT_EQ(evaluate_tcb(*authentic, *collateral)->status, TcbStatus::out_of_date);
    ++seen;
  }
  EXPECT_EQ(seen, 1u);
}

}  // namespace
}  // namespace openpcc::tdx
