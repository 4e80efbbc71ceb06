// Attestation documents of a test's own making: a chain of five as AWS has it, and a document that its leaf signs. Valid as they come; a test changes
// one thing.
#pragma once

#include "forge.h"
#include "openpcc/nitro/verify.h"

namespace openpcc::nitro::forge {

namespace x = x509::forge;

inline constexpr UnixSeconds kNow = 1'800'000'000;

// CBOR, in its shortest form.
Bytes head(uint8_t major, uint64_t value);
Bytes number(uint64_t value);
Bytes bytes(ByteSpan value);
Bytes text(std::string_view value);
Bytes array(const std::vector<Bytes>& items);
Bytes map(const std::vector<std::pair<Bytes, Bytes>>& members);
Bytes null();

// Maker is a root and what stands below it, and what its leaf would sign.
struct Maker {
  Maker();

  // Root, region, zone, instance, leaf; fields[i] is signed by keys[i - 1], the root by itself.
  std::vector<x::Key> keys;
  std::vector<x::CertificateFields> fields;

  std::vector<std::pair<std::string, Bytes>> payload;  // members in their order, each an item of CBOR; without certificate and cabundle
  std::map<uint8_t, Bytes> pcrs;                       // of 48 bytes, under pcrs_name
  std::string pcrs_name = "pcrs";
  Bytes protected_header = testkit::hex("a1013822");
  Bytes unprotected = {0xa0};
  bool open_map = false;  // the payload's map without a count
  bool tagged = false;

  void set(std::string_view name, Bytes item);
  void remove(std::string_view name) {
    std::erase_if(payload, [&](const auto& member) { return member.first == name; });
  }
  std::vector<Bytes> chain() const;  // DER, root first, the leaf last
  Bytes payload_bytes() const;
  Bytes document() const { return document_of(payload_bytes()); }
  Bytes document_of(ByteSpan payload_item) const;
  PinnedRoot pin() const;
  // verify keeps the bytes that its result shows, until it is called again.
  Result<VerifiedDocument> verify(UnixSeconds now = kNow);

 private:
  Bytes kept_;
};

}  // namespace openpcc::nitro::forge
