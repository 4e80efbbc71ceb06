// C2SP signed notes: text with signature lines under it, and the keys that make and check them (c2sp.org/signed-note, tlog-cosignature).
//
//   <text, ends with a newline>
//   <empty line>
//   — <key name> base64(<key id, 4 bytes> || <signature>)
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "openpcc/core/environment.h"
#include "openpcc/crypto/hash.h"
#include "openpcc/crypto/sign.h"

namespace openpcc::note {

inline constexpr size_t kNoteBytesMax = 64u << 10;
inline constexpr size_t kSignaturesMax = 64;
inline constexpr size_t kNameBytesMax = 255;

// KeyType is the registry's number: a plain Ed25519 signature over the text, or a cosignature, which also says when it was made.
enum class KeyType : uint8_t { ed25519 = 0x01, cosignature_v1 = 0x04 };

using KeyId = std::array<uint8_t, 4>;

// VerifierKey is a named public key. Its text form (vkey) is name+hex(id)+base64(type || key).
class VerifierKey {
 public:
  //   note.vkey.syntax   not three parts, a bad name, hex or base64
  //   note.vkey.type     a key type that we do not speak (unsupported)
  //   note.vkey.id       the id is not the one of name and key
  static Result<VerifierKey> parse(std::string_view vkey);
  // create: note.vkey.name when the name is empty, too long, or holds a space, a plus or a control character.
  static Result<VerifierKey> create(std::string_view name, KeyType type, const crypto::Ed25519Public& key);

  const std::string& name() const { return name_; }
  KeyType type() const { return type_; }
  const crypto::Ed25519Public& key() const { return key_; }
  const KeyId& id() const { return id_; }
  std::string to_string() const;
  friend bool operator==(const VerifierKey&, const VerifierKey&) = default;

 private:
  VerifierKey(std::string name, KeyType type, const crypto::Ed25519Public& key);

  std::string name_;
  KeyType type_;
  crypto::Ed25519Public key_;
  KeyId id_;
};

// SignerKey is a named private key. Its text form is the one of Go's note package, PRIVATE+KEY+name+hex(id)+base64(type || seed).
class SignerKey {
 public:
  static Result<SignerKey> generate(std::string_view name, KeyType type, Random& random);
  //   note.skey.syntax   not the text form above, or its id is wrong
  //   note.vkey.name, note.vkey.type as above
  static Result<SignerKey> parse(const SecretBytes& text);
  // reveal_for_export writes the text form, for key files alone.
  SecretBytes reveal_for_export() const;

  const VerifierKey& verifier() const { return verifier_; }
  // signature is what stands in a signature line after the key id. `time` counts for cosignatures alone; there it is signed, too.
  Bytes signature(std::string_view text, UnixSeconds time) const;

 private:
  SignerKey(VerifierKey verifier, Secret<32> seed);

  VerifierKey verifier_;
  Secret<32> seed_;
  crypto::Ed25519Private key_;
};

struct SignatureLine {
  std::string name;
  KeyId key_id;
  Bytes signature;
};

// Note is a note's parts, nothing of it verified.
class Note {
 public:
  //   note.parse.too_large   more than kNoteBytesMax, or more than kSignaturesMax lines (limit)
  //   note.parse.text        not UTF-8, a control character other than newline, or no text
  //   note.parse.signature   no signature line, or one of another shape
  static Result<Note> parse(ByteSpan bytes);

  const std::string& unverified_text() const { return text_; }
  const std::vector<SignatureLine>& signatures() const { return signatures_; }

 private:
  std::string text_;
  std::vector<SignatureLine> signatures_;
};

// VerifiedNote is a text that a known key signed.
class VerifiedNote {
 public:
  const std::string& text() const { return text_; }
  // time is when a cosignature says that it was made; empty for plain signatures.
  std::optional<UnixSeconds> time() const { return time_; }

 private:
  friend Result<VerifiedNote> verify(const Note& note, const VerifierKey& key);
  VerifiedNote(std::string text, std::optional<UnixSeconds> time) : text_(std::move(text)), time_(time) {}

  std::string text_;
  std::optional<UnixSeconds> time_;
};

// verify looks for the signature of `key`; lines of other keys are ignored.
//   note.verify.unsigned    no line is of this key
//   note.verify.signature   a line of this key does not verify
Result<VerifiedNote> verify(const Note& note, const VerifierKey& key);

// sign makes a note of `text` (ends with a newline, no other control characters) with one line per key, in their order.
std::string sign(std::string_view text, std::initializer_list<const SignerKey*> keys, UnixSeconds time);

}  // namespace openpcc::note
