#include "snp_forge.h"

#include "openpcc/crypto/hash.h"
#include "openpcc/x509/der.h"

namespace openpcc::snp::forge {
namespace {

namespace der = x509::der;

constexpr size_t kTcbOffsets[] = {0x38, 0x180, 0x1e0, 0x1f0};  // current, reported, committed, launch
constexpr uint8_t kSpl = 3;

Bytes cpu_of(Product product) {
  switch (product) {
    case Product::milan: return {0x19, 0x01, 0x01};
    case Product::genoa: return {0x19, 0x11, 0x01};
    case Product::turin: return {0x1a, 0x02, 0x01};
  }
  return {};
}

}  // namespace

Line::Line(Product p) : product(p) {
  const std::string name(to_string(p));
  const Bytes ca_usage = x::key_usage(x::kSignsCertificates | x::kSignsLists);
  ark = {x::name("ARK-" + name),           x::name("ARK-" + name), {1, 0, 0},
         {kNow - 100'000, kNow + 100'000}, ark_key.spki(),         {x::basic_constraints(true), ca_usage}};
  ask = {x::name("SEV-" + name), ark.subject, {1, 0, 1}, ark.window, ask_key.spki(), {x::basic_constraints(true, 0), ca_usage}};
  asvk = {x::name("SEV-VLEK-" + name), ark.subject, {1, 0, 2}, ark.window, asvk_key.spki(), ask.extensions};
}

const Line& Line::one(Product product) {
  static const Line milan(Product::milan), genoa(Product::genoa), turin(Product::turin);
  return product == Product::milan ? milan : product == Product::genoa ? genoa : turin;
}

PinnedRoot Line::pin() const { return {product, crypto::sha256(ark_key.spki())}; }

Bytes Line::crl(const std::vector<Bytes>& serials, UnixSeconds next_update) const {
  return x::crl({ark.subject, kNow - 1000, next_update, serials, {}}, ark_key);
}

Bytes oid(std::initializer_list<uint8_t> below) {
  return concat({testkit::hex("2b060104019c7801"), ByteSpan(below.begin(), below.size())});
}

std::vector<Bytes> vek_extensions(const VekOptions& o, Product product) {
  const auto spl = [](uint8_t which, uint8_t value) { return x::extension(oid({kSpl, which}), false, x::integer(value)); };
  const std::string name = o.product_name.empty() ? std::string(to_string(product)) : o.product_name;
  std::vector<Bytes> out{x::extension(oid({1}), false, x::integer(o.struct_version)),
                         x::extension(oid({2}), false, x::tlv(der::kIa5String, as_bytes(name))),
                         spl(1, o.tcb.boot_loader),
                         spl(2, o.tcb.tee),
                         spl(3, o.tcb.snp),
                         spl(5, 0),
                         spl(6, 0),
                         spl(7, 0),
                         spl(8, o.tcb.microcode),
                         product == Product::turin ? spl(9, o.tcb.fmc) : spl(4, 0)};
  if (o.kind == SigningKey::vcek) out.push_back(x::extension(oid({4}), false, o.hwid));
  if (o.kind == SigningKey::vlek) out.push_back(x::extension(oid({5}), false, x::tlv(der::kIa5String, as_bytes(o.csp_id))));
  return out;
}

RawTcb raw_tcb(const Tcb& t, Product product) {
  if (product == Product::turin) return {t.fmc, t.boot_loader, t.tee, t.snp, 0, 0, 0, t.microcode};
  return {t.boot_loader, t.tee, 0, 0, 0, 0, t.snp, t.microcode};
}

Machine::Machine(const Line& l, VekOptions o) : line(l), options(std::move(o)), report(kReportBytes, 0) {
  const bool vlek = options.kind == SigningKey::vlek;
  vek = {x::name(vlek ? "SEV-VLEK" : "SEV-VCEK"), vlek ? line.asvk.subject : line.ask.subject, {0}, options.window, vek_key.spki(),
         vek_extensions(options, line.product)};
  set(0x00, {3});
  set(0x08, {0, 0, 3});  // SMT allowed, and the bit that must be one
  set(0x34, {1});
  set(0x40, {0x25});
  set(0x48, {static_cast<uint8_t>(vlek ? 4 : 0)});
  set(0x50, Bytes(64, 0xd0));
  set(0x90, Bytes(48, 0x3e));
  set(0x160, Bytes(32, 0xff));
  set(0x188, cpu_of(line.product));
  if (!vlek) set(0x1a0, options.hwid);
  for (const size_t at : kTcbOffsets) set(at, raw_tcb(options.tcb, line.product));
  for (const size_t at : {0x1e8u, 0x1ecu}) set(at, {29, 55, 1});
}

Machine Machine::of(Product product) {
  VekOptions options;
  if (product == Product::turin) {
    options.hwid = Bytes(8, 0x5a);
    options.struct_version = 1;
    options.tcb.fmc = 2;
  }
  return Machine(Line::one(product), options);
}

Bytes Machine::vek_der() const { return x::certificate(vek, options.kind == SigningKey::vlek ? line.asvk_key : line.ask_key); }

Bytes Machine::signed_report() const {
  const Bytes signature = vek_key.sign_raw(ByteSpan(report).first(kSignedBytes));
  Bytes out = report;
  for (size_t half = 0; half < 2; ++half) {
    const ByteSpan scalar = ByteSpan(signature).subspan(half * 48, 48);
    std::reverse_copy(scalar.begin(), scalar.end(), out.begin() + static_cast<ptrdiff_t>(kSignedBytes + half * 72));
  }
  return out;
}

Verification Machine::verify(UnixSeconds now, const std::optional<Bytes>& crl) const {
  const Bytes vek_bytes = vek_der(), root = line.ark_der();
  const Bytes issuer = options.kind == SigningKey::vlek ? line.asvk_der() : line.ask_der();
  const PinnedRoot pin = line.pin();
  return snp::verify(signed_report(), {vek_bytes, issuer, root, crl ? std::optional<ByteSpan>(*crl) : std::nullopt}, now, {&pin, 1});
}

}  // namespace openpcc::snp::forge
