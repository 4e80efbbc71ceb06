#include "../src/chunks.h"

#include "openpcc/testkit/testkit.h"

namespace openpcc::envelope {
namespace {

TEST(ChunkNonce, is_the_base_xor_the_index_in_its_last_bytes) {
  const ChunkNonce base{0xff, 1, 2, 3, 4, 5, 6, 7, 0xa0, 0xa1, 0xa2, 0xa3};
  EXPECT_EQ(chunk_nonce(base, 0), base);
  ChunkNonce expected = base;
  expected[8] ^= 0x12;
  expected[9] ^= 0x34;
  expected[10] ^= 0x56;
  expected[11] ^= 0x78;
  EXPECT_EQ(chunk_nonce(base, 0x12345678), expected);
}

TEST(ChunkNonce, ends_after_two_to_the_32_chunks) {
  EXPECT_TRUE(chunk_nonce({}, kChunksMax - 1).has_value());
  EXPECT_FALSE(chunk_nonce({}, kChunksMax).has_value());
}

Bytes seal(ChunkCipher& cipher, std::string_view plaintext, bool last) {
  Bytes out;
  const ByteSpan sealed = cipher.append_chunk(plaintext.size(), last, out,
                                              [&](MutableByteSpan to) { std::copy(plaintext.begin(), plaintext.end(), to.begin()); });
  return Bytes(sealed.begin(), sealed.end());
}

TEST(ChunkCipher, opens_each_chunk_only_at_its_place_and_with_its_mark) {
  const ChunkKey key{Secret<32>(), {}};
  ChunkCipher sealer(key);
  const Bytes first = seal(sealer, "first", false);
  const Bytes second = seal(sealer, "other", true);
  Bytes out(5);
  EXPECT_TRUE(ChunkCipher(key).open(first, false, out));
  EXPECT_EQ(as_text(out), "first");
  EXPECT_FALSE(ChunkCipher(key).open(first, true, out));
  EXPECT_FALSE(ChunkCipher(key).open(second, true, out));
  ChunkCipher opener(key);
  EXPECT_TRUE(opener.open(first, false, out));
  EXPECT_FALSE(opener.open(first, false, out)) << "the counter moves on";
}

}  // namespace
}  // namespace openpcc::envelope
