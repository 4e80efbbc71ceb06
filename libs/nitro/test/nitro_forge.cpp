#include "nitro_forge.h"

#include "openpcc/crypto/hash.h"

namespace openpcc::nitro::forge {
namespace {

constexpr uint8_t kDigitalSignature = 0x80;
constexpr uint8_t kNumber = 0, kBytes = 2, kText = 3, kArray = 4, kMap = 5;

Bytes append(Bytes out, ByteSpan more) {
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

}  // namespace

Bytes head(uint8_t major, uint64_t value) {
  const auto first = static_cast<uint8_t>(major << 5);
  ByteWriter out;
  if (value < 24) return out.u8(static_cast<uint8_t>(first | value)).take();
  if (value <= 0xff) return out.u8(first | 24).u8(static_cast<uint8_t>(value)).take();
  if (value <= 0xffff) return out.u8(first | 25).u16(static_cast<uint16_t>(value)).take();
  if (value <= 0xffffffff) return out.u8(first | 26).u32(static_cast<uint32_t>(value)).take();
  return out.u8(first | 27).u64(value).take();
}

Bytes number(uint64_t value) { return head(kNumber, value); }
Bytes bytes(ByteSpan value) { return append(head(kBytes, value.size()), value); }
Bytes text(std::string_view value) { return append(head(kText, value.size()), as_bytes(value)); }
Bytes null() { return {0xf6}; }

Bytes array(const std::vector<Bytes>& items) {
  Bytes out = head(kArray, items.size());
  for (const Bytes& item : items) out = append(std::move(out), item);
  return out;
}

Bytes map(const std::vector<std::pair<Bytes, Bytes>>& members) {
  Bytes out = head(kMap, members.size());
  for (const auto& [name, value] : members) out = append(append(std::move(out), name), value);
  return out;
}

Maker::Maker() {
  for (int i = 0; i < 5; ++i) keys.emplace_back(x509::Algorithm::ecdsa_sha384);
  const char* names[] = {"aws.nitro-enclaves", "region", "zone", "instance", "leaf"};
  for (size_t i = 0; i < 5; ++i) {
    const bool leaf = i == 4;
    std::vector<Bytes> extensions{x::basic_constraints(!leaf, leaf || i == 0 ? -1 : 3 - static_cast<int>(i)),
                                  x::key_usage(leaf ? kDigitalSignature : x::kSignsCertificates)};
    fields.push_back({x::name(names[i]),
                      x::name(names[i == 0 ? 0 : i - 1]),
                      {static_cast<uint8_t>(i + 1)},
                      {kNow - 1000, kNow + 1000 - static_cast<int64_t>(i)},
                      keys[i].spki(),
                      std::move(extensions)});
  }
  for (uint8_t i = 0; i < 16; ++i) pcrs[i] = Bytes(kPcrBytes, i < 3 ? static_cast<uint8_t>(0x10 + i) : 0);
  payload = {{"module_id", text("i-0123-enc4567")},        {"digest", text("SHA384")},
             {"timestamp", number(uint64_t{kNow} * 1000)}, {"public_key", bytes(Bytes(90, 0xaa))},
             {"user_data", bytes(Bytes(64, 0xbb))},        {"nonce", bytes(Bytes(32, 0xcc))}};
}

void Maker::set(std::string_view name, Bytes item) {
  for (auto& [known, value] : payload) {
    if (known == name) {
      value = std::move(item);
      return;
    }
  }
  payload.emplace_back(name, std::move(item));
}

std::vector<Bytes> Maker::chain() const {
  std::vector<Bytes> out;
  for (size_t i = 0; i < fields.size(); ++i) out.push_back(x::certificate(fields[i], keys[i == 0 ? 0 : i - 1]));
  return out;
}

Bytes Maker::payload_bytes() const {
  std::vector<std::pair<Bytes, Bytes>> members;
  const auto has = [&](std::string_view name) {
    return std::ranges::any_of(payload, [&](const auto& member) { return member.first == name; });
  };
  for (const auto& [name, item] : payload) members.emplace_back(text(name), item);
  if (!pcrs.empty() && !has("pcrs")) {
    std::vector<std::pair<Bytes, Bytes>> registers;
    for (const auto& [index, value] : pcrs) registers.emplace_back(number(index), bytes(value));
    members.emplace_back(text(pcrs_name), map(registers));
  }
  const std::vector<Bytes> all = chain();
  std::vector<Bytes> bundle;
  for (size_t i = 0; i + 1 < all.size(); ++i) bundle.push_back(bytes(all[i]));
  if (!has("certificate")) members.emplace_back(text("certificate"), bytes(all.back()));
  if (!has("cabundle")) members.emplace_back(text("cabundle"), array(bundle));
  Bytes out = map(members);
  if (!open_map) return out;
  out.front() = 0xbf;
  out.push_back(0xff);
  return out;
}

Bytes Maker::document_of(ByteSpan payload_item) const {
  const Bytes covered = array({text("Signature1"), bytes(protected_header), bytes({}), bytes(payload_item)});
  const Bytes body = array({bytes(protected_header), unprotected, bytes(payload_item), bytes(keys.back().sign_raw(covered))});
  return tagged ? append({0xd2}, body) : body;
}

PinnedRoot Maker::pin() const { return crypto::sha256(keys.front().spki()); }

Result<VerifiedDocument> Maker::verify(UnixSeconds now) {
  const PinnedRoot root = pin();
  kept_ = document();
  return nitro::verify(kept_, now, {&root, 1});
}

}  // namespace openpcc::nitro::forge
