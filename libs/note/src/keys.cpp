// Keys of notes and their text forms.
#include <algorithm>

#include "openpcc/note/note.h"

namespace openpcc::note {
namespace {

constexpr std::string_view kPrivatePrefix = "PRIVATE+KEY+";
constexpr size_t kSkeyBytesMax = 512;

// Names are printable ASCII: a look-alike or an invisible character in a name serves nobody.
bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameBytesMax && std::ranges::all_of(name, [](char c) { return c > ' ' && c < 0x7f && c != '+'; });
}

Result<KeyType> parse_type(uint8_t type) {
  if (type == 0x01) return KeyType::ed25519;
  if (type == 0x04) return KeyType::cosignature_v1;
  return fail(Code::unsupported, "note.vkey.type", "key type " + std::to_string(type));
}

// Spec: c2sp.org/signed-note, "Signatures": SHA-256(name || 0x0A || type || key), its first four bytes.
KeyId key_id(std::string_view name, KeyType type, const crypto::Ed25519Public& key) {
  const std::array<uint8_t, 2> separator = {'\n', static_cast<uint8_t>(type)};
  const auto digest = crypto::sha256({as_bytes(name), separator, key});
  return {digest[0], digest[1], digest[2], digest[3]};
}

struct KeyText {
  std::string_view name;
  std::string_view id;
  std::string_view key;
};

// split cuts name+id+base64 at its first two signs; the base64 may contain more of them.
std::optional<KeyText> split(std::string_view text) {
  const size_t first = text.find('+');
  if (first == std::string_view::npos) return std::nullopt;
  const size_t second = text.find('+', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  return KeyText{text.substr(0, first), text.substr(first + 1, second - first - 1), text.substr(second + 1)};
}

}  // namespace

VerifierKey::VerifierKey(std::string name, KeyType type, const crypto::Ed25519Public& key)
    : name_(std::move(name)), type_(type), key_(key), id_(key_id(name_, type, key)) {}

Result<VerifierKey> VerifierKey::create(std::string_view name, KeyType type, const crypto::Ed25519Public& key) {
  if (!is_name(name))
    return fail(Code::malformed, "note.vkey.name", "a name is 1 to 255 printable ASCII characters other than space and plus");
  return VerifierKey(std::string(name), type, key);
}

Result<VerifierKey> VerifierKey::parse(std::string_view vkey) {
  constexpr Rule kSyntax = "note.vkey.syntax";
  const auto parts = split(vkey);
  if (!parts) return fail(Code::malformed, kSyntax, "not name+id+key");
  const auto id = from_hex(parts->id);
  const auto typed_key = from_base64(parts->key);
  if (!id || to_hex(*id) != parts->id || !typed_key || typed_key->empty()) return fail(Code::malformed, kSyntax, "bad id or key");
  OPENPCC_LET(const KeyType type, parse_type(typed_key->front()));
  OPENPCC_LET(const crypto::Ed25519Public key, to_array<32>(ByteSpan(*typed_key).subspan(1), kSyntax));
  OPENPCC_LET(VerifierKey out, create(parts->name, type, key));
  if (!equal(out.id_, *id)) return fail(Code::verification_failed, "note.vkey.id", "the id is not the one of this name and key");
  return out;
}

std::string VerifierKey::to_string() const {
  const std::array<uint8_t, 1> type = {static_cast<uint8_t>(type_)};
  return name_ + "+" + to_hex(id_) + "+" + to_base64(concat({type, key_}));
}

SignerKey::SignerKey(VerifierKey verifier, Secret<32> seed)
    : verifier_(std::move(verifier)), seed_(std::move(seed)), key_(seed_.reveal()) {}

Result<SignerKey> SignerKey::generate(std::string_view name, KeyType type, Random& random) {
  Secret<32> seed;
  random.fill(seed.reveal_mutable());
  OPENPCC_LET(VerifierKey verifier, VerifierKey::create(name, type, crypto::Ed25519Private(seed.reveal()).public_key()));
  return SignerKey(std::move(verifier), std::move(seed));
}

Result<SignerKey> SignerKey::parse(const SecretBytes& text) {
  constexpr Rule kSyntax = "note.skey.syntax";
  std::string_view rest = as_text(text.reveal());
  if (rest.size() > kSkeyBytesMax || !rest.starts_with(kPrivatePrefix)) return fail(Code::malformed, kSyntax, "no private key of a note");
  rest.remove_prefix(kPrivatePrefix.size());
  if (rest.ends_with('\n')) rest.remove_suffix(1);
  const auto parts = split(rest);
  if (!parts) return fail(Code::malformed, kSyntax, "not name+id+key");
  auto decoded = from_base64(parts->key);
  if (!decoded) return fail(Code::malformed, kSyntax, "bad key");
  const auto typed_seed = SecretBytes::adopt(std::move(*decoded));
  if (typed_seed.size() != 33) return fail(Code::malformed, kSyntax, "bad key");
  OPENPCC_LET(const KeyType type, parse_type(typed_seed.reveal()[0]));
  auto seed = Secret<32>::copy_of(typed_seed.reveal().subspan<1, 32>());
  OPENPCC_LET(VerifierKey verifier, VerifierKey::create(parts->name, type, crypto::Ed25519Private(seed.reveal()).public_key()));
  if (to_hex(verifier.id()) != parts->id) return fail(Code::malformed, kSyntax, "the id is not the one of this name and key");
  return SignerKey(std::move(verifier), std::move(seed));
}

SecretBytes SignerKey::reveal_for_export() const {
  SecretBytes typed(33);
  typed.reveal_mutable()[0] = static_cast<uint8_t>(verifier_.type());
  std::ranges::copy(seed_.reveal(), typed.reveal_mutable().begin() + 1);
  std::string encoded = to_base64(typed.reveal());
  const std::string front = std::string(kPrivatePrefix) + verifier_.name() + "+" + to_hex(verifier_.id()) + "+";
  auto out = SecretBytes::adopt(concat({as_bytes(front), as_bytes(encoded)}));
  wipe({reinterpret_cast<uint8_t*>(encoded.data()), encoded.size()});
  return out;
}

}  // namespace openpcc::note
