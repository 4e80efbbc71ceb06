#include "measure_inputs.h"

#include <algorithm>
#include <fstream>

#include "files.h"
#include "openpcc/measure/snp.h"

namespace openpcc::app {
namespace {

using measure::Bank;
using measure::Extend;

std::unexpected<Error> bad_extend(const std::string& text) { return fail(Code::malformed, "app.measure.extend", text); }

// cut takes the text before a separator off the front.
std::string_view cut(std::string_view& rest, char separator) {
  const size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view out = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return out;
}

bool is_register(std::string_view name, std::string_view technology) {
  const std::string_view prefix = technology == "tdx" ? "RTMR" : "PCR";
  const size_t max = technology == "tdx" ? 4 : 24;
  for (size_t n = 0; n < max; ++n) {
    if (name == std::string(prefix) + std::to_string(n)) return true;
  }
  return false;
}

Result<Extend> variable_extend(std::string reg, std::string_view rest, Bank bank) {
  OPENPCC_LET(const auto vendor, measure::efi_guid(cut(rest, ':')));
  const std::string name(cut(rest, ':'));
  OPENPCC_LET(const Bytes data, read_input(rest));
  return measure::data_step(bank, std::move(reg), "variable " + name, name, measure::variable_event(vendor, name, data));
}

Result<Extend> executable_extend(std::string reg, const std::string& path, Bank bank) {
  OPENPCC_LET(const Bytes bytes, read_input(path));
  OPENPCC_LET(const measure::PeImage image, measure::parse_pe(bytes));
  return Extend{std::move(reg), "executable", path, 0, bytes.size(), std::nullopt, measure::authenticode(image, bank), {}};
}

Result<Bytes> secure_boot_data(const std::string& text) {
  if (text == "on") return Bytes{1};
  if (text == "off") return Bytes{0};
  return text.empty() ? Result<Bytes>(Bytes()) : read_input(text);
}

Result<Bytes> optional_file(const std::filesystem::path& path) { return path.empty() ? Result<Bytes>(Bytes()) : read_input(path); }

}  // namespace

Result<Bytes> read_input(const std::filesystem::path& path) { return read_bounded(path, kMeasuredBytesMax); }

Result<Bytes> read_start(const std::filesystem::path& path, size_t bytes) {
  std::ifstream in(path, std::ios::binary);
  Bytes out(bytes);
  in.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(bytes));
  if (in.bad() || in.gcount() == 0) return fail(Code::internal, "app.file.read", path.string());
  out.resize(static_cast<size_t>(in.gcount()));
  return out;
}

Result<measure::Part> read_part(const std::string& input, const std::string& text, const Measured& digest_of) {
  constexpr std::string_view kDigest = "sha384:";
  if (text.starts_with(kDigest)) {
    auto digest = from_hex(std::string_view(text).substr(kDigest.size()));
    if (!digest || digest->size() != 48) return fail(Code::malformed, "app.measure.digest", text);
    return measure::Part{input, 0, std::move(*digest)};
  }
  OPENPCC_LET(const Bytes bytes, read_input(text));
  measure::Part out = measure::Part::of(input, bytes);
  if (digest_of) {
    OPENPCC_LET(out.digest, digest_of(bytes));
  }
  return out;
}

Result<std::optional<measure::Variables>> read_variables(const SecureBootOptions& options) {
  const bool given =
      !options.secure_boot.empty() || !options.pk.empty() || !options.kek.empty() || !options.db.empty() || !options.dbx.empty();
  if (!given) return std::optional<measure::Variables>();
  measure::Variables out;
  OPENPCC_LET(out.secure_boot, secure_boot_data(options.secure_boot));
  OPENPCC_LET(out.pk, optional_file(options.pk));
  OPENPCC_LET(out.kek, optional_file(options.kek));
  OPENPCC_LET(out.db, optional_file(options.db));
  OPENPCC_LET(out.dbx, optional_file(options.dbx));
  return std::optional(std::move(out));
}

Result<Extend> read_extend(const std::string& text, std::string_view technology, Bank bank) {
  std::string_view rest = text;
  std::string reg(cut(rest, '='));
  const std::string_view kind = cut(rest, ':');
  if (!is_register(reg, technology)) return bad_extend(text);
  if (kind == "separator" && rest.empty()) return measure::data_step(bank, std::move(reg), "separator", "constant", measure::kSeparator);
  if (rest.empty()) return bad_extend(text);
  if (kind == "text") return measure::data_step(bank, std::move(reg), "text", "text", as_bytes(rest));
  if (kind == "utf16") return measure::data_step(bank, std::move(reg), "text as UTF-16", "text", measure::cmdline_bytes(rest));
  if (kind == "executable") return executable_extend(std::move(reg), std::string(rest), bank);
  if (kind == "variable") return variable_extend(std::move(reg), rest, bank);
  if (kind == "file") {
    OPENPCC_LET(const Bytes bytes, read_input(rest));
    return measure::data_step(bank, std::move(reg), "file", std::string(rest), bytes);
  }
  if (kind != "digest") return bad_extend(text);
  auto digest = from_hex(rest);
  if (!digest || digest->size() != measure::digest_bytes(bank)) return bad_extend(text);
  return Extend{std::move(reg), "digest", "digest", 0, 0, std::nullopt, std::move(*digest), {}};
}

Result<Bytes> read_id_key(const std::filesystem::path& path) {
  constexpr size_t kPemBytesMax = 4096;
  // SubjectPublicKeyInfo of a P-384 key, up to its point (RFC 5480).
  constexpr std::string_view kBegin = "-----BEGIN PUBLIC KEY-----", kEnd = "-----END PUBLIC KEY-----";
  static constexpr std::array<uint8_t, 24> kHead{0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
                                                 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00, 0x04};
  OPENPCC_LET(const Bytes pem, read_bounded(path, kPemBytesMax));
  const std::string_view text = as_text(pem);
  const size_t begin = text.find(kBegin), end = text.find(kEnd);
  std::string base64;
  if (begin == 0 && end != std::string_view::npos) base64 = text.substr(kBegin.size(), end - kBegin.size());
  std::erase_if(base64, [](char c) { return c == '\n' || c == '\r'; });
  const auto der = from_base64(base64);
  if (!der || der->size() != kHead.size() + 96 || !equal(ByteSpan(*der).first(kHead.size()), kHead)) {
    return fail(Code::malformed, "app.measure.id_key", path.string() + " is no P-384 public key in PEM");
  }
  return measure::id_key_bytes(std::span<const uint8_t, 96>(der->data() + kHead.size(), 96));
}

}  // namespace openpcc::app
