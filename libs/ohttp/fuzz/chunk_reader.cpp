// However a stream is cut, a ChunkReader says the same about it: chunks and outcome are compared for whole, bytewise and random feeding.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "openpcc/ohttp/chunk.h"

namespace {

using namespace openpcc;

struct Transcript {
  std::vector<Bytes> chunks;
  bool last = false;
  std::string outcome;
  friend bool operator==(const Transcript&, const Transcript&) = default;
};

// drain returns false when the reader failed.
bool drain(ohttp::ChunkReader& reader, Transcript& out) {
  while (true) {
    auto chunk = reader.next();
    if (!chunk) {
      out.outcome = chunk.error().rule.id();
      return false;
    }
    if (!*chunk) return true;
    const MutableByteSpan sealed = (*chunk)->sealed;
    out.chunks.emplace_back(sealed.begin(), sealed.end());
    out.last = (*chunk)->last;
    for (uint8_t& b : sealed) b = 0xee;  // as opening in place would
  }
}

Transcript read(ByteSpan stream, size_t piece_bytes) {
  ohttp::ChunkReader reader(1000, "fuzz.chunk", "fuzz.truncated");
  Transcript out;
  while (!stream.empty()) {
    const size_t n = std::min(piece_bytes, stream.size());
    reader.feed(stream.first(n));
    stream = stream.subspan(n);
    if (!drain(reader, out)) return out;
  }
  reader.end();
  if (drain(reader, out)) out.outcome = "end";
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteSpan stream(data, size);
  const Transcript whole = read(stream, size + 1);
  OPENPCC_CHECK(whole == read(stream, 1));
  OPENPCC_CHECK(whole == read(stream, size == 0 ? 1 : 1 + data[0] % 32u));
  OPENPCC_CHECK((whole.outcome == "end") == whole.last);
  return 0;
}
