#include "world.h"

namespace openpcc::attest {
namespace {

using testing_world::filled;
using testing_world::World;

constexpr Rule kSyntax = "attest.claims.syntax";

TEST(Claims, round_trip) {
  World world;
  world.claims.gpu_digest = filled<32>(0x66);
  world.claims.models.push_back({"other", filled<32>(0x77)});
  const auto again = Claims::parse(world.claims.encode());
  ASSERT_OK(again);
  EXPECT_EQ(again->encode(), world.claims.encode());
  EXPECT_EQ(again->models, world.claims.models);
  EXPECT_EQ(again->gpu_digest, world.claims.gpu_digest);
  EXPECT_EQ(again->deployment, "demo.example");
}

TEST(Claims, unknown_suites_fail_closed) {
  World world;
  world.claims.suite = 2;
  const auto parsed = Claims::parse(world.claims.encode());
  EXPECT_RULE(parsed, "attest.claims.suite");
  EXPECT_EQ(parsed.error().code, Code::unsupported);
}

TEST(Claims, every_prefix_and_every_longer_text_is_refused) {
  const Bytes encoded = World().claims.encode();
  for (size_t n = 0; n < encoded.size(); ++n) EXPECT_FALSE(Claims::parse(ByteSpan(encoded).first(n))) << n;
  Bytes longer = encoded;
  longer.push_back(0);
  EXPECT_RULE(Claims::parse(longer), "attest.claims.syntax");
}

TEST(Claims, fields_out_of_range) {
  const auto refused = [](auto change) {
    Claims claims = World().claims;
    change(claims);
    return Claims::parse(claims.encode());
  };
  EXPECT_RULE(refused([](Claims& c) { c.hpke_public_key.pop_back(); }), kSyntax.id());
  EXPECT_RULE(refused([](Claims& c) { c.hpke_public_key.push_back(0); }), kSyntax.id());
  EXPECT_RULE(refused([](Claims& c) { c.not_after = 253402300800; }), kSyntax.id());
  EXPECT_RULE(refused([](Claims& c) { c.deployment.clear(); }), kSyntax.id());
  EXPECT_RULE(refused([](Claims& c) { c.deployment = "a b"; }), kSyntax.id());
  EXPECT_RULE(refused([](Claims& c) { c.deployment = "a\x1b[31m"; }), kSyntax.id());
  EXPECT_RULE(refused([](Claims& c) { c.deployment.assign(256, 'a'); }), kSyntax.id());
  EXPECT_RULE(refused([](Claims& c) { c.models.push_back(c.models[0]); }), kSyntax.id());
  EXPECT_RULE(refused([](Claims& c) { c.models.push_back({"a", {}}); }), kSyntax.id());
  EXPECT_RULE(refused([](Claims& c) {
                c.models.clear();
                for (size_t i = 0; i <= kModelsMax; ++i) c.models.push_back({"m" + std::to_string(100 + i), {}});
              }),
              kSyntax.id());
}

// The same values computed here from the specification's formulas, field by field.
TEST(Binding, is_what_the_specification_says) {
  World world;
  world.claims.gpu_digest = filled<32>(0x66);
  const Claims& c = world.claims;
  ByteWriter models;
  models.lp(as_bytes("demo-engine")).lp(filled<32>(0x33));
  ByteWriter input;
  input.text("openpcc node binding v1").u8(0);
  input.u32(2).u16(1).u32(1216).bytes(c.hpke_public_key).u32(32).bytes(c.receipt_key);
  input.u32(8).u64(static_cast<uint64_t>(c.not_before)).u32(8).u64(static_cast<uint64_t>(c.not_after));
  input.u32(12).text("demo.example").u32(32).bytes(c.freshness).u32(32).bytes(*c.gpu_digest).u32(32).bytes(c.config_digest);
  input.lp(models.view());
  const Binding b = binding(c.encode());
  EXPECT_EQ(b, crypto::sha512(input.view()));
  EXPECT_EQ(node_id(b), crypto::sha256({as_bytes("openpcc node id v1"), Bytes{0}, b}));
}

TEST(Binding, every_field_counts) {
  const World world;
  const Binding before = binding(world.claims.encode());
  const auto differs = [&](auto change) {
    Claims claims = world.claims;
    change(claims);
    return binding(claims.encode()) != before;
  };
  EXPECT_TRUE(differs([](Claims& c) { c.suite = 2; }));
  EXPECT_TRUE(differs([](Claims& c) { c.hpke_public_key[1215] ^= 1; }));
  EXPECT_TRUE(differs([](Claims& c) { c.receipt_key[0] ^= 1; }));
  EXPECT_TRUE(differs([](Claims& c) { c.not_before += 1; }));
  EXPECT_TRUE(differs([](Claims& c) { c.not_after += 1; }));
  EXPECT_TRUE(differs([](Claims& c) { c.deployment += "x"; }));
  EXPECT_TRUE(differs([](Claims& c) { c.freshness[0] ^= 1; }));
  EXPECT_TRUE(differs([](Claims& c) { c.gpu_digest = GpuDigest{}; }));
  EXPECT_TRUE(differs([](Claims& c) { c.config_digest[0] ^= 1; }));
  EXPECT_TRUE(differs([](Claims& c) { c.models[0].name += "x"; }));
  EXPECT_TRUE(differs([](Claims& c) { c.models[0].digest[0] ^= 1; }));
  EXPECT_TRUE(differs([](Claims& c) { c.models.clear(); }));
}

TEST(GpuBinding, nonce_and_digest_are_what_the_specification_says) {
  const Bytes key = {1, 2, 3};
  const auto freshness = filled<32>(9);
  ByteWriter nonce;
  nonce.text("openpcc gpu nonce v1").u8(0).lp(key).lp(freshness).u8(1);
  EXPECT_EQ(gpu_nonce(key, freshness, 1), crypto::sha256(nonce.view()));
  EXPECT_NE(gpu_nonce(key, freshness, 0), gpu_nonce(key, freshness, 1));

  const Device device{{"t", {0xaa}}, {{"c", {1}}, {"c", {2, 3}}}, {}};
  ByteWriter digest;
  digest.text("openpcc gpu digest v1").u8(0).lp(Bytes{7}).lp(Bytes{0xaa}).lp(Bytes{1, 2, 3});
  EXPECT_EQ(gpu_digest({{7}}, {device}), crypto::sha256(digest.view()));
}

}  // namespace
}  // namespace openpcc::attest
