// Attestation keys, quotes and event logs of a test's own making.
#pragma once

#include "forge.h"
#include "openpcc/testkit/samples.h"
#include "openpcc/tpm/certificate.h"
#include "openpcc/tpm/eventlog.h"
#include "openpcc/tpm/verify.h"

namespace openpcc::tpm::forge {

namespace x = x509::forge;

inline constexpr UnixSeconds kNow = 1'800'000'000;

// values are those of a machine that booted: one for each index named, all different.
Banks values(Hash bank, std::initializer_list<uint8_t> pcrs);

// Machine is a TPM with its key, and a quote that it would make.
struct Machine {
  explicit Machine(x509::Algorithm algorithm = x509::Algorithm::rsa_pkcs1_sha256);

  x::Key key;
  uint32_t magic = 0xff544347;
  uint16_t type = 0x8018;
  Bytes signer = Bytes(34, 0x0b);
  Bytes nonce = Bytes(32, 0x4e);
  uint8_t safe = 1;
  Selections selections{{Hash::sha256, 0x000097}};  // PCR 0, 1, 2, 4, 7
  Banks pcrs = values(Hash::sha256, {0, 1, 2, 4, 7});
  std::optional<Bytes> digest;  // none: that of pcrs
  uint32_t attributes = 0x00050072;
  Bytes after;  // what follows the quote's end

  Hash hash() const;
  Scheme scheme() const;
  // bitmaps writes the selection as TPMS_PCR_SELECTION; a test may write others.
  std::optional<Bytes> raw_selections;
  Bytes quote() const;
  Bytes signature() const { return signature_of(quote()); }
  Bytes signature_of(ByteSpan quote) const;  // TPMT_SIGNATURE
  Bytes public_area() const;                 // TPMT_PUBLIC
  AttestationKey ak() const { return *AttestationKey::from_public(public_area()); }
  Verification verify() const { return tpm::verify(quote(), signature(), ak(), pcrs); }
};

// Chain certifies a key as Google does: leaf, intermediate, root.
struct Chain {
  explicit Chain(Bytes spki);

  x::Key root_key{x509::Algorithm::rsa_pkcs1_sha256};
  x::Key issuer_key{x509::Algorithm::rsa_pkcs1_sha256};
  x::CertificateFields root, issuer, leaf;

  PinnedRoot pin() const { return crypto::sha256(root_key.spki()); }
  std::vector<Bytes> ders() const;
  Result<CertifiedKey> verify(UnixSeconds now = kNow) const { return verify(ders(), now); }
  Result<CertifiedKey> verify(const std::vector<Bytes>& chain, UnixSeconds now = kNow) const;
};
Bytes extended_key_usage(std::string_view oid);
Bytes instance_extension();

// LogEvent is an event of a log; without a digest it has that of its data.
struct LogEvent {
  uint32_t index;
  EventType type;
  Bytes data;
  std::optional<Bytes> measured;  // what the digests are of, where that is not the data
};
LogEvent separator(uint32_t index);
LogEvent variable(uint32_t index, EventType type, std::string_view name, ByteSpan value, bool global = true);
LogEvent action(uint32_t index, std::string_view text);

// Log writes a log. `algorithms` empty: of SHA-1 alone, without a first event that names them.
struct Log {
  std::vector<Hash> algorithms{Hash::sha1, Hash::sha256};
  std::vector<LogEvent> events;
  Bytes padding;
  bool of_td = false;

  // boot is one that went as it should, of a TPM or of a TD.
  static Log boot();
  static Log td();
  Bytes bytes() const;
};

using testkit::refused;

}  // namespace openpcc::tpm::forge
