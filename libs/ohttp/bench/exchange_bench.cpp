// What one chunk costs on each side, and what an exchange costs before its first chunk.
#include <benchmark/benchmark.h>

#include "openpcc/crypto/random.h"
#include "openpcc/ohttp/ohttp.h"

namespace openpcc::ohttp {
namespace {

constexpr hpke::AeadId kAead = hpke::AeadId::aes_256_gcm;

std::vector<GatewayKey> make_keys(hpke::KemId kem, Random& random) {
  std::vector<GatewayKey> keys;
  keys.push_back({1, hpke::PrivateKey::generate(kem, random), {{hpke::KdfId::hkdf_sha256, kAead}}});
  return keys;
}

// Answering is an exchange whose request was read, so that the gateway can seal and the client can open.
struct Answering {
  Answering() {
    Bytes request, plaintext;
    client.seal({}, true, request);
    OPENPCC_CHECK(gateway.open(request, plaintext) && gateway.end(plaintext));
  }
  crypto::SystemRandom random;
  std::vector<GatewayKey> keys = make_keys(hpke::KemId::x_wing, random);
  ClientRequest client = *ClientRequest::start(keys[0].config(), 0, Form::chunked, random, SIZE_MAX);
  GatewayExchange gateway{keys, Form::chunked, 1 << 20};
};

void seal_chunk(benchmark::State& state) {
  Answering a;
  const Bytes plaintext(static_cast<size_t>(state.range(0)), 'x');
  Bytes out;
  for (auto _ : state) {
    out.clear();
    a.gateway.seal(plaintext, false, a.random, out);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * state.range(0));
}
BENCHMARK(seal_chunk)->Arg(64)->Arg(512)->Arg(16384);

// The chunks are sealed while the clock stands still, many at a time: stopping it costs more than a chunk.
void open_chunk(benchmark::State& state) {
  constexpr size_t kBatch = 256;
  Answering a;
  const Bytes plaintext(static_cast<size_t>(state.range(0)), 'x');
  std::vector<Bytes> sealed(kBatch);
  Bytes out;
  while (state.KeepRunningBatch(kBatch)) {
    state.PauseTiming();
    for (Bytes& chunk : sealed) {
      chunk.clear();
      a.gateway.seal(plaintext, false, a.random, chunk);
    }
    state.ResumeTiming();
    for (const Bytes& chunk : sealed) {
      out.clear();
      OPENPCC_CHECK(a.client.open(chunk, out));
    }
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * state.range(0));
}
BENCHMARK(open_chunk)->Arg(64)->Arg(512)->Arg(16384);

void start_request(benchmark::State& state) {
  crypto::SystemRandom random;
  const auto keys = make_keys(static_cast<hpke::KemId>(state.range(0)), random);
  const KeyConfig config = keys[0].config();
  for (auto _ : state) {
    auto client = ClientRequest::start(config, 0, Form::chunked, random);
    benchmark::DoNotOptimize(client);
  }
}
BENCHMARK(start_request)->ArgName("kem")->Arg(0x0020)->Arg(0x647a);

void open_request(benchmark::State& state) {
  crypto::SystemRandom random;
  const auto keys = make_keys(static_cast<hpke::KemId>(state.range(0)), random);
  auto client = *ClientRequest::start(keys[0].config(), 0, Form::chunked, random);
  Bytes request, plaintext;
  client.seal(Bytes(1000, 'x'), true, request);
  for (auto _ : state) {
    plaintext.clear();
    GatewayExchange gateway(keys, Form::chunked, 1 << 20);
    OPENPCC_CHECK(gateway.open(request, plaintext) && gateway.end(plaintext));
  }
}
BENCHMARK(open_request)->ArgName("kem")->Arg(0x0020)->Arg(0x647a);

}  // namespace
}  // namespace openpcc::ohttp
