#include "openpcc/crypto/hash.h"
#include "support.h"

namespace openpcc::ohttp {
namespace {

using hpke::AeadId;
using hpke::KdfId;
using hpke::KemId;

constexpr size_t kHeaderBytes = 7;

// pattern is text in which no two places of a length look alike.
Bytes pattern(size_t n) {
  Bytes out(n);
  testkit::TestRandom(n + 1).fill(out);
  return out;
}

// Pair is a gateway's keys and a client that started a request to the first of them.
class Pair {
 public:
  Pair(KemId kem, AeadId aead, Form form_, size_t response_bytes_max = kResponseBytesMax) : form(form_) {
    add_key(7, kem, aead);
    add_key(8, kem, aead);
    auto started = ClientRequest::start(keys[0].config(), 0, form, random, response_bytes_max);
    OPENPCC_CHECK(started.has_value());
    client.emplace(std::move(*started));
    gateway.emplace(keys, form, kRequestMax);
    head_bytes = kHeaderBytes + hpke::enc_bytes(kem);
  }
  void add_key(uint8_t key_id, KemId kem, AeadId aead) {
    keys.push_back({key_id, hpke::PrivateKey::generate(kem, random), {{KdfId::hkdf_sha256, aead}}});
  }

  // request and response are whole messages; in the chunked form, pieces of `piece_bytes` and then an empty final chunk.
  Bytes request(ByteSpan plaintext, size_t piece_bytes = 1000) {
    return sealed(plaintext, piece_bytes, [&](ByteSpan p, bool last, Bytes& out) { client->seal(p, last, out); });
  }
  Bytes response(ByteSpan plaintext, size_t piece_bytes = 1000) {
    return sealed(plaintext, piece_bytes, [&](ByteSpan p, bool last, Bytes& out) { gateway->seal(p, last, random, out); });
  }
  // deliver brings a request to the gateway, so that it can answer.
  void deliver() { ASSERT_OK(receive(*gateway, request(pattern(10)), 1000)); }

  Form form;
  testkit::TestRandom random;
  std::vector<GatewayKey> keys;
  std::optional<ClientRequest> client;
  std::optional<GatewayExchange> gateway;
  size_t head_bytes = 0;

 private:
  template <class Seal>
  Bytes sealed(ByteSpan plaintext, size_t piece_bytes, Seal&& seal) {
    Bytes out;
    if (form == Form::whole) {
      seal(plaintext, true, out);
      return out;
    }
    for (ByteSpan rest = plaintext; !rest.empty();) {
      const size_t n = std::min(piece_bytes, rest.size());
      seal(rest.first(n), false, out);
      rest = rest.subspan(n);
    }
    seal({}, true, out);
    return out;
  }
};

class EverySuite : public testing::TestWithParam<std::tuple<KemId, AeadId, Form>> {
 protected:
  Pair pair() const { return Pair(std::get<0>(GetParam()), std::get<1>(GetParam()), std::get<2>(GetParam())); }
};

INSTANTIATE_TEST_SUITE_P(All, EverySuite,
                         testing::Combine(testing::Values(KemId::dhkem_x25519_hkdf_sha256, KemId::x_wing),
                                          testing::Values(AeadId::aes_128_gcm, AeadId::aes_256_gcm, AeadId::chacha20_poly1305),
                                          testing::Values(Form::whole, Form::chunked)));

TEST_P(EverySuite, request_and_response_arrive_however_they_are_cut) {
  for (const size_t n : {0u, 1u, 999u, 2500u}) {
    for (const size_t piece : {1u, 7u, 1000u, 1u << 20}) {
      Pair p = pair();
      const auto request = receive(*p.gateway, p.request(pattern(n)), piece);
      ASSERT_OK(request);
      EXPECT_EQ(*request, pattern(n));
      const auto response = receive(*p.client, p.response(pattern(n + 1)), piece);
      ASSERT_OK(response);
      EXPECT_EQ(*response, pattern(n + 1));
    }
  }
}

TEST_P(EverySuite, every_proper_prefix_of_a_request_is_refused) {
  Pair p = pair();
  const Bytes request = p.request(pattern(40), 30);
  // The encapsulated key of X-Wing is long and all alike: look at its ends.
  for (size_t n = 0; n < request.size(); n += n > 20 && n + 20 < p.head_bytes ? 50 : 1) {
    GatewayExchange gateway(p.keys, p.form, kRequestMax);
    const auto got = receive(gateway, ByteSpan(request).first(n), 1000);
    // Cut inside the last 16 bytes or more, what is left may still look like a sealed piece.
    const bool refused_by_tag = !got && got.error().rule.id() == "ohttp.4.3.open";
    EXPECT_TRUE(refused_by_tag || testkit::trips(got, "ohttp.6.truncated")) << n;
  }
}

TEST_P(EverySuite, every_proper_prefix_of_a_response_is_refused) {
  Pair whole = pair();
  whole.deliver();
  const Bytes response = whole.response(pattern(40), 30);
  for (size_t n = 0; n < response.size(); ++n) {
    Pair p = pair();  // the same seed gives the same request
    const auto got = receive(*p.client, ByteSpan(response).first(n), 1000);
    const bool refused_by_tag = !got && got.error().rule.id() == "ohttp.6.response";
    EXPECT_TRUE(refused_by_tag || testkit::trips(got, "ohttp.6.truncated")) << n;
  }
}

TEST_P(EverySuite, any_changed_byte_of_a_request_is_refused) {
  Pair p = pair();
  const Bytes request = p.request(pattern(40), 30);
  for (size_t at = 0; at < request.size(); at += at > 20 && at + 40 < p.head_bytes ? 40 : 1) {
    Bytes bad = request;
    bad[at] ^= 0x01;
    GatewayExchange gateway(p.keys, p.form, kRequestMax);
    EXPECT_FALSE(receive(gateway, bad, 1000)) << at;
  }
}

TEST_P(EverySuite, any_changed_byte_of_a_response_is_refused) {
  Pair whole = pair();
  whole.deliver();
  const Bytes response = whole.response(pattern(40), 30);
  Pair same = pair();  // the same seed gives the same request
  ASSERT_OK(receive(*same.client, response, 1000));
  for (size_t at = 0; at < response.size(); ++at) {
    Bytes bad = response;
    bad[at] ^= 0x80;
    Pair p = pair();
    EXPECT_FALSE(receive(*p.client, bad, 1000)) << at;
  }
}

TEST_P(EverySuite, the_digest_of_the_encapsulated_key_is_there_once_it_was_read) {
  Pair p = pair();
  const Bytes request = p.request(pattern(10));
  Bytes plaintext;
  ASSERT_OK(p.gateway->open(ByteSpan(request).first(p.head_bytes - 1), plaintext));
  EXPECT_EQ(p.gateway->enc_digest(), std::nullopt);
  ASSERT_OK(p.gateway->open(ByteSpan(request).subspan(p.head_bytes - 1, 1), plaintext));
  EXPECT_EQ(p.gateway->enc_digest(), crypto::sha256(ByteSpan(request).subspan(kHeaderBytes, p.head_bytes - kHeaderBytes)));
}

class EveryForm : public testing::TestWithParam<Form> {
 protected:
  static Pair pair(size_t response_bytes_max = kResponseBytesMax) {
    return Pair(KemId::dhkem_x25519_hkdf_sha256, AeadId::aes_128_gcm, GetParam(), response_bytes_max);
  }
};

INSTANTIATE_TEST_SUITE_P(All, EveryForm, testing::Values(Form::whole, Form::chunked));

TEST_P(EveryForm, an_encapsulation_made_ahead_serves_as_well) {
  Pair p = pair();
  const KeyConfig config = p.keys[1].config();
  const auto recipient = hpke::PublicKey::parse(config.kem, config.public_key);
  ASSERT_OK(recipient);
  p.client.emplace(ClientRequest::start(config, 0, p.form, hpke::encapsulate(*recipient, p.random)));
  EXPECT_OK(receive(*p.gateway, p.request(pattern(10)), 1000));
}

TEST_P(EveryForm, start_refuses_a_bad_public_key) {
  Pair p = pair();
  KeyConfig config = p.keys[0].config();
  config.public_key.assign(32, 0);
  EXPECT_RULE(ClientRequest::start(config, 0, p.form, p.random), "hpke.7.1.public_key");
}

TEST_P(EveryForm, gateway_refuses_an_unknown_key_id) {
  Pair p = pair();
  Bytes request = p.request(pattern(10));
  GatewayExchange none({}, p.form, kRequestMax);
  EXPECT_RULE(receive(none, request, 1000), "ohttp.4.3.key_id");
  request[0] = 9;
  EXPECT_RULE(receive(*p.gateway, request, 1000), "ohttp.4.3.key_id");
}

TEST_P(EveryForm, gateway_refuses_a_suite_that_the_key_does_not_announce) {
  Pair p = pair();
  const Bytes request = p.request(pattern(10));
  const auto with_suite = [&](std::string_view suite) {
    Bytes changed = request;
    std::ranges::copy(testkit::hex(suite), changed.begin() + 1);
    GatewayExchange gateway(p.keys, p.form, kRequestMax);
    return receive(gateway, changed, 1000);
  };
  EXPECT_OK(with_suite("002000010001"));
  EXPECT_RULE(with_suite("647a00010001"), "ohttp.4.3.suite");  // another KEM that we speak
  EXPECT_RULE(with_suite("002000010003"), "ohttp.4.3.suite");  // another AEAD that we speak
  EXPECT_RULE(with_suite("003000010001"), "ohttp.4.3.suite");
  EXPECT_RULE(with_suite("002000020001"), "ohttp.4.3.suite");
  EXPECT_RULE(with_suite("002000010004"), "ohttp.4.3.suite");
}

TEST_P(EveryForm, gateway_refuses_an_encapsulated_key_of_small_order) {
  Pair p = pair();
  Bytes request = p.request(pattern(10));
  std::fill_n(request.begin() + kHeaderBytes, 32, uint8_t{0});
  EXPECT_RULE(receive(*p.gateway, request, 1000), "ohttp.4.3.enc");
}

TEST_P(EveryForm, gateway_refuses_a_request_to_another_key_under_the_same_id) {
  Pair p = pair();
  const Bytes request = p.request(pattern(10));
  p.keys.erase(p.keys.begin());
  p.keys[0].key_id = 7;
  EXPECT_RULE(receive(*p.gateway, request, 1000), "ohttp.4.3.open");
}

TEST_P(EveryForm, gateway_refuses_a_request_of_the_other_form) {
  Pair p = pair();
  const Bytes request = p.request(pattern(0));
  GatewayExchange gateway(p.keys, p.form == Form::whole ? Form::chunked : Form::whole, kRequestMax);
  EXPECT_FALSE(receive(gateway, request, 1000));
}

TEST_P(EveryForm, gateway_refuses_a_request_over_its_limit) {
  Pair p = pair();
  const Bytes request = p.request(pattern(500));
  GatewayExchange exact(p.keys, p.form, request.size());
  EXPECT_OK(receive(exact, request, 100));
  GatewayExchange tight(p.keys, p.form, request.size() - 1);
  EXPECT_RULE(receive(tight, request, 100), "ohttp.4.3.too_large");
}

TEST_P(EveryForm, client_refuses_a_response_over_its_limit) {
  const auto answer = [](size_t response_bytes_max) {
    Pair p = pair(response_bytes_max);
    p.deliver();
    return receive(*p.client, p.response(pattern(500)), 100);
  };
  Pair probe = pair();
  probe.deliver();
  const size_t response_bytes = probe.response(pattern(500)).size();
  EXPECT_OK(answer(response_bytes));
  EXPECT_RULE(answer(response_bytes - 1), "ohttp.4.4.too_large");
}

TEST_P(EveryForm, client_refuses_a_response_to_another_request) {
  Pair a = pair();
  a.deliver();
  Pair b = pair();
  auto other = ClientRequest::start(b.keys[0].config(), 0, b.form, b.random);
  ASSERT_OK(other);
  EXPECT_RULE(receive(*other, a.response(pattern(10)), 1000), "ohttp.6.response");
}

TEST_P(EveryForm, an_error_is_terminal_on_either_side) {
  Pair p = pair();
  Bytes request = p.request(pattern(10));
  const Bytes good = request;
  request[0] = 9;
  Bytes plaintext;
  EXPECT_RULE(p.gateway->open(request, plaintext), "ohttp.4.3.key_id");
  EXPECT_RULE(p.gateway->open(good, plaintext), "ohttp.4.3.key_id");
  EXPECT_RULE(p.gateway->end(plaintext), "ohttp.4.3.key_id");
  EXPECT_EQ(p.gateway->enc_digest(), std::nullopt);

  Pair q = pair(100);
  q.deliver();
  EXPECT_RULE(q.client->open(Bytes(101), plaintext), "ohttp.4.4.too_large");
  EXPECT_RULE(q.client->open(q.response(pattern(10)), plaintext), "ohttp.4.4.too_large");
  EXPECT_RULE(q.client->end(plaintext), "ohttp.4.4.too_large");
  EXPECT_TRUE(plaintext.empty());
}

TEST_P(EveryForm, what_the_caller_had_in_its_buffers_stays) {
  Pair p = pair();
  Bytes out = text("before");
  p.client->seal(pattern(10), true, out);
  EXPECT_EQ(Bytes(out.begin(), out.begin() + 6), text("before"));
  Bytes plaintext = text("before");
  ASSERT_OK(p.gateway->open(ByteSpan(out).subspan(6), plaintext));
  ASSERT_OK(p.gateway->end(plaintext));
  EXPECT_EQ(plaintext, concat({text("before"), pattern(10)}));
}

// The chunked form.

class Chunked : public testing::Test {
 protected:
  Pair pair_{KemId::dhkem_x25519_hkdf_sha256, AeadId::aes_128_gcm, Form::chunked};
};

TEST_F(Chunked, plaintext_is_there_with_each_chunk_and_the_final_one_at_the_end) {
  Bytes wire, plaintext;
  pair_.client->seal(text("one"), false, wire);
  ASSERT_OK(pair_.gateway->open(wire, plaintext));
  EXPECT_EQ(plaintext, text("one"));
  wire.clear();
  pair_.client->seal(text("two"), true, wire);
  ASSERT_OK(pair_.gateway->open(wire, plaintext));
  EXPECT_EQ(plaintext, text("one"));
  ASSERT_OK(pair_.gateway->end(plaintext));
  EXPECT_EQ(plaintext, text("onetwo"));

  wire.clear();
  plaintext.clear();
  pair_.gateway->seal(text("three"), false, pair_.random, wire);
  ASSERT_OK(pair_.client->open(wire, plaintext));
  EXPECT_EQ(plaintext, text("three"));
}

TEST_F(Chunked, sealing_nothing_and_not_last_writes_no_chunk) {
  Bytes wire;
  pair_.client->seal({}, false, wire);
  EXPECT_EQ(wire.size(), pair_.head_bytes);
  pair_.client->seal({}, false, wire);
  EXPECT_EQ(wire.size(), pair_.head_bytes);
}

TEST_F(Chunked, long_plaintext_is_cut_into_chunks_of_16384_bytes) {
  for (const size_t n : {kChunkPlaintextMax - 1, kChunkPlaintextMax, kChunkPlaintextMax + 1, 3 * kChunkPlaintextMax}) {
    Pair p(KemId::dhkem_x25519_hkdf_sha256, AeadId::aes_128_gcm, Form::chunked);
    Bytes wire;
    p.client->seal(pattern(n), true, wire);
    const size_t full_chunks = (n - 1) / kChunkPlaintextMax;
    EXPECT_EQ(wire.size(), p.head_bytes + full_chunks * (4 + kChunkTagBytes) + n + 1 + kChunkTagBytes);
    const auto got = receive(*p.gateway, wire, 5000);
    ASSERT_OK(got);
    EXPECT_EQ(*got, pattern(n));
  }
}

TEST_F(Chunked, refuses_an_empty_chunk_that_is_not_the_last) {
  const Bytes request = pair_.request({});
  // Its sealed bytes would open: the length alone is refused.
  const Bytes bad = concat({ByteSpan(request).first(pair_.head_bytes), testkit::hex("10"), Bytes(16)});
  EXPECT_RULE(receive(*pair_.gateway, bad, 1000), "ohttp.6.chunk");
}

TEST_F(Chunked, refuses_an_oversized_chunk_from_either_side) {
  const Bytes too_long = ByteWriter().varint(kChunkPlaintextMax + kChunkTagBytes + 1).take();
  const Bytes request = pair_.request({});
  EXPECT_RULE(receive(*pair_.gateway, concat({ByteSpan(request).first(pair_.head_bytes), too_long}), 1000), "ohttp.6.chunk");
  EXPECT_RULE(receive(*pair_.client, concat({Bytes(16), too_long}), 1000), "ohttp.6.chunk");
}

// chunks_of cuts a request of three chunks of 10 bytes and an empty final one: the head, then the four frames.
std::vector<Bytes> chunks_of(ByteSpan request, size_t head_bytes) {
  std::vector<Bytes> out{Bytes(request.begin(), request.begin() + static_cast<ptrdiff_t>(head_bytes))};
  for (ByteSpan rest = request.subspan(head_bytes); !rest.empty();) {
    const size_t n = std::min(rest.size(), size_t{1 + 10 + kChunkTagBytes});
    out.emplace_back(rest.begin(), rest.begin() + static_cast<ptrdiff_t>(n));
    rest = rest.subspan(n);
  }
  return out;
}

TEST_F(Chunked, refuses_chunks_dropped_repeated_or_in_another_order) {
  const auto c = chunks_of(pair_.request(pattern(30), 10), pair_.head_bytes);
  ASSERT_EQ(c.size(), 5u);
  const auto open = [&](std::initializer_list<ByteSpan> parts) {
    GatewayExchange gateway(pair_.keys, Form::chunked, kRequestMax);
    return receive(gateway, concat(parts), 13);
  };
  EXPECT_OK(open({c[0], c[1], c[2], c[3], c[4]}));
  EXPECT_RULE(open({c[0], c[2], c[3], c[4]}), "ohttp.4.3.open");
  EXPECT_RULE(open({c[0], c[1], c[1], c[2], c[3], c[4]}), "ohttp.4.3.open");
  EXPECT_RULE(open({c[0], c[2], c[1], c[3], c[4]}), "ohttp.4.3.open");
  EXPECT_RULE(open({c[0], c[1], c[2], c[4]}), "ohttp.4.3.open");
  EXPECT_RULE(open({c[0], c[1], c[2], c[3]}), "ohttp.6.truncated");
  EXPECT_RULE(open({c[0], c[1], c[2], c[3], c[4], testkit::hex("00")}), "ohttp.4.3.open");
}

TEST_F(Chunked, refuses_a_chunk_passed_off_as_final_and_the_reverse) {
  const auto c = chunks_of(pair_.request(pattern(30), 10), pair_.head_bytes);
  const auto open = [&](std::initializer_list<ByteSpan> parts) {
    GatewayExchange gateway(pair_.keys, Form::chunked, kRequestMax);
    return receive(gateway, concat(parts), 1000);
  };
  // The third chunk under the final one's framing: the AAD tells.
  EXPECT_RULE(open({c[0], c[1], c[2], testkit::hex("00"), ByteSpan(c[3]).subspan(1)}), "ohttp.4.3.open");

  Pair p(KemId::dhkem_x25519_hkdf_sha256, AeadId::aes_128_gcm, Form::chunked);
  Bytes request;
  p.client->seal(pattern(10), true, request);
  request[p.head_bytes] = 10 + kChunkTagBytes;  // the final chunk under an ordinary one's framing
  EXPECT_RULE(receive(*p.gateway, request, 1000), "ohttp.4.3.open");
}

TEST_F(Chunked, client_refuses_response_chunks_in_another_order) {
  pair_.deliver();
  const Bytes response = pair_.response(pattern(20), 10);
  const ByteSpan r(response);
  constexpr size_t kFrame = 1 + 10 + kChunkTagBytes;
  const Bytes swapped = concat({r.first(16), r.subspan(16 + kFrame, kFrame), r.subspan(16, kFrame), r.subspan(16 + 2 * kFrame)});
  EXPECT_RULE(receive(*pair_.client, swapped, 1000), "ohttp.6.response");
}

TEST_F(Chunked, a_response_without_its_final_chunk_is_truncated) {
  pair_.deliver();
  Bytes response;
  pair_.gateway->seal(text("all that there is"), false, pair_.random, response);
  EXPECT_RULE(receive(*pair_.client, response, 1000), "ohttp.6.truncated");
}

TEST_F(Chunked, accepts_lengths_that_are_not_in_shortest_form) {
  const auto c = chunks_of(pair_.request(pattern(10), 10), pair_.head_bytes);
  const auto got = receive(
      *pair_.gateway,
      concat({c[0], testkit::hex("c00000000000001a"), ByteSpan(c[1]).subspan(1), testkit::hex("4000"), ByteSpan(c[2]).subspan(1)}), 3);
  ASSERT_OK(got);
  EXPECT_EQ(*got, pattern(10));
}

// Our own mistakes end the process.

using ChunkedDeathTest = Chunked;

TEST_F(ChunkedDeathTest, sealing_after_the_end_or_answering_before_it_ends_the_process) {
  Bytes out;
  EXPECT_DEATH(pair_.gateway->seal({}, true, pair_.random, out), "s.ended");
  pair_.client->seal({}, true, out);
  EXPECT_DEATH(pair_.client->seal({}, true, out), "request_ended");
}

}  // namespace
}  // namespace openpcc::ohttp
