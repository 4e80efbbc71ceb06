// Why the envelope is as it is (spec/envelope.md, "What holds it together"): each attack that its parts are there to stop.
#include <algorithm>

#include "fixture.h"

namespace openpcc::envelope {
namespace {

struct Sealed {
  forge::Request parts;
  SealedRequest request;
};

Sealed seal(size_t k, ByteSpan message, uint64_t seed = 31) {
  TestRandom random(seed);
  auto request = seal_request(recipients(k), message, random);
  OPENPCC_CHECK(request.has_value());
  forge::Request parts = forge::take_apart(request->envelope);
  return {std::move(parts), std::move(*request)};
}

// What a recipient that turned bad knows: the dek.
forge::Bytes32 dek_of(const forge::Node& bad, const forge::Request& request) {
  const Bytes wrap = forge::open_wrap(bad, request, index_of(bad, request));
  forge::Bytes32 dek;
  std::copy_n(wrap.begin(), 32, dek.begin());
  return dek;
}

void reseal(forge::Request& request, const forge::Bytes32& dek, const Bytes& padded) {
  request.body = forge::seal_chunks(forge::request_key(dek, request.th()), forge::cut(padded));
}

Bytes xored(ByteSpan a, ByteSpan b) {
  Bytes out(std::min(a.size(), b.size()));
  for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<uint8_t>(a[i] ^ b[i]);
  return out;
}

TEST(Binding, a_wrap_does_not_open_under_another_header) {
  const Sealed one = seal(1, text(10)), other = seal(1, text(11), 32);
  forge::Request mixed = other.parts;
  mixed.wraps = one.parts.wraps;
  EXPECT_RULE(open_at(node(0), mixed.bytes()), "envelope.1.wrap");
  mixed = one.parts;
  mixed.header = seal(1, text(10), 33).parts.header;
  EXPECT_RULE(open_at(node(0), mixed.bytes()), "envelope.1.wrap");
}

TEST(Binding, a_wrap_does_not_open_at_another_s_place) {
  Sealed sealed = seal(2, text(10));
  std::swap(sealed.parts.wraps[0], sealed.parts.wraps[1]);
  EXPECT_RULE(open_at(node(0), sealed.parts.bytes()), "envelope.1.wrap");
  EXPECT_RULE(open_at(node(1), sealed.parts.bytes()), "envelope.1.wrap");
}

TEST(Binding, a_node_does_not_open_a_wrap_that_names_another_node) {
  // The same HPKE key under another node id: keys are bound to the evidence that carries them.
  const Sealed sealed = seal(2, text(10));
  TestRandom random(1);
  const size_t other = 1 - index_of(node(0), sealed.parts);
  ASSERT_EQ(index_of(node(1), sealed.parts), other);
  const NodeKey key{node(1).id, &node(0).key};
  RequestOpener opener(std::span(&key, 1), random);
  EXPECT_RULE(opener.feed(sealed.request.envelope), "envelope.1.wrap");
}

TEST(Binding, the_body_does_not_open_beside_another_wrap) {
  // A bad recipient makes a fresh wrap for itself under the same header: th changes, and with it the key of the body.
  Sealed sealed = seal(2, text(10));
  const auto dek = dek_of(node(1), sealed.parts);
  TestRandom random(2);
  Bytes p = text(10);
  p.resize(1024);
  sealed.parts.wraps[index_of(node(1), sealed.parts)] = forge::make_wrap(node(1), sealed.parts.hh(), dek, forge::hash_body(p), random);
  EXPECT_RULE(open_at(node(0), sealed.parts.bytes()), "envelope.1.open");
}

TEST(Binding, a_bad_recipient_cannot_put_another_prompt_under_the_same_wraps) {
  Sealed sealed = seal(2, text(10));
  const Bytes other(1024, 'X');
  reseal(sealed.parts, dek_of(node(1), sealed.parts), other);
  EXPECT_RULE(open_at(node(0), sealed.parts.bytes()), "envelope.1.body_hash");
  EXPECT_RULE(open_at(node(1), sealed.parts.bytes()), "envelope.1.body_hash");
}

TEST(Binding, one_envelope_cannot_open_to_two_texts) {
  // Two nodes with two deks: AES-GCM alone would let one ciphertext open under both. The header commits to one of them.
  forge::Plan plan;
  plan.nodes = {&node(0), &node(1)};
  std::ranges::sort(plan.nodes, {}, [](const forge::Node* n) { return n->id; });
  plan.padded = padded(1024);
  plan.dek = crypto::sha256(as_bytes("one dek"));
  TestRandom random(3);
  forge::Request request = forge::make_request(plan, random);
  const size_t second = index_of(node(1), request);
  const forge::Bytes32 other = crypto::sha256(as_bytes("another dek"));
  request.wraps[second] = forge::make_wrap(node(1), request.hh(), other, forge::hash_body(plan.padded), random);
  reseal(request, plan.dek, plan.padded);
  EXPECT_OK(open_at(node(0), request.bytes()));
  EXPECT_RULE(open_at(node(1), request.bytes()), "envelope.1.commit");
  reseal(request, other, plan.padded);
  EXPECT_RULE(open_at(node(1), request.bytes()), "envelope.1.commit") << "even with a body that is good under the other dek";
}

TEST(Binding, a_repeated_random_state_with_another_text_repeats_no_key) {
  const auto sealed_with = [](const Bytes& message) {
    TestRandom random(77);  // a snapshot restored, a process forked
    auto to = recipients(1);
    to[0].encapsulation = hpke::encapsulate(node(0).public_key, random);
    auto request = seal_request(std::move(to), message, random);
    OPENPCC_CHECK(request.has_value());
    return forge::take_apart(request->envelope);
  };
  const Bytes a(1024, 'a'), b(1024, 'b');
  const forge::Request one = sealed_with(a), other = sealed_with(b);
  ASSERT_TRUE(equal(one.enc(0), other.enc(0))) << "the encapsulation is what was repeated";
  EXPECT_NE(one.header, other.header);
  EXPECT_NE(one.hh(), other.hh());
  EXPECT_NE(dek_of(node(0), one), dek_of(node(0), other));
  // One key and nonce for two texts would show their difference.
  EXPECT_NE(xored(ByteSpan(one.wraps[0]).subspan(1120, 96), ByteSpan(other.wraps[0]).subspan(1120, 96)),
            xored(forge::open_wrap(node(0), one, 0), forge::open_wrap(node(0), other, 0)));
  EXPECT_NE(xored(ByteSpan(one.body[0].sealed).first(1024), ByteSpan(other.body[0].sealed).first(1024)), xored(a, b));
  EXPECT_NE(forge::answer_secret(node(0), one, 0, one.rh()), forge::answer_secret(node(0), other, 0, other.rh()));
  EXPECT_EQ(one.bytes(), sealed_with(a).bytes()) << "the same text is the same envelope, which the replay set knows";
}

TEST(Binding, another_salt_or_recipient_gives_another_dek) {
  const auto dek_with = [](size_t k, uint8_t salt) {
    TestRandom random(78);
    auto to = recipients(k);
    to[0].salt.reveal_mutable()[0] ^= salt;
    auto request = seal_request(std::move(to), text(5), random);
    OPENPCC_CHECK(request.has_value());
    return dek_of(node(0), forge::take_apart(request->envelope));
  };
  EXPECT_EQ(dek_with(1, 0), dek_with(1, 0));
  EXPECT_NE(dek_with(1, 0), dek_with(1, 1));
  EXPECT_NE(dek_with(1, 0), dek_with(2, 0));
}

TEST(Binding, another_recipient_cannot_forge_the_answer) {
  for (const bool claims_other : {false, true}) {
    Sealed sealed = seal(2, text(10));
    const size_t honest = index_of(node(0), sealed.parts), bad = index_of(node(1), sealed.parts);
    // It holds the dek and its own context, no more.
    const auto secret = forge::answer_secret(node(1), sealed.parts, bad, sealed.parts.rh());
    const auto chunks =
        forge::seal_chunks(forge::answer_key(secret, sealed.parts.enc(claims_other ? honest : bad), {}), {forge::frame(text(9), 256)});
    const auto message = open_answer(sealed.request.answer, forge::join_answer(static_cast<uint8_t>(honest), {}, chunks));
    EXPECT_RULE(message, "envelope.answer.open");
  }
}

TEST(Binding, an_answer_names_the_node_whose_key_it_is_under) {
  Sealed sealed = seal(2, text(10));
  const size_t bad = index_of(node(1), sealed.parts);
  const auto message = open_answer(sealed.request.answer, forge::make_answer(node(1), sealed.parts, bad, {}, {forge::frame(text(9), 256)}));
  EXPECT_OK(message);
  EXPECT_EQ(sealed.request.answer.node(), node(1).id);
}

TEST(Binding, an_answer_proves_which_request_its_node_opened) {
  // The node was shown another body under the same wraps (and, say, did not check it): its answer is not one to our request.
  Sealed sealed = seal(2, text(10));
  forge::Request shown = sealed.parts;
  reseal(shown, dek_of(node(1), shown), Bytes(1024, 'X'));
  ASSERT_EQ(shown.th(), sealed.parts.th());
  const Bytes answer = forge::make_answer(node(0), shown, index_of(node(0), shown), {}, {forge::frame(text(9), 256)});
  EXPECT_RULE(open_answer(sealed.request.answer, answer), "envelope.answer.open");
}

TEST(Binding, an_answer_to_one_request_is_none_to_another) {
  Sealed one = seal(1, text(10)), other = seal(1, text(10), 34);
  const Bytes answer = forge::make_answer(node(0), one.parts, 0, {}, {forge::frame(text(9), 256)});
  EXPECT_RULE(open_answer(other.request.answer, answer), "envelope.answer.open");
  EXPECT_OK(open_answer(one.request.answer, answer));
}

TEST(Binding, an_answer_s_nonce_is_part_of_its_key) {
  Sealed sealed = seal(1, text(10));
  Bytes answer = forge::make_answer(node(0), sealed.parts, 0, {}, {forge::frame(text(9), 256)});
  answer[5] ^= 1;
  EXPECT_RULE(open_answer(sealed.request.answer, answer), "envelope.answer.open");
}

}  // namespace
}  // namespace openpcc::envelope
