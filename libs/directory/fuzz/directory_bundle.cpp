// Bundles from untrusted bytes. Signatures keep a fuzzer out of the parser, so each input is signed here first: what stands behind the
// signature must hold up against a hostile directory, too.
#include "openpcc/directory/bundle.h"
#include "openpcc/directory/nodes.h"

namespace {

using namespace openpcc;

class Zeros final : public Random {
 public:
  void fill(MutableByteSpan out) override { std::fill(out.begin(), out.end(), uint8_t{7}); }
};

note::SignerKey key(std::string_view name, note::KeyType type) {
  Zeros random;
  return std::move(*note::SignerKey::generate(name, type, random));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto kDirectory = key("fuzz/directory", note::KeyType::ed25519);
  static const auto kBeacon = key("fuzz/beacon", note::KeyType::cosignature_v1);
  const directory::Trust trust{kDirectory.verifier(), kBeacon.verifier(), "demo.example"};
  constexpr UnixSeconds kNow = 1'800'000'000;
  const ByteSpan bytes(data, size);
  static_cast<void>(directory::verify_bundle({}, bytes, trust, kNow, {}));
  const std::string statement = "openpcc bundle v1\n7\n" + to_base64(crypto::sha256(bytes)) + "\n";
  const std::string signature = note::sign(statement, {&kDirectory}, 0);
  const auto bundle = directory::verify_bundle(bytes, as_bytes(signature), trust, kNow, {});
  if (bundle) {
    const auto again = directory::sign_bundle(bundle->content(), kDirectory);
    OPENPCC_CHECK(again && directory::verify_bundle(again->bundle, as_bytes(again->signature), trust, kNow, {}));
    for (const Bytes& leaf : bundle->content().nodes) static_cast<void>(directory::Leaf::parse(leaf));
  }
  static_cast<void>(directory::Leaf::parse(bytes));
  return 0;
}
