// What vouches for a report: certificates of the chip's key and above it, and AMD's revocation lists (VCEK certificate and KDS interface
// specification, AMD publication 57230).
#pragma once

#include <optional>
#include <span>
#include <string>

#include "openpcc/snp/report.h"
#include "openpcc/x509/x509.h"

namespace openpcc::snp {

inline constexpr size_t kCertificateTableBytesMax = 64u << 10;
inline constexpr size_t kTableEntriesMax = 16;

// Collateral is what a verification needs besides the report, each the exact DER. Views: what they show outlives the call.
struct Collateral {
  ByteSpan vek;                 // VCEK or VLEK
  ByteSpan issuer;              // ASK for a VCEK, ASVK for a VLEK
  ByteSpan root;                // ARK; compared with the pinned ones, never trusted
  std::optional<ByteSpan> crl;  // the root's
};

// CertificateTable is what the host gives a guest beside the report (GHCB specification, SNP_GUEST_REQUEST; auxblob of configfs-tsm).
struct CertificateTable {
  std::optional<ByteSpan> vcek, vlek, ask, ark;
};
//   snp.table.syntax   no end, an entry outside, over another or over the header, one twice, or more than kTableEntriesMax
Result<CertificateTable> parse_certificate_table(ByteSpan bytes);

// VekFields are AMD's extensions of a VCEK's or VLEK's certificate.
struct VekFields {
  SigningKey kind;
  Product product;
  std::string product_name;  // with its stepping: "Milan-B0"
  Tcb tcb;
  Bytes hwid;          // VCEK: 64 bytes, Turin 8
  std::string csp_id;  // VLEK: the cloud provider
};
//   snp.vek.extension     missing, of another type, out of range, or not the raw bytes that hwID is
//   snp.vek.kind          neither a VCEK's nor a VLEK's names and extensions
//   snp.product.unknown   productName is of no line that we know (unsupported)
Result<VekFields> read_vek(const x509::Certificate& vek);

// PinnedRoot is a product line's root, by the SHA-256 of its SubjectPublicKeyInfo, and the certificates that it is known to have signed.
struct PinnedRoot {
  Product product;
  crypto::Sha256Digest spki_sha256;
  x509::Known certificates{};
};
// amd_roots are AMD's: ARK-Milan, ARK-Genoa, ARK-Turin.
std::span<const PinnedRoot> amd_roots();

}  // namespace openpcc::snp
