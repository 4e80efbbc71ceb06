#include "azure_forge.h"

#include "openpcc/crypto/hash.h"
#include "openpcc/x509/der.h"

namespace openpcc::azure::forge {
namespace {

namespace bj = boost::json;
namespace der = x509::der;

constexpr size_t kReportDataAt = 0x50;   // of an SEV-SNP report
constexpr size_t kTdReportDataAt = 520;  // of a quote's body

void put(Bytes& out, size_t at, ByteSpan bytes) { std::ranges::copy(bytes, out.begin() + static_cast<ptrdiff_t>(at)); }

void put_u32(Bytes& out, size_t at, size_t value) {
  for (size_t i = 0; i < 4; ++i) out[at + i] = static_cast<uint8_t>(value >> (8 * i));
}

bj::object jwk(std::string_view name, std::string_view operation, std::string_view modulus) {
  return {{"kid", name}, {"key_ops", bj::array{operation}}, {"kty", "RSA"}, {"e", "AQAB"}, {"n", modulus}};
}

}  // namespace

std::string modulus_of(ByteSpan spki) {
  der::Reader outer(*der::only(spki, der::kSequence));
  OPENPCC_CHECK(outer.next());
  der::Reader numbers(*der::only(*der::bit_string(*outer.content(der::kBitString)), der::kSequence));
  return to_base64url(*der::magnitude(*numbers.content(der::kInteger)));
}

Evidence Owned::view() const {
  Evidence out;
  out.hcl = hcl;
  out.snp = {vek, issuer, root, crl ? std::optional<ByteSpan>(*crl) : std::nullopt};
  out.td_quote = td_quote;
  out.tdx = tdx.view();
  if (with_quote) out.quote = TpmQuote{quote, signature, values};
  if (ak_certificate) out.ak_certificate = *ak_certificate;
  return out;
}

Vm::Vm(Hardware h, snp::Product product) : hardware(h), chip(snp::forge::Machine::of(product)), pin_{chip.line.pin()} {
  if (hardware == Hardware::tdx) {
    td.emplace();
    put(td->body, 120, Bytes{0, 0, 0, 0x10, 0, 0, 0, 0, 3});  // SEPT_VE_DISABLE; XFAM with what every TD has
  }
  runtime = {
      {"keys", bj::array{jwk("HCLAkPub", "sign", modulus_of(tpm.key.spki())), jwk("HCLEkPub", "encrypt", modulus_of(tpm.key.spki()))}},
      {"vm-configuration", {{"console-enabled", true}, {"secure-boot", true}, {"tpm-enabled", true}, {"vmUniqueId", "0102-0304"}}},
      {"user-data", std::string(128, '0')}};
  ak = {x509::forge::name("0102-0304.virtual-tpm"),
        x509::forge::name("Global Virtual TPM CA"),
        {9},
        {now() - 1000, now() + 1000},
        tpm.key.spki(),
        {}};
}

// td_report is what the TD of the quote's body would report to its own platform.
Bytes Vm::td_report() const {
  const ByteSpan body = td->body;
  Bytes out(kTdReportBytes);
  out[0] = 0x81;
  put(out, 264, body.first(16));
  put(out, 128, body.subspan(kTdReportDataAt, 64));
  put(out, 512, body.subspan(120, 400));  // attributes, XFAM, MRTD, configuration and owner, RTMRs
  put(out, 32, crypto::sha384(ByteSpan(out).subspan(256, 239)));
  put(out, 80, crypto::sha384(ByteSpan(out).subspan(512, 512)));
  return out;
}

Owned Vm::evidence() {
  const std::string text = json_text();
  HclReport shape;
  shape.hash_type = hash_type;
  shape.json = as_bytes(text);
  Owned out;
  out.hcl.resize(kHclBytes);
  if (hardware == Hardware::snp) {
    if (bind) chip.set(kReportDataAt, shape.bound());
    put(out.hcl, kHeaderBytes, chip.signed_report());
    out.vek = chip.vek_der();
    out.issuer = chip.line.ask_der();
    out.root = chip.line.ark_der();
  } else {
    if (bind) put(td->body, kTdReportDataAt, shape.bound());
    put(out.hcl, kHeaderBytes, td_report());
    out.td_quote = td->quote();
    out.tdx = td->set();
  }
  put(out.hcl, 0, as_bytes("HCLA"));
  put_u32(out.hcl, 4, 2);
  put_u32(out.hcl, 8, kJsonAt + text.size());
  put_u32(out.hcl, 12, 2);
  put_u32(out.hcl, kDataAt, kDataHeaderBytes + text.size());
  put_u32(out.hcl, kDataAt + 4, 1);
  put_u32(out.hcl, kDataAt + 8, static_cast<size_t>(hardware));
  put_u32(out.hcl, kDataAt + 12, static_cast<size_t>(hash_type));
  put_u32(out.hcl, kDataAt + 16, text.size());
  put(out.hcl, kJsonAt, as_bytes(text));
  out.quote = tpm.quote();
  out.signature = *tpm::parse_signature(tpm.signature());
  out.values = tpm.pcrs;
  out.ak_certificate = x509::forge::certificate(ak, ak_issuer);
  return out;
}

Trust Vm::trust() const {
  Trust out;
  out.amd = pin_;
  if (td) out.tdx = td->terms();
  return out;
}

}  // namespace openpcc::azure::forge
