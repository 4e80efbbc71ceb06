// An answer from node to client: frames, profiles, keep-alives, and the rule that refuses each thing that must not open.
#include <algorithm>
#include <set>

#include "fixture.h"

namespace openpcc::envelope {
namespace {

// Exchange is one request, sealed by the client and opened by the first recipient of `k`.
struct Exchange {
  explicit Exchange(size_t k = 2, uint64_t seed = 21) {
    TestRandom random(seed);
    auto result = seal_request(recipients(k), text(200), random);
    EXPECT_OK(result);
    parts = forge::take_apart(result->envelope);
    opener.emplace(std::move(result->answer));
    auto opened = open_at(node(0), result->envelope);
    EXPECT_OK(opened);
    sealer.emplace(std::move(opened->answer));
    index = index_of(node(0), parts);
  }

  // answer is forged from these frames, with the right keys.
  Bytes answer(const std::vector<Bytes>& frames) const { return forge::make_answer(node(0), parts, index, forge::Bytes32{}, frames); }

  forge::Request parts;
  size_t index = 0;
  std::optional<AnswerOpener> opener;
  std::optional<AnswerSealer> sealer;
};

TEST(Answer, opens_in_another_process_from_what_was_exported) {
  Exchange exchange;
  const SecretBytes exported = exchange.opener->reveal_for_export();
  auto restored = AnswerOpener::restore(exported.reveal());
  ASSERT_OK(restored);
  Bytes answer;
  exchange.sealer->seal(text(100), true, Profile::balanced, answer);
  const auto message = open_answer(*restored, answer);
  ASSERT_OK(message);
  EXPECT_EQ(*message, text(100));
}

TEST(Answer, refuses_an_export_of_another_size) {
  Exchange exchange;
  const SecretBytes exported = exchange.opener->reveal_for_export();
  EXPECT_RULE(AnswerOpener::restore(exported.reveal().first(exported.size() - 1)), "envelope.answer.state");
  EXPECT_RULE(AnswerOpener::restore({}), "envelope.answer.state");
}

constexpr Profile kProfiles[] = {Profile::low_latency, Profile::balanced, Profile::strict};

TEST(Answer, comes_back_in_every_profile) {
  for (const Profile profile : kProfiles) {
    Exchange exchange;
    Bytes answer;
    exchange.sealer->seal(text(100), false, profile, answer);
    exchange.sealer->seal(text(50000), false, profile, answer);
    exchange.sealer->seal(text(3), true, profile, answer);
    const auto message = open_answer(*exchange.opener, answer);
    ASSERT_OK(message);
    EXPECT_EQ(*message, concat({text(100), text(50000), text(3)}));
    EXPECT_EQ(exchange.opener->node(), node(0).id);
  }
}

TEST(Answer, is_written_in_as_few_frames_of_the_profile_s_size_as_possible) {
  struct Case {
    size_t message;
    Profile profile;
    std::vector<size_t> frames;
  };
  for (const Case& c :
       {Case{0, Profile::low_latency, {256}}, Case{254, Profile::low_latency, {256}}, Case{255, Profile::low_latency, {512}},
        Case{0, Profile::balanced, {512}}, Case{511, Profile::balanced, {1024}}, Case{1, Profile::strict, {1024}},
        Case{15870, Profile::low_latency, {15872}}, Case{15871, Profile::balanced, {15872, 512}}, Case{15358, Profile::strict, {15360}},
        Case{15359, Profile::strict, {15360, 1024}}}) {
    Exchange exchange;
    Bytes answer;
    exchange.sealer->seal(text(c.message), false, c.profile, answer);
    ByteSpan rest = ByteSpan(answer).subspan(33);
    for (const size_t size : c.frames) {
      const auto length = peek_varint(rest);
      ASSERT_TRUE(length.has_value());
      EXPECT_EQ(length->value, size + 16);
      rest = rest.subspan(length->bytes + length->value);
    }
    EXPECT_TRUE(rest.empty());
  }
}

TEST(Answer, keep_alive_frames_say_nothing) {
  Exchange exchange;
  Bytes answer;
  for (int i = 0; i < 3; ++i) exchange.sealer->seal({}, false, Profile::low_latency, answer);
  EXPECT_EQ(answer.size(), 33 + 3 * (2 + 256 + 16u));
  Bytes message;
  ASSERT_OK(exchange.opener->open(answer, message));
  EXPECT_TRUE(message.empty());
  answer.clear();
  exchange.sealer->seal(text(5), false, Profile::low_latency, answer);
  exchange.sealer->seal({}, true, Profile::low_latency, answer);
  ASSERT_OK(exchange.opener->open(answer, message));
  EXPECT_EQ(message, text(5)) << "what is whole is released at once";
  ASSERT_OK(exchange.opener->end(message));
  EXPECT_EQ(message, text(5));
}

TEST(Answer, opens_however_it_is_cut) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Exchange exchange;
    TestRandom cuts(seed);
    Bytes answer;
    for (int i = 0; i < 4; ++i) exchange.sealer->seal(text(cuts.below(20000)), i == 3, kProfiles[cuts.below(3)], answer);
    Bytes message, whole;
    const uint64_t piece_max = seed == 0 ? 1 : 1 + cuts.below(5000);
    for (ByteSpan rest = answer; !rest.empty();) {
      const size_t n = std::min<size_t>(rest.size(), 1 + cuts.below(piece_max));
      ASSERT_OK(exchange.opener->open(rest.first(n), message));
      rest = rest.subspan(n);
    }
    ASSERT_OK(exchange.opener->end(message));
    Exchange again;
    const auto at_once = open_answer(*again.opener, answer);
    ASSERT_OK(at_once);
    EXPECT_EQ(message, *at_once);
  }
}

TEST(Answer, names_its_node_from_the_first_byte) {
  Exchange exchange;
  Bytes answer, message;
  exchange.sealer->seal(text(1), true, Profile::strict, answer);
  EXPECT_EQ(exchange.opener->node(), std::nullopt);
  ASSERT_OK(exchange.opener->open(ByteSpan(answer).first(1), message));
  EXPECT_EQ(exchange.opener->node(), node(0).id);
}

TEST(Answer, opens_what_the_second_writing_of_the_format_makes) {
  Exchange exchange;
  const Bytes answer = exchange.answer({forge::frame(text(10), 256), forge::frame({}, 512), forge::frame(text(15870), 15872)});
  const auto message = open_answer(*exchange.opener, answer);
  ASSERT_OK(message);
  EXPECT_EQ(*message, concat({text(10), text(15870)}));
}

TEST(Answer, is_written_as_the_second_writing_of_the_format_says) {
  Exchange exchange;
  Bytes answer;
  exchange.sealer->seal(text(300), false, Profile::balanced, answer);
  exchange.sealer->seal({}, true, Profile::balanced, answer);
  forge::Bytes32 rnonce;
  std::copy_n(answer.begin() + 1, 32, rnonce.begin());
  EXPECT_EQ(answer,
            forge::make_answer(node(0), exchange.parts, exchange.index, rnonce, {forge::frame(text(300), 512), forge::frame({}, 512)}));
}

TEST(Answer, two_openings_of_one_request_answer_under_different_keys) {
  TestRandom random(4);
  const auto sealed = seal_request(recipients(1), text(5), random);
  ASSERT_OK(sealed);
  Bytes one, other;
  open_at(node(0), sealed->envelope, 1)->answer.seal(text(9), true, Profile::strict, one);
  open_at(node(0), sealed->envelope, 2)->answer.seal(text(9), true, Profile::strict, other);
  EXPECT_FALSE(equal(ByteSpan(one).subspan(1, 32), ByteSpan(other).subspan(1, 32)));
  EXPECT_FALSE(equal(ByteSpan(one).subspan(34), ByteSpan(other).subspan(34)));
}

// Refusals.

TEST(Answer, refuses_an_index_that_is_no_recipient) {
  Exchange exchange(2);
  Bytes message;
  EXPECT_RULE(exchange.opener->open(Bytes{2}, message), "envelope.answer.index");
  EXPECT_RULE(exchange.opener->open(Bytes{0}, message), "envelope.answer.index");
  EXPECT_RULE(exchange.opener->end(message), "envelope.answer.index");
}

TEST(Answer, refuses_an_end_before_the_final_frame_at_every_byte) {
  TestRandom random(1);
  Bytes answer;
  Exchange().sealer->seal(text(400), false, Profile::low_latency, answer);
  answer = Exchange().answer({forge::frame(text(10), 256), forge::frame(text(7), 256)});
  const size_t final_chunk = answer.size() - 272;
  for (size_t n = 0; n < answer.size(); ++n) {
    Exchange exchange;
    const auto message = open_answer(*exchange.opener, ByteSpan(answer).first(n));
    if (n < final_chunk + 16) {
      EXPECT_RULE(message, "envelope.answer.truncated") << n;
    } else {
      EXPECT_RULE(message, "envelope.answer.chunk") << n;
    }
  }
}

TEST(Answer, refuses_bytes_after_the_final_frame) {
  for (const size_t extra : {size_t{1}, size_t{100}, size_t{20000}}) {
    Exchange exchange;
    Bytes answer = exchange.answer({forge::frame(text(10), 256)});
    answer.resize(answer.size() + extra);
    EXPECT_RULE(open_answer(*exchange.opener, answer), "envelope.answer.chunk");
  }
  Exchange exchange;
  Bytes answer = exchange.answer({forge::frame(text(10), 256)});
  answer.resize(answer.size() + 256);
  EXPECT_RULE(open_answer(*exchange.opener, answer), "envelope.answer.open");
}

TEST(Answer, refuses_chunks_whose_size_no_profile_gives) {
  for (const size_t size : {size_t{2}, size_t{255}, size_t{257}, size_t{15873}, size_t{16128}}) {
    Exchange middle, last;
    EXPECT_RULE(open_answer(*middle.opener, middle.answer({forge::frame({}, size), forge::frame({}, 256)})), "envelope.answer.chunk")
        << size;
    EXPECT_RULE(open_answer(*last.opener, last.answer({forge::frame({}, size)})), "envelope.answer.chunk") << size;
  }
}

TEST(Answer, refuses_an_empty_chunk) {
  Exchange middle, last;
  EXPECT_RULE(open_answer(*middle.opener, middle.answer({Bytes(), forge::frame({}, 256)})), "envelope.answer.chunk");
  EXPECT_RULE(open_answer(*last.opener, last.answer({Bytes()})), "envelope.answer.chunk");
}

TEST(Answer, refuses_a_length_over_the_frame) {
  for (const uint16_t n : {uint16_t{255}, uint16_t{0xffff}}) {
    Exchange exchange;
    Bytes frame(256);
    frame[0] = static_cast<uint8_t>(n >> 8);
    frame[1] = static_cast<uint8_t>(n);
    EXPECT_RULE(open_answer(*exchange.opener, exchange.answer({frame})), "envelope.answer.frame") << n;
  }
}

TEST(Answer, refuses_filler_other_than_zero) {
  for (const size_t at : {12u, 100u, 255u}) {
    Exchange exchange;
    Bytes frame = forge::frame(text(10), 256);
    frame[at] = 1;
    EXPECT_RULE(open_answer(*exchange.opener, exchange.answer({frame, forge::frame({}, 256)})), "envelope.answer.frame") << at;
  }
}

TEST(Answer, refuses_frames_swapped_dropped_repeated_or_marked_otherwise) {
  const Exchange maker;
  const forge::Bytes32 rnonce{};
  const auto secret = forge::answer_secret(node(0), maker.parts, maker.index, maker.parts.rh());
  const auto good = forge::seal_chunks(forge::answer_key(secret, maker.parts.enc(maker.index), rnonce),
                                       {forge::frame(text(1), 256), forge::frame(text(2), 256), forge::frame(text(3), 256)});
  const auto opens = [&](const std::vector<forge::Chunk>& chunks) {
    Exchange exchange;
    return open_answer(*exchange.opener, forge::join_answer(static_cast<uint8_t>(maker.index), rnonce, chunks));
  };
  ASSERT_OK(opens(good));
  EXPECT_RULE(opens({{good[1].sealed, false}, {good[0].sealed, false}, good[2]}), "envelope.answer.open");
  EXPECT_RULE(opens({good[0], good[2]}), "envelope.answer.open");
  EXPECT_RULE(opens({good[0], good[0], good[1], good[2]}), "envelope.answer.open");
  EXPECT_RULE(opens({good[0], {good[1].sealed, true}}), "envelope.answer.open");
  EXPECT_RULE(opens({good[0], good[1]}), "envelope.answer.truncated");
}

TEST(Answer, stays_refused_after_its_first_error) {
  Exchange exchange;
  Bytes answer = exchange.answer({forge::frame(text(10), 256), forge::frame(text(10), 256)});
  Bytes bad = answer;
  bad[40] ^= 1;
  Bytes message;
  EXPECT_RULE(exchange.opener->open(bad, message), "envelope.answer.open");
  EXPECT_RULE(exchange.opener->open(answer, message), "envelope.answer.open");
  EXPECT_RULE(exchange.opener->end(message), "envelope.answer.open");
  EXPECT_TRUE(message.empty());
}

TEST(AnswerDeathTest, a_sealer_never_seals_after_its_final_frame) {
  Exchange exchange;
  Bytes answer;
  exchange.sealer->seal(text(1), true, Profile::strict, answer);
  EXPECT_DEATH(exchange.sealer->seal(text(1), true, Profile::strict, answer), "");
}

TEST(Answer, a_finished_answer_fills_its_bucket_and_no_more) {
  for (const Profile profile : kProfiles) {
    for (const size_t bytes : {0u, 1u, 254u, 900u, 1022u, 1023u, 5000u, 40'000u, 100'000u}) {
      Exchange exchange;
      const Bytes message = text(bytes);
      Bytes answer;
      exchange.sealer->seal(ByteSpan(message).first(bytes / 2), false, profile, answer);
      exchange.sealer->finish(ByteSpan(message).subspan(bytes / 2), profile, answer);
      const auto opened = open_answer(*exchange.opener, answer);
      ASSERT_OK(opened);
      EXPECT_EQ(*opened, message);
      const size_t framing = 33 + (bytes / 15'000 + 3) * 24;
      const size_t frames = padme_bytes(bytes + 2 * frame_bytes(profile)) + 2 * frame_bytes(profile);
      EXPECT_LE(answer.size(), frames + framing) << bytes;
      EXPECT_GE(answer.size(), size_t{1024} + 33) << bytes;
    }
  }
}

TEST(Answer, whole_answers_of_one_bucket_look_the_same_from_outside) {
  std::set<size_t> sizes;
  for (size_t bytes = 30'000; bytes < 30'500; bytes += 37) {
    Exchange exchange;
    Bytes answer;
    exchange.sealer->finish(text(bytes), Profile::balanced, answer);
    sizes.insert(answer.size());
  }
  EXPECT_EQ(sizes.size(), 1u);
}

}  // namespace
}  // namespace openpcc::envelope
