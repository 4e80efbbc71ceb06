// A request from client to node: what opens, and the rule that refuses each thing that must not.
#include <algorithm>

#include "fixture.h"

namespace openpcc::envelope {
namespace {

Bytes honest(size_t k = 2, size_t n = 300) {
  TestRandom random(7);
  auto sealed = seal_request(recipients(k), text(n), random);
  EXPECT_OK(sealed);
  return std::move(sealed->envelope);
}

forge::Plan plan(std::vector<const forge::Node*> nodes, Bytes p) {
  std::ranges::sort(nodes, {}, [](const forge::Node* n) { return n->id; });
  forge::Plan out;
  out.nodes = std::move(nodes);
  out.padded = std::move(p);
  out.dek = crypto::sha256(as_bytes("dek"));
  return out;
}

Bytes made(const forge::Plan& plan) {
  TestRandom random(8);
  return forge::make_request(plan, random).bytes();
}

TEST(Request, opens_at_every_recipient) {
  for (size_t k = 1; k <= kRecipientsMax; ++k) {
    TestRandom random(k);
    const auto sealed = seal_request(recipients(k), text(100 * k), random);
    ASSERT_OK(sealed);
    for (size_t i = 0; i < k; ++i) {
      const auto opened = open_at(node(i), sealed->envelope);
      ASSERT_OK(opened);
      EXPECT_TRUE(holds(opened->message.reveal(), text(100 * k)));
      EXPECT_TRUE(equal(opened->salt.reveal(), node(i).salt));
      EXPECT_EQ(opened->th, sealed->th);
    }
  }
}

TEST(Request, opens_at_every_size) {
  for (const size_t n : {0u, 1u, 1023u, 1024u, 1025u, 16319u, 16320u, 16321u, 32640u, 32641u, 100000u}) {
    TestRandom random(n);
    const auto sealed = seal_request(recipients(1), text(n), random);
    ASSERT_OK(sealed);
    const auto opened = open_at(node(0), sealed->envelope);
    ASSERT_OK(opened);
    EXPECT_TRUE(holds(opened->message.reveal(), text(n))) << n;
  }
}

TEST(Request, opens_at_the_largest_size) {
  TestRandom random(3);
  const Bytes largest(kRequestBytesMax, 'x');
  const auto sealed = seal_request(recipients(1), largest, random);
  ASSERT_OK(sealed);
  const auto opened = open_at(node(0), sealed->envelope);
  ASSERT_OK(opened);
  EXPECT_TRUE(equal(opened->message.reveal(), largest));
}

TEST(Request, has_the_layout_of_the_specification) {
  const Bytes envelope = honest(3, 17000);
  const forge::Request parts = forge::take_apart(envelope);
  EXPECT_TRUE(equal(ByteSpan(envelope).first(4), Bytes{1, 0, 1, 3}));
  ASSERT_EQ(parts.body.size(), 2u);
  EXPECT_EQ(parts.body[0].sealed.size(), 16320u + 16);
  EXPECT_EQ(parts.body[1].sealed.size(), 17408u - 16320 + 16);
  for (size_t i = 1; i < 3; ++i) {
    EXPECT_LT(to_hex(ByteSpan(envelope).subspan(36 + 32 * (i - 1), 32)), to_hex(ByteSpan(envelope).subspan(36 + 32 * i, 32)));
  }
  EXPECT_EQ(envelope.size(), 36 + 3 * 32 + 3 * 1232 + 2 + 16336 + 1 + 1104u);
}

TEST(Request, opens_what_the_second_writing_of_the_format_makes) {
  const auto opened = open_at(node(1), made(plan({&node(0), &node(1)}, padded(17408))));
  ASSERT_OK(opened);
  EXPECT_TRUE(equal(opened->message.reveal(), text(17408)));
}

TEST(Request, is_read_by_the_second_writing_of_the_format) {
  const forge::Request parts = forge::take_apart(honest(2, 20000));
  const Bytes wrap = forge::open_wrap(node(0), parts, index_of(node(0), parts));
  forge::Bytes32 dek;
  std::copy_n(wrap.begin(), 32, dek.begin());
  Bytes p = text(20000);
  p.resize(padme_bytes(p.size()));
  EXPECT_TRUE(equal(ByteSpan(wrap).subspan(32, 32), forge::hash_body(p)));
  EXPECT_TRUE(equal(ByteSpan(wrap).subspan(64), node(0).salt));
  const auto expected = forge::seal_chunks(forge::request_key(dek, parts.th()), forge::cut(p));
  EXPECT_EQ(forge::frame_chunks(parts.body), forge::frame_chunks(expected));
}

TEST(Request, does_not_depend_on_the_order_of_the_recipients) {
  TestRandom one(5), other(5);
  auto reversed = recipients(4);
  std::ranges::reverse(reversed);
  EXPECT_EQ(seal_request(recipients(4), text(9), one)->envelope, seal_request(std::move(reversed), text(9), other)->envelope);
}

TEST(Request, takes_precomputed_encapsulations) {
  TestRandom random(6);
  auto to = recipients(2);
  for (size_t i = 0; i < to.size(); ++i) to[i].encapsulation = hpke::encapsulate(node(i).public_key, random);
  const Bytes enc = to[1].encapsulation->enc;
  const auto sealed = seal_request(std::move(to), text(50), random);
  ASSERT_OK(sealed);
  const forge::Request parts = forge::take_apart(sealed->envelope);
  EXPECT_TRUE(equal(parts.enc(index_of(node(1), parts)), enc));
  for (size_t i = 0; i < 2; ++i) EXPECT_OK(open_at(node(i), sealed->envelope));
}

TEST(Request, opens_however_it_is_cut) {
  const Bytes envelope = honest(2, 40000);
  TestRandom cuts(11);
  for (int round = 0; round < 20; ++round) {
    TestRandom random(1);
    const NodeKey key = node(1).node_key();
    RequestOpener opener(std::span(&key, 1), random);
    const uint64_t piece_max = round == 0 ? 1 : 1 + cuts.below(round < 10 ? 50 : 30000);
    for (ByteSpan rest = envelope; !rest.empty();) {
      const size_t n = std::min<size_t>(rest.size(), 1 + cuts.below(piece_max));
      ASSERT_OK(opener.feed(rest.first(n)));
      rest = rest.subspan(n);
    }
    const auto opened = opener.finish();
    ASSERT_OK(opened);
    EXPECT_TRUE(holds(opened->message.reveal(), text(40000)));
  }
}

TEST(Request, opens_with_the_one_of_several_keys_that_it_names) {
  TestRandom random(1);
  const std::vector<NodeKey> keys{node(3).node_key(), node(2).node_key(), node(0).node_key()};
  RequestOpener opener(keys, random);
  ASSERT_OK(opener.feed(honest(1)));
  EXPECT_OK(opener.finish());
}

TEST(Request, varints_of_any_form_are_read) {
  Bytes envelope = made(plan({&node(0)}, padded(1024)));
  const size_t at = envelope.size() - 1040 - 1;
  ASSERT_EQ(envelope[at], 0);
  const Bytes longer{0xc0, 0, 0, 0, 0, 0, 0};
  envelope.insert(envelope.begin() + static_cast<ptrdiff_t>(at), longer.begin(), longer.end());
  EXPECT_OK(open_at(node(0), envelope));
}

// Refusals.

TEST(Request, refuses_a_cut_at_every_byte) {
  const Bytes envelope = honest(2, 17000);
  const size_t front = 36 + 2 * (32 + 1232);
  const size_t final_chunk = envelope.size() - 1104;
  for (size_t n = 0; n < envelope.size(); n += n < front || n + 1200 > envelope.size() ? 1u : 997u) {
    const auto opened = open_at(node(0), ByteSpan(envelope).first(n));
    if (n < front) {
      EXPECT_RULE(opened, "envelope.1.header") << n;
    } else if (n < final_chunk + 16) {
      EXPECT_RULE(opened, "envelope.1.truncated") << n;
    } else if (n == final_chunk + 16) {
      EXPECT_RULE(opened, "envelope.1.chunk") << n;
    } else {
      EXPECT_RULE(opened, "envelope.1.open") << n;
    }
  }
}

TEST(Request, refuses_a_changed_bit_at_any_byte) {
  const Bytes envelope = honest(1, 100);
  for (size_t i = 0; i < envelope.size(); i += i < 100 ? 1 : 37) {
    Bytes changed = envelope;
    changed[i] ^= 1;
    EXPECT_FALSE(open_at(node(0), changed).has_value()) << i;
  }
}

TEST(Request, refuses_another_version) {
  Bytes envelope = honest();
  envelope[0] = 2;
  EXPECT_RULE(open_at(node(0), envelope), "envelope.1.version");
  EXPECT_RULE(open_at(node(0), Bytes{0}), "envelope.1.version");
}

TEST(Request, refuses_another_suite) {
  forge::Plan p = plan({&node(0)}, padded(1024));
  p.suite = 2;
  EXPECT_RULE(open_at(node(0), made(p)), "envelope.1.suite");
}

TEST(Request, refuses_a_number_of_recipients_outside_1_to_4) {
  forge::Plan p = plan({&node(0)}, padded(1024));
  for (const uint8_t k : {uint8_t{0}, uint8_t{5}, uint8_t{255}}) {
    p.k = k;
    EXPECT_RULE(open_at(node(0), made(p)), "envelope.1.header");
  }
}

TEST(Request, refuses_node_ids_that_do_not_ascend) {
  forge::Plan p = plan({&node(0), &node(1)}, padded(1024));
  std::ranges::reverse(p.nodes);
  EXPECT_RULE(open_at(node(0), made(p)), "envelope.1.header");
}

TEST(Request, refuses_one_node_id_twice) {
  EXPECT_RULE(open_at(node(0), made(plan({&node(0), &node(0)}, padded(1024)))), "envelope.1.header");
}

TEST(Request, refuses_what_is_for_other_nodes) { EXPECT_RULE(open_at(node(3), honest(2)), "envelope.1.recipient"); }

TEST(Request, refuses_a_wrap_with_a_changed_encapsulation_or_ciphertext) {
  for (const size_t at : {0u, 1087u, 1088u, 1119u, 1120u, 1231u}) {
    Bytes envelope = honest(1);
    envelope[36 + 32 + at] ^= 0x40;
    EXPECT_RULE(open_at(node(0), envelope), "envelope.1.wrap") << at;
  }
}

TEST(Request, refuses_badly_sized_chunks) {
  struct Case {
    size_t bucket;
    std::vector<size_t> sizes;
  };
  for (const Case& c : {Case{17408, {1088, 16320}}, Case{17408, {16319, 1089}}, Case{17408, {16321, 1087}}, Case{17408, {17408}},
                        Case{1024, {1024, 0}}, Case{1024, {0, 1024}}}) {
    forge::Plan p = plan({&node(0)}, padded(c.bucket));
    ByteSpan rest = p.padded;
    for (const size_t n : c.sizes) {
      p.pieces.emplace_back(rest.begin(), rest.begin() + static_cast<ptrdiff_t>(n));
      rest = rest.subspan(n);
    }
    EXPECT_RULE(open_at(node(0), made(p)), "envelope.1.chunk") << c.sizes[0];
  }
}

TEST(Request, refuses_chunks_swapped_dropped_repeated_or_marked_otherwise) {
  TestRandom random(1);
  const forge::Request good = forge::make_request(plan({&node(0)}, padded(49152)), random);  // 3 x 16,320 and 192
  ASSERT_EQ(good.body.size(), 4u);
  ASSERT_OK(open_at(node(0), good.bytes()));
  forge::Request bad = good;
  std::swap(bad.body[0], bad.body[1]);
  EXPECT_RULE(open_at(node(0), bad.bytes()), "envelope.1.open");
  bad = good;
  bad.body.erase(bad.body.begin() + 1);
  EXPECT_RULE(open_at(node(0), bad.bytes()), "envelope.1.open");
  bad = good;
  bad.body.insert(bad.body.begin(), bad.body.front());
  EXPECT_RULE(open_at(node(0), bad.bytes()), "envelope.1.open");
  bad = good;
  bad.body.pop_back();
  EXPECT_RULE(open_at(node(0), bad.bytes()), "envelope.1.truncated");
  bad.body.back().last = true;  // a full chunk passed off as the final one
  EXPECT_RULE(open_at(node(0), bad.bytes()), "envelope.1.open");
}

TEST(Request, refuses_bytes_after_the_final_chunk) {
  Bytes envelope = honest();
  envelope.push_back(0);
  EXPECT_RULE(open_at(node(0), envelope), "envelope.1.open");
  envelope.resize(envelope.size() + 20000);
  EXPECT_RULE(open_at(node(0), envelope), "envelope.1.chunk");
}

TEST(Request, refuses_a_size_that_is_no_bucket) {
  for (const size_t n : {1u, 1023u, 1025u, 17407u})
    EXPECT_RULE(open_at(node(0), made(plan({&node(0)}, text(n)))), "envelope.1.padding") << n;
}

TEST(Request, refuses_more_than_the_limit) {
  forge::Plan p = plan({&node(0)}, Bytes(kRequestBytesMax + 1));
  EXPECT_RULE(open_at(node(0), made(p)), "envelope.1.too_large");
}

TEST(Request, refuses_another_body_than_the_wrap_names) {
  forge::Plan p = plan({&node(0)}, padded(1024));
  p.body_hash = forge::hash_body(text(1023));
  EXPECT_RULE(open_at(node(0), made(p)), "envelope.1.body_hash");
}

TEST(Request, refuses_another_commitment) {
  forge::Plan p = plan({&node(0)}, padded(1024));
  p.commit = forge::Bytes32{};
  EXPECT_RULE(open_at(node(0), made(p)), "envelope.1.commit");
}

TEST(Request, stays_refused_after_its_first_error) {
  TestRandom random(1);
  const NodeKey key = node(0).node_key();
  RequestOpener opener(std::span(&key, 1), random);
  const Bytes envelope = honest();
  EXPECT_RULE(opener.feed(Bytes{9}), "envelope.1.version");
  EXPECT_RULE(opener.feed(envelope), "envelope.1.version");
  EXPECT_RULE(opener.finish(), "envelope.1.version");
}

TEST(Request, refuses_at_the_first_byte_that_shows_it) {
  TestRandom random(1);
  const NodeKey key = node(3).node_key();
  RequestOpener opener(std::span(&key, 1), random);
  const Bytes envelope = honest(1);
  ASSERT_OK(opener.feed(ByteSpan(envelope).first(36 + 32 + 1231)));
  EXPECT_RULE(opener.feed(ByteSpan(envelope).subspan(36 + 32 + 1231, 1)), "envelope.1.recipient");
}

TEST(Seal, refuses_none_too_many_or_repeated_recipients) {
  TestRandom random(1);
  EXPECT_RULE(seal_request({}, text(1), random), "envelope.seal.recipients");
  auto five = recipients(4);
  const forge::Node fifth = forge::make_node(4);
  five.push_back(fifth.recipient());
  EXPECT_RULE(seal_request(std::move(five), text(1), random), "envelope.seal.recipients");
  auto twice = recipients(2);
  twice.push_back(node(0).recipient());
  EXPECT_RULE(seal_request(std::move(twice), text(1), random), "envelope.seal.recipients");
}

TEST(Seal, refuses_more_than_the_limit) {
  TestRandom random(1);
  EXPECT_RULE(seal_request(recipients(1), Bytes(kRequestBytesMax + 1), random), "envelope.seal.too_large");
}

TEST(Peek, reads_the_front_and_nothing_else) {
  TestRandom random(1);
  const auto sealed = seal_request(recipients(3), text(10), random);
  ASSERT_OK(sealed);
  const size_t front = 36 + 3 * (32 + 1232);
  for (size_t n = 0; n < front; ++n) {
    const auto part = peek(ByteSpan(sealed->envelope).first(n));
    ASSERT_OK(part);
    EXPECT_FALSE(part->has_value()) << n;
  }
  const auto whole = peek(ByteSpan(sealed->envelope).first(front));
  ASSERT_OK(whole);
  ASSERT_TRUE(whole->has_value());
  EXPECT_EQ((*whole)->th, sealed->th);
  EXPECT_EQ((*whole)->th, forge::take_apart(sealed->envelope).th());
  std::vector<NodeId> ids{node(0).id, node(1).id, node(2).id};
  std::ranges::sort(ids);
  EXPECT_EQ((*whole)->node_ids, ids);
}

TEST(Peek, refuses_a_bad_header) {
  EXPECT_RULE(peek(Bytes{2}), "envelope.1.version");
  EXPECT_RULE(peek(Bytes{1, 1, 1}), "envelope.1.suite");
  EXPECT_RULE(peek(Bytes{1, 0, 1, 0}), "envelope.1.header");
}

}  // namespace
}  // namespace openpcc::envelope
