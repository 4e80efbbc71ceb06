#include "openpcc/nitro/document.h"

#include <algorithm>
#include <set>

#include "cbor.h"

namespace openpcc::nitro {
namespace {

using cbor::Major;
using cbor::Reader;

constexpr Rule kCose = "nitro.cose.shape";
constexpr Rule kPayload = "nitro.payload.member";

constexpr uint64_t kSign1Tag = 18;
constexpr size_t kSign1Items = 4;
constexpr std::array<uint8_t, 4> kEs384{0xa1, 0x01, 0x38, 0x22};  // {1: -35}
constexpr size_t kMembersMax = 16;                                // known ones are fewer; another one is refused where it stands

std::unexpected<Error> twice(std::string_view what) {
  return fail(Code::malformed, "nitro.cbor.duplicate", std::string(what) + " stands there twice");
}

// optional_bytes takes a string or null. An empty string is one that was given.
Result<std::optional<ByteSpan>> optional_bytes(Reader& reader, size_t min, size_t max) {
  if (reader.take(cbor::kNull)) return std::nullopt;
  OPENPCC_LET(const ByteSpan out, reader.bytes(min, max));
  return out;
}

Result<std::map<uint8_t, ByteSpan>> read_pcrs(Reader& reader) {
  constexpr Rule kRule = "nitro.payload.pcrs";
  OPENPCC_LET(const uint64_t count, reader.head(Major::map));
  if (count == 0 || count > kPcrsMax) return fail(Code::malformed, kRule, std::to_string(count) + " registers");
  std::map<uint8_t, ByteSpan> out;
  for (uint64_t i = 0; i < count; ++i) {
    OPENPCC_LET(const uint64_t index, reader.head(Major::number));
    if (index >= kPcrsMax) return fail(Code::malformed, kRule, "PCR" + std::to_string(index));
    OPENPCC_LET(const ByteSpan value, reader.bytes(0, kDocumentBytesMax));
    if (value.size() != kPcrBytes) return fail(Code::malformed, kRule, "a register of " + std::to_string(value.size()) + " bytes");
    if (!out.emplace(static_cast<uint8_t>(index), value).second) return twice("PCR" + std::to_string(index));
  }
  return out;
}

Result<std::vector<ByteSpan>> read_cabundle(Reader& reader) {
  OPENPCC_LET(const uint64_t count, reader.head(Major::array));
  if (count == 0 || count > kBundleCertificatesMax)
    return fail(Code::malformed, "nitro.chain.count", std::to_string(count) + " certificates");
  std::vector<ByteSpan> out;
  for (uint64_t i = 0; i < count; ++i) {
    OPENPCC_LET(const ByteSpan der, reader.bytes(1, kCertificateBytesMax));
    out.push_back(der);
  }
  return out;
}

// Members reads the payload's map, member by member.
class Members {
 public:
  Members(Reader& reader, Document& out) : reader_(reader), out_(out) {}

  Result<> read() {
    const bool open = reader_.take(cbor::kOpenMap);
    size_t left = kMembersMax;
    if (!open) {
      OPENPCC_LET(left, reader_.count(Major::map, kMembersMax));
    }
    for (; left > 0; --left) {
      if (open && reader_.take(cbor::kEnd)) return expect_all();
      OPENPCC_LET(const std::string_view name, reader_.text(1, kModuleIdBytesMax));
      if (!seen_.insert(name).second) return twice(name);
      OPENPCC_TRY(read_member(name));
    }
    if (open && !reader_.take(cbor::kEnd)) return fail(Code::malformed, kPayload, "too many items");
    return expect_all();
  }

 private:
  Result<> read_member(std::string_view name) {
    if (name == "module_id") {
      OPENPCC_LET(out_.module_id, reader_.text(1, kModuleIdBytesMax));
    } else if (name == "digest") {
      OPENPCC_LET(const std::string_view digest, reader_.text(1, kModuleIdBytesMax));
      if (digest != "SHA384") return fail(Code::unsupported, "nitro.payload.digest", std::string(digest));
    } else if (name == "timestamp") {
      const ByteSpan before = reader_.rest();
      OPENPCC_LET(out_.timestamp_ms, reader_.head(Major::number));
      out_.timestamp_bytes = before.first(before.size() - reader_.rest().size());
    } else if (name == "pcrs" || name == "nitrotpm_pcrs") {
      if (!out_.pcrs.empty()) return twice("the registers");
      out_.source = name == "pcrs" ? Source::enclave : Source::nitro_tpm;
      OPENPCC_LET(out_.pcrs, read_pcrs(reader_));
    } else if (name == "certificate") {
      OPENPCC_LET(out_.certificate, reader_.bytes(1, kCertificateBytesMax));
    } else if (name == "cabundle") {
      OPENPCC_LET(out_.cabundle, read_cabundle(reader_));
    } else if (name == "public_key") {
      OPENPCC_LET(out_.public_key, optional_bytes(reader_, 1, kPublicKeyBytesMax));
    } else if (name == "user_data") {
      OPENPCC_LET(out_.user_data, optional_bytes(reader_, 0, kUserDataBytesMax));
    } else if (name == "nonce") {
      OPENPCC_LET(out_.nonce, optional_bytes(reader_, 0, kNonceBytesMax));
    } else {
      return fail(Code::unsupported, "nitro.payload.member", std::string(name));
    }
    return {};
  }

  Result<> expect_all() const {
    for (const std::string_view name : {"module_id", "digest", "timestamp", "certificate", "cabundle"}) {
      if (!seen_.contains(name)) return fail(Code::malformed, "nitro.payload.member", std::string(name));
    }
    if (out_.pcrs.empty()) return fail(Code::malformed, "nitro.payload.member", "registers");
    return {};
  }

  Reader& reader_;
  Document& out_;
  std::set<std::string_view> seen_;
};

Result<> read_payload(ByteSpan payload, Document& out) {
  Reader reader(payload, kPayload);
  OPENPCC_TRY(Members(reader, out).read());
  return reader.end();
}

}  // namespace

std::string_view to_string(Source source) { return source == Source::enclave ? "Nitro enclave" : "NitroTPM"; }

Result<Document> parse_document(ByteSpan bytes) {
  if (bytes.empty() || bytes.size() > kDocumentBytesMax) {
    return fail(bytes.empty() ? Code::malformed : Code::limit, "nitro.size", std::to_string(bytes.size()) + " bytes");
  }
  Reader reader(bytes, kCose);
  constexpr uint8_t kTagged = static_cast<uint8_t>(static_cast<uint8_t>(Major::tag) << 5 | kSign1Tag);
  static_cast<void>(reader.take(kTagged));
  OPENPCC_LET(const size_t items, reader.count(Major::array, kSign1Items));
  if (items != kSign1Items) return fail(Code::malformed, kCose, "not four items");
  Document out;
  OPENPCC_LET(out.protected_header, reader.bytes(0, kDocumentBytesMax));
  if (!equal(out.protected_header, kEs384)) {
    return fail(Code::unsupported, "nitro.cose.alg",
                "protected header " + to_hex(out.protected_header.first(std::min<size_t>(16, out.protected_header.size()))));
  }
  OPENPCC_LET(const size_t unprotected, reader.count(Major::map, kDocumentBytesMax));
  if (unprotected != 0) return fail(Code::unsupported, "nitro.cose.shape", "the unprotected header has members");
  OPENPCC_LET(out.payload, reader.bytes(1, kDocumentBytesMax));
  OPENPCC_LET(out.signature, reader.bytes(kSignatureBytes, kSignatureBytes));
  OPENPCC_TRY(reader.end());
  OPENPCC_TRY(read_payload(out.payload, out));
  return out;
}

// Spec: RFC 9052 s4.4: ["Signature1", protected header, external data (none), payload].
Bytes signed_bytes(const Document& document) {
  constexpr uint8_t kBytes16 = 0x59;  // a string whose length has two bytes
  constexpr uint8_t kBytes8 = 0x58;
  const size_t size = document.payload.size();
  ByteWriter out(size + 32);
  out.u8(0x84).u8(0x6a).text("Signature1").u8(0x44).bytes(document.protected_header).u8(0x40);
  if (size > 0xff) {
    out.u8(kBytes16).u16(static_cast<uint16_t>(size));
  } else if (size > 23) {
    out.u8(kBytes8).u8(static_cast<uint8_t>(size));
  } else {
    out.u8(static_cast<uint8_t>(0x40 | size));
  }
  return out.bytes(document.payload).take();
}

}  // namespace openpcc::nitro
