#include "openpcc/note/note.h"

#include <boost/json.hpp>

#include "openpcc/testkit/testkit.h"

namespace openpcc::note {
namespace {

using testkit::TestRandom;

SignerKey signer(std::string_view name, KeyType type = KeyType::ed25519, uint64_t seed = 1) {
  TestRandom random(seed);
  return *SignerKey::generate(name, type, random);
}

Result<VerifiedNote> parse_and_verify(std::string_view note, const VerifierKey& key) {
  OPENPCC_LET(const Note parsed, Note::parse(as_bytes(note)));
  return verify(parsed, key);
}

TEST(VerifierKey, round_trip_and_wrong_texts) {
  const VerifierKey key = signer("example.org/log").verifier();
  const std::string text = key.to_string();
  ASSERT_OK(VerifierKey::parse(text));
  EXPECT_EQ(*VerifierKey::parse(text), key);
  EXPECT_RULE(VerifierKey::parse(""), "note.vkey.syntax");
  EXPECT_RULE(VerifierKey::parse("name+00000000"), "note.vkey.syntax");
  EXPECT_RULE(VerifierKey::parse("name+0000000g+AAAA"), "note.vkey.syntax");
  EXPECT_RULE(VerifierKey::parse("name+00000000+"), "note.vkey.syntax");
  EXPECT_RULE(VerifierKey::parse(text.substr(0, text.size() - 4)), "note.vkey.syntax");
  EXPECT_RULE(VerifierKey::parse("x" + text), "note.vkey.id");
  EXPECT_RULE(VerifierKey::parse("+" + text.substr(text.find('+') + 1)), "note.vkey.name");
}

TEST(VerifierKey, names_are_printable_ascii_without_plus) {
  for (const std::string& name :
       {std::string(), std::string("a b"), std::string("a+b"), std::string("a\n"), std::string("\xc3\xa9"), std::string(256, 'a')}) {
    EXPECT_RULE(VerifierKey::create(name, KeyType::ed25519, {}), "note.vkey.name") << name;
  }
  EXPECT_OK(VerifierKey::create(std::string(255, 'a'), KeyType::ed25519, {}));
}

TEST(SignerKey, text_form_round_trip) {
  const SignerKey key = signer("example.org/witness", KeyType::cosignature_v1);
  const auto again = SignerKey::parse(key.reveal_for_export());
  ASSERT_OK(again);
  EXPECT_EQ(again->verifier(), key.verifier());
  EXPECT_EQ(again->signature("x\n", 5), key.signature("x\n", 5));
}

TEST(SignerKey, refuses_other_texts) {
  const SecretBytes exported = signer("a").reveal_for_export();
  const std::string text(as_text(exported.reveal()));
  const auto parse = [](std::string_view t) { return SignerKey::parse(SecretBytes::copy_of(as_bytes(t))); };
  EXPECT_OK(parse(text + "\n"));
  EXPECT_RULE(parse(""), "note.skey.syntax");
  EXPECT_RULE(parse(text.substr(1)), "note.skey.syntax");
  EXPECT_RULE(parse("PRIVATE+KEY+a"), "note.skey.syntax");
  EXPECT_RULE(parse(text.substr(0, text.size() - 4)), "note.skey.syntax");
  EXPECT_RULE(parse(text + "=!"), "note.skey.syntax");
  EXPECT_RULE(parse("PRIVATE+KEY+b" + text.substr(13)), "note.skey.syntax");  // the id is of another name
  EXPECT_RULE(parse("PRIVATE+KEY+a+00000000+" + to_base64(Bytes(33, 2))), "note.vkey.type");
}

TEST(Note, sign_and_verify) {
  const SignerKey a = signer("a", KeyType::ed25519, 1);
  const SignerKey w = signer("w", KeyType::cosignature_v1, 2);
  const std::string note = sign("one\n\ntwo\n", {&a, &w}, 1234);
  const auto by_a = parse_and_verify(note, a.verifier());
  ASSERT_OK(by_a);
  EXPECT_EQ(by_a->text(), "one\n\ntwo\n");
  EXPECT_FALSE(by_a->time());
  const auto by_w = parse_and_verify(note, w.verifier());
  ASSERT_OK(by_w);
  EXPECT_EQ(by_w->time(), 1234);
}

TEST(Note, refuses_what_is_not_a_note) {
  const auto parse = [](std::string_view text) { return Note::parse(as_bytes(text)); };
  for (const std::string_view text : {"", "text\n", "\n\n", "te\rxt\n\n", "te\xfft\n\n\xe2\x80\x94 a AAAAAAA=\n"}) {
    EXPECT_RULE(parse(text), "note.parse.text") << text;
  }
  for (const std::string_view lines : {"", "\xe2\x80\x94 a AAAAAAA=", "- a AAAAAAA=\n", "\xe2\x80\x94 aAAAAAAA=\n",
                                       "\xe2\x80\x94  AAAAAAA=\n", "\xe2\x80\x94 a AAAA\n", "\xe2\x80\x94 a !!!!\n"}) {
    EXPECT_RULE(parse("text\n\n" + std::string(lines)), "note.parse.signature") << lines;
  }
}

TEST(Note, refuses_bad_utf8) {
  // Overlong forms, a surrogate, a lone continuation byte, a cut character, above U+10FFFF.
  for (const std::string_view bad :
       {"\xc0\x80", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\x80", "\xe2\x80"}) {
    EXPECT_RULE(Note::parse(as_bytes(std::string(bad) + "\n\n\xe2\x80\x94 a AAAAAAA=\n")), "note.parse.text");
  }
  for (const std::string_view good : {"\xc2\x80", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_OK(Note::parse(as_bytes(std::string(good) + "\n\n\xe2\x80\x94 a AAAAAAA=\n")));
  }
}

TEST(Note, is_bounded) {
  const std::string line = "\xe2\x80\x94 a AAAAAAA=\n";
  std::string note = "text\n\n";
  for (size_t i = 0; i < kSignaturesMax; ++i) note += line;
  EXPECT_OK(Note::parse(as_bytes(note)));
  EXPECT_RULE(Note::parse(as_bytes(note + line)), "note.parse.too_large");
  EXPECT_RULE(Note::parse(Bytes(kNoteBytesMax + 1, 'a')), "note.parse.too_large");
}

TEST(Note, verify_ignores_other_keys_but_not_a_bad_line_of_ours) {
  const SignerKey a = signer("a", KeyType::ed25519, 1);
  const SignerKey b = signer("b", KeyType::ed25519, 2);
  const SignerKey a2 = signer("a", KeyType::ed25519, 3);  // same name, another key: another id
  EXPECT_RULE(parse_and_verify(sign("x\n", {&b, &a2}, 0), a.verifier()), "note.verify.unsigned");
  EXPECT_OK(parse_and_verify(sign("x\n", {&b, &a, &a2}, 0), a.verifier()));
  std::string other_text = sign("x\n", {&a}, 0);
  other_text[0] = 'y';
  EXPECT_RULE(parse_and_verify(other_text, a.verifier()), "note.verify.signature");
  // A good line does not hide a second, bad one.
  const std::string bad_line = sign("z\n", {&a}, 0).substr(3);
  EXPECT_RULE(parse_and_verify(sign("x\n", {&a}, 0) + bad_line, a.verifier()), "note.verify.signature");
}

TEST(Cosignature, time_is_signed_and_bounded) {
  const SignerKey w = signer("w", KeyType::cosignature_v1);
  const auto note_with = [&](ByteSpan signature) {
    return "x\n\n\xe2\x80\x94 w " + to_base64(concat({w.verifier().id(), signature})) + "\n";
  };
  Bytes signature = w.signature("x\n", 1000);
  EXPECT_EQ(parse_and_verify(note_with(signature), w.verifier())->time(), 1000);
  signature[7] ^= 1;
  EXPECT_RULE(parse_and_verify(note_with(signature), w.verifier()), "note.verify.signature");
  EXPECT_RULE(parse_and_verify(note_with(ByteSpan(signature).first(7)), w.verifier()), "note.verify.signature");
  EXPECT_RULE(parse_and_verify(note_with(Bytes(72, 0xff)), w.verifier()), "note.verify.signature");
}

class SharedVectors : public testing::Test {
 protected:
  void SetUp() override {
    const auto path = testkit::shared_file("vectors/c2sp-tlog/tlog.json");
    if (!path) GTEST_SKIP() << "shared vectors are absent";
    vectors_ = boost::json::parse(as_text(testkit::read_file(*path)));
  }
  std::string_view text(const boost::json::value& v) { return v.as_string(); }
  boost::json::value vectors_;
};

TEST_F(SharedVectors, note_of_the_specification) {
  const auto& example = vectors_.at("signed_note_spec_example");
  const auto key = VerifierKey::parse(text(example.at("vkey")));
  ASSERT_OK(key);
  const auto note = parse_and_verify(text(example.at("note")), *key);
  ASSERT_OK(note);
  EXPECT_EQ(note->text(), "This is an example message.\n");
}

TEST_F(SharedVectors, verifier_keys) {
  for (const auto& entry : vectors_.at("vkeys").as_array()) {
    const std::string_view vkey = text(entry.at("vkey"));
    const auto key = VerifierKey::parse(vkey);
    if (vkey.starts_with("test+5893dc2c")) {  // ML-DSA-44, type 06
      EXPECT_RULE(key, "note.vkey.type");
    } else {
      ASSERT_OK(key);
      EXPECT_EQ(key->to_string(), vkey);
    }
  }
}

TEST_F(SharedVectors, time_of_a_cosignature) {
  const auto& entry = vectors_.at("cosig_timestamp");
  const auto note = Note::parse(as_bytes("x\n\n\xe2\x80\x94 w " + std::string(text(entry.at("signature_b64"))) + "\n"));
  ASSERT_OK(note);
  EXPECT_EQ(*ByteReader(note->signatures().at(0).signature, "test.short").u64(), entry.at("timestamp").to_number<uint64_t>());
}

TEST_F(SharedVectors, log_signatures_of_a_witness_session) {
  const Bytes raw = testkit::hex(text(vectors_.at("witness_session_log_pubkey_hex")));
  const auto& session = vectors_.at("witness_session").as_array();
  size_t good = 0;
  for (const auto& entry : session) {
    const std::string_view request = text(entry.at("request"));
    const std::string_view note = request.substr(request.find("\n\n") + 2);
    const std::string_view origin = note.substr(0, note.find('\n'));
    const auto key = VerifierKey::create(origin, KeyType::ed25519, *to_array<32>(raw, "test.size"));
    ASSERT_OK(key);
    const auto verified = parse_and_verify(note, *key);
    if (entry.at("status").to_number<int>() == 200) {
      EXPECT_OK(verified);
      ++good;
    } else if (text(entry.at("assert")).find("invalid signature") != std::string_view::npos) {
      EXPECT_RULE(verified, "note.parse.signature");  // spoilt in its last base64 character, beyond the last whole byte
    }
  }
  EXPECT_GE(good, 2u);
}

}  // namespace
}  // namespace openpcc::note
