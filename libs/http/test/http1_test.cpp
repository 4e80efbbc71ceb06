// The parser alone: each refusal by its rule, and the same outcome however the bytes are cut.
#include "../src/http1.h"

#include "openpcc/testkit/testkit.h"

namespace openpcc::http::http1 {
namespace {

constexpr size_t kHeadMax = 16 * 1024;

// scan_all feeds `text` in pieces of `step` bytes.
Result<size_t> scan_all(std::string_view text, size_t bytes_max = kHeadMax, size_t step = 1) {
  HeadScanner scanner(bytes_max);
  for (size_t seen = step; seen < text.size(); seen += step) {
    OPENPCC_LET(const size_t bytes, scanner.scan(as_bytes(text.substr(0, seen))));
    if (bytes != 0) return bytes;
  }
  return scanner.scan(as_bytes(text));
}

Result<RequestStart> request(std::string_view text) {
  OPENPCC_LET(const size_t bytes, scan_all(text));
  OPENPCC_CHECK(bytes != 0);
  return parse_request(as_bytes(text.substr(0, bytes)));
}

Result<ResponseStart> response(std::string_view text, bool answers_head = false) {
  OPENPCC_LET(const size_t bytes, scan_all(text));
  OPENPCC_CHECK(bytes != 0);
  return parse_response(as_bytes(text.substr(0, bytes)), answers_head);
}

Result<RequestStart> with_fields(const std::string& fields) { return request("POST /x HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n"); }
Result<ResponseStart> answer_with(const std::string& fields) { return response("HTTP/1.1 200 OK\r\n" + fields + "\r\n"); }

TEST(Request, of_an_ordinary_client) {
  const auto start = request(
      "POST /v1/chat/completions?a=b HTTP/1.1\r\nHost: localhost:8080\r\nAccept: */*\r\nX-Tab:\t a \t b\t\r\nx-empty:\r\nContent-Length: "
      "12\r\n"
      "Connection: keep-alive\r\nUser-Agent: caf\xc3\xa9\r\n\r\n");
  ASSERT_OK(start);
  EXPECT_EQ(start->head.method, "POST");
  EXPECT_EQ(start->head.target, "/v1/chat/completions?a=b");
  EXPECT_EQ(start->head.authority, "localhost:8080");
  EXPECT_EQ(start->framing.kind, Framing::Kind::length);
  EXPECT_EQ(start->framing.length, 12u);
  EXPECT_TRUE(start->keep_alive);
  EXPECT_FALSE(start->expects_continue);
  ASSERT_EQ(start->head.fields.lines().size(), 4u);
  EXPECT_EQ(start->head.fields.find("x-tab"), "a \t b");
  EXPECT_EQ(start->head.fields.find("x-empty"), "");
  EXPECT_EQ(start->head.fields.find("user-agent"), "caf\xc3\xa9");
  EXPECT_EQ(start->head.fields.find("X-Empty"), std::nullopt);
}

TEST(Request, fields_of_the_connection_end_here) {
  const auto start = with_fields(
      "Connection: close, X-Hop ,, te\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\nUpgrade: h2c\r\nTrailer: a\r\nX-End: 2\r\n"
      "Proxy-Connection: keep-alive\r\n");
  ASSERT_OK(start);
  ASSERT_EQ(start->head.fields.lines().size(), 1u);
  EXPECT_EQ(start->head.fields.lines()[0].name, "x-end");
  EXPECT_FALSE(start->keep_alive);
}

TEST(Request, framing) {
  EXPECT_EQ(with_fields("")->framing.kind, Framing::Kind::none);
  EXPECT_EQ(with_fields("Transfer-Encoding: Chunked\r\n")->framing.kind, Framing::Kind::chunked);
  EXPECT_EQ(with_fields("Content-Length: 0\r\n")->framing.kind, Framing::Kind::length);
  EXPECT_EQ(with_fields("Content-Length: 999999999999999999\r\n")->framing.length, 999999999999999999u);
  EXPECT_TRUE(with_fields("Expect: 100-Continue\r\nContent-Length: 1\r\n")->expects_continue);
  EXPECT_FALSE(with_fields("Expect: 100-continue\r\nContent-Length: 0\r\n")->expects_continue);
}

struct Refused {
  const char* text;
  const char* rule;
};

TEST(Request, refused_first_lines) {
  const Refused cases[] = {
      {"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "http.head.request_line"},
      {"GET\r\nHost: a\r\n\r\n", "http.head.request_line"},
      {"GET /\r\nHost: a\r\n\r\n", "http.head.request_line"},
      {"GET / HTTP/1.0\r\nHost: a\r\n\r\n", "http.head.version"},
      {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "http.head.version"},
      {"GET / http/1.1\r\nHost: a\r\n\r\n", "http.head.version"},
      {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "http.head.version"},
      {"PRI * HTTP/2.0\r\n\r\n", "http.head.version"},
      {"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", "http.head.method"},
      {" / HTTP/1.1\r\nHost: a\r\n\r\n", "http.head.method"},
      {"CONNECT /a HTTP/1.1\r\nHost: a\r\n\r\n", "http.head.method"},
      {"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", "http.head.request_line"},
      {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "http.head.target"},
      {"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "http.head.target"},
      {"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", "http.head.target"},
      {"GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", "http.head.target"},
      {"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "http.head.target"},
      {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "http.head.target"},
  };
  for (const auto& c : cases) EXPECT_RULE(request(c.text), c.rule) << c.text;
}

TEST(Request, refused_fields) {
  const Refused cases[] = {
      {" folded: 1\r\n", "http.head.obs_fold"},
      {"a: 1\r\n\tfolded\r\n", "http.head.obs_fold"},
      {"no colon\r\n", "http.head.field_name"},
      {": no name\r\n", "http.head.field_name"},
      {"space before : 1\r\n", "http.head.field_name"},
      {"Content-Length : 5\r\n", "http.head.field_name"},
      {"na(me: 1\r\n", "http.head.field_name"},
      {"n\xc3\xa9: 1\r\n", "http.head.field_name"},
      {"Host: b\r\n", "http.head.host"},
      {"Connection: close; x\r\n", "http.head.connection"},
      {"Connection: keep alive\r\n", "http.head.connection"},
      {"Expect: 200-ok\r\n", "http.head.expect"},
      {"Content-Length: 5\r\nContent-Length: 5\r\n", "http.head.content_length"},
      {"Content-Length: 5\r\nContent-Length: 6\r\n", "http.head.content_length"},
      {"Content-Length: 5, 5\r\n", "http.head.content_length"},
      {"Content-Length:\r\n", "http.head.content_length"},
      {"Content-Length: +5\r\n", "http.head.content_length"},
      {"Content-Length: -1\r\n", "http.head.content_length"},
      {"Content-Length: 0x5\r\n", "http.head.content_length"},
      {"Content-Length: 5 5\r\n", "http.head.content_length"},
      {"Content-Length: 1000000000000000000\r\n", "http.head.content_length"},
      {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "http.head.transfer_encoding"},
      {"Transfer-Encoding: gzip, chunked\r\n", "http.head.transfer_encoding"},
      {"Transfer-Encoding: chunked, identity\r\n", "http.head.transfer_encoding"},
      {"Transfer-Encoding: identity\r\n", "http.head.transfer_encoding"},
      {"Transfer-Encoding: xchunked\r\n", "http.head.transfer_encoding"},
      {"Transfer-Encoding: \"chunked\"\r\n", "http.head.transfer_encoding"},
      {"Transfer-Encoding:\r\n", "http.head.transfer_encoding"},
      {"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "http.head.both_lengths"},
      {"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", "http.head.both_lengths"},
  };
  for (const auto& c : cases) EXPECT_RULE(with_fields(c.text), c.rule) << c.text;
}

TEST(Request, needs_exactly_one_good_host) {
  EXPECT_RULE(request("GET / HTTP/1.1\r\n\r\n"), "http.head.host");
  for (const char* host : {"", "a/b", "user@a", "a b", "a\\b", "\xc3\xa9", "a?b", "a,b c"}) {
    EXPECT_RULE(request("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n"), "http.head.host") << host;
  }
  for (const char* host : {"a", "a.example:80", "[::1]:8080", "node.invalid"}) {
    EXPECT_OK(request("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n"));
  }
}

TEST(Request, number_of_fields_is_bounded) {
  std::string fields;
  for (size_t i = 1; i < kFieldsMax; ++i) fields += "a: b\r\n";  // and Host
  EXPECT_OK(with_fields(fields));
  EXPECT_RULE(with_fields(fields + "a: b\r\n"), "http.head.fields");
}

TEST(Head, octets_and_line_ends) {
  const std::string_view cases[] = {"GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1\r\nHost: a\n\r\n", "GET / HTTP/1.1\rHost: a\r\n\r\n",
                                    "GET / HTTP/1.1\r\r\n\r\n", "\n"};
  for (const auto text : cases) EXPECT_RULE(scan_all(text), "http.head.line_end") << text;
  for (int c = 0; c < 256; ++c) {
    const bool control = (c < 0x20 && c != '\t') || c == 0x7f;
    if (!control || c == '\r' || c == '\n') continue;
    EXPECT_RULE(scan_all(std::string("GET / HTTP/1.1\r\nHost: a") + static_cast<char>(c)), "http.head.octet") << c;
  }
}

TEST(Head, size_is_bounded_exactly) {
  const std::string start = "GET / HTTP/1.1\r\nHost: a\r\nx: ";
  const std::string fits = start + std::string(kHeadMax - start.size() - 4, 'y') + "\r\n\r\n";
  ASSERT_EQ(fits.size(), kHeadMax);
  EXPECT_EQ(*scan_all(fits + "body", kHeadMax, 100), kHeadMax);
  EXPECT_EQ(*scan_all(fits), kHeadMax);
  const std::string too_long = start + std::string(kHeadMax - start.size() - 3, 'y') + "\r\n\r\n";
  EXPECT_RULE(scan_all(too_long), "http.head.too_large");
  EXPECT_RULE(scan_all(too_long, kHeadMax, 100'000), "http.head.too_large");
  EXPECT_RULE(scan_all(std::string(kHeadMax, 'a')), "http.head.too_large");
}

TEST(Response, of_ordinary_servers) {
  const auto start = answer_with("Server: x\r\nContent-Length: 5\r\nKeep-Alive: timeout=5, max=100\r\nAccess-Control-Allow-Origin: \r\n");
  ASSERT_OK(start);
  EXPECT_EQ(start->head.status, 200);
  EXPECT_TRUE(start->keep_alive);
  EXPECT_EQ(start->head.fields.lines().size(), 2u);
  EXPECT_EQ(start->framing.length, 5u);
  EXPECT_EQ(answer_with("Transfer-Encoding: chunked\r\n")->framing.kind, Framing::Kind::chunked);
  EXPECT_FALSE(answer_with("Connection: close\r\nContent-Length: 1\r\n")->keep_alive);
}

TEST(Response, without_a_length_ends_with_the_connection) {
  const auto start = answer_with("");
  ASSERT_OK(start);
  EXPECT_EQ(start->framing.kind, Framing::Kind::until_close);
  EXPECT_FALSE(start->keep_alive);
}

TEST(Response, to_head_and_some_statuses_has_no_body) {
  EXPECT_EQ(response("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true)->framing.kind, Framing::Kind::none);
  for (const char* status : {"100", "204", "304"}) {
    const auto start = response("HTTP/1.1 " + std::string(status) + " \r\nContent-Length: 5\r\n\r\n");
    ASSERT_OK(start);
    EXPECT_EQ(start->framing.kind, Framing::Kind::none) << status;
  }
}

TEST(Response, of_http_1_0_is_not_kept) {
  const auto start = response("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\n");
  ASSERT_OK(start);
  EXPECT_FALSE(start->keep_alive);
  EXPECT_RULE(response("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), "http.head.transfer_encoding");
}

TEST(Response, refused_first_lines) {
  const Refused cases[] = {
      {"HTTP/1.2 200 OK\r\n\r\n", "http.head.version"},
      {"ICY 200 OK\r\n\r\n", "http.head.version"},
      {"\r\nHTTP/1.1 200 OK\r\n\r\n", "http.head.version"},
      {"HTTP/1.1 200\r\n\r\n", "http.head.status_line"},
      {"HTTP/1.1 20 OK\r\n\r\n", "http.head.status_line"},
      {"HTTP/1.1 2000 OK\r\n\r\n", "http.head.status_line"},
      {"HTTP/1.1 099 OK\r\n\r\n", "http.head.status_line"},
      {"HTTP/1.1  200 OK\r\n\r\n", "http.head.status_line"},
      {"HTTP/1.1 2x0 OK\r\n\r\n", "http.head.status_line"},
      {"HTTP/1.1 101 Switching Protocols\r\n\r\n", "http.head.upgrade"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", "http.head.content_length"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "http.head.both_lengths"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "http.head.transfer_encoding"},
      {"HTTP/1.1 204 No Content\r\nTransfer-Encoding: gzip\r\n\r\n", "http.head.transfer_encoding"},
      {"HTTP/1.1 200 OK\r\n a: b\r\n\r\n", "http.head.obs_fold"},
  };
  for (const auto& c : cases) EXPECT_RULE(response(c.text), c.rule) << c.text;
}

// ---- bodies

struct Decoded {
  std::string data;
  size_t consumed = 0;
  bool done = false;
};

// decode feeds `text` in pieces of `step` bytes, as far as the body goes.
Result<Decoded> decode(Framing framing, std::string_view text, size_t step = 1) {
  BodyDecoder decoder(framing);
  Decoded out;
  size_t arrived = 0;
  while (!decoder.done()) {
    const std::string_view available = text.substr(out.consumed, arrived - out.consumed);
    OPENPCC_LET(const BodyDecoder::Step taken, decoder.decode(as_bytes(available)));
    out.consumed += taken.consumed;
    out.data += as_text(taken.data);
    if (taken.consumed != 0) continue;
    if (arrived == text.size()) {
      OPENPCC_TRY(decoder.end_of_input());
      break;
    }
    arrived = std::min(text.size(), arrived + step);
  }
  out.done = decoder.done();
  return out;
}

constexpr Framing kChunked{Framing::Kind::chunked, 0};

TEST(Body, of_a_length_leaves_the_rest) {
  for (const size_t step : {1u, 2u, 100u}) {
    const auto out = decode({Framing::Kind::length, 5}, "helloGET /", step);
    ASSERT_OK(out);
    EXPECT_EQ(out->data, "hello");
    EXPECT_EQ(out->consumed, 5u);
  }
  EXPECT_EQ(decode({Framing::Kind::length, 0}, "x")->consumed, 0u);
  EXPECT_EQ(decode({Framing::Kind::none, 0}, "x")->consumed, 0u);
}

TEST(Body, until_close) {
  const auto out = decode({Framing::Kind::until_close, 0}, "all of it", 4);
  ASSERT_OK(out);
  EXPECT_EQ(out->data, "all of it");
  EXPECT_TRUE(out->done);
}

// However it is cut, and whatever follows.
TEST(Body, in_chunks_at_every_cut) {
  const std::string body = "5;a=b;c\r\nhello\r\n00000A\r\n, world...\r\n1;\r\n!\r\n0;last\r\nX-Trailer: dropped\r\nother:\r\n\r\n";
  for (size_t step = 1; step <= body.size(); ++step) {
    const auto out = decode(kChunked, body + "GET / HTTP/1.1\r\n", step);
    ASSERT_OK(out);
    EXPECT_EQ(out->data, "hello, world...!");
    EXPECT_EQ(out->consumed, body.size());
  }
}

TEST(Body, cut_anywhere_is_truncated) {
  const std::string body = "5\r\nhello\r\n0\r\na: b\r\n\r\n";
  for (size_t n = 0; n < body.size(); ++n) EXPECT_RULE(decode(kChunked, body.substr(0, n)), "http.body.truncated") << n;
  EXPECT_RULE(decode({Framing::Kind::length, 6}, "hello"), "http.body.truncated");
}

TEST(Body, refused_chunks) {
  const Refused cases[] = {
      {"\r\n", "http.body.chunk_size"},
      {";a\r\n", "http.body.chunk_size"},
      {"g\r\n", "http.body.chunk_size"},
      {"0x5\r\nhello", "http.body.chunk_size"},
      {" 5\r\nhello", "http.body.chunk_size"},
      {"5 \r\nhello", "http.body.chunk_size"},
      {"+5\r\nhello", "http.body.chunk_size"},
      {"-1\r\n", "http.body.chunk_size"},
      {"5\nhello", "http.body.chunk_size"},
      {"5\rhello", "http.body.chunk_size"},
      {"0000000000000005\r\nhello", "http.body.chunk_size"},
      {"fffffffffffffffff\r\n", "http.body.chunk_size"},
      {"5;a\nhello", "http.body.chunk_extension"},
      {"5;a\x01", "http.body.chunk_extension"},
      {"5; a\r\nhello", "http.body.chunk_extension"},
      {"5;a=\"b\"\r\nhello", "http.body.chunk_extension"},
      {"5;a=\"\r\nhello", "http.body.chunk_extension"},
      {"5;a\rb\r\nhello", "http.body.chunk_size"},
      {"5\r\nhello5\r\n", "http.body.chunk_end"},
      {"5\r\nhello\n", "http.body.chunk_end"},
      {"5\r\nhello\rX", "http.body.chunk_end"},
      {"5\r\nhello!\r\n", "http.body.chunk_end"},
      {"0\r\n\n", "http.body.trailers"},
      {"0\r\n\rX", "http.body.trailers"},
      {"0\r\nno colon\r\n\r\n", "http.body.trailers"},
      {"0\r\n: a\r\n\r\n", "http.body.trailers"},
      {"0\r\na: \x01\r\n\r\n", "http.body.trailers"},
      {"0\r\n folded\r\n\r\n", "http.body.trailers"},
      {"0\r\nContent-Length: 5\r\n\r\n", "http.body.trailers"},
      {"0\r\nHost: a\r\n\r\n", "http.body.trailers"},
  };
  for (const auto& c : cases) {
    for (const size_t step : {1u, 1000u}) EXPECT_RULE(decode(kChunked, c.text, step), c.rule) << c.text;
  }
}

TEST(Body, extensions_and_trailers_are_bounded) {
  EXPECT_OK(decode(kChunked, "0;" + std::string(256, 'a') + "\r\n\r\n"));
  EXPECT_RULE(decode(kChunked, "0;" + std::string(257, 'a') + "\r\n\r\n"), "http.body.chunk_extension");
  std::string many;
  for (int i = 0; i < 70; ++i) many += "1;" + std::string(250, 'a') + "\r\nx\r\n";
  EXPECT_RULE(decode(kChunked, many + "0\r\n\r\n", 1000), "http.body.chunk_extension");
  EXPECT_RULE(decode(kChunked, "0\r\na: " + std::string(17'000, 'b') + "\r\n\r\n", 1000), "http.body.trailers");
}

// ---- output

Result<std::string> format(const std::string& method, const std::string& target, const Fields& fields, const std::string& authority = "a") {
  return format_request({method, target, authority, fields}, target, authority, {Framing::Kind::length, 3});
}

TEST(Format, request) {
  const auto text = format("POST", "/x", {{"accept", "*/*"}});
  ASSERT_OK(text);
  EXPECT_EQ(*text, "POST /x HTTP/1.1\r\nhost: a\r\naccept: */*\r\ncontent-length: 3\r\n\r\n");
}

TEST(Format, response) {
  EXPECT_EQ(*format_response({200, {{"a", "b"}}}, kChunked, true), "HTTP/1.1 200 OK\r\na: b\r\ntransfer-encoding: chunked\r\n\r\n");
  EXPECT_EQ(*format_response({299, {}}, {}, false), "HTTP/1.1 299 \r\nconnection: close\r\n\r\n");
}

TEST(Format, what_it_writes_parses_back) {
  for (const int status :
       {200, 201, 202, 204, 304, 400, 401, 403, 404, 405, 408, 409, 413, 415, 421, 422, 429, 500, 501, 502, 503, 504, 599}) {
    const auto text = format_response({static_cast<uint16_t>(status), {{"x", "y"}}}, {}, true);
    ASSERT_OK(text);
    const auto back = response(*text);
    ASSERT_OK(back);
    EXPECT_EQ(back->head.status, status);
  }
}

TEST(Format, refuses_what_would_end_a_line) {
  for (const std::string& value :
       {std::string("a\r\nb: c"), std::string("a\n"), std::string("a\r"), std::string("a\0b", 3), std::string("\x7f")}) {
    EXPECT_RULE(format("GET", "/", {{"a", value}}), "http.emit.field_value");
    EXPECT_RULE(format("GET", "/", {{value, "b"}}), "http.emit.field_name");
    EXPECT_RULE(format("GET", "/" + value, {}), "http.emit.target");
    EXPECT_RULE(format("GET" + value, "/", {}), "http.emit.method");
    EXPECT_RULE(format("GET", "/", {}, "a" + value), "http.emit.authority");
    EXPECT_RULE(format_response({200, {{"a", value}}}, {}, true), "http.emit.field_value");
  }
  EXPECT_RULE(format("GET", "/a b", {}), "http.emit.target");
  EXPECT_RULE(format("GET", "", {}), "http.emit.target");
  EXPECT_RULE(format("GET", "/", {{"", "b"}}), "http.emit.field_name");
  EXPECT_RULE(format("GET", "/", {{"a:b", "c"}}), "http.emit.field_name");
  EXPECT_RULE(format("CONNECT", "/", {}), "http.emit.method");
  EXPECT_RULE(format("GET", "/", {}, ""), "http.emit.authority");
}

TEST(Format, framing_is_ours_alone) {
  for (const char* name : {"Content-Length", "transfer-encoding", "Connection", "host", "Expect", "te", "trailer", "upgrade", "keep-alive",
                           "proxy-connection"}) {
    EXPECT_RULE(format("GET", "/", {{name, "1"}}), "http.emit.reserved_field") << name;
  }
}

TEST(Format, status_is_a_final_one) {
  for (const int status : {0, 99, 100, 101, 199, 600, 999}) {
    EXPECT_RULE(format_response({static_cast<uint16_t>(status), {}}, {}, true), "http.emit.status") << status;
  }
}

TEST(Format, chunk_headers) {
  EXPECT_EQ(as_text(ChunkHeader(1).view()), "1\r\n");
  EXPECT_EQ(as_text(ChunkHeader(0x1f0).view()), "1f0\r\n");
  EXPECT_EQ(as_text(ChunkHeader(SIZE_MAX).view()), "ffffffffffffffff\r\n");
}

}  // namespace
}  // namespace openpcc::http::http1
