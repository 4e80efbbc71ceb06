#include "openpcc/testkit/testkit.h"
#include "transcript.h"

namespace openpcc::bhttp {
namespace {

using testkit::hex;

// Builder writes messages by hand, well-formed or not.
struct Builder {
  ByteWriter w;
  Builder& n(uint64_t v) { return w.varint(v), *this; }
  Builder& s(std::string_view v) { return w.varint(v.size()).text(v), *this; }
  Builder& line(std::string_view name, std::string_view value) { return s(name).s(value); }
  // section is a known-length field section of these lines.
  Builder& section(const Builder& lines) { return w.varint(lines.w.size()).bytes(lines.w.view()), *this; }
  Builder& raw(ByteSpan v) { return w.bytes(v), *this; }
  operator ByteSpan() const { return w.view(); }  // NOLINT(google-explicit-constructor): reads as a literal
};

Builder request(uint64_t framing) { return Builder().n(framing).s("POST").s("https").s("a.example").s("/x?y=1"); }
Builder known_request() { return request(0); }
Builder open_request() { return request(2); }

const RequestHead kHead{"POST", "https", "a.example", "/x?y=1", {}};

// Messages with every part present.
Bytes full_known_request() {
  return known_request().section(Builder().line("a", "1").line("b-c", "")).s("content").section(Builder().line("t", "2")).w.take();
}
Bytes full_open_request() {
  return open_request().line("a", "1").line("b-c", "").n(0).s("con").s("tent").n(0).line("t", "2").n(0).w.take();
}
Bytes full_open_response() {
  return Builder().n(3).n(103).line("link", "x").n(0).n(100).n(0).n(299).line("a", "1").n(0).s("content").n(0).line("t", "2").n(0).w.take();
}

Transcript<RequestHead> full_request_transcript() {
  RequestHead head = kHead;
  head.fields = {{"a", "1"}, {"b-c", ""}};
  const ByteSpan content = as_bytes("content");
  return {head, Bytes(content.begin(), content.end()), {{"t", "2"}}, true};
}

template <class Head>
void expect_same_however_cut(ByteSpan message, const Transcript<Head>& expected) {
  for (size_t piece = 1; piece <= message.size(); ++piece) {
    const auto got = read<Head>(message, piece);
    ASSERT_OK(got);
    EXPECT_EQ(*got, expected) << "pieces of " << piece;
  }
  testkit::TestRandom random;
  for (int i = 0; i < 50; ++i) {
    const auto got = read<Head>(message, [&random] { return 1 + random.below(9); });
    ASSERT_OK(got);
    EXPECT_EQ(*got, expected) << "random cuts, round " << i;
  }
}

TEST(Decoder, gives_the_same_events_however_a_known_length_request_is_cut) {
  expect_same_however_cut(full_known_request(), full_request_transcript());
}

TEST(Decoder, gives_the_same_events_however_an_indeterminate_length_request_is_cut) {
  expect_same_however_cut(full_open_request(), full_request_transcript());
}

TEST(Decoder, gives_the_same_events_however_a_response_is_cut_and_skips_interim_ones) {
  const ByteSpan content = as_bytes("content");
  const Transcript<ResponseHead> expected{ResponseHead{299, {{"a", "1"}}}, Bytes(content.begin(), content.end()), {{"t", "2"}}, true};
  expect_same_however_cut(full_open_response(), expected);
}

TEST(Decoder, hands_on_content_before_its_chunk_is_complete) {
  Decoder<ResponseHead> decoder;
  const Bytes front = Builder().n(3).n(200).n(0).n(1000).raw(as_bytes("abc")).w.take();
  decoder.feed(front);
  auto head = decoder.next();
  ASSERT_OK(head);
  EXPECT_TRUE(std::holds_alternative<ResponseHead>(*head));
  auto content = decoder.next();
  ASSERT_OK(content);
  ASSERT_TRUE(std::holds_alternative<Content>(*content));
  EXPECT_EQ(as_text(std::get<Content>(*content).bytes), "abc");
  EXPECT_EQ(std::get<Content>(*content).bytes.data(), front.data() + front.size() - 3) << "content is viewed, not copied";
  auto more = decoder.next();
  ASSERT_OK(more);
  EXPECT_TRUE(std::holds_alternative<NeedMore>(*more));
}

TEST(Decoder, accepts_integers_that_are_not_in_shortest_form) {
  const Bytes message =
      concat({hex("4000"), hex("80000003"), as_bytes("GET"), hex("c000000000000005"), as_bytes("https"), hex("00"), hex("4001"),
              as_bytes("/"), hex("4005"), hex("4001"), as_bytes("a"), hex("4000"), hex("4000"), hex("80000000")});
  const auto got = read<RequestHead>(message, 1);
  ASSERT_OK(got);
  EXPECT_EQ(got->head, (RequestHead{"GET", "https", "", "/", {{"a", ""}}}));
}

// Truncation, RFC 9292 s3.8.

// cut_points are the prefixes of `message` that decode.
template <class Head>
std::vector<size_t> cut_points(ByteSpan message) {
  std::vector<size_t> out;
  for (size_t n = 0; n < message.size(); ++n) {
    const auto got = read<Head>(message.first(n), 3);
    if (got) {
      out.push_back(n);
    } else {
      EXPECT_RULE(got, "bhttp.3.8.truncated") << "cut at " << n;
    }
  }
  return out;
}

TEST(Decoder, a_known_length_request_may_be_cut_only_between_parts) {
  const size_t control = known_request().w.size();
  const size_t header = control + 1 + 9;
  EXPECT_EQ(cut_points<RequestHead>(full_known_request()), (std::vector<size_t>{control, header, header + 8}));
}

TEST(Decoder, an_indeterminate_length_request_may_be_cut_only_before_a_part_begins) {
  const size_t control = open_request().w.size();
  const size_t header = control + 9 + 1;
  EXPECT_EQ(cut_points<RequestHead>(full_open_request()), (std::vector<size_t>{control, header, header + 10}));
}

TEST(Decoder, a_response_may_not_be_cut_after_an_interim_one) {
  const size_t interim = 1 + 2 + 7 + 1 + 2 + 1;
  const size_t control = interim + 2;
  const size_t header = control + 4 + 1;
  EXPECT_EQ(cut_points<ResponseHead>(full_open_response()), (std::vector<size_t>{control, header, header + 9}));
}

TEST(Decoder, missing_parts_are_empty) {
  for (const Builder& message : {known_request(), known_request().n(0), known_request().n(0).n(0), known_request().n(0).n(0).n(0),
                                 open_request(), open_request().n(0), open_request().n(0).n(0), open_request().n(0).n(0).n(0)}) {
    const auto got = read<RequestHead>(message, 1);
    ASSERT_OK(got);
    EXPECT_EQ(*got, (Transcript<RequestHead>{kHead, {}, {}, true}));
  }
}

TEST(Decoder, an_empty_message_is_truncated) { EXPECT_RULE(read<RequestHead>({}, 1), "bhttp.3.8.truncated"); }

// Padding, RFC 9292 s3.8.

TEST(Decoder, accepts_zero_padding_of_any_length) {
  for (const size_t n : {1u, 10u, 5000u}) {
    EXPECT_OK(read<RequestHead>(concat({full_known_request(), Bytes(n)}), 700));
    EXPECT_OK(read<RequestHead>(concat({full_open_request(), Bytes(n)}), 700));
  }
}

TEST(Decoder, refuses_padding_that_is_not_zero) {
  for (const Bytes& message : {full_known_request(), full_open_request()}) {
    Bytes padded = concat({message, Bytes(50)});
    for (size_t at = message.size(); at < padded.size(); at += 7) {
      padded[at] = 1;
      EXPECT_RULE(read<RequestHead>(padded, 1), "bhttp.3.8.padding");
      EXPECT_RULE(decode_request(padded), "bhttp.3.8.padding");
      padded[at] = 0;
    }
  }
}

// Framing and control data.

TEST(Decoder, refuses_a_framing_indicator_of_the_other_kind_or_of_none) {
  for (const uint64_t framing : {1u, 3u, 4u, 64u}) EXPECT_RULE(read<RequestHead>(request(framing), 1), "bhttp.3.framing");
  for (const uint64_t framing : {0u, 2u, 5u}) EXPECT_RULE(read<ResponseHead>(Builder().n(framing).n(200), 1), "bhttp.3.framing");
}

TEST(Decoder, refuses_ill_formed_control_data) {
  const auto with = [](std::string_view method, std::string_view scheme, std::string_view authority, std::string_view path) {
    return read<RequestHead>(Builder().n(0).s(method).s(scheme).s(authority).s(path), 2);
  };
  EXPECT_OK(with("get", "coap+tcp", "", "/"));
  EXPECT_OK(with("OPTIONS", "https", "[::1]:443", "*"));
  for (const char* method : {"", "GE T", "GET\r\n", "G\x7f", "GET:"}) EXPECT_RULE(with(method, "https", "a", "/"), "bhttp.3.control");
  for (const char* scheme : {"", "1http", "http:", "ht tp", "+x"}) EXPECT_RULE(with("GET", scheme, "a", "/"), "bhttp.3.control");
  for (const char* authority : {"a b", "user@a", "a/", "a?", "a#", "a\\", "a\n", "\xc3\xa4"}) {
    EXPECT_RULE(with("GET", "https", authority, "/"), "bhttp.3.control");
  }
  for (const char* path : {"", "x", "*", "/a b", "/a#b", "/\r", "/\xff", "http://a/"})
    EXPECT_RULE(with("GET", "https", "a", path), "bhttp.3.control");
  EXPECT_RULE(with("GET", "https", "a", std::string_view("/\0", 2)), "bhttp.3.control");
}

TEST(Decoder, refuses_a_status_outside_its_range) {
  for (const uint64_t status : {0u, 99u, 600u, 65736u /* 200 modulo 2^16 */}) {
    EXPECT_RULE(read<ResponseHead>(Builder().n(1).n(status), 1), "bhttp.3.5.status");
  }
  for (const uint64_t status : {200u, 599u}) EXPECT_OK(read<ResponseHead>(Builder().n(1).n(status), 1));
}

// Fields.

Result<Transcript<RequestHead>> with_field(std::string_view name, std::string_view value) {
  const auto known = read<RequestHead>(known_request().section(Builder().line(name, value)), 5);
  if (name.empty()) return known;  // in the other framing it ends the section
  const auto open = read<RequestHead>(open_request().line(name, value).n(0), 5);
  EXPECT_EQ(known.has_value(), open.has_value());
  if (known && open) {
    EXPECT_EQ(*known, *open);
  } else if (!known && !open) {
    EXPECT_EQ(known.error().rule, open.error().rule);
  }
  return known;
}

TEST(Decoder, refuses_field_names_that_are_no_lower_case_tokens) {
  for (const char* name : {"", "A", "content-Type", "a b", "a:", "a\n", "\xc3\xa4", "a(b)", "a\"", ":x", ":method", ":path", ":status"}) {
    EXPECT_RULE(with_field(name, "v"), "bhttp.3.field_name") << name;
  }
  EXPECT_RULE(with_field(std::string_view("a\0", 2), "v"), "bhttp.3.field_name");
  EXPECT_OK(with_field("!#$%&'*+-.^_`|~09az", "v"));
}

TEST(Decoder, refuses_pseudo_fields_in_trailers) {
  EXPECT_RULE(read<RequestHead>(known_request().n(0).n(0).section(Builder().line(":path", "/")), 3), "bhttp.3.field_name");
  EXPECT_RULE(read<RequestHead>(open_request().n(0).n(0).line(":path", "/").n(0), 3), "bhttp.3.field_name");
}

TEST(Decoder, refuses_field_values_with_control_characters_or_blank_ends) {
  for (const char* value : {"a\r\nb: c", "a\n", "\r", "a\x01", "\x7f", " a", "a ", "\ta", "a\t", " "}) {
    EXPECT_RULE(with_field("a", value), "bhttp.3.field_value") << value;
  }
  EXPECT_RULE(with_field("a", std::string_view("a\0b", 3)), "bhttp.3.field_value");
  for (const char* value : {"", "a b", "a\tb", "\xc3\xa4", "\"q\""}) EXPECT_OK(with_field("a", value));
}

TEST(Decoder, refuses_a_field_line_that_crosses_the_end_of_its_section) {
  EXPECT_RULE(read<RequestHead>(known_request().n(1).raw(hex("01")), 1), "bhttp.3.section");
  EXPECT_RULE(read<RequestHead>(known_request().n(2).line("a", "b"), 1), "bhttp.3.section");
  EXPECT_RULE(read<RequestHead>(known_request().n(3).line("a", "b"), 1), "bhttp.3.section");
  EXPECT_RULE(read<RequestHead>(known_request().n(9).raw(hex("ffffffffffffffff00")), 1), "bhttp.3.section");
}

// Limits.

constexpr Limits kSmall{.head_bytes_max = 64, .content_bytes_max = 10, .interim_responses_max = 2};

TEST(Decoder, refuses_a_long_head_by_its_announced_length) {
  // Nothing follows the length, so that a decoder which waited for the bytes would say "truncated".
  for (const uint64_t n : {65ull, 1ull << 20, (1ull << 62) - 1}) {
    EXPECT_RULE(read<RequestHead>(Builder().n(0).n(n), 1, kSmall), "bhttp.limit.head");
    EXPECT_RULE(read<RequestHead>(known_request().n(n), 1, kSmall), "bhttp.limit.head");
    EXPECT_RULE(read<RequestHead>(open_request().n(n), 1, kSmall), "bhttp.limit.head");
    EXPECT_RULE(read<RequestHead>(open_request().s("a").n(n), 1, kSmall), "bhttp.limit.head");
    EXPECT_RULE(read<RequestHead>(open_request().n(0).n(0).n(n), 1, kSmall), "bhttp.limit.head");
  }
}

TEST(Decoder, counts_a_head_in_many_small_lines) {
  Builder message = open_request();
  for (int i = 0; i < 40; ++i) message.line("a", "");
  EXPECT_RULE(read<RequestHead>(message.n(0), 1, kSmall), "bhttp.limit.head");
}

TEST(Decoder, takes_a_head_of_exactly_the_limit_and_the_same_again_for_trailers) {
  const size_t control = open_request().w.size() - 1;  // the indicator is not counted
  const auto message = [&](size_t head_bytes, size_t trailer_bytes) {
    return open_request()
        .line("a", std::string(head_bytes - control - 4, 'x'))
        .n(0)
        .n(0)
        .line("t", std::string(trailer_bytes - 4, 'x'))
        .n(0)
        .w.take();
  };
  EXPECT_OK(read<RequestHead>(message(60, 60), 1, {.head_bytes_max = 60}));
  EXPECT_RULE(read<RequestHead>(message(61, 60), 1, {.head_bytes_max = 60}), "bhttp.limit.head");
  EXPECT_RULE(read<RequestHead>(message(60, 61), 1, {.head_bytes_max = 60}), "bhttp.limit.head");
}

TEST(Decoder, refuses_long_content_by_its_announced_length) {
  EXPECT_OK(read<RequestHead>(known_request().n(0).s("0123456789"), 1, kSmall));
  EXPECT_RULE(read<RequestHead>(known_request().n(0).n(11), 1, kSmall), "bhttp.limit.content");
  EXPECT_RULE(read<RequestHead>(open_request().n(0).n(11), 1, kSmall), "bhttp.limit.content");
  EXPECT_RULE(read<RequestHead>(open_request().n(0).s("01234567").n(3), 1, kSmall), "bhttp.limit.content");
  EXPECT_RULE(read<RequestHead>(open_request().n(0).s("01234567").n((1ull << 62) - 1), 1, kSmall), "bhttp.limit.content");
  EXPECT_OK(read<RequestHead>(open_request().n(0).s("01234567").s("89").n(0), 1, kSmall));
}

TEST(Decoder, refuses_too_many_interim_responses) {
  EXPECT_OK(read<ResponseHead>(Builder().n(1).n(100).n(0).n(199).n(0).n(200), 1, kSmall));
  EXPECT_RULE(read<ResponseHead>(Builder().n(1).n(100).n(0).n(100).n(0).n(100).n(0).n(200), 1, kSmall), "bhttp.limit.interim");
}

TEST(Decoder, an_error_is_terminal) {
  Decoder<RequestHead> decoder;
  const Bytes bad = request(1).w.take();
  decoder.feed(bad);
  EXPECT_RULE(decoder.next(), "bhttp.3.framing");
  EXPECT_RULE(decoder.next(), "bhttp.3.framing");
  decoder.end();
  EXPECT_RULE(decoder.next(), "bhttp.3.framing");
}

TEST(Decoder, unread_counts_what_follows_the_end) {
  Bytes message = encode_response({200, {}}, as_bytes("x"));
  message.push_back(0);
  Decoder<ResponseHead> decoder;
  decoder.feed(message);
  while (true) {
    const auto event = decoder.next();
    ASSERT_OK(event);
    if (std::holds_alternative<End>(*event)) break;
  }
  EXPECT_EQ(decoder.unread(), 1u);
}

TEST(Find, returns_the_first_value) {
  const Fields fields{{"a", "1"}, {"b", "2"}, {"a", "3"}};
  EXPECT_EQ(find(fields, "a"), "1");
  EXPECT_EQ(find(fields, "c"), std::nullopt);
}

}  // namespace
}  // namespace openpcc::bhttp
