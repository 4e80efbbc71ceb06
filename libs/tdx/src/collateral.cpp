// Spec: Intel PCS API version 4, TCB info version 3 and enclave identity version 2.
#include "openpcc/tdx/collateral.h"

#include <algorithm>
#include <boost/json.hpp>

#include "openpcc/strict_json/strict_json.h"

namespace openpcc::tdx {
namespace {

namespace bj = boost::json;

constexpr uint64_t kTcbInfoVersion = 3;
constexpr uint64_t kQeIdentityVersion = 2;
constexpr uint64_t kTcbTypeComponents = 0;  // CPUSVN as sixteen components

// Memory for what a real document becomes: taken from the stack, given back at once. Larger ones grow out of it.
struct Memory {
  std::array<unsigned char, 32u << 10> first{};
  bj::monotonic_resource resource{first.data(), first.size()};
};

constexpr std::array<std::string_view, 7> kStatusWords{"UpToDate",
                                                       "SWHardeningNeeded",
                                                       "ConfigurationNeeded",
                                                       "ConfigurationAndSWHardeningNeeded",
                                                       "OutOfDate",
                                                       "OutOfDateConfigurationNeeded",
                                                       "Revoked"};

std::unexpected<Error> bad(std::string_view what) { return fail(Code::malformed, "tdx.collateral.syntax", std::string(what)); }

Result<const bj::object*> object_of(const bj::value& value) {
  const bj::object* object = value.if_object();
  if (object == nullptr) return bad("not an object");
  return object;
}

Result<const bj::value*> member(const bj::object& object, std::string_view name) {
  const bj::value* value = object.if_contains(name);
  if (value == nullptr) return bad("no \"" + std::string(name) + "\"");
  return value;
}

Result<uint64_t> number(const bj::object& object, std::string_view name, uint64_t max) {
  OPENPCC_LET(const bj::value* value, member(object, name));
  const int64_t* small = value->if_int64();
  if (small == nullptr || *small < 0 || static_cast<uint64_t>(*small) > max) return bad("\"" + std::string(name) + "\" out of range");
  return static_cast<uint64_t>(*small);
}

Result<std::string_view> text(const bj::object& object, std::string_view name) {
  OPENPCC_LET(const bj::value* value, member(object, name));
  const bj::string* string = value->if_string();
  if (string == nullptr) return bad("\"" + std::string(name) + "\" is no string");
  return std::string_view(string->data(), string->size());
}

Result<const bj::array*> array(const bj::object& object, std::string_view name) {
  OPENPCC_LET(const bj::value* value, member(object, name));
  const bj::array* list = value->if_array();
  if (list == nullptr) return bad("\"" + std::string(name) + "\" is no list");
  return list;
}

template <size_t N>
Result<> hex(const bj::object& object, std::string_view name, std::array<uint8_t, N>& out) {
  OPENPCC_LET(const std::string_view digits, text(object, name));
  if (digits.size() != 2 * N) return bad("\"" + std::string(name) + "\" of another length");
  const auto bytes = from_hex(digits);
  if (!bytes) return bad("\"" + std::string(name) + "\" is not hexadecimal");
  std::ranges::copy(*bytes, out.begin());
  return {};
}

// hex_integer reads bytes that stand in the order of memory, lowest first.
template <class Integer>
Result<Integer> hex_integer(const bj::object& object, std::string_view name) {
  std::array<uint8_t, sizeof(Integer)> bytes{};
  OPENPCC_TRY(hex(object, name, bytes));
  Integer out = 0;
  for (size_t i = bytes.size(); i-- > 0;) out = out << 8 | bytes[i];
  return out;
}

Result<UnixSeconds> time(const bj::object& object, std::string_view name) {
  OPENPCC_LET(const std::string_view words, text(object, name));
  return parse_time(words);
}

Result<DocumentHead> head(const bj::object& object, uint64_t version, std::string_view id, std::string_view other_id) {
  OPENPCC_LET(const uint64_t stated, number(object, "version", UINT32_MAX));
  OPENPCC_LET(const std::string_view stated_id, text(object, "id"));
  if (stated != version || (stated_id != id && stated_id != other_id)) {
    return fail(Code::unsupported, "tdx.collateral.id", std::string(stated_id) + ", version " + std::to_string(stated));
  }
  DocumentHead out;
  out.id = stated_id;
  OPENPCC_LET(out.window.from, time(object, "issueDate"));
  OPENPCC_LET(out.window.to, time(object, "nextUpdate"));
  if (out.window.to < out.window.from) return bad("nextUpdate before issueDate");
  OPENPCC_LET(const uint64_t evaluation, number(object, "tcbEvaluationDataNumber", UINT32_MAX));
  out.tcb_evaluation_data_number = static_cast<uint32_t>(evaluation);
  return out;
}

// level reads what levels of all kinds have: status, date, and advisories where there are some.
Result<TcbLevel> level(const bj::object& object) {
  TcbLevel out;
  OPENPCC_LET(const std::string_view word, text(object, "tcbStatus"));
  const auto* const found = std::ranges::find(kStatusWords, word);
  if (found == kStatusWords.end()) return bad("unknown status " + std::string(word));
  out.status = static_cast<TcbStatus>(found - kStatusWords.begin());
  OPENPCC_LET(out.tcb_date, time(object, "tcbDate"));
  if (!object.contains("advisoryIDs")) return out;
  OPENPCC_LET(const bj::array* advisories, array(object, "advisoryIDs"));
  for (const bj::value& advisory : *advisories) {
    const bj::string* id = advisory.if_string();
    if (id == nullptr) return bad("an advisory that is no string");
    out.advisory_ids.emplace_back(id->data(), id->size());
  }
  return out;
}

Result<Svn16> components(const bj::object& tcb, std::string_view name) {
  OPENPCC_LET(const bj::array* list, array(tcb, name));
  Svn16 out{};
  if (list->size() != out.size()) return bad("\"" + std::string(name) + "\" has not sixteen components");
  for (size_t i = 0; i < out.size(); ++i) {
    OPENPCC_LET(const bj::object* component, object_of((*list)[i]));
    OPENPCC_LET(const uint64_t svn, number(*component, "svn", 0xff));
    out[i] = static_cast<uint8_t>(svn);
  }
  return out;
}

Result<PlatformLevel> platform_level(const bj::value& value, bool tdx) {
  PlatformLevel out;
  OPENPCC_LET(const bj::object* object, object_of(value));
  OPENPCC_LET(const bj::value* tcb_value, member(*object, "tcb"));
  OPENPCC_LET(const bj::object* tcb, object_of(*tcb_value));
  OPENPCC_LET(out.sgx_components, components(*tcb, "sgxtcbcomponents"));
  if (tdx) {
    OPENPCC_LET(out.tdx_components, components(*tcb, "tdxtcbcomponents"));
  }
  OPENPCC_LET(const uint64_t pcesvn, number(*tcb, "pcesvn", 0xffff));
  out.pcesvn = static_cast<uint16_t>(pcesvn);
  OPENPCC_LET(out.level, level(*object));
  return out;
}

Result<std::vector<EnclaveLevel>> enclave_levels(const bj::object& object) {
  OPENPCC_LET(const bj::array* list, array(object, "tcbLevels"));
  std::vector<EnclaveLevel> out;
  for (const bj::value& value : *list) {
    OPENPCC_LET(const bj::object* one, object_of(value));
    OPENPCC_LET(const bj::value* tcb_value, member(*one, "tcb"));
    OPENPCC_LET(const bj::object* tcb, object_of(*tcb_value));
    OPENPCC_LET(const uint64_t isvsvn, number(*tcb, "isvsvn", 0xffff));
    OPENPCC_LET(TcbLevel read, level(*one));
    // Any other status would have no meaning in the convergence, and must not pass as none.
    if (read.status != TcbStatus::up_to_date && read.status != TcbStatus::out_of_date && read.status != TcbStatus::revoked) {
      return bad("a status that enclaves do not have: " + std::string(to_string(read.status)));
    }
    out.push_back({static_cast<uint16_t>(isvsvn), std::move(read)});
  }
  return out;
}

Result<TdxModule> tdx_module(const bj::object& object) {
  TdxModule out;
  OPENPCC_TRY(hex(object, "mrsigner", out.mrsigner));
  OPENPCC_LET(out.attributes, hex_integer<uint64_t>(object, "attributes"));
  OPENPCC_LET(out.attributes_mask, hex_integer<uint64_t>(object, "attributesMask"));
  return out;
}

// tdx_modules reads the module that was before there were versions of it, and those of each version, which older TCB info lacks.
Result<> tdx_modules(const bj::object& object, TcbInfo& out) {
  OPENPCC_LET(const bj::value* module_value, member(object, "tdxModule"));
  OPENPCC_LET(const bj::object* module, object_of(*module_value));
  OPENPCC_LET(out.tdx_module, tdx_module(*module));
  if (!object.contains("tdxModuleIdentities")) return {};
  OPENPCC_LET(const bj::array* identities, array(object, "tdxModuleIdentities"));
  for (const bj::value& value : *identities) {
    OPENPCC_LET(const bj::object* identity, object_of(value));
    OPENPCC_LET(const std::string_view id, text(*identity, "id"));
    if (std::ranges::find(out.tdx_module_identities, id, &TdxModuleIdentity::id) != out.tdx_module_identities.end()) {
      return bad(std::string(id) + " twice");
    }
    OPENPCC_LET(const TdxModule read, tdx_module(*identity));
    OPENPCC_LET(std::vector<EnclaveLevel> levels, enclave_levels(*identity));
    out.tdx_module_identities.push_back({std::string(id), read, std::move(levels)});
  }
  return {};
}

}  // namespace

std::string_view to_string(TcbStatus status) { return kStatusWords[static_cast<size_t>(status)]; }

Result<TcbInfo> parse_tcb_info(ByteSpan value) {
  Memory memory;
  OPENPCC_LET(const bj::value json, strict_json::parse_strict(value, kDocumentBytesMax, "tdx.collateral.syntax", &memory.resource));
  OPENPCC_LET(const bj::object* object, object_of(json));
  TcbInfo out;
  OPENPCC_LET(out.head, head(*object, kTcbInfoVersion, "TDX", "SGX"));
  OPENPCC_TRY(hex(*object, "fmspc", out.fmspc));
  OPENPCC_TRY(hex(*object, "pceId", out.pceid));
  OPENPCC_LET(const uint64_t type, number(*object, "tcbType", UINT32_MAX));
  if (type != kTcbTypeComponents) return bad("tcbType " + std::to_string(type));
  const bool tdx = out.head.id == "TDX";
  if (tdx) {
    OPENPCC_TRY(tdx_modules(*object, out));
  }
  OPENPCC_LET(const bj::array* levels, array(*object, "tcbLevels"));
  for (const bj::value& one : *levels) {
    OPENPCC_LET(PlatformLevel read, platform_level(one, tdx));
    out.levels.push_back(std::move(read));
  }
  return out;
}

Result<QeIdentity> parse_qe_identity(ByteSpan value) {
  Memory memory;
  OPENPCC_LET(const bj::value json, strict_json::parse_strict(value, kDocumentBytesMax, "tdx.collateral.syntax", &memory.resource));
  OPENPCC_LET(const bj::object* object, object_of(json));
  QeIdentity out;
  OPENPCC_LET(out.head, head(*object, kQeIdentityVersion, "TD_QE", "QE"));
  OPENPCC_LET(out.miscselect, hex_integer<uint32_t>(*object, "miscselect"));
  OPENPCC_LET(out.miscselect_mask, hex_integer<uint32_t>(*object, "miscselectMask"));
  OPENPCC_TRY(hex(*object, "attributes", out.attributes));
  OPENPCC_TRY(hex(*object, "attributesMask", out.attributes_mask));
  OPENPCC_TRY(hex(*object, "mrsigner", out.mrsigner));
  OPENPCC_LET(const uint64_t isvprodid, number(*object, "isvprodid", 0xffff));
  out.isvprodid = static_cast<uint16_t>(isvprodid);
  OPENPCC_LET(out.levels, enclave_levels(*object));
  return out;
}

}  // namespace openpcc::tdx
