#include <charconv>
#include <map>

#include "fields.h"
#include "openpcc/measure/tdx.h"

namespace openpcc::measure {
namespace {

constexpr size_t kDescriptionBytesMax = 64u << 10;

std::unexpected<Error> bad(std::string_view what) { return fail(Code::malformed, "measure.gcp.format", std::string(what)); }

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(' ');
  return first == std::string_view::npos ? std::string_view() : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

using Values = std::map<std::string, std::string, std::less<>>;

// Reader takes the description line by line: "name: value", "name: >-" with the value on the next, deeper line, and "name:" with names below it.
class Reader {
 public:
  Result<> line(std::string_view text) {
    const std::string_view content = trimmed(text);
    if (content.empty()) return {};
    const size_t depth = text.find_first_not_of(' ');
    if (!folded_.empty()) return value(std::exchange(folded_, {}), content);
    const size_t colon = content.find(':');
    if (colon == std::string_view::npos || colon == 0) return bad("a line without a name");
    if (depth == 0) parent_.clear();
    if (depth > 0 && parent_.empty()) return bad("a name below nothing");
    const std::string name = parent_ + std::string(content.substr(0, colon));
    const std::string_view rest = trimmed(content.substr(colon + 1));
    if (rest == ">-") {
      folded_ = name;
    } else if (rest.empty()) {
      parent_ = name + ".";
    } else {
      return value(name, rest);
    }
    return {};
  }
  Result<Values> finish() && {
    if (!folded_.empty()) return bad("a value is missing");
    return std::move(values_);
  }

 private:
  Result<> value(const std::string& name, std::string_view text) {
    if (!values_.emplace(name, text).second) return bad("a name twice");
    return {};
  }

  Values values_;
  std::string parent_, folded_;
};

Result<uint64_t> number(const Values& values, std::string_view name) {
  const auto found = values.find(name);
  uint64_t out = 0;
  if (found == values.end()) return bad(name);
  const std::string& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) return bad(name);
  return out;
}

Result<Bytes> bytes(const Values& values, std::string_view name) {
  const auto found = values.find(name);
  auto out = found == values.end() ? Result<Bytes>(bad(name)) : from_hex(found->second);
  if (!out) return bad(name);
  return out;
}

}  // namespace

Result<GcpFirmware> parse_gcp(std::string_view yaml) {
  if (yaml.size() > kDescriptionBytesMax) return bad("over 64 KiB");
  Reader reader;
  while (!yaml.empty()) {
    const size_t end = std::min(yaml.find('\n'), yaml.size());
    OPENPCC_TRY(reader.line(yaml.substr(0, end)));
    yaml.remove_prefix(std::min(end + 1, yaml.size()));
  }
  OPENPCC_LET(const Values values, std::move(reader).finish());
  if (values.size() != 5) return bad("names other than mrtd, cfv and hob");
  GcpFirmware out;
  OPENPCC_LET(const Bytes mrtd, bytes(values, "mrtd"));
  OPENPCC_LET(const Bytes cfv, bytes(values, "cfv"));
  OPENPCC_LET(out.mrtd, to_array<48>(mrtd, "measure.gcp.format"));
  OPENPCC_LET(out.cfv, to_array<48>(cfv, "measure.gcp.format"));
  OPENPCC_LET(out.hob, bytes(values, "hob.bytes"));
  OPENPCC_LET(out.length_offset, number(values, "hob.length_offset"));
  OPENPCC_LET(out.ram_threshold, number(values, "hob.ram_threshold"));
  if (!slice(out.hob, out.length_offset, 8)) return bad("hob.length_offset");
  return out;
}

Result<Bytes> gcp_hob(const GcpFirmware& firmware, uint64_t memory_bytes) {
  if (memory_bytes <= firmware.ram_threshold || memory_bytes % kPageBytes != 0) {
    return fail(Code::rejected, "measure.tdx.memory", std::to_string(memory_bytes) + " bytes of memory");
  }
  Bytes out = firmware.hob;
  put_le<uint64_t>(MutableByteSpan(out).subspan(firmware.length_offset), memory_bytes - firmware.ram_threshold);
  return out;
}

}  // namespace openpcc::measure
