// Both ends of an exchange in one process: the client's machine, and what gateway and node together would do with it. For tests and fuzzing.
#pragma once

#include <algorithm>
#include <string>

#include "openpcc/client/exchange.h"

namespace openpcc::client::both_ends {

inline constexpr UnixSeconds kNow = 1'800'000'000;

// FixedRandom gives the same bytes in every run.
class FixedRandom final : public Random {
 public:
  void fill(MutableByteSpan out) override {
    for (uint8_t& byte : out) {
      state_ = state_ * 6364136223846793005u + 1442695040888963407u;
      byte = static_cast<uint8_t>(state_ >> 56);
    }
  }

 private:
  uint64_t state_ = 1;
};

// World is a gateway and a node's keys, held by the test.
struct World {
  FixedRandom random;
  std::vector<ohttp::GatewayKey> gateway_keys;
  hpke::PrivateKey node_key = hpke::PrivateKey::generate(hpke::KemId::x_wing, random);
  hpke::PublicKey node_public = *hpke::PublicKey::parse(hpke::KemId::x_wing, node_key.public_key());
  envelope::NodeId node_id{7};

  World() {
    gateway_keys.push_back(
        {1, hpke::PrivateKey::generate(hpke::KemId::x_wing, random), {{hpke::KdfId::hkdf_sha256, hpke::AeadId::aes_256_gcm}}});
  }

  std::vector<envelope::Recipient> recipients() {
    std::vector<envelope::Recipient> out;
    out.push_back({node_id, &node_public, {}, std::nullopt});
    return out;
  }

  Result<Exchange> start() {
    const bhttp::RequestHead head{"POST", "", "", "/v1/chat/completions", {{"content-type", "application/json"}}};
    return Exchange::start({"gateway.example", gateway_keys[0].config()}, head, as_bytes("{\"model\":\"m\"}"), recipients(),
                           {envelope::Profile::balanced, kNow + 60}, random);
  }
};

// Opposite is what gateway and node together know of one exchange.
struct Opposite {
  ohttp::GatewayExchange outer;
  bhttp::Request outer_request;
  envelope::OpenedRequest opened;

  static Opposite of(World& world, const Exchange& exchange) {
    ohttp::GatewayExchange outer(world.gateway_keys, ohttp::Form::chunked, 1 << 20);
    Bytes message;
    OPENPCC_CHECK(outer.open(exchange.request(), message).has_value());
    OPENPCC_CHECK(outer.end(message).has_value());
    auto request = bhttp::decode_request(message);
    OPENPCC_CHECK(request.has_value());
    const envelope::NodeKey key{world.node_id, &world.node_key};
    envelope::RequestOpener opener({&key, 1}, world.random);
    OPENPCC_CHECK(opener.feed(ByteSpan(request->content).subspan(envelope::kAuthorisationBytes)).has_value());
    auto opened = opener.finish();
    OPENPCC_CHECK(opened.has_value());
    return {std::move(outer), std::move(*request), std::move(*opened)};
  }

  // answer is the node's sealed answer; `end`: with its final frame.
  Bytes answer(ByteSpan inner, bool end) {
    Bytes sealed;
    opened.answer.seal(inner, end, envelope::Profile::balanced, sealed);
    return sealed;
  }

  // encapsulate is what the gateway makes of it.
  Bytes encapsulate(uint16_t status, const bhttp::Fields& fields, ByteSpan content, bool end, World& world) {
    Bytes message;
    bhttp::append_response_head(message, {status, fields});
    bhttp::append_content(message, content);
    if (end) bhttp::append_end(message);
    Bytes sealed;
    outer.seal(message, end, world.random, sealed);
    return sealed;
  }
};

inline const bhttp::Fields kAnswerFields{{"content-type", std::string(envelope::kAnswerType)}};

inline Bytes inner_response(std::string_view content, bool end = true) {
  Bytes message;
  bhttp::append_response_head(message, {200, {{"content-type", "application/json"}}});
  bhttp::append_content(message, as_bytes(content));
  if (end) bhttp::append_end(message);
  return message;
}

// Seen is everything that an exchange gave.
struct Seen {
  std::optional<uint16_t> status;
  std::optional<uint16_t> refused;
  std::string content;
  bool complete = false;
};

inline Result<> take(Exchange& exchange, Seen& seen) {
  for (;;) {
    const auto next = exchange.next();
    OPENPCC_TRY(next);
    const Exchange::Event& event = *next;
    if (std::holds_alternative<bhttp::NeedMore>(event)) return {};
    if (const auto* refused = std::get_if<Exchange::Refused>(&event)) seen.refused = refused->status;
    if (const auto* head = std::get_if<bhttp::ResponseHead>(&event)) seen.status = head->status;
    if (const auto* content = std::get_if<bhttp::Content>(&event)) seen.content += as_text(content->bytes);
    if (std::holds_alternative<bhttp::End>(event)) {
      seen.complete = true;
      return {};
    }
  }
}

inline Result<Seen> run(Exchange& exchange, ByteSpan answer, size_t step = SIZE_MAX) {
  Seen seen;
  while (!answer.empty()) {
    const ByteSpan piece = answer.first(std::min(step, answer.size()));
    answer = answer.subspan(piece.size());
    OPENPCC_TRY(exchange.feed(piece));
    OPENPCC_TRY(take(exchange, seen));
    OPENPCC_CHECK(!seen.complete);  // nothing is complete before the transport ended
  }
  OPENPCC_TRY(exchange.end());
  OPENPCC_TRY(take(exchange, seen));
  return seen;
}

}  // namespace openpcc::client::both_ends
