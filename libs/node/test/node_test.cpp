// A node's requests: which it takes, and what its clients see of it.
#include "node_rig.h"

namespace openpcc::node {
namespace {

TEST(Node, a_sealed_request_reaches_the_engine_filtered_and_comes_back_sealed) {
  Rig rig;
  http::RequestHead seen;
  std::string seen_body;
  rig.engine_script = [&](http::ServerExchange& exchange, const Bytes& body) -> Task<> {
    seen = exchange.request();
    seen_body = as_text(body);
    co_await say_two(exchange, body);
  };
  rig.run([&]() -> Task<> {
    for (const std::string_view profile : {"low-latency", "balanced", "strict"}) {
      const auto response = co_await rig.ask_chat(profile, kBody);
      EXPECT_OK(response);
      if (!response) co_return;
      EXPECT_EQ(response->head, (bhttp::ResponseHead{200, {{"content-type", "text/event-stream"}}}));
      EXPECT_EQ(as_text(response->content), "data: one\n\ndata: [DONE]\n\n");
    }
  });
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.target, "/v1/chat/completions");
  for (const http::Field& field : seen.fields.lines()) {
    EXPECT_TRUE(field.name == "content-type" || field.name == "accept-encoding" || field.name == "content-length" || field.name == "host")
        << field.name;
  }
  EXPECT_EQ(seen_body,
            R"({"model":"engine-m","cache_salt":")" + std::string(64, '0') + R"(","cache_prompt":false,"messages":[],"stream":true})");
}

TEST(Node, the_first_frame_arrives_while_the_engine_is_held) {
  Rig rig;
  http::Event go_on(rig.loop().executor());
  rig.engine_script = [&](http::ServerExchange& exchange, const Bytes&) -> Task<> {
    http::ResponseHead head = event_stream();
    const std::optional<uint64_t> unknown;
    const auto responded = co_await exchange.respond(std::move(head), unknown);
    const ByteSpan first = as_bytes("data: one\n\n");
    const auto written = co_await exchange.write(first);
    const bool told = co_await go_on.wait(kSoon);
    EXPECT_TRUE(responded && written && told);
    const auto finished = co_await exchange.finish();
    EXPECT_OK(finished);
  };
  rig.run([&]() -> Task<> {
    Sealed sealed = rig.seal(rig.chat("balanced"), kBody);
    const auto exchange = co_await rig.begin(sealed.envelope);
    const auto head = co_await exchange->read_head();
    EXPECT_OK(head);
    Bytes message;
    while (as_text(message).find("data: one") == std::string_view::npos) {
      const auto piece = co_await exchange->read();
      EXPECT_TRUE(piece && !piece->empty());
      if (!piece || piece->empty()) co_return;
      EXPECT_OK(sealed.opener.open(*piece, message));
    }
    EXPECT_FALSE(sealed.opener.end(message)) << "the answer must not be whole yet";
    go_on.set();
    const auto rest = co_await exchange->read_all(1 << 20);
    EXPECT_OK(rest);
  });
}

TEST(Node, a_client_that_leaves_ends_the_engines_work) {
  Rig rig;
  http::Event engine_left(rig.loop().executor());
  rig.engine_script = [&](http::ServerExchange& exchange, const Bytes&) -> Task<> {
    const auto left = std::make_shared<http::Event>(rig.loop().executor());
    exchange.when_abandoned([left] { left->set(); });
    http::ResponseHead head = event_stream();
    const std::optional<uint64_t> unknown;
    const auto responded = co_await exchange.respond(std::move(head), unknown);
    EXPECT_OK(responded);
    const bool gone = co_await left->wait(kSoon);
    EXPECT_TRUE(gone);
    engine_left.set();
  };
  rig.run([&]() -> Task<> {
    // Once before the answer's first byte is read, and once in the middle of the stream.
    for (const bool begun : {false, true}) {
      Sealed sealed = rig.seal(rig.chat(), kBody);
      const auto exchange = co_await rig.begin(sealed.envelope);
      if (begun) {
        const auto head = co_await exchange->read_head();
        EXPECT_OK(head);
      } else {
        const http::Milliseconds moment(100);
        co_await http::sleep_for(moment);
      }
      exchange->abort();
      const bool left = co_await engine_left.wait(kSoon);
      EXPECT_TRUE(left);
      for (int i = 0; i < 200 && rig.metrics().find("openpcc_requests_running 0") == std::string::npos; ++i) {
        const http::Milliseconds moment(10);
        co_await http::sleep_for(moment);
      }
    }
  });
  EXPECT_TRUE(rig.refused("node.answer.abandoned", 2));
  EXPECT_NE(rig.metrics().find("openpcc_cancelled_total 2"), std::string::npos);
  EXPECT_NE(rig.metrics().find("openpcc_requests_running 0"), std::string::npos);
}

TEST(Node, the_same_envelope_is_answered_once) {
  Rig rig;
  rig.engine_script = say_two;
  rig.run([&]() -> Task<> {
    const Sealed sealed = rig.seal(rig.chat(), kBody);
    const auto first = co_await rig.post(sealed.envelope);
    const auto second = co_await rig.post(sealed.envelope);
    EXPECT_EQ(first.status, 200);
    EXPECT_EQ(second.status, 400);
    EXPECT_TRUE(second.body.empty());
  });
  EXPECT_TRUE(rig.refused("node.replay.repeated"));
  EXPECT_EQ(rig.engine_calls(), 1u);
}

TEST(Node, an_envelope_for_another_node_is_refused) {
  Rig rig;
  Rig other;
  rig.run([&]() -> Task<> {
    const LiveKey& key = other.keyring().keys().back();
    const Sealed moved = rig.seal_to(key.node_id, key.key, rig.chat(), kBody);
    const auto answer = co_await rig.post(moved.envelope);
    EXPECT_EQ(answer.status, 400);
    EXPECT_TRUE(answer.body.empty());
  });
  EXPECT_TRUE(rig.refused("envelope.1.recipient"));
  EXPECT_EQ(rig.engine_calls(), 0u);
}

TEST(Node, an_envelope_that_names_us_but_is_sealed_to_another_key_is_refused) {
  Rig rig;
  Rig other;
  rig.run([&]() -> Task<> {
    const Sealed wrong = rig.seal_to(rig.keyring().keys().back().node_id, other.keyring().keys().back().key, rig.chat(), kBody);
    const auto answer = co_await rig.post(wrong.envelope);
    EXPECT_EQ(answer.status, 400);
  });
  EXPECT_TRUE(rig.refused("envelope.1.wrap"));
}

TEST(Node, a_truncated_or_empty_envelope_is_refused) {
  Rig rig;
  rig.run([&]() -> Task<> {
    const Sealed sealed = rig.seal(rig.chat(), kBody);
    for (const size_t n : {size_t{0}, size_t{10}, size_t{500}, sealed.envelope.size() - 1}) {
      const Bytes cut(sealed.envelope.begin(), sealed.envelope.begin() + static_cast<ptrdiff_t>(n));
      const auto answer = co_await rig.post(cut);
      EXPECT_EQ(answer.status, 400) << n;
    }
    // Refused before its replay entry is made, the whole one is still good.
    const auto answer = co_await rig.post(sealed.envelope);
    EXPECT_EQ(answer.status, 200);
  });
}

TEST(Node, what_is_sealed_must_be_a_request_in_time) {
  Rig rig;
  rig.run([&]() -> Task<> {
    bhttp::RequestHead late = rig.chat();
    late.fields.back().value = std::to_string(kStart - 1);
    const Sealed sealed = rig.seal(std::move(late), kBody);
    const auto answer = co_await rig.post(sealed.envelope);
    EXPECT_EQ(answer.status, 400);
    EXPECT_TRUE(answer.body.empty());
  });
  EXPECT_TRUE(rig.refused("node.not_after.passed"));
  EXPECT_EQ(rig.engine_calls(), 0u);
}

TEST(Node, what_is_sealed_must_have_a_known_length) {
  Rig rig;
  rig.run([&]() -> Task<> {
    Bytes message;
    bhttp::append_request_head(message, rig.chat());
    bhttp::append_content(message, as_bytes(kBody));
    bhttp::append_end(message);
    const LiveKey& key = rig.keyring().keys().back();
    const Sealed sealed = rig.seal_message(key.node_id, key.key, message);
    const auto answer = co_await rig.post(sealed.envelope);
    EXPECT_EQ(answer.status, 400);
  });
  EXPECT_TRUE(rig.refused("node.envelope.framing"));
}

TEST(Node, refusals_of_the_filter_travel_sealed) {
  Rig rig;
  rig.run([&]() -> Task<> {
    const auto unknown = co_await rig.ask_chat("strict", R"({"model":"other"})");
    EXPECT_OK(unknown);
    if (!unknown) co_return;
    EXPECT_EQ(unknown->head.status, 404);
    EXPECT_NE(as_text(unknown->content).find("model_not_found"), std::string_view::npos);

    const auto profile = co_await rig.ask_chat("fastest", kBody);
    EXPECT_OK(profile);
    if (!profile) co_return;
    EXPECT_EQ(profile->head.status, 400);

    bhttp::RequestHead models = rig.chat();
    models.method = "GET";
    models.path = "/v1/models";
    Sealed sealed = rig.seal(std::move(models), "");
    const auto list = co_await rig.open_answer(std::move(sealed));
    EXPECT_OK(list);
    if (!list) co_return;
    EXPECT_EQ(list->head.status, 200);
    EXPECT_NE(as_text(list->content).find("\"id\":\"m\""), std::string_view::npos);
  });
  EXPECT_EQ(rig.engine_calls(), 0u);
}

TEST(Node, more_requests_than_it_takes_are_told_to_go_elsewhere) {
  NodeConfig config;
  config.requests_max = 1;
  Rig rig(std::move(config));
  http::Event go_on(rig.loop().executor());
  rig.engine_script = [&](http::ServerExchange& exchange, const Bytes& body) -> Task<> {
    const bool told = co_await go_on.wait(kSoon);
    EXPECT_TRUE(told);
    co_await say_two(exchange, body);
  };
  rig.run([&]() -> Task<> {
    const Sealed first = rig.seal(rig.chat(), kBody);
    const Sealed second = rig.seal(rig.chat(), kBody);
    const auto held = co_await rig.begin(first.envelope);
    while (rig.engine_calls() == 0) {
      const http::Milliseconds moment(5);
      co_await http::sleep_for(moment);
    }
    const auto refused = co_await rig.post(second.envelope);
    EXPECT_EQ(refused.status, 503);
    EXPECT_TRUE(refused.body.empty());
    go_on.set();
    const auto answer = co_await Rig::collect(*held);
    EXPECT_FALSE(answer.cut);
    go_on.set();
    const auto again = co_await rig.post(second.envelope);  // it was refused before it was opened
    EXPECT_EQ(again.status, 200);
  });
  EXPECT_TRUE(rig.refused("node.busy"));
}

TEST(Node, a_full_replay_set_refuses_and_asks_for_a_new_key) {
  Rig rig({}, 1);
  rig.engine_script = say_two;
  rig.run([&]() -> Task<> {
    const Sealed first = rig.seal(rig.chat(), kBody);
    const Sealed second = rig.seal(rig.chat(), kBody);
    const auto good = co_await rig.post(first.envelope);
    const auto full = co_await rig.post(second.envelope);
    EXPECT_EQ(good.status, 200);
    EXPECT_EQ(full.status, 503);
  });
  EXPECT_TRUE(rig.refused("node.replay.full"));
  EXPECT_TRUE(rig.keyring().tend(rig.now()).made.has_value());
}

TEST(Node, judges_an_envelope_by_its_head_before_reading_it) {
  NodeConfig config;
  config.envelope_bytes_max = 10'000;
  Rig rig(std::move(config));
  rig.run([&]() -> Task<> {
    const std::string small = "x";
    const std::string big(10'001, 'x');
    const auto untyped = co_await rig.fetch_status("POST", "/v1/envelope", small);
    EXPECT_EQ(untyped, 400);
    const Bytes too_large(big.begin(), big.end());
    const auto large = co_await rig.post(too_large);
    EXPECT_EQ(large.status, 400);

    http::RequestHead head;
    head.method = "POST";
    head.target = "/v1/envelope";
    head.fields.add("content-type", envelope::kRequestType);
    const std::optional<uint64_t> unknown;
    auto chunked = co_await rig.client().open(rig.node_endpoint(), std::move(head), unknown);
    EXPECT_OK(chunked);
    if (!chunked) co_return;
    const auto finished = co_await (*chunked)->finish_request();
    EXPECT_OK(finished);
    const auto answer = co_await Rig::collect(**chunked);
    EXPECT_EQ(answer.status, 400);
  });
  EXPECT_TRUE(rig.refused("node.envelope.media_type"));
  EXPECT_TRUE(rig.refused("node.envelope.too_large"));
  EXPECT_TRUE(rig.refused("node.envelope.length"));
}

TEST(Node, an_envelope_that_does_not_arrive_whole_is_dropped) {
  Rig rig;
  rig.run([&]() -> Task<> {
    http::RequestHead head;
    head.method = "POST";
    head.target = "/v1/envelope";
    head.fields.add("content-type", envelope::kRequestType);
    const std::optional<uint64_t> bytes = 1000;
    auto exchange = co_await rig.client().open(rig.node_endpoint(), std::move(head), bytes);
    EXPECT_OK(exchange);
    if (!exchange) co_return;
    const ByteSpan part = as_bytes("only this");
    const auto written = co_await (*exchange)->write(part);
    EXPECT_OK(written);
    (*exchange)->abort();
    for (int i = 0; i < 200 && rig.metrics().find("node.envelope.body") == std::string::npos; ++i) {
      const http::Milliseconds moment(10);
      co_await http::sleep_for(moment);
    }
  });
  EXPECT_TRUE(rig.refused("node.envelope.body"));
}

TEST(Node, an_envelope_that_dribbles_in_is_dropped) {
  NodeConfig config;
  config.envelope_time_max = http::Milliseconds(150);
  Rig rig(std::move(config));
  rig.run([&]() -> Task<> {
    http::RequestHead head;
    head.method = "POST";
    head.target = "/v1/envelope";
    head.fields.add("content-type", envelope::kRequestType);
    const std::optional<uint64_t> bytes = 1000;
    auto exchange = co_await rig.client().open(rig.node_endpoint(), std::move(head), bytes);
    EXPECT_OK(exchange);
    if (!exchange) co_return;
    const ByteSpan one = as_bytes("x");
    for (int i = 0; i < 200; ++i) {
      const auto written = co_await (*exchange)->write(one);
      if (!written) break;
      const http::Milliseconds moment(20);
      co_await http::sleep_for(moment);
    }
  });
  EXPECT_TRUE(rig.refused("node.envelope.body"));
}

TEST(Node, evidence_is_given_and_beacons_are_taken) {
  Rig rig;
  rig.run([&]() -> Task<> {
    http::RequestHead get;
    get.method = "GET";
    get.target = "/v1/evidence";
    Bytes nothing;
    const auto evidence = co_await rig.client().fetch(rig.node_endpoint(), std::move(get), std::move(nothing), 4 << 20);
    EXPECT_OK(evidence);
    if (!evidence) co_return;
    EXPECT_EQ(as_text(evidence->body), as_text(rig.keyring().key_list(rig.now())));

    const std::string newer = rig.beacon(2);
    const auto taken = co_await rig.fetch_status("PUT", "/v1/beacon", newer);
    EXPECT_EQ(taken, 204);
    const std::string older = rig.beacon(1);
    const auto refused = co_await rig.fetch_status("PUT", "/v1/beacon", older);
    EXPECT_EQ(refused, 400);
    const std::string huge(note::kNoteBytesMax + 1, 'x');
    const auto too_large = co_await rig.fetch_status("PUT", "/v1/beacon", huge);
    EXPECT_EQ(too_large, 400);
    const auto nowhere = co_await rig.fetch_status("GET", "/v1/models", "");
    EXPECT_EQ(nowhere, 404);
    const auto wrong = co_await rig.fetch_status("GET", "/v1/envelope", "");
    EXPECT_EQ(wrong, 405);
  });
  EXPECT_TRUE(rig.refused("node.beacon.older"));
  EXPECT_TRUE(rig.refused("node.beacon.body"));
  EXPECT_TRUE(rig.refused("node.path"));
  EXPECT_TRUE(rig.refused("node.method"));
}

TEST(Node, is_ready_with_a_key_and_an_engine_that_answers) {
  Rig rig({}, 1000, Rig::Watched::engine);
  bool up = false;
  rig.engine_script = [&](http::ServerExchange& exchange, const Bytes&) -> Task<> {
    const bool list = exchange.request().target == "/v1/models";
    co_await say_whole(exchange, up ? 200 : 503, list ? R"({"data":[{"id":"engine-m"}]})" : "{}");
  };
  rig.run([&]() -> Task<> {
    while (rig.engine_calls() < 2) {
      const http::Milliseconds moment(20);
      co_await http::sleep_for(moment);
    }
    EXPECT_FALSE(rig.node().ready());
    const Sealed early = rig.seal(rig.chat(), kBody);
    const auto refused = co_await rig.post(early.envelope);
    EXPECT_EQ(refused.status, 503) << "before it was opened: another node may take it";
    up = true;
    for (int i = 0; i < 200 && !rig.node().ready(); ++i) {
      const http::Milliseconds moment(20);
      co_await http::sleep_for(moment);
    }
    EXPECT_TRUE(rig.node().ready());
  });
  EXPECT_TRUE(rig.refused("node.engine.away"));
}

}  // namespace
}  // namespace openpcc::node
