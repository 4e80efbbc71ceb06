// The examples of RFC 9458 appendix A and of draft-ietf-ohai-chunked-ohttp-08: recomputed bit for bit in both directions.
#include <boost/json.hpp>

#include "support.h"

namespace openpcc::ohttp {
namespace {

class Vectors : public testing::Test {
 protected:
  // load: false when the shared vectors are absent.
  bool load(std::string_view file) {
    const auto path = testkit::shared_file(file);
    if (!path) return false;
    const Bytes json = testkit::read_file(*path);
    vector_ = boost::json::parse(as_text(json));
    return true;
  }
  Bytes at(std::string_view name) const { return testkit::hex(vector_.at(name).as_string()); }
  std::vector<size_t> sizes(std::string_view name) const { return boost::json::value_to<std::vector<size_t>>(vector_.at(name)); }

  // check recomputes both messages with the example's randomness, sealing the plaintexts in pieces of these sizes, the last one final.
  void check(Form form, const std::vector<size_t>& request_pieces, const std::vector<size_t>& response_pieces);

 private:
  boost::json::value vector_;
};

template <class Seal>
Bytes sealed_in_pieces(ByteSpan plaintext, const std::vector<size_t>& pieces, Seal&& seal) {
  Bytes out;
  for (size_t i = 0; i < pieces.size(); ++i) {
    seal(plaintext.first(pieces[i]), i + 1 == pieces.size(), out);
    plaintext = plaintext.subspan(pieces[i]);
  }
  EXPECT_TRUE(plaintext.empty());
  return out;
}

void Vectors::check(Form form, const std::vector<size_t>& request_pieces, const std::vector<size_t>& response_pieces) {
  const Bytes gateway_sk = at("gateway_secret_key");
  const auto config = KeyConfig::parse(at("key_config"));
  ASSERT_OK(config);
  std::vector<GatewayKey> keys;
  keys.push_back({config->key_id, hpke::PrivateKey::from_bytes(config->kem, std::span(gateway_sk).first<32>()), config->algorithms});
  EXPECT_EQ(keys[0].config().encode(), at("key_config"));

  ReplayRandom client_random(at("client_ephemeral_secret_key"));
  auto client = ClientRequest::start(*config, 0, form, client_random);
  ASSERT_OK(client);
  const Bytes request =
      sealed_in_pieces(at("bhttp_request"), request_pieces, [&](ByteSpan piece, bool last, Bytes& out) { client->seal(piece, last, out); });
  EXPECT_EQ(to_hex(request), to_hex(at("encapsulated_request")));

  GatewayExchange gateway(keys, form, kRequestMax);
  const auto opened_request = receive(gateway, request, 1);
  ASSERT_OK(opened_request);
  EXPECT_EQ(*opened_request, at("bhttp_request"));

  const Bytes expected_response = at("encapsulated_response");
  ReplayRandom gateway_random(Bytes(expected_response.begin(), expected_response.begin() + 16));
  const Bytes response = sealed_in_pieces(at("bhttp_response"), response_pieces,
                                          [&](ByteSpan piece, bool last, Bytes& out) { gateway.seal(piece, last, gateway_random, out); });
  EXPECT_EQ(to_hex(response), to_hex(expected_response));
  const auto opened_response = receive(*client, response, 1);
  ASSERT_OK(opened_response);
  EXPECT_EQ(*opened_response, at("bhttp_response"));
}

TEST_F(Vectors, rfc_9458_appendix_a) {
  if (!load("vectors/ohttp-rfc9458/example.json")) GTEST_SKIP() << "the shared vectors are absent: RFC 9458's example is not checked";
  check(Form::whole, {at("bhttp_request").size()}, {at("bhttp_response").size()});
}

TEST_F(Vectors, chunked_ohttp_draft_08_appendix) {
  if (!load("vectors/ohttp-chunked-draft08/example.json"))
    GTEST_SKIP() << "the shared vectors are absent: the draft's example is not checked";
  check(Form::chunked, sizes("request_chunk_plaintext_lengths"), sizes("response_chunk_plaintext_lengths"));
}

}  // namespace
}  // namespace openpcc::ohttp
