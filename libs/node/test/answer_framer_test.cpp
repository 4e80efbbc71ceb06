#include "openpcc/node/answer_framer.h"

#include "openpcc/testkit/testkit.h"

namespace openpcc::node {
namespace {

using envelope::Profile;
using std::chrono::milliseconds;

const TimePoint kStart = TimePoint() + std::chrono::hours(1);
TimePoint at(int64_t ms) { return kStart + milliseconds(ms); }

// Pair is both ends of one answer.
struct Pair {
  envelope::AnswerSealer sealer;
  envelope::AnswerOpener opener;
};

Pair make_pair() {
  static testkit::TestRandom random(7);
  const hpke::PrivateKey key = hpke::PrivateKey::generate(hpke::KemId::x_wing, random);
  const auto public_key = hpke::PublicKey::parse(hpke::KemId::x_wing, key.public_key());
  const envelope::NodeId id{1};
  std::vector<envelope::Recipient> recipients;
  recipients.push_back({id, &*public_key, Secret<32>(), std::nullopt});
  auto sealed = envelope::seal_request(std::move(recipients), as_bytes("P"), random);
  const envelope::NodeKey node{id, &key};
  envelope::RequestOpener opener(std::span(&node, 1), random);
  OPENPCC_CHECK(sealed && opener.feed(sealed->envelope));
  auto opened = opener.finish();
  OPENPCC_CHECK(opened.has_value());
  return {std::move(opened->answer), std::move(sealed->answer)};
}

bhttp::ResponseHead head() { return {200, {{"content-type", "text/event-stream"}}}; }

TEST(AnswerFramer, a_whole_answer_opens_to_what_the_engine_said) {
  Pair pair = make_pair();
  AnswerFramer framer(std::move(pair.sealer), Profile::low_latency, kStart);
  Bytes out;
  Bytes message;
  EXPECT_FALSE(framer.begun());
  framer.head(head());
  EXPECT_TRUE(framer.take(at(1), out));
  framer.content(as_bytes("data: a\n\n"));
  framer.content(as_bytes("data: b\n\n"));
  EXPECT_TRUE(framer.take(at(2), out));
  framer.end();
  EXPECT_TRUE(framer.take(at(3), out));
  EXPECT_TRUE(framer.finished());
  EXPECT_FALSE(framer.take(at(99'999), out));
  EXPECT_OK(pair.opener.open(out, message));
  EXPECT_OK(pair.opener.end(message));
  const auto response = bhttp::decode_response(message);
  ASSERT_OK(response);
  EXPECT_EQ(response->head, head());
  EXPECT_EQ(as_text(response->content), "data: a\n\ndata: b\n\n");
}

TEST(AnswerFramer, without_end_there_is_no_final_frame) {
  Pair pair = make_pair();
  AnswerFramer framer(std::move(pair.sealer), Profile::balanced, kStart);
  Bytes out;
  Bytes message;
  framer.head(head());
  framer.content(as_bytes("all of it"));
  EXPECT_TRUE(framer.take(at(0), out));
  EXPECT_OK(pair.opener.open(out, message));
  EXPECT_RULE(pair.opener.end(message), "envelope.answer.truncated");
}

TEST(AnswerFramer, balanced_gathers_what_comes_within_20_ms) {
  AnswerFramer framer(make_pair().sealer, Profile::balanced, kStart);
  Bytes out;
  framer.head(head());
  EXPECT_TRUE(framer.take(at(0), out));
  for (int role_and_first_token = 0; role_and_first_token < 2; ++role_and_first_token) {
    framer.content(as_bytes("x"));
    EXPECT_TRUE(framer.take(at(0), out));
  }
  const size_t first = out.size();
  framer.content(as_bytes("a"));
  EXPECT_FALSE(framer.take(at(5), out));
  framer.content(as_bytes("b"));
  EXPECT_FALSE(framer.take(at(19), out));
  EXPECT_EQ(out.size(), first);
  EXPECT_TRUE(framer.take(at(20), out));
  EXPECT_GT(out.size(), first);
}

TEST(AnswerFramer, keeps_alive_in_silence_before_and_after_the_head) {
  Pair pair = make_pair();
  AnswerFramer framer(std::move(pair.sealer), Profile::balanced, kStart);
  Bytes out;
  Bytes message;
  EXPECT_FALSE(framer.take(at(14'999), out));
  EXPECT_TRUE(framer.take(at(15'000), out));
  EXPECT_FALSE(framer.begun());
  EXPECT_FALSE(framer.take(at(29'999), out));
  EXPECT_TRUE(framer.take(at(30'000), out));
  EXPECT_OK(pair.opener.open(out, message));
  EXPECT_TRUE(message.empty());
}

TEST(AnswerFramer, knows_how_much_waits_for_its_time) {
  Pair pair = make_pair();
  AnswerFramer framer(std::move(pair.sealer), Profile::strict, kStart);
  Bytes out;
  framer.head(head());
  const size_t of_head = framer.held();
  framer.content(Bytes(1000, 'x'));
  EXPECT_FALSE(framer.take(at(99), out));
  EXPECT_GE(framer.held(), of_head + 1000);
  EXPECT_TRUE(framer.take(at(100), out));
  EXPECT_EQ(framer.held(), 0u);
}

TEST(AnswerFramer, strict_frames_of_short_answers_look_alike) {
  const auto sizes = [](std::string_view first, std::string_view second) {
    AnswerFramer framer(make_pair().sealer, Profile::strict, kStart);
    std::vector<size_t> out;
    for (int64_t tick = 1; tick <= 5; ++tick) {
      if (tick == 1) framer.head(head());
      if (tick == 2) framer.content(as_bytes(first));
      if (tick == 4) framer.content(as_bytes(second));
      Bytes frames;
      EXPECT_FALSE(framer.take(at(tick * 100 - 1), frames));
      EXPECT_TRUE(framer.take(at(tick * 100), frames));
      out.push_back(frames.size());
    }
    return out;
  };
  EXPECT_EQ(sizes("yes", ""), sizes("", "a much longer answer than the other one"));
}

}  // namespace
}  // namespace openpcc::node
