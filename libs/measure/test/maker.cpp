#include "maker.h"

#include "openpcc/measure/trace.h"

namespace openpcc::measure::maker {
namespace {

void add_entry(Bytes& table, const Guid& guid, ByteSpan data, std::optional<uint16_t> size = {}) {
  Bytes entry(data.begin(), data.end());
  append_le<uint16_t>(entry, size.value_or(static_cast<uint16_t>(data.size() + 18)));
  append(entry, guid);
  table.insert(table.begin(), entry.begin(), entry.end());  // the table grows towards the file's start
}

Bytes number(uint32_t value) {
  Bytes out;
  append_le<uint32_t>(out, value);
  return out;
}

Bytes sev_metadata(const Firmware& f) {
  Bytes out(f.sev_magic.begin(), f.sev_magic.end());
  append_le<uint32_t>(out, f.sev_size.value_or(static_cast<uint32_t>(16 + 12 * f.sev.size())));
  append_le<uint32_t>(out, f.sev_version.value_or(1));
  append_le<uint32_t>(out, f.sev_count.value_or(static_cast<uint32_t>(f.sev.size())));
  for (const SevSection& s : f.sev) {
    append_le<uint32_t>(out, s.gpa);
    append_le<uint32_t>(out, s.size);
    append_le<uint32_t>(out, static_cast<uint32_t>(s.type));
  }
  return out;
}

Bytes tdx_metadata(const Firmware& f) {
  Bytes out(f.tdx_magic.begin(), f.tdx_magic.end());
  append_le<uint32_t>(out, f.tdx_size.value_or(static_cast<uint32_t>(16 + 32 * f.tdx.size())));
  append_le<uint32_t>(out, f.tdx_version.value_or(1));
  append_le<uint32_t>(out, f.tdx_count.value_or(static_cast<uint32_t>(f.tdx.size())));
  for (const TdvfSection& s : f.tdx) {
    append_le<uint32_t>(out, s.offset);
    append_le<uint32_t>(out, s.raw);
    append_le<uint64_t>(out, s.gpa);
    append_le<uint64_t>(out, s.size);
    append_le<uint32_t>(out, static_cast<uint32_t>(s.type));
    append_le<uint32_t>(out, s.attributes);
  }
  return out;
}

uint32_t crc32(ByteSpan bytes) {
  uint32_t crc = 0xffffffff;
  for (const uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320u : 0u);
  }
  return ~crc;
}

}  // namespace

Bytes Firmware::make() const {
  Bytes out(pages * kPageBytes);
  for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<uint8_t>(i * 7 + i / kPageBytes);
  const auto place = [&](const Bytes& bytes, size_t back) { std::ranges::copy(bytes, out.end() - static_cast<ptrdiff_t>(back)); };
  constexpr uint32_t kSevBack = 3072, kTdxBack = 2048;
  place(sev_metadata(*this), kSevBack);
  place(tdx_metadata(*this), kTdxBack);
  Bytes table;
  if (reset) add_entry(table, guid("00f771de-1a7e-4fcb-890e-68c77e2fb44e"), number(0x0080b004), first_entry_size);
  Bytes hashes = number(hashes_gpa);
  append_le<uint32_t>(hashes, 0x400);
  add_entry(table, guid("7255371f-3a3b-4b04-927b-1da6efa8d454"), hashes);
  if (with_sev) add_entry(table, guid("dc886566-984a-4798-a75e-5585a7bf67cc"), number(sev_back.value_or(kSevBack)));
  if (with_tdx) add_entry(table, guid("e47a6535-984a-4798-865e-4685a7bf8ec2"), number(tdx_back.value_or(kTdxBack)));
  append_le<uint16_t>(table, table_size.value_or(static_cast<uint16_t>(table.size() + 18)));
  append(table, guid("96b582de-1fb2-45f7-baea-a366c55a082d"));
  if (footer) place(table, 32 + table.size());
  return out;
}

Bytes Executable::make() const {
  constexpr size_t kPe = 0x80, kAlign = 512;
  const size_t optional_bytes = pe32 ? 96 + 128 : 112 + 128;
  const size_t table = kPe + 24 + optional_bytes;
  const size_t headers = (table + 40 * sections.size() + kAlign - 1) / kAlign * kAlign;
  Bytes out(headers);
  const MutableByteSpan at(out);
  out[0] = 'M';
  out[1] = 'Z';
  put_le<uint32_t>(at.subspan(0x3c), kPe);
  out[kPe] = 'P';
  out[kPe + 1] = 'E';
  put_le<uint16_t>(at.subspan(kPe + 4), 0x8664);
  put_le<uint16_t>(at.subspan(kPe + 6), static_cast<uint16_t>(sections.size()));
  put_le<uint16_t>(at.subspan(kPe + 20), static_cast<uint16_t>(optional_bytes));
  const size_t optional = kPe + 24, directories = optional + (pe32 ? 96 : 112);
  put_le<uint16_t>(at.subspan(optional), pe32 ? 0x10b : 0x20b);
  put_le<uint32_t>(at.subspan(optional + 60), static_cast<uint32_t>(headers));
  put_le<uint32_t>(at.subspan(optional + 64), 0xdeadbeef);  // checksum
  put_le<uint32_t>(at.subspan(directories - 4), 16);
  Bytes body;
  for (size_t i = 0; i < sections.size(); ++i) {
    const auto& [name, data] = sections[i];
    const size_t raw = (data.size() + kAlign - 1) / kAlign * kAlign;
    const MutableByteSpan row = at.subspan(table + 40 * i);
    std::ranges::copy(name.substr(0, 8), row.begin());
    put_le<uint32_t>(row.subspan(8), static_cast<uint32_t>(data.size()));
    put_le<uint32_t>(row.subspan(16), static_cast<uint32_t>(raw));
    put_le<uint32_t>(row.subspan(20), static_cast<uint32_t>(headers + body.size()));
    append(body, data);
    body.resize(body.size() + raw - data.size());
  }
  append(body, trailer);
  if (!certificates.empty()) {
    put_le<uint32_t>(at.subspan(directories + 32), static_cast<uint32_t>(headers + body.size()));
    put_le<uint32_t>(at.subspan(directories + 36), static_cast<uint32_t>(certificates.size()));
  }
  append(body, certificates);
  append(out, body);
  return out;
}

Igvm& Igvm::platform(uint32_t mask, uint8_t platform) {
  Bytes body;
  append_le<uint32_t>(body, mask);
  body.insert(body.end(), {0, platform, 1, 0});
  append_le<uint64_t>(body, 0);
  headers.emplace_back(1, body);
  return *this;
}

Igvm& Igvm::area(uint32_t index, uint64_t bytes) {
  Bytes body;
  append_le<uint64_t>(body, bytes);
  append_le<uint32_t>(body, index);
  append_le<uint32_t>(body, 0);
  headers.emplace_back(0x301, body);
  return *this;
}

uint32_t Igvm::add_data(const Bytes& contents) {
  if (contents.empty()) return 0;
  places_.emplace_back(headers.size(), 12);
  const auto at = static_cast<uint32_t>(data.size());
  append(data, contents);
  data.resize((data.size() + kPageBytes - 1) / kPageBytes * kPageBytes);
  return at;
}

Igvm& Igvm::page(uint64_t gpa, uint32_t mask, Bytes contents, uint32_t flags, uint16_t type) {
  Bytes body;
  append_le<uint64_t>(body, gpa);
  append_le<uint32_t>(body, mask);
  append_le<uint32_t>(body, add_data(contents));
  append_le<uint32_t>(body, flags);
  append_le<uint16_t>(body, type);
  append_le<uint16_t>(body, 0);
  headers.emplace_back(0x302, body);
  return *this;
}

Igvm& Igvm::insert(uint64_t gpa, uint32_t mask, uint32_t index) {
  Bytes body;
  append_le<uint64_t>(body, gpa);
  append_le<uint32_t>(body, mask);
  append_le<uint32_t>(body, index);
  headers.emplace_back(0x303, body);
  return *this;
}

Igvm& Igvm::processor(uint64_t gpa, uint32_t mask, Bytes contents) {
  Bytes body;
  append_le<uint64_t>(body, gpa);
  append_le<uint32_t>(body, mask);
  append_le<uint32_t>(body, add_data(contents));
  append_le<uint32_t>(body, 0);
  headers.emplace_back(0x304, body);
  return *this;
}

Bytes Igvm::make() const {
  Bytes out(24);
  std::ranges::copy(std::string_view("IGVM\1"), out.begin());
  put_le<uint32_t>(MutableByteSpan(out).subspan(8), 24);
  std::vector<size_t> bodies;
  for (const auto& [type, body] : headers) {
    append_le<uint32_t>(out, type);
    append_le<uint32_t>(out, static_cast<uint32_t>(body.size()));
    bodies.push_back(out.size());
    append(out, body);
    out.resize((out.size() + 7) / 8 * 8);
  }
  put_le<uint32_t>(MutableByteSpan(out).subspan(12), static_cast<uint32_t>(out.size() - 24));
  for (const auto& [header, at] : places_) {
    const MutableByteSpan field = MutableByteSpan(out).subspan(bodies[header] + at);
    put_le<uint32_t>(field, le<uint32_t>(field) + static_cast<uint32_t>(out.size()));
  }
  append(out, data);
  seal(out);
  return out;
}

void Igvm::seal(Bytes& file) {
  const MutableByteSpan at(file);
  put_le<uint32_t>(at.subspan(16), static_cast<uint32_t>(file.size()));
  put_le<uint32_t>(at.subspan(20), 0);
  put_le<uint32_t>(at.subspan(20), crc32(ByteSpan(file).first(24 + std::min<size_t>(le<uint32_t>(at.subspan(12)), file.size() - 24))));
}

}  // namespace openpcc::measure::maker
