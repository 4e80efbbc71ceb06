#include "png.h"

namespace openpcc::demo_engine {
namespace {

// crc32 is that of PNG's annex D.
uint32_t crc32(ByteSpan bytes) {
  uint32_t out = 0xffffffff;
  for (const uint8_t byte : bytes) {
    out ^= byte;
    for (int bit = 0; bit < 8; ++bit) out = (out & 1) != 0 ? 0xedb88320 ^ (out >> 1) : out >> 1;
  }
  return ~out;
}

uint32_t adler32(ByteSpan bytes) {
  uint32_t a = 1;
  uint32_t b = 0;
  for (const uint8_t byte : bytes) {
    a = (a + byte) % 65'521;
    b = (b + a) % 65'521;
  }
  return b << 16 | a;
}

void put_chunk(ByteWriter& out, std::string_view type, ByteSpan content) {
  ByteWriter typed;
  typed.text(type).bytes(content);
  out.u32(static_cast<uint32_t>(content.size())).bytes(typed.view()).u32(crc32(typed.view()));
}

// zlib_stored wraps bytes into a zlib stream that compresses nothing (RFC 1950, RFC 1951 s3.2.4).
Bytes zlib_stored(ByteSpan bytes) {
  constexpr size_t kBlockBytesMax = 65'535;
  ByteWriter out;
  out.u8(0x78).u8(0x01);
  for (size_t at = 0; at < bytes.size();) {
    const size_t size = std::min(kBlockBytesMax, bytes.size() - at);
    const auto low = static_cast<uint8_t>(size & 0xff);
    const auto high = static_cast<uint8_t>(size >> 8);
    out.u8(at + size == bytes.size() ? 1 : 0).u8(low).u8(high).u8(static_cast<uint8_t>(~low)).u8(static_cast<uint8_t>(~high));
    out.bytes(bytes.subspan(at, size));
    at += size;
  }
  out.u32(adler32(bytes));
  return out.take();
}

}  // namespace

Bytes plain_png(uint32_t side, std::array<uint8_t, 3> colour) {
  OPENPCC_CHECK(side >= 1 && side <= 4096);
  ByteWriter head;
  head.u32(side).u32(side).u8(1).u8(3).zeros(3);  // one bit a pixel, of a palette
  ByteWriter out;
  out.bytes(std::to_array<uint8_t>({0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'}));
  put_chunk(out, "IHDR", head.view());
  put_chunk(out, "PLTE", colour);
  // Each row: a filter byte (none), then the pixels, all of them colour 0.
  put_chunk(out, "IDAT", zlib_stored(Bytes(size_t{side} * (1 + (side + 7) / 8), 0)));
  put_chunk(out, "IEND", {});
  return out.take();
}

}  // namespace openpcc::demo_engine
