#include "tpm_forge.h"

#include "openpcc/x509/der.h"

namespace openpcc::tpm::forge {
namespace {

namespace der = x509::der;
using x509::Algorithm;

bool is_ec(Algorithm algorithm) { return algorithm == Algorithm::ecdsa_sha256 || algorithm == Algorithm::ecdsa_sha384; }

void put_sized(ByteWriter& out, ByteSpan bytes) { out.u16(static_cast<uint16_t>(bytes.size())).bytes(bytes); }

// modulus_of takes n out of an RSA key's SubjectPublicKeyInfo.
Bytes modulus_of(ByteSpan spki) {
  der::Reader outer(*der::only(spki, der::kSequence));
  OPENPCC_CHECK(outer.next());
  const auto bits = *der::bit_string(*outer.content(der::kBitString));
  der::Reader numbers(*der::only(bits, der::kSequence));
  const ByteSpan n = *der::magnitude(*numbers.content(der::kInteger));
  return {n.begin(), n.end()};
}

}  // namespace

Banks values(Hash bank, std::initializer_list<uint8_t> pcrs) {
  Banks out;
  for (const uint8_t pcr : pcrs) out[bank][pcr] = Bytes(digest_bytes(bank), static_cast<uint8_t>(0xa0 + pcr));
  return out;
}

Machine::Machine(Algorithm algorithm) : key(algorithm) {}

Hash Machine::hash() const {
  return key.algorithm() == Algorithm::ecdsa_sha256 || key.algorithm() == Algorithm::rsa_pkcs1_sha256 ? Hash::sha256 : Hash::sha384;
}

Scheme Machine::scheme() const {
  if (is_ec(key.algorithm())) return Scheme::ecdsa;
  return key.algorithm() == Algorithm::rsa_pss_sha384 ? Scheme::rsapss : Scheme::rsassa;
}

Bytes Machine::quote() const {
  ByteWriter out;
  out.u32(magic).u16(type);
  put_sized(out, signer);
  put_sized(out, nonce);
  out.u64(123'456).u32(7).u32(1).u8(safe).u64(0x2019'1023'0016'3636);
  if (raw_selections) {
    out.bytes(*raw_selections);
  } else {
    out.u32(static_cast<uint32_t>(selections.size()));
    for (const Selection& s : selections) {
      out.u16(static_cast<uint16_t>(s.bank))
          .u8(3)
          .u8(static_cast<uint8_t>(s.pcrs))
          .u8(static_cast<uint8_t>(s.pcrs >> 8))
          .u8(static_cast<uint8_t>(s.pcrs >> 16));
    }
  }
  Bytes joined;
  for (const Selection& s : selections) {
    const auto bank = pcrs.find(s.bank);
    if (bank == pcrs.end()) continue;
    for (const auto& [pcr, value] : bank->second) joined.insert(joined.end(), value.begin(), value.end());
  }
  put_sized(out, digest ? *digest : tpm::digest(hash(), joined));
  return out.bytes(after).take();
}

Bytes Machine::signature_of(ByteSpan quote) const {
  ByteWriter out;
  out.u16(static_cast<uint16_t>(scheme())).u16(static_cast<uint16_t>(hash()));
  if (scheme() != Scheme::ecdsa) {
    put_sized(out, key.sign(quote));
    return out.take();
  }
  const Bytes r_s = key.sign_raw(quote);
  put_sized(out, ByteSpan(r_s).first(r_s.size() / 2));
  put_sized(out, ByteSpan(r_s).last(r_s.size() / 2));
  return out.take();
}

Bytes Machine::public_area() const {
  const bool ec = is_ec(key.algorithm());
  ByteWriter out;
  out.u16(ec ? 0x0023 : 0x0001).u16(0x000b).u32(attributes).u16(0).u16(0x0010);
  out.u16(static_cast<uint16_t>(scheme())).u16(static_cast<uint16_t>(hash()));
  if (ec) {
    const Bytes point = key.point();
    out.u16(key.algorithm() == Algorithm::ecdsa_sha256 ? 0x0003 : 0x0004).u16(0x0010);
    put_sized(out, ByteSpan(point).first(point.size() / 2));
    put_sized(out, ByteSpan(point).last(point.size() / 2));
  } else {
    out.u16(2048).u32(0);
    put_sized(out, modulus_of(key.spki()));
  }
  return out.take();
}

Bytes extended_key_usage(std::string_view oid) {
  return x::extension(testkit::hex("551d25"), false, x::sequence({x::tlv(der::kOid, testkit::hex(oid))}));
}

Bytes instance_extension() {
  const auto text = [](std::string_view t) { return x::tlv(der::kUtf8String, as_bytes(t)); };
  return x::extension(testkit::hex("2b06010401d679020115"), false,
                      x::sequence({text("us-central1-a"), x::integer(77), text("a-project"), x::integer(0x5e53e3fbbf8306c5),
                                   text("a-machine"), x::tlv(der::context(0), x::sequence({}))}));
}

Chain::Chain(Bytes spki) {
  const Bytes ca_usage = x::key_usage(x::kSignsCertificates | x::kSignsLists);
  const x509::Window window{kNow - 1000, kNow + 1000};
  root = {x::name("EK/AK CA Root"), x::name("EK/AK CA Root"), {1}, window, root_key.spki(), {x::basic_constraints(true), ca_usage}};
  issuer = {x::name("EK/AK CA Intermediate"), root.subject, {2}, window, issuer_key.spki(), {x::basic_constraints(true, 0), ca_usage}};
  leaf = {x::name("ak"),
          issuer.subject,
          {3},
          window,
          std::move(spki),
          {x::key_usage(0x80), extended_key_usage("6781050801"), x::extension(testkit::hex("551d11"), true, testkit::hex("3000")),
           instance_extension()}};
}

std::vector<Bytes> Chain::ders() const {
  return {x::certificate(leaf, issuer_key), x::certificate(issuer, root_key), x::certificate(root, root_key)};
}

Result<CertifiedKey> Chain::verify(const std::vector<Bytes>& chain, UnixSeconds now) const {
  const std::vector<ByteSpan> views(chain.begin(), chain.end());
  const PinnedRoot pinned = pin();
  return verify_chain(views, now, {&pinned, 1});
}

namespace {

Bytes little_endian(uint64_t value, size_t bytes) {
  Bytes out;
  for (size_t i = 0; i < bytes; ++i) out.push_back(static_cast<uint8_t>(value >> (8 * i)));
  return out;
}

Bytes utf16(std::string_view text) {
  Bytes out;
  for (const char c : text) out.insert(out.end(), {static_cast<uint8_t>(c), 0});
  return out;
}

Bytes spec_id(uint32_t index, const std::vector<Hash>& algorithms) {
  Bytes out = concat({as_bytes(std::string_view("Spec ID Event03", 16)), Bytes(4), Bytes{0, 2, 0, 2}, little_endian(algorithms.size(), 4)});
  for (const Hash hash : algorithms) {
    out = concat({out, little_endian(static_cast<uint16_t>(hash), 2), little_endian(digest_bytes(hash), 2)});
  }
  out.push_back(0);
  return concat({little_endian(index, 4), little_endian(3, 4), Bytes(20), little_endian(out.size(), 4), out});
}

}  // namespace

LogEvent separator(uint32_t index) { return {index, EventType::separator, Bytes(4), {}}; }

LogEvent variable(uint32_t index, EventType type, std::string_view name, ByteSpan value, bool global) {
  const Bytes vendor = global ? testkit::hex("61dfe48bca93d211aa0d00e098032b8c") : Bytes(16, 0x11);
  return {index, type, concat({vendor, little_endian(name.size(), 8), little_endian(value.size(), 8), utf16(name), value}), {}};
}

LogEvent action(uint32_t index, std::string_view text) { return {index, EventType::efi_action, {text.begin(), text.end()}, {}}; }

Log Log::boot() {
  Log out;
  out.events = {{0, EventType::s_crtm_version, {1, 2, 3}, {}},
                {0, EventType::efi_platform_firmware_blob, Bytes(16, 1), Bytes(100, 2)},
                variable(7, EventType::efi_variable_driver_config, "SecureBoot", Bytes{1}),
                variable(7, EventType::efi_variable_driver_config, "PK", Bytes(20, 3))};
  for (uint32_t index = 0; index <= 7; ++index) out.events.push_back(separator(index));
  out.events.push_back({4, EventType::efi_boot_services_application, Bytes(40, 4), Bytes(200, 5)});
  out.events.push_back({8, EventType::ipl, Bytes{'g', ':', ' ', 'q', 0}, Bytes{'q'}});
  out.events.push_back(action(5, "Exit Boot Services Invocation"));
  out.events.push_back(action(5, "Exit Boot Services Returned with Success"));
  return out;
}

Log Log::td() {
  Log out;
  out.of_td = true;
  out.algorithms = {Hash::sha384};
  out.events = {variable(1, EventType::efi_variable_driver_config, "SecureBoot", Bytes{0}),
                separator(1),
                {2, EventType::efi_boot_services_application, Bytes(40, 4), Bytes(200, 5)},
                separator(2),
                {3, EventType::ipl, Bytes{'g', ':', ' ', 'q', 0}, Bytes{'q'}},
                action(2, "Exit Boot Services Invocation"),
                action(2, "Exit Boot Services Returned with Success")};
  out.padding = Bytes(64, 0xff);
  return out;
}

Bytes Log::bytes() const {
  Bytes out = algorithms.empty() ? Bytes() : spec_id(of_td ? 1 : 0, algorithms);
  for (const LogEvent& event : events) {
    out = concat({out, little_endian(event.index, 4), little_endian(static_cast<uint32_t>(event.type), 4)});
    const Bytes& measured = event.measured ? *event.measured : event.data;
    const auto digest_for = [&](Hash hash) {
      return event.type == EventType::no_action ? Bytes(digest_bytes(hash)) : tpm::digest(hash, measured);
    };
    if (algorithms.empty()) {
      out = concat({out, digest_for(Hash::sha1)});
    } else {
      out = concat({out, little_endian(algorithms.size(), 4)});
      for (const Hash hash : algorithms) out = concat({out, little_endian(static_cast<uint16_t>(hash), 2), digest_for(hash)});
    }
    out = concat({out, little_endian(event.data.size(), 4), event.data});
  }
  return concat({out, padding});
}

}  // namespace openpcc::tpm::forge
