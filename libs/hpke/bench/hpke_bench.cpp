// What a request pays for HPKE, beside the primitives that it is made of: the difference is our own cost.
#include <benchmark/benchmark.h>

#include "openpcc/crypto/hash.h"
#include "openpcc/crypto/kem.h"
#include "openpcc/crypto/random.h"
#include "openpcc/hpke/hpke.h"

namespace openpcc::hpke {
namespace {

constexpr std::string_view kInfo = "OpenPCC hpke_bench";

Suite suite_of(const benchmark::State& state) { return {static_cast<KemId>(state.range(0)), KdfId::hkdf_sha256, AeadId::aes_256_gcm}; }

struct Keys {
  explicit Keys(KemId kem) : skR(PrivateKey::generate(kem, random)), pkR(*PublicKey::parse(kem, skR.public_key())) {}

  crypto::SystemRandom random;
  PrivateKey skR;
  PublicKey pkR;
};

void both_kems(benchmark::internal::Benchmark* bench) {
  bench->ArgName("kem")->Arg(static_cast<int>(KemId::dhkem_x25519_hkdf_sha256))->Arg(static_cast<int>(KemId::x_wing));
}

void setup_sender_whole(benchmark::State& state) {
  Keys keys(suite_of(state).kem);
  for (auto _ : state) benchmark::DoNotOptimize(setup_sender(suite_of(state), keys.pkR, {as_bytes(kInfo)}, keys.random));
}
BENCHMARK(setup_sender_whole)->Apply(both_kems);

// With an encapsulation made ahead, this is all that a request waits for: the key schedule.
void setup_sender_precomputed(benchmark::State& state) {
  Keys keys(suite_of(state).kem);
  const Encapsulation ahead = encapsulate(keys.pkR, keys.random);
  for (auto _ : state) {
    Encapsulation copy{ahead.enc, ahead.shared_secret.clone()};
    benchmark::DoNotOptimize(setup_sender(suite_of(state), std::move(copy), {as_bytes(kInfo)}));
  }
}
BENCHMARK(setup_sender_precomputed)->Apply(both_kems);

void setup_recipient_whole(benchmark::State& state) {
  Keys keys(suite_of(state).kem);
  const Bytes enc = encapsulate(keys.pkR, keys.random).enc;
  for (auto _ : state) benchmark::DoNotOptimize(setup_recipient(suite_of(state), keys.skR, enc, {as_bytes(kInfo)}));
}
BENCHMARK(setup_recipient_whole)->Apply(both_kems);

void expand_private_key(benchmark::State& state) {
  Keys keys(suite_of(state).kem);
  for (auto _ : state) benchmark::DoNotOptimize(PrivateKey::from_bytes(keys.skR.kem(), keys.skR.reveal_for_export()));
}
BENCHMARK(expand_private_key)->Apply(both_kems);

void parse_public_key(benchmark::State& state) {
  Keys keys(suite_of(state).kem);
  for (auto _ : state) benchmark::DoNotOptimize(PublicKey::parse(keys.pkR.kem(), keys.pkR.bytes()));
}
BENCHMARK(parse_public_key)->Apply(both_kems);

void seal(benchmark::State& state) {
  Keys keys(KemId::x_wing);
  const Suite suite{KemId::x_wing, KdfId::hkdf_sha256, static_cast<AeadId>(state.range(0))};
  Sender sender = setup_sender(suite, keys.pkR, {}, keys.random);
  const auto n = static_cast<size_t>(state.range(1));
  Bytes buffer(n + crypto::kAeadTagBytes);
  for (auto _ : state) {
    sender.context.seal({}, ByteSpan(buffer).first(n), buffer);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * state.range(1));
}
BENCHMARK(seal)->ArgNames({"aead", "bytes"})->ArgsProduct({{1, 2, 3}, {256, 16384}});

// The primitives.

void raw_x25519_expand(benchmark::State& state) {
  const std::array<uint8_t, 32> scalar{1};
  for (auto _ : state) benchmark::DoNotOptimize(crypto::X25519Private(scalar));
}
BENCHMARK(raw_x25519_expand);

void raw_x25519_agree(benchmark::State& state) {
  const crypto::X25519Private ours(std::array<uint8_t, 32>{1});
  const crypto::X25519Private theirs(std::array<uint8_t, 32>{2});
  for (auto _ : state) benchmark::DoNotOptimize(ours.agree(theirs.public_key()));
}
BENCHMARK(raw_x25519_agree);

void raw_ml_kem_768_encapsulate(benchmark::State& state) {
  const crypto::MlKem768Private key(std::array<uint8_t, 64>{1});
  const auto public_key = crypto::MlKem768Public::parse(key.public_key());
  std::array<uint8_t, crypto::kMlKem768CiphertextBytes> ciphertext{};
  for (auto _ : state) benchmark::DoNotOptimize(public_key->encapsulate(std::array<uint8_t, 32>{2}, ciphertext));
}
BENCHMARK(raw_ml_kem_768_encapsulate);

void raw_ml_kem_768_decapsulate(benchmark::State& state) {
  const crypto::MlKem768Private key(std::array<uint8_t, 64>{1});
  std::array<uint8_t, crypto::kMlKem768CiphertextBytes> ciphertext{};
  (void)crypto::MlKem768Public::parse(key.public_key())->encapsulate(std::array<uint8_t, 32>{2}, ciphertext);
  for (auto _ : state) benchmark::DoNotOptimize(key.decapsulate(ciphertext));
}
BENCHMARK(raw_ml_kem_768_decapsulate);

void raw_sha256_64_bytes(benchmark::State& state) {
  const Bytes message(64);
  for (auto _ : state) benchmark::DoNotOptimize(crypto::sha256(message));
}
BENCHMARK(raw_sha256_64_bytes);

}  // namespace
}  // namespace openpcc::hpke
