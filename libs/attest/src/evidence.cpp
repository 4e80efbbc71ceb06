// The evidence bundle. Spec: spec/evidence.md s1; RFC 9999 (CMW collections in JSON).
#include "openpcc/attest/evidence.h"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

#include "openpcc/strict_json/strict_json.h"

namespace openpcc::attest {
namespace {

namespace bj = boost::json;

constexpr size_t kLabelBytesMax = 32;
constexpr size_t kMediaTypeBytesMax = 127;
constexpr std::string_view kReport = "report";

std::string_view view(const bj::string& text) { return {text.data(), text.size()}; }
std::string_view view(bj::string_view text) { return {text.data(), text.size()}; }

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= kLabelBytesMax &&
         std::ranges::all_of(label, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'; });
}

bool is_media_type(std::string_view type) {
  return !type.empty() && type.size() <= kMediaTypeBytesMax && std::ranges::all_of(type, [](char c) { return c > ' ' && c < 0x7f; });
}

// number_of reads N of "prefix.N" in its one spelling; nullopt: another name. A number too large for any list comes out as npos.
std::optional<size_t> number_of(std::string_view label, std::string_view prefix) {
  if (!label.starts_with(prefix)) return std::nullopt;
  label.remove_prefix(prefix.size());
  size_t n = 0;
  const auto [end, error] = std::from_chars(label.data(), label.data() + label.size(), n);
  if (error != std::errc() || end != label.data() + label.size() || std::to_string(n) != label) return std::nullopt;
  return n;
}

Result<Item> read_record(const bj::value& value) {
  constexpr Rule kRecord = "attest.cmw.record";
  const bj::array* record = value.if_array();
  if (record == nullptr || record->size() != 2 || !(*record)[0].is_string() || !(*record)[1].is_string()) {
    return fail(Code::malformed, kRecord, "not [media type, value]");
  }
  const std::string_view type = view((*record)[0].get_string());
  const std::string_view encoded = view((*record)[1].get_string());
  if (!is_media_type(type)) return fail(Code::malformed, kRecord, "bad media type");
  if (encoded.size() > (kItemBytesMax * 4 + 2) / 3) return fail(Code::limit, "attest.cmw.too_large", "an item");
  auto bytes = from_base64url(encoded);
  if (!bytes) return fail(Code::malformed, kRecord, "the value is not base64url");
  return Item{std::string(type), std::move(*bytes)};
}

// in_order turns numbered things into a list: every number from 0 on must be there, and at most count_max.
template <class T>
Result<std::vector<T>> in_order(std::map<size_t, T> numbered, size_t count_max, Rule rule) {
  std::vector<T> out;
  for (auto& [number, thing] : numbered) {
    if (number != out.size() || number >= count_max) return fail(Code::malformed, rule, "too many, or a number left out");
    out.push_back(std::move(thing));
  }
  return out;
}

Result<Device> read_device(const bj::value& value) {
  constexpr Rule kDevice = "attest.cmw.device";
  const bj::object* members = value.if_object();
  if (members == nullptr) return fail(Code::malformed, kDevice, "not a collection");
  Device out;
  std::map<size_t, Item> chain;
  for (const auto& member : *members) {
    const std::string_view label = view(member.key());
    OPENPCC_LET(Item item, read_record(member.value()));
    if (label == kReport) {
      out.report = std::move(item);
    } else if (const auto number = number_of(label, "chain.")) {
      chain.emplace(*number, std::move(item));
    } else if (is_label(label)) {
      out.collateral.emplace(label, std::move(item));
    } else {
      return fail(Code::malformed, kDevice, "bad label");
    }
  }
  if (out.report.media_type.empty()) return fail(Code::malformed, kDevice, "no report");
  if (out.collateral.size() > kCollateralMax) return fail(Code::malformed, kDevice, "too much collateral");
  OPENPCC_LET(out.chain, in_order(std::move(chain), kChainMax, kDevice));
  return out;
}

using Collateral = std::map<std::string, Item>;

// read_shared reads what all GPUs have in common: collateral alone.
Result<Collateral> read_shared(const bj::value& value) {
  constexpr Rule kShared = "attest.cmw.shared";
  const bj::object* members = value.if_object();
  if (members == nullptr || members->empty()) return fail(Code::malformed, kShared, "not a collection, or an empty one");
  // Before it is there for each GPU: what a few bytes name must not grow without bound.
  if (members->size() > kCollateralMax) return fail(Code::malformed, kShared, "too much collateral");
  Collateral out;
  for (const auto& member : *members) {
    const std::string_view label = view(member.key());
    if (!is_label(label) || label == kReport) return fail(Code::malformed, kShared, "something else than collateral");
    OPENPCC_LET(Item item, read_record(member.value()));
    out.emplace(label, std::move(item));
  }
  return out;
}

// share gives each GPU what stands once for all of them.
Result<> share(const Collateral& shared, std::vector<Device>& gpus) {
  constexpr Rule kShared = "attest.cmw.shared";
  if (!shared.empty() && gpus.empty()) return fail(Code::malformed, kShared, "no GPU that it is of");
  for (Device& gpu : gpus) {
    for (const auto& [label, item] : shared) {
      if (!gpu.collateral.emplace(label, item).second) return fail(Code::malformed, kShared, label + " stands in a GPU, too");
    }
  }
  return {};
}

// common_to is what each of several GPUs has under the same label.
Collateral common_to(const std::vector<Device>& gpus) {
  Collateral out;
  if (gpus.size() < 2) return out;
  for (const auto& [label, item] : gpus.front().collateral) {
    const bool everywhere = std::ranges::all_of(gpus, [&](const Device& gpu) {
      const auto found = gpu.collateral.find(label);
      return found != gpu.collateral.end() && found->second.media_type == item.media_type && found->second.bytes == item.bytes;
    });
    if (everywhere) out.emplace(label, item);
  }
  return out;
}

bj::array write_record(const Item& item) { return {item.media_type, to_base64url(item.bytes)}; }

// write_device leaves out what stands elsewhere.
bj::object write_device(const Device& device, const Collateral& elsewhere = {}) {
  bj::object out;
  out["report"] = write_record(device.report);
  for (size_t i = 0; i < device.chain.size(); ++i) out["chain." + std::to_string(i)] = write_record(device.chain[i]);
  for (const auto& [label, item] : device.collateral) {
    if (!elsewhere.contains(label)) out[label] = write_record(item);
  }
  return out;
}

// read_members parses the collection.
Result<bj::object> read_members(ByteSpan bytes) {
  if (bytes.size() > kEvidenceBytesMax) return fail(Code::limit, "attest.cmw.too_large", "the collection");
  OPENPCC_LET(bj::value root, strict_json::parse_strict(bytes, kEvidenceBytesMax, "attest.cmw.json"));
  if (!root.is_object()) return fail(Code::malformed, "attest.cmw.json", "not an object");
  return std::move(root.get_object());
}

std::unexpected<Error> unknown_member(std::string_view label) {
  return fail(Code::unsupported, "attest.cmw.member", std::string(label.substr(0, kLabelBytesMax)));
}

Bytes bytes_of(const bj::object& collection) {
  const std::string text = bj::serialize(collection);
  return Bytes(text.begin(), text.end());
}

}  // namespace

Result<Evidence> Evidence::parse(ByteSpan bytes) {
  OPENPCC_LET(const bj::object members, read_members(bytes));
  Evidence out;
  std::optional<Item> keys;
  std::optional<Device> cpu;
  std::map<size_t, Device> gpus;
  Collateral shared;
  for (const auto& member : members) {
    const std::string_view label = view(member.key());
    if (label == "keys") {
      OPENPCC_LET(keys, read_record(member.value()));
    } else if (label == "cpu") {
      OPENPCC_LET(cpu, read_device(member.value()));
    } else if (label == "gpus") {
      OPENPCC_LET(shared, read_shared(member.value()));
    } else if (const auto number = number_of(label, "gpu.")) {
      OPENPCC_LET(Device gpu, read_device(member.value()));
      gpus.emplace(*number, std::move(gpu));
    } else {
      return unknown_member(label);
    }
  }
  if (!keys || !cpu) return fail(Code::malformed, "attest.cmw.missing", keys ? "cpu" : "keys");
  if (keys->media_type != kClaimsType) return fail(Code::unsupported, "attest.cmw.keys_type", keys->media_type);
  OPENPCC_LET(out.claims_, Claims::parse(keys->bytes));
  OPENPCC_LET(out.gpus_, in_order(std::move(gpus), kGpusMax, "attest.cmw.gpus"));
  OPENPCC_TRY(share(shared, out.gpus_));
  out.binding_ = attest::binding(keys->bytes);
  out.cpu_ = std::move(*cpu);
  out.bytes_.assign(bytes.begin(), bytes.end());
  return out;
}

Bytes encode_evidence(ByteSpan encoded_claims, const Device& cpu, const std::vector<Device>& gpus) {
  bj::object out;
  out["keys"] = write_record({std::string(kClaimsType), Bytes(encoded_claims.begin(), encoded_claims.end())});
  out["cpu"] = write_device(cpu);
  const Collateral shared = common_to(gpus);
  for (size_t i = 0; i < gpus.size(); ++i) out["gpu." + std::to_string(i)] = write_device(gpus[i], shared);
  bj::object& once = out["gpus"].emplace_object();
  for (const auto& [label, item] : shared) once[label] = write_record(item);
  if (once.empty()) out.erase("gpus");
  return bytes_of(out);
}

Result<Device> parse_platform(ByteSpan bytes) {
  OPENPCC_LET(const bj::object members, read_members(bytes));
  for (const auto& member : members) {
    if (view(member.key()) != "cpu") return unknown_member(view(member.key()));
  }
  if (members.empty()) return fail(Code::malformed, "attest.cmw.missing", "cpu");
  return read_device(members.at("cpu"));
}

Bytes encode_platform(const Device& cpu) {
  bj::object out;
  out["cpu"] = write_device(cpu);
  return bytes_of(out);
}

}  // namespace openpcc::attest
