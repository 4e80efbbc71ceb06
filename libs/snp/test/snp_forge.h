// SEV-SNP machines of a test's own making: a product line's roots, a chip's key, and reports signed by it. Valid as they come; a test changes one
// thing.
#pragma once

#include "forge.h"
#include "openpcc/snp/verify.h"
#include "openpcc/testkit/samples.h"

namespace openpcc::snp::forge {

namespace x = x509::forge;

inline constexpr UnixSeconds kNow = 1'800'000'000;

// Line is a product line: ARK, ASK and ASVK. Making its keys is slow, so tests share one() of each.
struct Line {
  explicit Line(Product product);
  static const Line& one(Product product);

  Product product;
  x::Key ark_key{x509::Algorithm::rsa_pss_sha384};
  x::Key ask_key{x509::Algorithm::rsa_pss_sha384};
  x::Key asvk_key{x509::Algorithm::rsa_pss_sha384};
  x::CertificateFields ark, ask, asvk;

  Bytes ark_der() const { return x::certificate(ark, ark_key); }
  Bytes ask_der() const { return x::certificate(ask, ark_key); }
  Bytes asvk_der() const { return x::certificate(asvk, ark_key); }
  PinnedRoot pin() const;
  Bytes crl(const std::vector<Bytes>& serials = {}, UnixSeconds next_update = kNow + 1000) const;
};

// VekOptions are what a VCEK or VLEK certifies.
struct VekOptions {
  SigningKey kind = SigningKey::vcek;
  std::string product_name;  // empty: the line's
  Tcb tcb{0, 4, 1, 24, 219};
  Bytes hwid = Bytes(64, 0x5a);
  std::string csp_id = "CN=cc.example";
  uint64_t struct_version = 0;
  x509::Window window{kNow - 1000, kNow + 1000};
};
std::vector<Bytes> vek_extensions(const VekOptions& options, Product product);
// oid is AMD's arc with `below` after it.
Bytes oid(std::initializer_list<uint8_t> below);

// Machine is a chip with its key, and a report that it would sign.
struct Machine {
  explicit Machine(const Line& line, VekOptions options = {});
  static Machine of(Product product);  // with what is usual for the product

  const Line& line;
  VekOptions options;
  x::Key vek_key{x509::Algorithm::ecdsa_sha384};
  x::CertificateFields vek;
  Bytes report;  // 1184 bytes; sign() writes its signature

  Bytes vek_der() const;
  Bytes signed_report() const;
  // set writes bytes at an offset of the report.
  void set(size_t at, ByteSpan bytes) { std::ranges::copy(bytes, report.begin() + static_cast<ptrdiff_t>(at)); }
  void set(size_t at, std::initializer_list<uint8_t> bytes) { set(at, ByteSpan(bytes.begin(), bytes.size())); }

  Verification verify(UnixSeconds now = kNow, const std::optional<Bytes>& crl = std::nullopt) const;
};

// TCB_VERSION of a product's layout.
RawTcb raw_tcb(const Tcb& tcb, Product product);

using testkit::refused;

}  // namespace openpcc::snp::forge
