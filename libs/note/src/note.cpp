// Notes. Spec: c2sp.org/signed-note, c2sp.org/tlog-cosignature.
#include "openpcc/note/note.h"

#include <limits>

namespace openpcc::note {
namespace {

constexpr std::string_view kDash = "\xe2\x80\x94 ";  // an em dash and a space begin each signature line

// utf8_length is the length of the well-formed character at the front (RFC 3629), 0 where there is none.
size_t utf8_length(ByteSpan text) {
  const uint8_t lead = text[0];
  const size_t n = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (n == 0 || n > text.size()) return 0;
  for (size_t i = 1; i < n; ++i) {
    if ((text[i] & 0xc0) != 0x80) return 0;
  }
  if (lead == 0xe0 && text[1] < 0xa0) return 0;  // overlong
  if (lead == 0xed && text[1] > 0x9f) return 0;  // surrogates
  if (lead == 0xf0 && text[1] < 0x90) return 0;  // overlong
  if (lead == 0xf4 && text[1] > 0x8f) return 0;  // above U+10FFFF
  return n;
}

bool is_clean(ByteSpan text) {
  while (!text.empty()) {
    if (text[0] < 0x20 && text[0] != '\n') return false;
    const size_t n = utf8_length(text);
    if (n == 0) return false;
    text = text.subspan(n);
  }
  return true;
}

Result<SignatureLine> parse_line(std::string_view line) {
  constexpr Rule kLine = "note.parse.signature";
  if (!line.starts_with(kDash)) return fail(Code::malformed, kLine, "not a signature line");
  line.remove_prefix(kDash.size());
  const size_t space = line.find(' ');
  if (space == std::string_view::npos || space == 0 || space > kNameBytesMax) return fail(Code::malformed, kLine, "no name");
  const auto bytes = from_base64(line.substr(space + 1));
  if (!bytes || bytes->size() < 5) return fail(Code::malformed, kLine, "bad signature bytes");
  SignatureLine out{std::string(line.substr(0, space)), {}, Bytes(bytes->begin() + 4, bytes->end())};
  std::memcpy(out.key_id.data(), bytes->data(), out.key_id.size());
  return out;
}

std::string cosigned_message(std::string_view text, uint64_t time) {
  return "cosignature/v1\ntime " + std::to_string(time) + "\n" + std::string(text);
}

// check_signature returns the time that a cosignature states.
Result<std::optional<UnixSeconds>> check_signature(std::string_view text, const SignatureLine& line, const VerifierKey& key) {
  constexpr Rule kSignature = "note.verify.signature";
  if (key.type() == KeyType::ed25519) {
    if (!crypto::ed25519_verify(key.key(), as_bytes(text), line.signature)) return fail(Code::verification_failed, kSignature, key.name());
    return std::optional<UnixSeconds>();
  }
  ByteReader reader(line.signature, kSignature);
  OPENPCC_LET(const uint64_t time, reader.u64());
  if (time > static_cast<uint64_t>(std::numeric_limits<UnixSeconds>::max()) ||
      !crypto::ed25519_verify(key.key(), as_bytes(cosigned_message(text, time)), reader.rest())) {
    return fail(Code::verification_failed, kSignature, key.name());
  }
  return std::optional<UnixSeconds>(static_cast<UnixSeconds>(time));
}

}  // namespace

Result<Note> Note::parse(ByteSpan bytes) {
  if (bytes.size() > kNoteBytesMax) return fail(Code::limit, "note.parse.too_large");
  const std::string_view whole = as_text(bytes);
  if (!is_clean(bytes)) return fail(Code::malformed, "note.parse.text", "not UTF-8, or a control character");
  // The last empty line is the one that ends the text: the text itself may hold others.
  const size_t gap = whole.rfind("\n\n");
  if (gap == std::string_view::npos || gap == 0) return fail(Code::malformed, "note.parse.text", "no text, or no empty line after it");
  Note out;
  out.text_ = std::string(whole.substr(0, gap + 1));
  std::string_view rest = whole.substr(gap + 2);
  if (!rest.ends_with('\n')) return fail(Code::malformed, "note.parse.signature", "no signature line, or an unfinished one");
  while (!rest.empty()) {
    if (out.signatures_.size() == kSignaturesMax) return fail(Code::limit, "note.parse.too_large", "too many signatures");
    const size_t end = rest.find('\n');
    OPENPCC_LET(SignatureLine line, parse_line(rest.substr(0, end)));
    out.signatures_.push_back(std::move(line));
    rest.remove_prefix(end + 1);
  }
  return out;
}

Result<VerifiedNote> verify(const Note& note, const VerifierKey& key) {
  bool found = false;
  std::optional<UnixSeconds> time;
  for (const SignatureLine& line : note.signatures()) {
    if (line.name != key.name() || line.key_id != key.id()) continue;
    // A second line of the same key must be good, too; the first one counts.
    OPENPCC_LET(const std::optional<UnixSeconds> stated, check_signature(note.unverified_text(), line, key));
    if (!found) time = stated;
    found = true;
  }
  if (!found) return fail(Code::verification_failed, "note.verify.unsigned", "no signature by " + key.to_string());
  return VerifiedNote(note.unverified_text(), time);
}

Bytes SignerKey::signature(std::string_view text, UnixSeconds time) const {
  if (verifier_.type() == KeyType::ed25519) {
    const auto signature = key_.sign(as_bytes(text));
    return Bytes(signature.begin(), signature.end());
  }
  OPENPCC_CHECK(time >= 0);
  const auto stated = static_cast<uint64_t>(time);
  return ByteWriter().u64(stated).bytes(key_.sign(as_bytes(cosigned_message(text, stated)))).take();
}

std::string sign(std::string_view text, std::initializer_list<const SignerKey*> keys, UnixSeconds time) {
  OPENPCC_CHECK(text.size() > 1 && text.ends_with('\n') && is_clean(as_bytes(text)));
  std::string out = std::string(text) + "\n";
  for (const SignerKey* key : keys) {
    out.append(kDash).append(key->verifier().name()).append(" ");
    out.append(to_base64(concat({key->verifier().id(), key->signature(text, time)}))).append("\n");
  }
  OPENPCC_CHECK(out.size() <= kNoteBytesMax);
  return out;
}

}  // namespace openpcc::note
