#include "openpcc/measure/document.h"

#include <boost/json.hpp>
#include <charconv>

#include "fields.h"
#include "openpcc/strict_json/strict_json.h"

namespace openpcc::measure {
namespace {

namespace bj = boost::json;
using strict_json::ObjectReader;

constexpr std::string_view kFormat = "openpcc measurement v1";
constexpr Rule kRule = "measure.document";
constexpr size_t kTextMax = 64u << 10;
constexpr size_t kItemsMax = 1u << 18;
constexpr uint64_t kNumberMax = uint64_t{1} << 53;

std::unexpected<Error> bad(std::string_view what) { return fail(Code::malformed, "measure.document", std::string(what)); }

std::string address(const std::optional<uint64_t>& gpa) { return gpa ? hex_text(*gpa) : std::string(); }

Result<std::optional<uint64_t>> read_address(std::string_view text) {
  if (text.empty()) return std::optional<uint64_t>();
  uint64_t out = 0;
  const auto [end, error] = std::from_chars(text.data() + std::min<size_t>(2, text.size()), text.data() + text.size(), out, 16);
  if (!text.starts_with("0x") || error != std::errc() || end != text.data() + text.size()) return bad("an address");
  return std::optional(out);
}

bj::object step_object(const Extend& step) {
  return {{"register", step.reg}, {"what", step.what},        {"input", step.input},           {"offset", step.offset},
          {"size", step.size},    {"gpa", address(step.gpa)}, {"digest", to_hex(step.digest)}, {"after", to_hex(step.after)}};
}

// each reads a list's objects by `read`.
template <class T, class Read>
Result<std::vector<T>> each(ObjectReader& object, std::string_view name, Read read) {
  OPENPCC_LET(const bj::value* value, object.member(name));
  const bj::array* array = value->if_array();
  if (array == nullptr || array->size() > kItemsMax) return bad(name);
  std::vector<T> out;
  out.reserve(array->size());
  for (const bj::value& element : *array) {
    OPENPCC_LET(ObjectReader reader, ObjectReader::of(element, kRule));
    OPENPCC_LET(T item, read(reader));
    OPENPCC_TRY(reader.end());
    out.push_back(std::move(item));
  }
  return out;
}

Result<std::string> text(ObjectReader& reader, std::string_view name) {
  OPENPCC_LET(const std::string_view value, reader.text(name, kTextMax));
  return std::string(value);
}

Result<Register> read_register(ObjectReader& reader) {
  Register out;
  OPENPCC_LET(out.name, text(reader, "name"));
  OPENPCC_LET(out.value, reader.hex("value", 64));
  return out;
}

Result<Proof> read_proof(ObjectReader& reader) {
  Proof out;
  OPENPCC_LET(out.aspect, text(reader, "aspect"));
  OPENPCC_LET(out.pair, text(reader, "pair"));
  return out;
}

Result<std::pair<std::string, std::string>> read_parameter(ObjectReader& reader) {
  std::pair<std::string, std::string> out;
  OPENPCC_LET(out.first, text(reader, "name"));
  OPENPCC_LET(out.second, text(reader, "value"));
  return out;
}

Result<Alternative> read_alternative(ObjectReader& reader) {
  Alternative out;
  OPENPCC_LET(out.reg, text(reader, "register"));
  OPENPCC_LET(out.what, text(reader, "what"));
  OPENPCC_LET(out.why, text(reader, "why"));
  OPENPCC_LET(out.digest, reader.hex("digest", 64));
  return out;
}

Result<Extend> read_step(ObjectReader& reader) {
  Extend out;
  OPENPCC_LET(out.reg, text(reader, "register"));
  OPENPCC_LET(out.what, text(reader, "what"));
  OPENPCC_LET(out.input, text(reader, "input"));
  OPENPCC_LET(out.offset, reader.number("offset", kNumberMax));
  OPENPCC_LET(out.size, reader.number("size", kNumberMax));
  OPENPCC_LET(const std::string gpa, text(reader, "gpa"));
  OPENPCC_LET(out.gpa, read_address(gpa));
  OPENPCC_LET(out.digest, reader.hex("digest", 64));
  OPENPCC_LET(out.after, reader.hex("after", 64));
  return out;
}

// sizes_fit: every digest has the bank's size.
bool sizes_fit(const Measurement& m) {
  const size_t n = digest_bytes(m.bank);
  return std::ranges::all_of(m.registers, [&](const Register& r) { return r.value.size() == n; }) &&
         std::ranges::all_of(m.alternatives, [&](const Alternative& a) { return a.digest.size() == n; }) &&
         std::ranges::all_of(m.trace, [&](const Extend& e) { return e.digest.size() == n && (e.after.empty() || e.after.size() == n); });
}

}  // namespace

std::string to_json(const Measurement& measurement) {
  bj::array registers, proofs, parameters, alternatives, trace;
  for (const Register& reg : measurement.registers) registers.push_back(bj::object{{"name", reg.name}, {"value", to_hex(reg.value)}});
  for (const Proof& proof : measurement.proofs) proofs.push_back(bj::object{{"aspect", proof.aspect}, {"pair", proof.pair}});
  for (const auto& [name, value] : measurement.parameters) parameters.push_back(bj::object{{"name", name}, {"value", value}});
  for (const Alternative& a : measurement.alternatives) {
    alternatives.push_back(bj::object{{"register", a.reg}, {"what", a.what}, {"why", a.why}, {"digest", to_hex(a.digest)}});
  }
  for (const Extend& step : measurement.trace) trace.push_back(step_object(step));
  return bj::serialize(bj::object{{"format", kFormat},
                                  {"technology", measurement.technology},
                                  {"bank", to_string(measurement.bank)},
                                  {"registers", std::move(registers)},
                                  {"reproduces", std::move(proofs)},
                                  {"parameters", std::move(parameters)},
                                  {"alternatives", std::move(alternatives)},
                                  {"trace", std::move(trace)}});
}

Result<Measurement> parse_measurement(ByteSpan json) {
  OPENPCC_LET(const bj::value root, strict_json::parse_strict(json, kDocumentBytesMax, kRule));
  OPENPCC_LET(ObjectReader reader, ObjectReader::of(root, kRule));
  OPENPCC_LET(const std::string format, text(reader, "format"));
  OPENPCC_LET(const std::string bank_name, text(reader, "bank"));
  const auto bank = bank_of(bank_name);
  if (format != kFormat || !bank) return bad("format or bank");
  Measurement out;
  out.bank = *bank;
  OPENPCC_LET(out.technology, text(reader, "technology"));
  OPENPCC_LET(out.registers, each<Register>(reader, "registers", read_register));
  OPENPCC_LET(out.proofs, each<Proof>(reader, "reproduces", read_proof));
  OPENPCC_LET(out.parameters, (each<std::pair<std::string, std::string>>(reader, "parameters", read_parameter)));
  OPENPCC_LET(out.alternatives, each<Alternative>(reader, "alternatives", read_alternative));
  OPENPCC_LET(out.trace, each<Extend>(reader, "trace", read_step));
  OPENPCC_TRY(reader.end());
  if (!sizes_fit(out)) return bad("a digest of another size than the bank's");
  return out;
}

}  // namespace openpcc::measure
