// The stream that MRTD is the hash of (Intel TDX Module ABI: TDH.MEM.PAGE.ADD, TDH.MR.EXTEND).
#pragma once

#include "fields.h"
#include "openpcc/measure/trace.h"

namespace openpcc::measure {

class MrtdStream {
 public:
  void add(uint64_t gpa) { record("MEM.PAGE.ADD", gpa); }
  // extend takes a whole page.
  void extend(uint64_t gpa, ByteSpan page) {
    for (size_t chunk = 0; chunk < kPageBytes; chunk += kChunkBytes) {
      record("MR.EXTEND", gpa + chunk);
      append(stream_, page.subspan(chunk, kChunkBytes));
    }
  }
  Bytes finish() const { return digest(Bank::sha384, stream_); }

 private:
  static constexpr size_t kChunkBytes = 256, kRecordBytes = 128;

  void record(std::string_view operation, uint64_t gpa) {
    const size_t start = stream_.size();
    stream_.resize(start + kRecordBytes);
    std::ranges::copy(operation, stream_.begin() + static_cast<ptrdiff_t>(start));
    put_le<uint64_t>(MutableByteSpan(stream_).subspan(start + 16), gpa);
  }

  Bytes stream_;
};

}  // namespace openpcc::measure
