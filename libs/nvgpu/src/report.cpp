#include "openpcc/nvgpu/report.h"

#include <algorithm>

#include "openpcc/core/describe.h"

namespace openpcc::nvgpu {
namespace {

constexpr uint8_t kSpdmVersion = 0x11;
constexpr uint8_t kGetMeasurements = 0xe0, kMeasurements = 0x60;
constexpr uint8_t kSignatureRequested = 0x01, kAllMeasurements = 0xff;
constexpr uint8_t kDmtf = 1;
constexpr uint8_t kRaw = 0x80;  // of a value's type: not a digest
constexpr size_t kBlockBytes = 4 + 3 + kDigestBytes;
constexpr size_t kBinaryVbiosBytes = 8, kTextVbiosBytes = 14;
constexpr uint8_t kYes = 0xaa, kNo = 0x55;
constexpr size_t kTextBytesMax = 64;
constexpr size_t kGpusOfSwitch = 8;  // what follows their PDIs says which port leads to which
constexpr std::string_view kHexDigits = "0123456789ABCDEF";

constexpr std::pair<Field, std::string_view> kNames[] = {
    {Field::certificate_issuer_name, "CERT_ISSUER_NAME"},
    {Field::authority_key_identifier, "CERT_AUTHORITY_KEY_IDENTIFIER"},
    {Field::driver_version, "DRIVER_VERSION"},
    {Field::gpu_info, "GPU_INFO"},
    {Field::sku, "SKU"},
    {Field::vbios_version, "VBIOS_VERSION"},
    {Field::manufacturer_id, "MANUFACTURER_ID"},
    {Field::tamper_detection, "TAMPER_DETECTION"},
    {Field::smc, "SMC"},
    {Field::vpr, "VPR"},
    {Field::nvdec0_status, "NVDEC0_STATUS"},
    {Field::msrscnt, "MSRSCNT"},
    {Field::cprinfo, "CPRINFO"},
    {Field::board_id, "BOARD_ID"},
    {Field::chip_sku, "CHIP_SKU"},
    {Field::chip_sku_mod, "CHIP_SKU_MOD"},
    {Field::project, "PROJECT"},
    {Field::project_sku, "PROJECT_SKU"},
    {Field::project_sku_mod, "PROJECT_SKU_MOD"},
    {Field::fwid, "FWID"},
    {Field::protected_pcie_status, "PROTECTED_PCIE_STATUS"},
    {Field::switch_pdi, "SWITCH_PDI"},
    {Field::floorswept_ports, "FLOORSWEPT_PORTS"},
    {Field::position_id, "POSITION_ID"},
    {Field::lock_switch_status, "LOCK_SWITCH_STATUS"},
    {Field::switch_gpu_pdis, "SWITCH_GPU_PDIS"},
    {Field::gpu_link_conn, "GPU_LINK_CONN"},
    {Field::sys_enable_status, "SYS_ENABLE_STATUS"},
    {Field::opaque_data_version, "OPAQUE_DATA_VERSION"},
    {Field::chip_info, "CHIP_INFO"},
    {Field::feature_flag, "FEATURE_FLAG"},
};

std::unexpected<Error> bad_opaque(Field field, std::string_view why) {
  return fail(Code::malformed, "nvgpu.opaque", name_of(static_cast<uint16_t>(field)) + ": " + std::string(why));
}

// Little-endian integers; ByteReader's are big-endian.
Result<size_t> little_endian(ByteReader& reader, size_t width) {
  OPENPCC_LET(const ByteSpan bytes, reader.bytes(width));
  size_t out = 0;
  for (size_t i = width; i > 0; --i) out = out << 8 | bytes[i - 1];
  return out;
}

// without_padding takes text with NULs after it, at least one.
Result<std::string> without_padding(ByteSpan value, Field field) {
  const auto end = std::ranges::find(value, uint8_t{0});
  const ByteSpan text(value.begin(), end);
  if (end == value.end() || !is_zero(value.subspan(text.size())) || value.size() > kTextBytesMax) {
    return bad_opaque(field, "not text with NULs after it");
  }
  if (std::ranges::any_of(text, [](uint8_t c) { return c < 0x21 || c > 0x7e; })) return bad_opaque(field, "not printable");
  return std::string(as_text(text));
}

std::string dotted(std::initializer_list<uint8_t> parts) {
  std::string out;
  for (const uint8_t part : parts) {
    if (!out.empty()) out += '.';
    out += kHexDigits[part >> 4];
    out += kHexDigits[part & 15];
  }
  return out;
}

// A GPU's VBIOS version is a number of 64 bits, a switch's is text; both mean five bytes.
Result<std::string> vbios_text(ByteSpan value) {
  if (value.size() == kBinaryVbiosBytes) {
    if (!is_zero(value.subspan(5))) return bad_opaque(Field::vbios_version, "more than five bytes");
    return dotted({value[3], value[2], value[1], value[0], value[4]});
  }
  const std::string_view text = as_text(value);
  const auto fits = [&](size_t i) { return i % 3 == 2 ? text[i] == '.' : kHexDigits.find(text[i]) != std::string_view::npos; };
  if (text.size() != kTextVbiosBytes) return bad_opaque(Field::vbios_version, "another size");
  for (size_t i = 0; i < text.size(); ++i) {
    if (!fits(i)) return bad_opaque(Field::vbios_version, "not five bytes in upper-case hexadecimal");
  }
  return std::string(text);
}

std::vector<Pdi> pdis(ByteSpan bytes, bool little_endian) {
  std::vector<Pdi> out;
  for (size_t at = 0; at + sizeof(Pdi) <= bytes.size(); at += sizeof(Pdi)) {
    const ByteSpan one = bytes.subspan(at, sizeof(Pdi));
    if (is_zero(one) || std::ranges::all_of(one, [](uint8_t b) { return b == 0xff; })) continue;  // no device there
    std::ranges::copy(one, out.emplace_back().begin());
    if (little_endian) std::ranges::reverse(out.back());
  }
  return out;
}

// Opaque reads the fields whose meaning matters here; of the others only the place is known.
class Opaque {
 public:
  explicit Opaque(Report& report) : report_(report) {}

  Result<> read() {
    const OpaqueField* vbios = find(Field::vbios_version);
    if (vbios == nullptr) return bad_opaque(Field::vbios_version, "missing");
    OPENPCC_LET(report_.vbios_version, vbios_text(vbios->value));
    for (const Field field :
         {Field::driver_version, Field::chip_sku, Field::chip_sku_mod, Field::project, Field::project_sku, Field::project_sku_mod}) {
      const OpaqueField* found = find(field);
      if (found == nullptr) continue;
      OPENPCC_LET(std::string text, without_padding(found->value, field));
      if (field == Field::driver_version) report_.driver_version = std::move(text);
    }
    OPENPCC_LET(report_.nvdec0_enabled, yes_or_no(Field::nvdec0_status));
    OPENPCC_LET(report_.protected_pcie, yes_or_no(Field::protected_pcie_status));
    OPENPCC_LET(const std::optional<uint16_t> mode, number(Field::feature_flag));
    if (mode) report_.mode = static_cast<Mode>(*mode);
    OPENPCC_TRY(number(Field::opaque_data_version));
    OPENPCC_TRY(read_fwid());
    return read_pdis();
  }

 private:
  const OpaqueField* find(Field field) const {
    const auto found = report_.opaque.find(static_cast<uint16_t>(field));
    return found == report_.opaque.end() ? nullptr : &found->second;
  }
  Result<std::optional<bool>> yes_or_no(Field field) const {
    const OpaqueField* found = find(field);
    if (found == nullptr) return std::optional<bool>();
    const Bytes& value = found->value;
    if (value.size() != 1 || (value[0] != kYes && value[0] != kNo)) return bad_opaque(field, "neither AA nor 55");
    return std::optional(value[0] == kYes);
  }
  Result<std::optional<uint16_t>> number(Field field) const {
    const OpaqueField* found = find(field);
    if (found == nullptr) return std::optional<uint16_t>();
    if (found->value.size() != 2) return bad_opaque(field, "not two bytes");
    return std::optional(static_cast<uint16_t>(found->value[0] | found->value[1] << 8));
  }
  Result<> read_fwid() {
    const OpaqueField* found = find(Field::fwid);
    if (found == nullptr) return {};
    if (found->value.size() != kDigestBytes) return bad_opaque(Field::fwid, "not 48 bytes");
    std::ranges::copy(found->value, report_.fwid.emplace().begin());
    return {};
  }
  // A GPU writes the numbers of switches little-endian, a switch its own and its GPUs' big-endian.
  Result<> read_pdis() {
    const bool gpu = report_.driver_version.has_value();
    if (const OpaqueField* found = find(Field::switch_pdi)) {
      if (found->value.empty() || found->value.size() % sizeof(Pdi) != 0) return bad_opaque(Field::switch_pdi, "not of eight bytes each");
      report_.switch_pdis = pdis(found->value, gpu);
    }
    if (const OpaqueField* found = find(Field::switch_gpu_pdis)) {
      if (found->value.size() != 2 * kGpusOfSwitch * sizeof(Pdi)) return bad_opaque(Field::switch_gpu_pdis, "not 128 bytes");
      report_.switch_gpu_pdis = pdis(ByteSpan(found->value).first(kGpusOfSwitch * sizeof(Pdi)), false);
    }
    return {};
  }

  Report& report_;
};

Result<> read_request(ByteReader& reader, Report& out) {
  OPENPCC_LET(const ByteSpan head, reader.bytes(4));
  if (!equal(head, std::array{kSpdmVersion, kGetMeasurements, kSignatureRequested, kAllMeasurements})) {
    return fail(Code::unsupported, "nvgpu.request", "begins with " + to_hex(head));
  }
  OPENPCC_LET(out.nonce, reader.array<kNonceBytes>());
  OPENPCC_LET(out.slot, reader.u8());
  return {};
}

std::unexpected<Error> bad_block(size_t index, std::string_view why) {
  return fail(Code::malformed, "nvgpu.block", "measurement " + std::to_string(index) + ": " + std::string(why));
}

Result<Measurement> read_block(ByteReader& reader, size_t index) {
  OPENPCC_LET(const ByteSpan head, reader.bytes(kBlockBytes - kDigestBytes));
  if (head[0] != index) return bad_block(index, "another index");
  if (head[1] != kDmtf || (head[4] & kRaw) != 0) return bad_block(index, "not a digest as DMTF specifies it");
  if ((head[2] | head[3] << 8) != 3 + kDigestBytes || (head[5] | head[6] << 8) != kDigestBytes) return bad_block(index, "not of 48 bytes");
  Measurement out{head[4], {}};
  OPENPCC_LET(out.value, reader.array<kDigestBytes>());
  return out;
}

Result<> read_response(ByteReader& reader, Report& out) {
  OPENPCC_LET(const ByteSpan head, reader.bytes(4));
  if (head[0] != kSpdmVersion || head[1] != kMeasurements) return fail(Code::unsupported, "nvgpu.response", "begins with " + to_hex(head));
  OPENPCC_LET(const uint8_t blocks, reader.u8());
  OPENPCC_LET(const size_t record_bytes, little_endian(reader, 3));
  OPENPCC_LET(const ByteSpan record, reader.bytes(record_bytes));
  if (record_bytes != blocks * kBlockBytes || blocks == 0) return bad_block(blocks, "the record is not as long as that many");
  ByteReader record_reader(record, "nvgpu.block");
  for (size_t index = 1; index <= blocks; ++index) {
    OPENPCC_LET(const Measurement measurement, read_block(record_reader, index));
    out.measurements.push_back(measurement);
  }
  OPENPCC_LET(out.responder_nonce, reader.array<kNonceBytes>());
  return {};
}

Result<> read_opaque(ByteSpan opaque, size_t offset, Report& out) {
  ByteReader reader(opaque, "nvgpu.opaque");
  while (!reader.empty()) {
    OPENPCC_LET(const size_t type, little_endian(reader, 2));
    OPENPCC_LET(const size_t length, little_endian(reader, 2));
    const size_t at = offset + (opaque.size() - reader.rest().size());
    OPENPCC_LET(const ByteSpan value, reader.bytes(length));
    const bool first = out.opaque.try_emplace(static_cast<uint16_t>(type), OpaqueField{at, Bytes(value.begin(), value.end())}).second;
    if (!first) return bad_opaque(static_cast<Field>(type), "twice");
  }
  return Opaque(out).read();
}

}  // namespace

std::string name_of(uint16_t type) {
  const auto found = std::ranges::find(kNames, static_cast<Field>(type), &std::pair<Field, std::string_view>::first);
  return found == std::end(kNames) ? "type " + std::to_string(type) : std::string(found->second);
}

std::string_view to_string(Mode mode) {
  switch (mode) {
    case Mode::single: return "single GPU";
    case Mode::multiple: return "multi-GPU passthrough";
    case Mode::protected_pcie: return "protected PCIe";
  }
  return "unknown";
}

std::string Report::text(Field field) const {
  const auto found = opaque.find(static_cast<uint16_t>(field));
  if (found == opaque.end()) return {};
  const std::string_view whole = as_text(found->second.value);
  return std::string(whole.substr(0, whole.find('\0')));
}

std::string Report::board() const {
  const std::string project = text(Field::project), sku = text(Field::project_sku);
  return project.empty() || sku.empty() ? std::string() : project + "-" + sku;
}

Result<Report> parse_report(ByteSpan bytes) {
  if (bytes.size() > kReportBytesMax) return fail(Code::limit, "nvgpu.size", std::to_string(bytes.size()) + " bytes");
  Report out;
  ByteReader reader(bytes, "nvgpu.size");
  OPENPCC_TRY(read_request(reader, out));
  OPENPCC_TRY(read_response(reader, out));
  OPENPCC_LET(const size_t opaque_bytes, little_endian(reader, 2));
  const size_t offset = bytes.size() - reader.rest().size();
  OPENPCC_LET(const ByteSpan opaque, reader.bytes(opaque_bytes));
  OPENPCC_TRY(read_opaque(opaque, offset, out));
  out.signed_bytes = bytes.size() - reader.rest().size();
  OPENPCC_LET(out.signature, reader.array<kSignatureBytes>());
  if (!reader.empty()) return fail(Code::malformed, "nvgpu.trailing", std::to_string(reader.rest().size()) + " bytes after the signature");
  return out;
}

}  // namespace openpcc::nvgpu
