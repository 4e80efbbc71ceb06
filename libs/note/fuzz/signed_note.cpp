// Notes, vkeys, checkpoints and beacons from untrusted bytes; what parses is written again and compared.
#include "openpcc/note/checkpoint.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace openpcc;
  const ByteSpan bytes(data, size);
  static const auto kKey = *note::VerifierKey::create("fuzz", note::KeyType::cosignature_v1, {});
  if (const auto key = note::VerifierKey::parse(as_text(bytes))) OPENPCC_CHECK(key->to_string() == as_text(bytes));
  if (const auto checkpoint = note::Checkpoint::parse(as_text(bytes))) OPENPCC_CHECK(checkpoint->body() == as_text(bytes));
  if (const auto parsed = note::Note::parse(bytes)) {
    std::string again = parsed->unverified_text() + "\n";
    for (const auto& line : parsed->signatures()) {
      again += "\xe2\x80\x94 " + line.name + " " + to_base64(concat({line.key_id, line.signature})) + "\n";
    }
    OPENPCC_CHECK(again == as_text(bytes));
    static_cast<void>(note::verify(*parsed, kKey));
  }
  static_cast<void>(note::verify_beacon(bytes, kKey));
  return 0;
}
