// `openpcc keygen`: the keys that a deployment's parties keep in files.
#include <fmt/format.h>

#include "commands.h"
#include "files.h"
#include "openpcc/crypto/random.h"
#include "openpcc/note/note.h"

namespace openpcc::app {
namespace {

// Key is what is written to the file, and what may be told to everybody.
struct Key {
  SecretBytes secret;
  std::string public_name;
  std::string public_value;
};

SecretBytes random_hex(size_t bytes, Random& random) {
  SecretBytes raw(bytes);
  random.fill(raw.reveal_mutable());
  std::string text = to_hex(raw.reveal()) + "\n";
  SecretBytes out = SecretBytes::copy_of(as_bytes(text));
  wipe({reinterpret_cast<uint8_t*>(text.data()), text.size()});
  return out;
}

Result<Key> signing_key(std::string_view name, note::KeyType type, Random& random) {
  OPENPCC_LET(const note::SignerKey key, note::SignerKey::generate(name, type, random));
  return Key{key.reveal_for_export(), "public key", key.verifier().to_string()};
}

Result<Key> make(const KeygenOptions& options, Random& random) {
  if (options.kind == "directory") return signing_key(options.name, note::KeyType::ed25519, random);
  if (options.kind == "beacon") return signing_key(options.name, note::KeyType::cosignature_v1, random);
  if (options.kind == "gateway") return Key{random_hex(32, random), "", ""};
  return fail(Code::unsupported, "keygen.kind", "kinds of keys: gateway, directory, beacon");
}

}  // namespace

int run_keygen(const KeygenOptions& options) {
  crypto::SystemRandom random;
  const auto key = make(options, random);
  if (!key) {
    fmt::print(stderr, "openpcc keygen: {}\n", describe(key.error()));
    return kUsage;
  }
  const auto written = write_secret(options.out, key->secret.reveal());
  if (!written) {
    fmt::print(stderr, "openpcc keygen: {}\n", describe(written.error()));
    return kInternal;
  }
  if (options.json) {
    fmt::print("{{\"file\":\"{}\",\"public_key\":\"{}\"}}\n", options.out.string(), key->public_value);
  } else {
    fmt::print("wrote {} (readable by you alone)\n", options.out.string());
    if (!key->public_value.empty()) fmt::print("{}: {}\n", key->public_name, key->public_value);
  }
  return kAccept;
}

}  // namespace openpcc::app
