#include "world.h"

#include <algorithm>

#include "openpcc/crypto/hash.h"
#include "openpcc/x509/der.h"

namespace openpcc::tdx::test {
namespace {

namespace der = x509::der;
namespace bj = boost::json;
using testkit::hex;

constexpr std::string_view kExtension = "2a864886f84d010d01";
constexpr std::string_view kTdQeSigner = "DC9E2A7C6F948F17474E34A7FC43ED030F7C1563F1BABDDF6340C82E0E54A8C5";

Bytes attribute(std::string_view oid, uint8_t tag, std::string_view text) {
  return forge::tlv(der::kSet, forge::sequence({forge::tlv(der::kOid, hex(oid)), forge::tlv(tag, as_bytes(text))}));
}

void little_endian(Bytes& out, uint64_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) out.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

void append(Bytes& out, ByteSpan more) { out.insert(out.end(), more.begin(), more.end()); }

Bytes member(const Bytes& prefix, uint8_t arc, ByteSpan value) {
  return forge::sequence({forge::tlv(der::kOid, concat({prefix, ByteSpan(&arc, 1)})), value});
}

Bytes members(const Bytes& prefix, const std::map<uint8_t, Bytes>& values) {
  Bytes out;
  for (const auto& [arc, value] : values) append(out, member(prefix, arc, value));
  return forge::tlv(der::kSequence, out);
}

Bytes octets(ByteSpan bytes) { return forge::tlv(der::kOctetString, bytes); }

std::vector<Bytes> authority(int path_length) {
  return {forge::basic_constraints(true, path_length), forge::key_usage(forge::kSignsCertificates | forge::kSignsLists)};
}
std::vector<Bytes> end_entity() { return {forge::basic_constraints(false), forge::key_usage(0xc0)}; }

bj::array components(uint8_t first, uint8_t others_from_third) {
  bj::array out;
  for (size_t i = 0; i < 16; ++i) out.push_back(bj::object{{"svn", i == 0 ? first : i == 2 ? others_from_third : 0}});
  return out;
}

bj::object tdx_module(std::string_view id) {
  bj::object out{{"mrsigner", std::string(96, '0')}, {"attributes", "0000000000000000"}, {"attributesMask", "FFFFFFFFFFFFFFFF"}};
  if (id.empty()) return out;
  out["id"] = id;
  out["tcbLevels"] = bj::array{enclave_level(5, "UpToDate"), enclave_level(3, "OutOfDate")};
  return out;
}

}  // namespace

Bytes intel_name(std::string_view common_name) {
  return forge::sequence({attribute("550403", der::kUtf8String, common_name), attribute("55040a", der::kUtf8String, "Intel Corporation"),
                          attribute("550407", der::kUtf8String, "Santa Clara"), attribute("550408", der::kUtf8String, "CA"),
                          attribute("550406", der::kPrintableString, "US")});
}

void put(Bytes& out, size_t at, ByteSpan bytes) { std::ranges::copy(bytes, out.begin() + static_cast<ptrdiff_t>(at)); }

bj::object platform_level(uint8_t sgx, uint8_t tdx, uint16_t pcesvn, std::string_view status) {
  return {{"tcb", {{"sgxtcbcomponents", components(sgx, 0)}, {"pcesvn", pcesvn}, {"tdxtcbcomponents", components(0, tdx)}}},
          {"tcbDate", "2024-03-13T00:00:00Z"},
          {"tcbStatus", status}};
}

bj::object enclave_level(uint16_t isvsvn, std::string_view status) {
  return {{"tcb", {{"isvsvn", isvsvn}}}, {"tcbDate", "2024-03-13T00:00:00Z"}, {"tcbStatus", status}};
}

Collateral Set::view() const {
  Collateral out{tcb_info.apart(), identity.apart(), as_bytes(signing_chain), {}, {}, as_bytes(issuer_chain)};
  if (root_crl) out.root_ca_crl = *root_crl;
  if (pck_crl) out.pck_crl = *pck_crl;
  return out;
}

World::World() : root_spki_(root_key.spki()) {
  root = {intel_name("Intel SGX Root CA"), intel_name("Intel SGX Root CA"), {1}, {1'600'000'000, 2'500'000'000}, root_spki_, authority(1)};
  ca = {intel_name("Intel SGX PCK Platform CA"), root.subject, {2}, {1'600'000'000, 2'200'000'000}, ca_key.spki(), authority(0)};
  pck = {intel_name("Intel SGX PCK Certificate"), ca.subject, {3}, {1'700'000'000, 2'000'000'000}, pck_key.spki(), end_entity()};
  signer = {intel_name("Intel SGX TCB Signing"), root.subject, {4}, {1'650'000'000, 2'100'000'000}, signer_key.spki(), end_entity()};
  for (uint8_t i = 1; i <= 16; ++i) pck_tcb[i] = forge::integer(i == 1 ? 5 : 0);
  pck_tcb[17] = forge::integer(13);
  pck_tcb[18] = octets(Bytes(16, 0xc5));
  pck_members[1] = octets(Bytes(16, 0x11));
  pck_members[3] = octets(Bytes(2, 0));
  pck_members[4] = octets(hex("90c06f000000"));
  pck_members[5] = forge::tlv(der::kEnumerated, Bytes{1});
  pck_members[6] = octets(Bytes(16, 0x66));
  pck_members[7] =
      members(hex(std::string(kExtension) + "07"), {{1, forge::tlv(der::kBoolean, Bytes{0xff})}, {2, forge::tlv(der::kBoolean, Bytes{0})}});

  header = Bytes(48);
  header[2] = 2;
  header[4] = 0x81;
  put(header, 12, hex("939a7233f79c4ca9940a0db3957f0607"));
  body = Bytes(kTd10Bytes);
  put(body, 0, Bytes{5, 1, 4});
  put(body, 136, Bytes(48, 0x4d));
  put(body, 520, Bytes(64, 0x7d));
  qe_report = Bytes(kSgxReportBytes);
  qe_report[48] = 0x11;
  put(qe_report, 128, hex(kTdQeSigner));
  qe_report[256] = 2;
  qe_report[258] = 6;

  tcb_info = {{"id", "TDX"},
              {"version", 3},
              {"issueDate", "2025-06-01T00:00:00Z"},
              {"nextUpdate", "2025-07-01T00:00:00Z"},
              {"fmspc", "90C06F000000"},
              {"pceId", "0000"},
              {"tcbType", 0},
              {"tcbEvaluationDataNumber", 17},
              {"tdxModule", tdx_module("")},
              {"tdxModuleIdentities", bj::array{tdx_module("TDX_03"), tdx_module("TDX_01")}},
              {"tcbLevels", bj::array{platform_level(5, 4, 13, "UpToDate"), platform_level(3, 2, 11, "OutOfDate")}}};
  identity = {{"id", "TD_QE"},
              {"version", 2},
              {"issueDate", "2025-06-01T00:00:00Z"},
              {"nextUpdate", "2025-07-01T00:00:00Z"},
              {"tcbEvaluationDataNumber", 17},
              {"miscselect", "00000000"},
              {"miscselectMask", "FFFFFFFF"},
              {"attributes", "11000000000000000000000000000000"},
              {"attributesMask", "FBFFFFFFFFFFFFFF0000000000000000"},
              {"mrsigner", kTdQeSigner},
              {"isvprodid", 2},
              {"tcbLevels", bj::array{enclave_level(4, "UpToDate"), enclave_level(2, "OutOfDate")}}};
  root_crl.issuer = root.subject;
  pck_crl.issuer = ca.subject;
}

void World::make_sgx() {
  version = 3;
  header[4] = 0;
  body = Bytes(kSgxReportBytes);
  put(body, 320, Bytes(64, 0x7d));
  qe_report[256] = 1;
  tcb_info["id"] = "SGX";
  identity["id"] = "QE";
  identity["isvprodid"] = 1;
}

void World::make_td15() {
  version = 5;
  body.resize(kTd15Bytes);
  put(body, 584, ByteSpan(body).first(16));
}

Bytes World::pck_der() const {
  forge::CertificateFields fields = pck;
  std::map<uint8_t, Bytes> all = pck_members;
  if (!all.contains(2)) all[2] = members(hex(std::string(kExtension) + "02"), pck_tcb);
  fields.extensions.push_back(forge::extension(hex(kExtension), false, members(hex(kExtension), all)));
  return forge::certificate(fields, ca_key);
}

Bytes World::bound_report(ByteSpan key) const {
  Bytes out = qe_report;
  put(out, 320, crypto::sha256({key, authentication}));
  return out;
}

Bytes World::quote(std::string_view chain) const {
  const Bytes key = attestation_key.point();
  return quote_of(chain, key, bound_report(key));
}

Bytes World::quote_of(std::string_view chain, ByteSpan key, ByteSpan report) const {
  Bytes out;
  little_endian(out, version, 2);
  append(out, ByteSpan(header).subspan(2));
  if (version == 5) {
    little_endian(out, body.size() == kTd15Bytes ? 3 : 2, 2);
    little_endian(out, body.size(), 4);
  }
  append(out, body);
  const Bytes signature = attestation_key.sign_raw(out);
  Bytes qe_part = concat({report, pck_key.sign_raw(report)});
  little_endian(qe_part, authentication.size(), 2);
  append(qe_part, authentication);
  little_endian(qe_part, 5, 2);
  little_endian(qe_part, chain.size(), 4);
  append(qe_part, as_bytes(chain));
  Bytes data = concat({signature, key});
  if (version != 3) {
    little_endian(data, 6, 2);
    little_endian(data, qe_part.size(), 4);
  }
  append(data, qe_part);
  little_endian(out, data.size(), 4);
  append(out, data);
  append(out, as_bytes(padding));
  return out;
}

SignedJson World::sign(std::string value) const {
  const std::string signature = to_hex(signer_key.sign_raw(as_bytes(value)));
  return {std::move(value), signature};
}

Set World::set() const {
  return {sign(tcb_info),
          sign(identity),
          forge::pem(signer_der()) + forge::pem(root_der()),
          forge::pem(ca_der()) + forge::pem(root_der()),
          forge::crl(root_crl, root_key),
          forge::crl(pck_crl, ca_key)};
}

Terms World::terms() const {
  Terms out;
  out.tee = version == 3 ? Tee::sgx : Tee::tdx;
  out.root_spki = root_spki_;
  return out;
}

Result<AuthenticQuote> World::authenticated() const {
  // The views of what comes back are of no use to a test that only asks whether and why.
  return authenticate(quote(), terms());
}

Result<VerifiedQuote> World::verified(UnixSeconds now) const { return verified(set(), now); }

Result<VerifiedQuote> World::verified(const Set& set, UnixSeconds now) const { return verify(quote(), set.view(), now, terms()); }

Result<TcbResult> World::evaluated() const {
  const Bytes bytes = quote();
  const Set parts = set();
  OPENPCC_LET(const AuthenticQuote authentic, authenticate(bytes, terms()));
  OPENPCC_LET(const AuthenticCollateral vouched, authenticate_collateral(parts.view(), terms()));
  return evaluate_tcb(authentic, vouched);
}

}  // namespace openpcc::tdx::test
