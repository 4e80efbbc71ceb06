#include "openpcc/ohttp/chunk.h"

#include "openpcc/testkit/testkit.h"

namespace openpcc::ohttp {
namespace {

constexpr size_t kMax = 100;

ChunkReader reader() { return ChunkReader(kMax, "test.chunk", "test.truncated"); }

// frame is one chunk holding `sealed` as it goes over the wire.
Bytes frame(ByteSpan sealed) { return ByteWriter().varint(sealed.size()).bytes(sealed).take(); }
Bytes final_frame(ByteSpan sealed) { return ByteWriter().varint(0).bytes(sealed).take(); }

Bytes pattern(size_t n, uint8_t seed) {
  Bytes out(n);
  for (size_t i = 0; i < n; ++i) out[i] = static_cast<uint8_t>(seed + i);
  return out;
}

// read_all returns what a reader says after `stream` was fed in pieces of `piece_bytes`.
Result<std::vector<std::pair<Bytes, bool>>> read_all(ByteSpan stream, size_t piece_bytes) {
  ChunkReader r = reader();
  std::vector<std::pair<Bytes, bool>> chunks;
  const auto drain = [&]() -> Result<> {
    while (true) {
      OPENPCC_LET(const auto chunk, r.next());
      if (!chunk) return {};
      chunks.emplace_back(Bytes(chunk->sealed.begin(), chunk->sealed.end()), chunk->last);
      for (uint8_t& b : chunk->sealed) b = 0xee;  // as opening in place would
    }
  };
  for (ByteSpan rest = stream; !rest.empty();) {
    const size_t n = std::min(piece_bytes, rest.size());
    r.feed(rest.first(n));
    rest = rest.subspan(n);
    OPENPCC_TRY(drain());
  }
  r.end();
  OPENPCC_TRY(drain());
  return chunks;
}

TEST(ChunkReader, gives_the_same_chunks_however_the_stream_is_cut) {
  const Bytes stream = concat({frame(pattern(17, 1)), frame(pattern(100, 2)), frame(pattern(64, 3)), final_frame(pattern(16, 4))});
  const std::vector<std::pair<Bytes, bool>> expected{
      {pattern(17, 1), false}, {pattern(100, 2), false}, {pattern(64, 3), false}, {pattern(16, 4), true}};
  for (size_t piece = 1; piece <= stream.size(); ++piece) {
    const auto chunks = read_all(stream, piece);
    ASSERT_OK(chunks);
    EXPECT_EQ(*chunks, expected) << "pieces of " << piece;
  }
}

TEST(ChunkReader, accepts_lengths_that_are_not_in_shortest_form) {
  const Bytes sealed = pattern(17, 9);
  for (const char* length : {"11", "4011", "80000011", "c000000000000011"}) {
    for (const char* zero : {"00", "4000", "80000000", "c000000000000000"}) {
      const auto chunks = read_all(concat({testkit::hex(length), sealed, testkit::hex(zero), sealed}), 1);
      ASSERT_OK(chunks);
      EXPECT_EQ(chunks->size(), 2u);
    }
  }
}

TEST(ChunkReader, gives_the_final_chunk_only_at_the_end_of_the_transport) {
  ChunkReader r = reader();
  r.feed(final_frame(pattern(16, 0)));
  auto before = r.next();
  ASSERT_OK(before);
  EXPECT_FALSE(before->has_value());
  r.feed(pattern(4, 16));
  r.end();
  auto last = r.next();
  ASSERT_OK(last);
  ASSERT_TRUE(last->has_value());
  EXPECT_TRUE((*last)->last);
  EXPECT_TRUE(equal((*last)->sealed, pattern(20, 0)));
  auto after = r.next();
  ASSERT_OK(after);
  EXPECT_FALSE(after->has_value());
}

TEST(ChunkReader, refuses_an_empty_or_oversized_chunk_before_its_bytes_arrive) {
  for (const char* length : {"01", "10", "4065", "ffffffffffffffff"}) {
    ChunkReader r = reader();
    r.feed(testkit::hex(length));
    EXPECT_RULE(r.next(), "test.chunk");
  }
}

TEST(ChunkReader, refuses_an_oversized_final_chunk_before_the_transport_ends) {
  ChunkReader r = reader();
  r.feed(final_frame(pattern(kMax, 0)));
  EXPECT_OK(r.next());
  r.feed(pattern(1, 0));
  EXPECT_RULE(r.next(), "test.chunk");
}

TEST(ChunkReader, an_error_is_terminal_even_when_good_chunks_follow) {
  ChunkReader r = reader();
  r.feed(testkit::hex("10"));
  EXPECT_RULE(r.next(), "test.chunk");
  r.feed(concat({frame(pattern(17, 0)), final_frame(pattern(16, 0))}));
  EXPECT_RULE(r.next(), "test.chunk");
  r.end();
  EXPECT_RULE(r.next(), "test.chunk");
}

TEST(ChunkReader, every_proper_prefix_is_truncated_unless_it_leaves_a_final_chunk) {
  const Bytes stream = concat({frame(pattern(17, 1)), final_frame(pattern(20, 4))});
  for (size_t n = 0; n < stream.size(); ++n) {
    const auto chunks = read_all(ByteSpan(stream).first(n), 7);
    if (n < 18 + 1 + kChunkTagBytes) {
      EXPECT_RULE(chunks, "test.truncated") << n;
    } else {
      EXPECT_OK(chunks);  // shorter, but a chunk; the tag will tell
    }
  }
}

TEST(AppendChunk, writes_length_and_room) {
  Bytes out = testkit::hex("aa");
  MutableByteSpan room = append_chunk(out, 1, false);
  ASSERT_EQ(room.size(), 17u);
  std::fill(room.begin(), room.end(), 1);
  room = append_chunk(out, 100, false);
  ASSERT_EQ(room.size(), 116u);
  EXPECT_EQ(room.data() + room.size(), out.data() + out.size());
  std::fill(room.begin(), room.end(), 2);
  room = append_chunk(out, 0, true);
  ASSERT_EQ(room.size(), 16u);
  EXPECT_EQ(out, concat({testkit::hex("aa11"), Bytes(17, 1), testkit::hex("4074"), Bytes(116, 2), testkit::hex("00"), Bytes(16, 0)}));
}

}  // namespace
}  // namespace openpcc::ohttp
