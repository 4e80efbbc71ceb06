#include <boost/json.hpp>

#include "world.h"

namespace openpcc::attest {
namespace {

using testing_world::World;
namespace bj = boost::json;

// Editable is good evidence as a JSON object, to be spoilt.
class EvidenceTest : public testing::Test {
 protected:
  World world_;
  Bytes good_ = world_.make();
  bj::object json_ = bj::parse(as_text(good_)).as_object();

  static Result<Evidence> parse(std::string_view text) { return Evidence::parse(as_bytes(text)); }
  Result<Evidence> parse_changed() { return parse(bj::serialize(json_)); }
  bj::object& cpu() { return json_["cpu"].as_object(); }
};

TEST_F(EvidenceTest, keeps_the_exact_bytes) {
  const std::string spaced = " " + std::string(as_text(good_)) + "\n";
  const auto evidence = parse(spaced);
  ASSERT_OK(evidence);
  EXPECT_EQ(as_text(evidence->bytes()), spaced);
  EXPECT_EQ(evidence->digest(), crypto::sha256(as_bytes(spaced)));
  EXPECT_EQ(evidence->gpus().size(), 2u);
  EXPECT_EQ(evidence->cpu().report.media_type, sim::kCpuType);
  EXPECT_EQ(evidence->cpu().chain.size(), 1u);
  EXPECT_EQ(evidence->claims().deployment, "demo.example");
  EXPECT_EQ(evidence->binding(), binding(evidence->claims().encode()));
  EXPECT_EQ(evidence->node_id(), node_id(evidence->binding()));
}

TEST_F(EvidenceTest, encode_writes_what_parse_reads) {
  const auto evidence = Evidence::parse(good_);
  ASSERT_OK(evidence);
  Device cpu = evidence->cpu();
  cpu.collateral["crl"] = {"application/pkix-crl", {1, 2, 3}};
  const auto again = Evidence::parse(encode_evidence(evidence->claims().encode(), cpu, evidence->gpus()));
  ASSERT_OK(again);
  EXPECT_EQ(again->cpu().collateral.at("crl").bytes, (Bytes{1, 2, 3}));
}

TEST_F(EvidenceTest, what_is_not_json) {
  EXPECT_RULE(parse(""), "attest.cmw.json");
  EXPECT_RULE(parse("[]"), "attest.cmw.json");
  EXPECT_RULE(parse("{\"cpu\":1,\"cpu\":1}"), "attest.cmw.json");
  EXPECT_RULE(parse("{\"cpu\":" + std::string(20, '[') + std::string(20, ']') + "}"), "attest.cmw.json");
}

TEST_F(EvidenceTest, sizes) {
  EXPECT_RULE(parse(std::string(kEvidenceBytesMax + 1, ' ')), "attest.cmw.too_large");
  cpu()["crl"] = {"application/pkix-crl", to_base64url(Bytes(kItemBytesMax))};
  EXPECT_OK(parse_changed());
  cpu()["crl"] = {"application/pkix-crl", to_base64url(Bytes(kItemBytesMax + 1))};
  EXPECT_RULE(parse_changed(), "attest.cmw.too_large");
}

TEST_F(EvidenceTest, records) {
  for (const bj::value& record :
       std::initializer_list<bj::value>{bj::array{}, bj::array{"a/b"}, bj::array{"a/b", "AA", 4}, bj::array{1, "AA"}, bj::array{"a/b", 1},
                                        bj::array{"", "AA"}, bj::array{"a b", "AA"}, bj::array{"a/b", "A"}, bj::array{"a/b", "AA=="},
                                        bj::value("a/b"), bj::array{std::string(128, 'a'), "AA"}}) {
    json_["keys"] = record;
    EXPECT_RULE(parse_changed(), "attest.cmw.record") << bj::serialize(record);
  }
}

TEST_F(EvidenceTest, members) {
  for (const char* name : {"vtpm", "gpu", "gpu.", "gpu.00", "gpu.-1", "gpu.1x", "Keys", "__cmwc_t"}) {
    bj::object changed = json_;
    changed[name] = json_["gpu.0"];
    const auto parsed = parse(bj::serialize(changed));
    EXPECT_RULE(parsed, "attest.cmw.member") << name;
    EXPECT_EQ(parsed.error().code, Code::unsupported);
  }
  for (const char* name : {"cpu", "keys"}) {
    bj::object changed = json_;
    changed.erase(name);
    EXPECT_RULE(parse(bj::serialize(changed)), "attest.cmw.missing") << name;
  }
}

TEST_F(EvidenceTest, gpus_are_numbered_without_gaps) {
  json_["gpu.3"] = bj::value(json_["gpu.0"]);
  EXPECT_RULE(parse_changed(), "attest.cmw.gpus");
  json_["gpu.2"] = bj::value(json_["gpu.0"]);
  EXPECT_OK(parse_changed());
  for (size_t i = 4; i < kGpusMax; ++i) json_["gpu." + std::to_string(i)] = bj::value(json_["gpu.0"]);
  EXPECT_OK(parse_changed());
  json_["gpu.16"] = bj::value(json_["gpu.0"]);
  EXPECT_RULE(parse_changed(), "attest.cmw.gpus");
}

// What stands once is every GPU's, and nobody else's.
TEST_F(EvidenceTest, collateral_of_all_gpus) {
  const auto evidence = Evidence::parse(good_);
  ASSERT_OK(evidence);
  std::vector<Device> gpus = evidence->gpus();
  const Item one{"application/xml", {1}}, other{"application/xml", {2}}, typed{"a/b", {1}};
  for (Device& gpu : gpus) gpu.collateral = {{"same", one}, {"bytes", one}, {"type", one}, {"missing", one}};
  gpus[1].collateral["bytes"] = other;
  gpus[1].collateral["type"] = typed;
  gpus[1].collateral.erase("missing");
  const Bytes written = encode_evidence(evidence->claims().encode(), evidence->cpu(), gpus);
  const bj::object json = bj::parse(as_text(written)).as_object();
  EXPECT_EQ(json.at("gpus"), (bj::value{{"same", {"application/xml", "AQ"}}}));
  EXPECT_FALSE(json.at("gpu.0").as_object().contains("same"));
  const auto read = Evidence::parse(written);
  ASSERT_OK(read);
  EXPECT_TRUE(read->cpu().collateral.empty());
  for (size_t i = 0; i < gpus.size(); ++i) {
    ASSERT_EQ(read->gpus()[i].collateral.size(), gpus[i].collateral.size());
    for (const auto& [label, item] : gpus[i].collateral) {
      EXPECT_EQ(read->gpus()[i].collateral.at(label).bytes, item.bytes) << label;
      EXPECT_EQ(read->gpus()[i].collateral.at(label).media_type, item.media_type) << label;
    }
  }
  EXPECT_EQ(gpu_digest({{1}, {2}}, read->gpus()), gpu_digest({{1}, {2}}, evidence->gpus())) << "of reports and chains alone";
  gpus.pop_back();
  EXPECT_FALSE(bj::parse(as_text(encode_evidence(evidence->claims().encode(), evidence->cpu(), gpus))).as_object().contains("gpus"));
}

TEST_F(EvidenceTest, what_is_no_collateral_of_all_gpus) {
  const bj::array record{"a/b", "AA"};
  const auto with = [&](const bj::value& shared) {
    json_["gpus"] = shared;
    return parse_changed();
  };
  EXPECT_OK(with({{"crl", record}}));
  for (const bj::value& bad : std::initializer_list<bj::value>{
           bj::object{}, record, bj::value("a"), {{"report", record}}, {{"chain.0", record}}, {{"a label", record}}}) {
    EXPECT_RULE(with(bad), "attest.cmw.shared") << bj::serialize(bad);
  }
  bj::object many;
  for (size_t i = 0; i < kCollateralMax; ++i) many["c" + std::to_string(i)] = record;
  EXPECT_OK(with(many));
  many["more"] = record;
  EXPECT_RULE(with(many), "attest.cmw.shared") << "as many for each GPU";
  EXPECT_RULE(with({{"crl", bj::array{"a/b"}}}), "attest.cmw.record");
  EXPECT_RULE(with({{"crl", bj::array{"a/b", to_base64url(Bytes(kItemBytesMax + 1))}}}), "attest.cmw.too_large");
  json_["gpu.1"].as_object()["crl"] = record;
  EXPECT_RULE(with({{"crl", record}}), "attest.cmw.shared") << "of this label GPU 1 has one of its own";
  json_.erase("gpu.0");
  json_.erase("gpu.1");
  EXPECT_RULE(with({{"crl", record}}), "attest.cmw.shared") << "of no GPU";
  const auto platform = parse_platform(as_bytes(bj::serialize(bj::object{{"cpu", json_["cpu"]}, {"gpus", {{"crl", record}}}})));
  EXPECT_RULE(platform, "attest.cmw.member");
}

TEST_F(EvidenceTest, devices) {
  const bj::object good = cpu();
  const auto refused = [&](auto change) {
    cpu() = good;
    change(cpu());
    return parse_changed();
  };
  EXPECT_RULE(refused([](bj::object& d) { d.erase("report"); }), "attest.cmw.device");
  EXPECT_RULE(refused([](bj::object& d) { d["chain.2"] = bj::value(d["chain.0"]); }), "attest.cmw.device");
  EXPECT_RULE(refused([](bj::object& d) { d["chain.01"] = bj::value(d["chain.0"]); }), "attest.cmw.device");
  EXPECT_RULE(refused([](bj::object& d) { d["a label"] = bj::value(d["chain.0"]); }), "attest.cmw.device");
  EXPECT_RULE(refused([](bj::object& d) { d[std::string(33, 'a')] = bj::value(d["chain.0"]); }), "attest.cmw.device");
  EXPECT_RULE(refused([](bj::object& d) {
                for (size_t i = 0; i <= kChainMax; ++i) d["chain." + std::to_string(i)] = bj::value(d["report"]);
              }),
              "attest.cmw.device");
  EXPECT_RULE(refused([](bj::object& d) {
                for (size_t i = 0; i <= kCollateralMax; ++i) d["c" + std::to_string(i)] = bj::value(d["report"]);
              }),
              "attest.cmw.device");
  json_["cpu"] = {"a/b", "AA"};
  EXPECT_RULE(parse_changed(), "attest.cmw.device");
}

TEST_F(EvidenceTest, keys_of_another_type) {
  json_["keys"].as_array()[0] = "application/octet-stream";
  const auto parsed = parse_changed();
  EXPECT_RULE(parsed, "attest.cmw.keys_type");
  EXPECT_EQ(parsed.error().code, Code::unsupported);
}

// BigTee gives quotes that no evidence can hold.
class BigTee final : public Attester {
 public:
  size_t gpu_count() const override { return 0; }
  Bytes gpu_id(size_t) const override { return {}; }
  Result<Device> gpu_report(size_t, const GpuNonce&) override { return Device{}; }
  Result<Device> cpu_quote(const Binding&) override { return Device{{"a/b", Bytes(kEvidenceBytesMax)}, {}, {}}; }
};

TEST_F(EvidenceTest, make_refuses_what_nobody_would_read) {
  BigTee tee;
  EXPECT_RULE(make_evidence(world_.claims, tee), "attest.make.too_large");
}

}  // namespace
}  // namespace openpcc::attest
