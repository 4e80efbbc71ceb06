#include "fake_guest.h"

#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>

#include "openpcc/collect/tsm.h"

namespace openpcc::collect::testing_guest {
namespace {

// load and save are what a driver copies from and to its caller's memory.
template <class T>
T load(const uint8_t* from) {
  T out;
  std::memcpy(&out, from, sizeof out);
  return out;
}
template <class T>
void save(uint8_t* to, T value) {
  std::memcpy(to, &value, sizeof value);
}
uint8_t* memory_at(const uint8_t* address) { return reinterpret_cast<uint8_t*>(static_cast<uintptr_t>(load<uint64_t>(address))); }

MakeReport with_data_at(Bytes bytes, size_t at) {
  return [bytes = std::move(bytes), at](ByteSpan data) {
    Bytes out = bytes;
    std::ranges::copy(data, out.begin() + static_cast<ptrdiff_t>(at));
    return out;
  };
}

}  // namespace

MakeReport recorded_report(const std::string& name) {
  return with_data_at(testkit::read_file(*testkit::shared_file("evidence/snp/reports/" + name + "/report.bin")), 0x50);
}

// A quote of version 4 with a body of TD 1.0: REPORTDATA is the last of it.
MakeReport recorded_quote(const std::string& name) {
  return with_data_at(testkit::read_file(*testkit::shared_file("evidence/tdx/quotes/" + name + "/quote.bin")), 48 + 584 - 64);
}

attest::Binding some_binding(uint8_t first) {
  attest::Binding out{};
  for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<uint8_t>(first + i);
  return out;
}

int FakeGuest::failure(const std::string& call) {
  auto& queue = errors[call];
  if (queue.empty()) return 0;
  const int error = queue.front();
  queue.pop_front();
  return error;
}

Called<int> FakeGuest::open(const std::string& path, Access access) {
  Open file;
  if (path.starts_with("/dev/")) {
    if (const int error = failure("open " + path)) return std::unexpected(error);
    if (!(path == "/dev/sev-guest" && sev) && !(path == "/dev/tdx_guest" && tdx)) return std::unexpected(ENOENT);
    file.device = path;
  } else {
    const size_t slash = path.rfind('/');
    file.entry = path.substr(0, slash);
    file.attribute = path.substr(slash + 1);
    file.writes = access == Access::write;
    if (const int error = failure("open " + file.attribute)) return std::unexpected(error);
    const bool level = file.attribute.starts_with("privlevel");
    if (!entries_.contains(file.entry) || (level && !tsm->has_level) || (file.attribute == "auxblob" && !tsm->table))
      return std::unexpected(ENOENT);
  }
  files_[next_file_] = std::move(file);
  return next_file_++;
}

// configfs makes a whole attribute at the first read.
Called<size_t> FakeGuest::read(int number, MutableByteSpan into) {
  Open& file = files_.at(number);
  if (const int error = failure("read " + file.attribute)) return std::unexpected(error);
  if (!file.content) {
    auto content = show(entries_.at(file.entry), file.attribute);
    if (!content) return std::unexpected(content.error());
    file.content = std::move(*content);
  }
  const size_t n = std::min({into.size(), piece_bytes_max, file.content->size() - file.at});
  std::copy_n(file.content->begin() + static_cast<ptrdiff_t>(file.at), n, into.begin());
  file.at += n;
  return n;
}

Called<size_t> FakeGuest::write(int number, ByteSpan bytes) {
  Open& file = files_.at(number);
  if (const int error = failure("write " + file.attribute)) return std::unexpected(error);
  if (!file.writes) return std::unexpected(EBADF);
  const size_t n = std::min(bytes.size(), piece_bytes_max);
  if (file.attribute == "inblob" && file.written.size() + n > 64) return std::unexpected(EFBIG);
  file.written.insert(file.written.end(), bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(n));
  return n;
}

// configfs hands a binary attribute to the driver when its file is closed.
Called<void> FakeGuest::close(int number) {
  const Open file = files_.at(number);
  files_.erase(number);
  if (const int error = failure("close " + file.attribute)) return std::unexpected(error);
  if (file.writes) store(entries_.at(file.entry), file);
  return {};
}

void FakeGuest::store(Entry& entry, const Open& file) {
  ++entry.generation;
  if (file.attribute == "privlevel") level_ = std::string(as_text(file.written));
  if (file.attribute == "inblob") {
    entry.inblob = file.written;
    entry.generation += tsm->foreign_writes;
  }
}

Called<Bytes> FakeGuest::show(Entry& entry, const std::string& attribute) {
  const auto line = [](const std::string& text) { return Bytes(text.begin(), text.end()); };
  if (attribute == "provider") {
    const bool later = entries_made_ > 1 && !tsm->provider_later.empty();
    return line((later ? tsm->provider_later : tsm->provider) + "\n");
  }
  if (attribute == "generation") return line(std::to_string(entry.generation) + "\n");
  if (attribute == "privlevel_floor") return line(std::to_string(tsm->floor) + "\n");
  if (entry.inblob.empty()) return std::unexpected(EINVAL);
  if (attribute == "auxblob") return *tsm->table;
  return tsm->report(entry.inblob);
}

Called<void> FakeGuest::make_directory(const std::string& path) {
  if (const int error = failure("mkdir")) return std::unexpected(error);
  if (!tsm || !path.starts_with(std::string(kTsmFolder) + "/")) return std::unexpected(ENOENT);
  if (!entries_.emplace(path, Entry{}).second) return std::unexpected(EEXIST);
  ++entries_made_;
  return {};
}

Called<void> FakeGuest::remove_directory(const std::string& path) {
  if (entries_.erase(path) == 0) return std::unexpected(ENOENT);
  return {};
}

Called<void> FakeGuest::control(int number, unsigned long request, void* argument) {
  requests_.push_back(request);
  if (const int error = failure("ioctl")) return std::unexpected(error);
  auto* call = static_cast<uint8_t*>(argument);
  return files_.at(number).device == "/dev/sev-guest" ? sev_request(request, call) : tdx_request(request, call);
}

// struct snp_guest_request_ioctl: u8 version, u64 request at 8, u64 response at 16, u32 firmware's error at 24, u32 host's at 28.
Called<void> FakeGuest::sev_request(unsigned long request, uint8_t* call) {
  constexpr size_t kPage = 4096;
  const bool extended = request == _IOWR('S', 2, uint8_t[32]);
  if (!extended && request != _IOWR('S', 0, uint8_t[32])) return std::unexpected(ENOTTY);
  if (call[0] != 1) return std::unexpected(EINVAL);
  uint8_t* asked = memory_at(call + 8);
  vmpl_ = load<uint32_t>(asked + 64);
  save<uint32_t>(call + 24, sev->firmware_error);
  save<uint32_t>(call + 28, sev->host_error);
  if (sev->error != 0) return std::unexpected(sev->error);
  if (extended) {
    // struct snp_ext_report_req: after the 96 bytes of the request, u64 address and u32 length of the buffer for the table.
    const size_t room = load<uint32_t>(asked + 104);
    if (room > sev->table_bytes_max || room % kPage != 0) return std::unexpected(EINVAL);
    if (sev->table.size() > room) {
      save<uint32_t>(asked + 104, static_cast<uint32_t>((sev->table.size() + kPage - 1) / kPage * kPage));
      save<uint32_t>(call + 28, 1);
      return std::unexpected(EIO);
    }
    std::ranges::copy(sev->table, memory_at(asked + 96));
  }
  // MSG_REPORT_RSP: u32 status, u32 size, 24 reserved bytes, the report.
  uint8_t* answer = memory_at(call + 16);
  save<uint32_t>(answer, sev->status);
  if (sev->status != 0) return {};
  save<uint32_t>(answer + 4, 0x4a0);
  std::ranges::copy(sev->report({asked, 64}), answer + 32);
  return {};
}

Called<void> FakeGuest::tdx_request(unsigned long request, uint8_t* call) {
  if (request != _IOWR('T', 1, uint8_t[1088])) return std::unexpected(ENOTTY);
  if (tdx->error != 0) return std::unexpected(tdx->error);
  call[64] = tdx->type;
  if (tdx->echoes) std::copy_n(call, 64, call + 64 + 128);
  return {};
}

}  // namespace openpcc::collect::testing_guest
