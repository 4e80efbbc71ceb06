#include "nvgpu_forge.h"

#include "openpcc/crypto/hash.h"
#include "openpcc/x509/der.h"

namespace openpcc::nvgpu::forge {
namespace {

namespace der = x509::der;

constexpr x509::Window kWindow{kNow - 1000, kNow + 1000};
constexpr std::string_view kSwidUri = "http://standards.iso.org/iso/19770/-2/2015/schema.xsd";
constexpr std::string_view kHashUri = "http://www.w3.org/2001/04/xmlenc#sha384";
constexpr std::string_view kDsUri = "http://www.w3.org/2000/09/xmldsig#";

Bytes ca_usage() { return x::key_usage(x::kSignsCertificates | x::kSignsLists); }

// responder is the extension that says where answers of OCSP are to be had.
Bytes responder() {
  const Bytes method = testkit::hex("06082b06010505073001");
  const Bytes place = x::tlv(0x86, as_bytes("http://ocsp.example"));
  return x::extension(testkit::hex("2b06010505070101"), false, x::sequence({x::sequence({method, place})}));
}

Bytes digest_sequence(ByteSpan digest) { return x::sequence({testkit::hex("0609608648016503040202"), x::tlv(der::kOctetString, digest)}); }

Bytes composite_device_id(ByteSpan spki) {
  return x::extension(testkit::hex("678105050401"), false, x::sequence({x::integer(1), spki, digest_sequence(fwid())}));
}

Bytes tcb_info() {
  const Bytes vendor = x::tlv(0x80, as_bytes("NVIDIA"));
  const Bytes fwids = x::tlv(der::context(6), concat({digest_sequence(fwid()), digest_sequence(Bytes(48, 0))}));
  return x::extension(testkit::hex("67810505040101"), false, x::sequence({vendor, fwids, x::tlv(0x87, Bytes(5, 0))}));
}

Bytes padded(std::string_view text, size_t size) {
  Bytes out(text.begin(), text.end());
  out.resize(size, 0);
  return out;
}

void little_endian(Bytes& out, size_t value, size_t width) {
  for (size_t i = 0; i < width; ++i) out.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

void append(Bytes& out, ByteSpan more) { out.insert(out.end(), more.begin(), more.end()); }

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  return text.replace(text.find(what), what.size(), by);
}

}  // namespace

PinnedKey pin_of(const x::Key& key) { return crypto::sha256(key.spki()); }

Bytes fwid() { return Bytes(48, 0xf1); }

Bytes pem_of(const std::vector<Bytes>& certificates) {
  std::string out;
  for (const Bytes& certificate : certificates) out += x::pem(certificate);
  return Bytes(out.begin(), out.end());
}

Maker::Maker() {
  const Bytes name = x::name("NVIDIA Device Identity CA");
  root = {name, name, {1}, kWindow, root_key.spki(), {x::basic_constraints(true), ca_usage()}};
  identity = {
      x::name("NVIDIA GH100 Identity"), name, {2}, kWindow, identity_key.spki(), {x::basic_constraints(true), ca_usage(), responder()}};
}

const Maker& Maker::one() {
  static const Maker maker;
  return maker;
}

Device::Device(Options o, const Maker& m) : maker(&m), options(std::move(o)) {
  const std::string chip = options.chip;
  const Bytes provisioner_name = x::name("NVIDIA " + chip + " Provisioner ICA 1"), boot_rom_name = x::name(chip + " A01 GSP BROM");
  provisioner = {provisioner_name, maker->identity.subject,       {3},
                 kWindow,          maker->provisioner_key.spki(), {x::basic_constraints(true), ca_usage(), responder()}};
  boot_rom = {boot_rom_name, provisioner_name,    concat({Bytes{0x41}, options.id}),
              kWindow,       boot_rom_key.spki(), {x::basic_constraints(true), ca_usage()}};
  const Bytes dice = options.tcb_info ? tcb_info() : composite_device_id(leaf_key.spki());
  leaf = {x::name(chip + " A01 GSP FMC LF"), boot_rom_name, concat({Bytes{0x51}, options.id}), kWindow, leaf_key.spki(),
          {x::key_usage(0x80), dice}};
  nonce.fill(0x0c);
  for (size_t i = 0; i < options.measurements; ++i) measurements.emplace_back().fill(static_cast<uint8_t>(i));
  set(Field::vbios_version, options.vbios);
  if (chip == "LS_10") return;
  set(Field::driver_version, padded(options.driver, options.driver.size() + 1));
  set(Field::nvdec0_status, {0x55});
  set(Field::fwid, fwid());
  set(Field::project, padded("G520", 5));
  set(Field::opaque_data_version, {1, 0});
  set(Field::feature_flag, {0, 0});
}

Device Device::a_switch(const Bytes& id, const std::vector<Bytes>& gpus) {
  Options options;
  options.chip = "LS_10";
  options.id = id;
  options.vbios = padded("96.10.73.00.01", 14);
  options.measurements = 31;
  Device out(options);
  out.set(Field::switch_pdi, id);
  Bytes list;
  for (const Bytes& gpu : gpus) append(list, gpu);
  list.resize(64, 0xff);
  list.resize(128, 0x01);  // which port leads to which
  out.set(Field::switch_gpu_pdis, list);
  return out;
}

Bytes Device::unsigned_report() const {
  Bytes out{0x11, 0xe0, 0x01, 0xff};
  append(out, nonce);
  out.push_back(0);
  append(out, Bytes{0x11, 0x60, 0, 0, static_cast<uint8_t>(measurements.size())});
  little_endian(out, measurements.size() * 55, 3);
  for (size_t i = 0; i < measurements.size(); ++i) {
    append(out, Bytes{static_cast<uint8_t>(i + 1), 1, 51, 0, 1, 48, 0});
    append(out, measurements[i]);
  }
  append(out, Bytes(32, 0x99));
  Bytes fields;
  for (const auto& [type, value] : opaque) {
    little_endian(fields, type, 2);
    little_endian(fields, value.size(), 2);
    append(fields, value);
  }
  little_endian(out, fields.size(), 2);
  append(out, fields);
  return out;
}

Bytes Device::sign(Bytes report) const {
  append(report, leaf_key.sign_raw(report));
  return report;
}

std::vector<Bytes> Device::certificates() const {
  return {x::certificate(leaf, boot_rom_key), x::certificate(boot_rom, maker->provisioner_key),
          x::certificate(provisioner, maker->identity_key), x::certificate(maker->identity, maker->root_key),
          x::certificate(maker->root, maker->root_key)};
}

Bytes Device::chain() const { return pem_of(certificates()); }

const x::Key& Device::issuer_key(size_t place) const {
  const x::Key* const keys[] = {&boot_rom_key, &maker->provisioner_key, &maker->identity_key, &maker->root_key};
  return *keys[place];
}

Bytes Device::answer(size_t place, const std::function<void(x::OcspFields&)>& change) const {
  const x::CertificateFields* const fields[] = {&leaf, &boot_rom, &provisioner, &maker->identity, &maker->root};
  x::OcspFields out{.issuer_name = fields[place]->issuer,
                    .issuer_spki = fields[place + 1]->spki,
                    .serial = fields[place]->serial,
                    .this_update = kNow - 10,
                    .next_update = kNow + 10};
  if (change) change(out);
  return x::ocsp(out, issuer_key(place));
}

Verification Device::verify(UnixSeconds now, const std::vector<Bytes>& ocsp, const std::vector<Bytes>& crls) const {
  Statements statements;
  statements.ocsp.assign(ocsp.begin(), ocsp.end());
  statements.crls.assign(crls.begin(), crls.end());
  const PinnedKey pin = pin_of(maker->root_key);
  return nvgpu::verify(signed_report(), chain(), statements, now, {&pin, 1});
}

Author::Author() {
  const Bytes name = x::name("NVIDIA CoRIM signing Root CA");
  root = {name, name, {1}, kWindow, root_key.spki(), {x::basic_constraints(true), ca_usage()}};
  signer = {x::name("HCC RIM L4 Signer"), name, {2}, kWindow, signer_key.spki(), {x::key_usage(0x80), responder()}};
}

const Author& Author::one() {
  static const Author author;
  return author;
}

std::vector<Bytes> Author::certificates() const { return {x::certificate(signer, root_key), x::certificate(root, root_key)}; }

std::string root_namespaces() { return " xmlns=\"" + std::string(kSwidUri) + "\" xmlns:ns2=\"" + std::string(kHashUri) + "\""; }

std::string ManifestText::root_start() const { return "<SoftwareIdentity" + root_namespaces() + " name=\"" + product + "\" tagId=\"1\">"; }

std::string ManifestText::content() const {
  std::string out = "\n  <Entity name=\"NVIDIA Corporation\"></Entity>\n  <Meta colloquialVersion=\"" + version + "\" edition=\"" +
                    edition + "\" product=\"" + product + "\"></Meta>\n  <Payload>\n";
  for (const Entry& entry : entries) {
    out += std::string("    <Resource active=\"") + (entry.active ? "True" : "False") + "\" alternatives=\"" +
           std::to_string(entry.hashes.size()) + "\" index=\"" + std::to_string(entry.index) + "\" size=\"48\" type=\"Measurement\"";
    for (size_t i = 0; i < entry.hashes.size(); ++i) out += " ns2:Hash" + std::to_string(i) + "=\"" + to_hex(entry.hashes[i]) + "\"";
    out += "></Resource>\n";
  }
  return out + "  </Payload>\n";
}

std::string signed_info(const std::string& digest) {
  const std::string canonical = "\"http://www.w3.org/2006/12/xml-c14n11\"";
  return "<ds:SignedInfo><ds:CanonicalizationMethod Algorithm=" + canonical +
         "></ds:CanonicalizationMethod><ds:SignatureMethod "
         "Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384\"></ds:SignatureMethod>"
         "<ds:Reference URI=\"\"><ds:Transforms><ds:Transform "
         "Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"></ds:Transform>"
         "<ds:Transform Algorithm=" +
         canonical +
         "></ds:Transform></ds:Transforms><ds:DigestMethod "
         "Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#sha384\"></ds:DigestMethod><ds:DigestValue>" +
         digest + "</ds:DigestValue></ds:Reference></ds:SignedInfo>";
}

std::string signature(const std::string& canonical, const Author& author, const std::string& namespaces) {
  const std::string ds = " xmlns:ds=\"" + std::string(kDsUri) + "\"";
  const std::string info = signed_info(to_base64(crypto::sha384(as_bytes(canonical))));
  // Canonical, with what it inherits: the default first, then by prefix, so that ds stands before ns2.
  const std::string inherited = replaced(namespaces, " xmlns:ns2", ds + " xmlns:ns2");
  const std::string signed_bytes = replaced(info, "<ds:SignedInfo>", "<ds:SignedInfo" + inherited + ">");
  std::string out = "<ds:Signature" + ds + ">" + info + "<ds:SignatureValue>" +
                    to_base64(author.signer_key.sign_raw(as_bytes(signed_bytes))) + "</ds:SignatureValue><ds:KeyInfo><ds:X509Data>";
  for (const Bytes& certificate : author.certificates()) out += "<ds:X509Certificate>" + to_base64(certificate) + "</ds:X509Certificate>";
  return out + "</ds:X509Data></ds:KeyInfo></ds:Signature>";
}

std::string ManifestText::sign(const Author& author) const {
  return root_start() + content() + signature(whole(), author, root_namespaces()) + "</SoftwareIdentity>";
}

ManifestText manifest_of(const Device& device, Part part) {
  ManifestText out;
  const auto verification = device.verify();
  OPENPCC_CHECK(verification.verified.has_value());
  const Report& report = verification.verified->report();
  out.version = part == Part::driver ? report.driver_version.value() : report.vbios_version;
  out.edition = verification.verified->device().is_switch() ? "SWITCH" : "GPU";
  out.product = verification.verified->device().chip;
  for (size_t i = 0; i < device.measurements.size(); ++i) {
    const bool of_driver = i % 2 == 1;
    const Digest& value = device.measurements[i];
    out.entries.push_back(
        {static_cast<int>(i), device.options.chip == "LS_10" || of_driver == (part == Part::driver), {Bytes(value.begin(), value.end())}});
  }
  return out;
}

ManifestVerification verify(const std::string& xml, UnixSeconds now, const Author& author, const Statements& statements) {
  const PinnedKey pin = pin_of(author.root_key);
  return verify_manifest(as_bytes(xml), statements, now, {&pin, 1});
}

}  // namespace openpcc::nvgpu::forge
