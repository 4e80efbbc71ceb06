// Makes spec/vectors/envelope.json: requests and answers that open, and ones that must not, each with the rule that refuses it.
//
//   make_envelope_vectors FILE            writes the vectors
//   make_envelope_vectors --check FILE    fails unless FILE is what would be written
//   make_envelope_vectors --corpus DIR    writes the inputs from which the fuzz targets start
//
// Everything is deterministic: testkit::TestRandom, whose stream never changes, stands in for the system's randomness.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "forge.h"
#include "fuzzed.h"
#include "openpcc/bhttp/bhttp.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::envelope {
namespace {

using forge::Bytes32;
using forge::Chunk;
using forge::Node;
using forge::Request;
using testkit::TestRandom;

// Json writes one vector per line, so that a change shows as the lines that it changed.
class Json {
 public:
  Json& text(std::string_view name, std::string_view value) { return raw(name, '"' + std::string(value) + '"'); }
  Json& hex(std::string_view name, ByteSpan value) { return text(name, to_hex(value)); }
  Json& number(std::string_view name, uint64_t value) { return raw(name, std::to_string(value)); }
  Json& raw(std::string_view name, const std::string& value) {
    out_ += (out_.empty() ? "\"" : ", \"") + std::string(name) + "\": " + value;
    return *this;
  }
  std::string object() const { return "{" + out_ + "}"; }

 private:
  std::string out_;
};

std::string array(const std::vector<std::string>& items, std::string_view separator, std::string_view end) {
  std::string out = "[";
  for (size_t i = 0; i < items.size(); ++i) out += (i == 0 ? std::string(separator.substr(1)) : std::string(separator)) + items[i];
  return out + std::string(end) + "]";
}
std::string lines(const std::vector<std::string>& items) { return array(items, ",\n    ", "\n  "); }
std::string list(const std::vector<std::string>& items) { return array(items, ", ", ""); }

constexpr std::string_view kNames[] = {"alice", "bob", "carol", "dave"};

const Node& node(size_t n) {
  static const std::array<Node, 4> nodes{forge::make_node(0), forge::make_node(1), forge::make_node(2), forge::make_node(3)};
  return nodes.at(n);
}

size_t index_of(const Node& wanted, const Request& request) {
  for (size_t i = 0; i < request.wraps.size(); ++i) {
    if (equal(ByteSpan(request.header).subspan(36 + 32 * i, 32), wanted.id)) return i;
  }
  OPENPCC_CHECK(false);
}

// ---- requests and answers that open

Bytes chat_request(Profile profile, size_t prompt_bytes) {
  std::string prompt = "Say it in one word. ";
  while (prompt.size() < prompt_bytes) prompt += "All work and no play makes Jack a dull boy. ";
  prompt.resize(prompt_bytes);
  const std::string body = R"({"model":"demo","messages":[{"role":"user","content":")" + prompt + R"("}],"stream":true})";
  bhttp::RequestHead head{"POST", "https", "node.invalid", "/v1/chat/completions", {}};
  head.fields = {{"content-type", "application/json"},
                 {std::string(kProfileField), std::string(to_string(profile))},
                 {std::string(kNotAfterField), "1767225600"}};
  return bhttp::encode_request(head, as_bytes(body));
}

struct Opened {
  std::string name;
  std::vector<size_t> nodes;
  Profile profile;
  size_t prompt_bytes;
  uint64_t seed;
};

const std::vector<Opened>& opened() {
  static const std::vector<Opened> all{{"one recipient", {0}, Profile::low_latency, 40, 101},
                                       {"two recipients", {1, 0}, Profile::balanced, 300, 102},
                                       {"four recipients", {0, 1, 2, 3}, Profile::strict, 120, 103},
                                       {"two chunks", {2}, Profile::balanced, 16800, 104}};
  return all;
}

struct Sealed {
  Bytes message;
  SealedRequest request;
  Request parts;
};

Sealed seal(const Opened& vector) {
  std::vector<Recipient> recipients;
  for (const size_t n : vector.nodes) recipients.push_back(node(n).recipient());
  TestRandom random(vector.seed);
  Bytes message = chat_request(vector.profile, vector.prompt_bytes);
  auto sealed = seal_request(std::move(recipients), message, random);
  OPENPCC_CHECK(sealed.has_value());
  Request parts = forge::take_apart(sealed->envelope);
  return {std::move(message), std::move(*sealed), std::move(parts)};
}

AnswerSealer open_at(const Node& at, ByteSpan envelope, uint64_t seed) {
  TestRandom random(seed);
  const NodeKey key = at.node_key();
  RequestOpener opener(std::span(&key, 1), random);
  OPENPCC_CHECK(opener.feed(envelope).has_value());
  auto opened_request = opener.finish();
  OPENPCC_CHECK(opened_request.has_value());
  return std::move(opened_request->answer);
}

// What a node hands to its sealer, piece by piece; an empty piece is a keep-alive, or the final frame.
std::vector<Bytes> answer_pieces(size_t long_bytes) {
  Bytes head, first, second, end;
  bhttp::append_response_head(head, {200, {{"content-type", "text/event-stream"}}});
  bhttp::append_content(first, as_bytes("data: {\"choices\":[{\"delta\":{\"content\":\"Sealed\"}}]}\n\n"));
  bhttp::append_content(second, Bytes(long_bytes, 'z'));
  bhttp::append_end(end);
  return {{}, head, {}, first, second, end, {}};
}

std::string answer_vector(const Opened& vector, size_t n, const Request& parts, ByteSpan envelope) {
  const uint64_t seed = vector.seed * 10 + n;
  AnswerSealer sealer = open_at(node(n), envelope, seed);
  const size_t long_bytes = vector.name == "one recipient" && n == 0 ? 16000 : 700;
  const auto pieces = answer_pieces(long_bytes);
  Bytes answer, message;
  std::vector<std::string> written;
  for (size_t i = 0; i < pieces.size(); ++i) {
    sealer.seal(pieces[i], i + 1 == pieces.size(), vector.profile, answer);
    message.insert(message.end(), pieces[i].begin(), pieces[i].end());
    written.push_back('"' + to_hex(pieces[i]) + '"');
  }
  const Bytes32 secret = forge::answer_secret(node(n), parts, index_of(node(n), parts), parts.rh());
  Json json;
  json.text("node", kNames[n]).text("profile", to_string(vector.profile)).number("random_seed", seed);
  return json.raw("pieces", list(written)).hex("secret", secret).hex("message", message).hex("answer", answer).object();
}

std::string request_vector(const Opened& vector) {
  const Sealed sealed = seal(vector);
  const Request& parts = sealed.parts;
  const Bytes wrap = forge::open_wrap(node(vector.nodes[0]), parts, index_of(node(vector.nodes[0]), parts));
  std::vector<std::string> names, answers;
  for (const size_t n : vector.nodes) {
    names.push_back('"' + std::string(kNames[n]) + '"');
    answers.push_back(answer_vector(vector, n, parts, sealed.request.envelope));
  }
  Json json;
  json.text("name", vector.name).raw("recipients", list(names)).number("random_seed", vector.seed);
  json.hex("message", sealed.message).number("padded_bytes", padme_bytes(sealed.message.size()));
  json.hex("dek", ByteSpan(wrap).first(32)).hex("body_hash", ByteSpan(wrap).subspan(32, 32));
  json.hex("hh", parts.hh()).hex("th", parts.th()).hex("rh", parts.rh()).hex("envelope", sealed.request.envelope);
  return json.raw("answers", array(answers, ",\n      ", "\n    ")).object();
}

// ---- requests that a node refuses

struct Refused {
  std::string name;
  std::string rule;
  Bytes bytes;
};

forge::Plan plan(std::vector<const Node*> nodes, Bytes padded) {
  forge::Plan out;
  out.nodes = std::move(nodes);
  std::ranges::sort(out.nodes, {}, [](const Node* n) { return n->id; });
  out.padded = std::move(padded);
  out.dek = crypto::sha256(as_bytes("dek of the vectors"));
  return out;
}

Request make(const forge::Plan& plan, uint64_t seed = 201) {
  TestRandom random(seed);
  return forge::make_request(plan, random);
}

Bytes padded_chat() {
  Bytes out = chat_request(Profile::balanced, 40);
  out.resize(padme_bytes(out.size()));
  return out;
}

Bytes changed(Bytes bytes, size_t at) {
  bytes.at(at) ^= 1;
  return bytes;
}

Bytes first(Bytes bytes, size_t n) {
  bytes.resize(n);
  return bytes;
}

void refuse_headers(std::vector<Refused>& out) {
  const auto with = [](auto change) {
    forge::Plan p = plan({&node(0)}, padded_chat());
    change(p);
    return make(p).bytes();
  };
  out.push_back({"version 2", "envelope.1.version", with([](auto& p) { p.version = 2; })});
  out.push_back({"version 0", "envelope.1.version", with([](auto& p) { p.version = 0; })});
  out.push_back({"suite 2", "envelope.1.suite", with([](auto& p) { p.suite = 2; })});
  out.push_back({"no recipients", "envelope.1.header", with([](auto& p) { p.k = 0; })});
  out.push_back({"five recipients", "envelope.1.header", with([](auto& p) { p.k = 5; })});
  out.push_back({"node ids descend", "envelope.1.header", with([](auto& p) {
                   p.nodes = {&node(0), &node(1)};
                   std::ranges::sort(p.nodes, std::greater<>(), [](const Node* n) { return n->id; });
                 })});
  out.push_back({"one node id twice", "envelope.1.header", with([](auto& p) { p.nodes = {&node(0), &node(0)}; })});
  const Bytes good = with([](auto&) {});
  out.push_back({"nothing at all", "envelope.1.header", {}});
  out.push_back({"cut in the header", "envelope.1.header", first(good, 50)});
  out.push_back({"cut in the wraps", "envelope.1.header", first(good, 36 + 32 + 1231)});
}

void refuse_wraps(std::vector<Refused>& out) {
  const Request one = make(plan({&node(0)}, padded_chat()));
  const Request two = make(plan({&node(0), &node(1)}, padded_chat()));
  out.push_back({"for another node", "envelope.1.recipient", make(plan({&node(1)}, padded_chat())).bytes()});
  out.push_back({"ML-KEM part of enc changed", "envelope.1.wrap", changed(one.bytes(), 36 + 32)});
  out.push_back({"X25519 part of enc changed", "envelope.1.wrap", changed(one.bytes(), 36 + 32 + 1088)});
  Bytes small_order = one.bytes();
  std::fill_n(small_order.begin() + 36 + 32 + 1088, 32, uint8_t{0});
  out.push_back({"X25519 part of enc is zero", "envelope.1.wrap", small_order});
  out.push_back({"wrap's ciphertext changed", "envelope.1.wrap", changed(one.bytes(), 36 + 32 + 1120)});
  out.push_back({"wrap's tag changed", "envelope.1.wrap", changed(one.bytes(), 36 + 32 + 1231)});
  Request bad = two;
  std::swap(bad.wraps[0], bad.wraps[1]);
  out.push_back({"wraps swapped", "envelope.1.wrap", bad.bytes()});
  bad = one;
  bad.header = two.header;
  bad.wraps = {one.wraps[0], two.wraps[1]};
  if (index_of(node(0), two) == 1) bad.wraps = {two.wraps[0], one.wraps[0]};
  out.push_back({"wrap moved to another header", "envelope.1.wrap", bad.bytes()});

  TestRandom random(202);
  const Bytes32 other_dek = crypto::sha256(as_bytes("another dek"));
  bad = one;
  bad.wraps[0] = forge::make_wrap(node(0), bad.hh(), other_dek, forge::hash_body(padded_chat()), random);
  bad.body = forge::seal_chunks(forge::request_key(other_dek, bad.th()), forge::cut(padded_chat()));
  out.push_back({"wrap with a dek that the header does not commit to", "envelope.1.commit", bad.bytes()});
  forge::Plan p = plan({&node(0)}, padded_chat());
  p.commit = Bytes32{};
  out.push_back({"commitment of zeros", "envelope.1.commit", make(p).bytes()});

  const Bytes32 dek = crypto::sha256(as_bytes("dek of the vectors"));
  bad = two;
  bad.wraps[index_of(node(1), two)] = forge::make_wrap(node(1), two.hh(), dek, forge::hash_body(padded_chat()), random);
  out.push_back({"body beside another wrap than it was sealed for", "envelope.1.open", bad.bytes()});
}

void refuse_bodies(std::vector<Refused>& out) {
  const Request good = make(plan({&node(0)}, padded_chat()));
  const size_t front = 36 + 32 + 1232;
  const auto with_body = [&](ByteSpan framed) { return concat({ByteSpan(good.bytes()).first(front), framed}); };
  const auto with_pieces = [](std::vector<size_t> sizes) {
    forge::Plan p = plan({&node(0)}, padded_chat());
    ByteSpan rest = p.padded;
    for (const size_t n : sizes) {
      p.pieces.emplace_back(rest.begin(), rest.begin() + static_cast<ptrdiff_t>(n));
      rest = rest.subspan(n);
    }
    return make(p).bytes();
  };
  const Bytes& sealed = good.body[0].sealed;
  out.push_back({"body's first bit changed", "envelope.1.open", changed(good.bytes(), front + 1)});
  out.push_back({"body's last bit changed", "envelope.1.open", changed(good.bytes(), good.bytes().size() - 1)});
  out.push_back({"final chunk cut by a byte", "envelope.1.open", first(good.bytes(), good.bytes().size() - 1)});
  out.push_back({"a byte after the final chunk", "envelope.1.open", concat({good.bytes(), Bytes{0}})});
  Request bad = make([] {
    forge::Plan p = plan({&node(0)}, padded_chat());
    p.pieces = {p.padded, Bytes(1)};
    return p;
  }());
  bad.body = {{bad.body[0].sealed, true}};
  out.push_back({"a chunk sealed as any, sent as the final one", "envelope.1.open", bad.bytes()});
  out.push_back({"no body", "envelope.1.truncated", with_body({})});
  out.push_back({"final chunk shorter than a tag", "envelope.1.truncated", with_body(Bytes(16))});
  out.push_back(
      {"final chunk announced with its length", "envelope.1.chunk", with_body(ByteWriter().varint(sealed.size()).bytes(sealed).take())});
  out.push_back({"final chunk empty", "envelope.1.chunk", with_body(Bytes(17))});
  out.push_back({"a chunk of nothing but a tag", "envelope.1.chunk", with_body(concat({Bytes{16}, Bytes(16), Bytes{0}, sealed}))});
  out.push_back({"a chunk announced one byte too long", "envelope.1.chunk", with_body(ByteWriter().varint(16337).take())});
  out.push_back({"message cut into smaller chunks", "envelope.1.chunk", with_pieces({512, padded_chat().size() - 512})});

  bad = good;
  Bytes other = chat_request(Profile::balanced, 41);
  other.resize(padme_bytes(other.size()));
  bad.body = forge::seal_chunks(forge::request_key(crypto::sha256(as_bytes("dek of the vectors")), good.th()), forge::cut(other));
  out.push_back({"another prompt sealed under the same wraps", "envelope.1.body_hash", bad.bytes()});
  for (const size_t n : {512u, 1025u}) {
    Bytes p = padded_chat();
    p.resize(n);
    out.push_back({"padded to " + std::to_string(n) + " bytes", "envelope.1.padding", make(plan({&node(0)}, p)).bytes()});
  }
}

std::vector<Refused> refused_requests() {
  std::vector<Refused> out;
  refuse_headers(out);
  refuse_wraps(out);
  refuse_bodies(out);
  return out;
}

// ---- answers that the client of "two recipients" refuses; alice is the honest node, bob the other recipient

constexpr size_t kAnswered = 1;

struct AnswerMaker {
  Request request = seal(opened()[kAnswered]).parts;
  size_t alice = index_of(node(0), request);
  size_t bob = index_of(node(1), request);
  Bytes32 rnonce = crypto::sha256(as_bytes("rnonce"));
  Bytes32 secret = forge::answer_secret(node(0), request, alice, request.rh());
  forge::Key key = forge::answer_key(secret, request.enc(alice), rnonce);

  Bytes join(const std::vector<Chunk>& chunks) const { return forge::join_answer(static_cast<uint8_t>(alice), rnonce, chunks); }
  Bytes of(const std::vector<Bytes>& frames) const { return join(forge::seal_chunks(key, frames)); }
};

void refuse_foreign_answers(std::vector<Refused>& out) {
  const AnswerMaker maker;
  const std::vector<Bytes> frames{forge::frame(as_bytes("forged"), 512)};
  Bytes bad = maker.of(frames);
  bad[0] = 2;
  out.push_back({"index of no recipient", "envelope.answer.index", bad});
  out.push_back({"index of the other recipient", "envelope.answer.open", changed(maker.of(frames), 0)});
  out.push_back({"nonce changed", "envelope.answer.open", changed(maker.of(frames), 1)});

  const Bytes32 of_bob = forge::answer_secret(node(1), maker.request, maker.bob, maker.request.rh());
  const auto forged = forge::seal_chunks(forge::answer_key(of_bob, maker.request.enc(maker.alice), maker.rnonce), frames);
  out.push_back({"forged by the other recipient", "envelope.answer.open", maker.join(forged)});
  const Request other = seal(opened()[2]).parts;
  out.push_back({"answer to another request", "envelope.answer.open",
                 maker.join(forge::seal_chunks(forge::answer_key(forge::answer_secret(node(0), other, index_of(node(0), other), other.rh()),
                                                                 other.enc(index_of(node(0), other)), maker.rnonce),
                                               frames))});
  Request shown = maker.request;
  Bytes32 dek;
  std::copy_n(forge::open_wrap(node(1), shown, maker.bob).begin(), 32, dek.begin());
  shown.body = forge::seal_chunks(forge::request_key(dek, shown.th()), forge::cut(padded_chat()));
  out.push_back({"answer to another body under the same wraps", "envelope.answer.open",
                 forge::make_answer(node(0), shown, maker.alice, maker.rnonce, frames)});
}

void refuse_broken_answers(std::vector<Refused>& out) {
  const AnswerMaker maker;
  const Bytes one = forge::frame(as_bytes("one"), 512), two = forge::frame(as_bytes("two"), 512), end = forge::frame({}, 512);
  const auto good = forge::seal_chunks(maker.key, {one, two, end});
  out.push_back({"frames swapped", "envelope.answer.open", maker.join({good[1], good[0], good[2]})});
  out.push_back({"a frame dropped", "envelope.answer.open", maker.join({good[0], good[2]})});
  out.push_back({"a frame repeated", "envelope.answer.open", maker.join({good[0], good[0], good[1], good[2]})});
  out.push_back({"a frame sealed as any, sent as the final one", "envelope.answer.open", maker.join({good[0], {good[1].sealed, true}})});
  out.push_back({"nothing at all", "envelope.answer.truncated", {}});
  out.push_back({"cut in the nonce", "envelope.answer.truncated", first(maker.join(good), 20)});
  out.push_back({"ended before the final frame", "envelope.answer.truncated", maker.join({good[0], good[1]})});
  out.push_back({"cut in a frame", "envelope.answer.truncated", first(maker.join(good), 33 + 100)});
  out.push_back({"cut in the final frame", "envelope.answer.chunk", first(maker.join(good), maker.join(good).size() - 100)});
  out.push_back({"a byte after the final frame", "envelope.answer.chunk", concat({maker.join(good), Bytes{0}})});
  out.push_back({"a frame of 300 bytes", "envelope.answer.chunk", maker.of({forge::frame(as_bytes("one"), 300), end})});
  out.push_back({"a final frame of 2 bytes", "envelope.answer.chunk", maker.of({one, forge::frame({}, 2)})});
  out.push_back({"a frame announced too long", "envelope.answer.chunk",
                 concat({ByteSpan(maker.join(good)).first(33), ByteWriter().varint(15889).take()})});
  out.push_back({"an empty final chunk", "envelope.answer.chunk", maker.of({one, {}})});
  Bytes bad = one;
  bad[0] = 1;
  bad[1] = 0xff;  // 511 of at most 510
  out.push_back({"a length over the frame", "envelope.answer.frame", maker.of({bad, end})});
  out.push_back({"filler other than zero", "envelope.answer.frame", maker.of({changed(one, 511), end})});
  out.push_back({"filler other than zero in the final frame", "envelope.answer.frame", maker.of({one, changed(end, 2)})});
}

std::vector<Refused> refused_answers() {
  std::vector<Refused> out;
  refuse_foreign_answers(out);
  refuse_broken_answers(out);
  return out;
}

// ---- files

std::string node_vector(size_t n) {
  Json json;
  json.text("name", kNames[n]).hex("private_key", node(n).seed).hex("public_key", node(n).public_key.bytes());
  return json.hex("node_id", node(n).id).hex("salt", node(n).salt).object();
}

std::string refused_vector(const Refused& refused, std::string_view bytes_name) {
  return Json().text("name", refused.name).text("rule", refused.rule).hex(bytes_name, refused.bytes).object();
}

std::string vectors() {
  std::vector<std::string> nodes, requests, bad_requests, bad_answers;
  for (size_t n = 0; n < 4; ++n) nodes.push_back(node_vector(n));
  for (const Opened& vector : opened()) requests.push_back(request_vector(vector));
  for (const Refused& refused : refused_requests()) bad_requests.push_back(refused_vector(refused, "envelope"));
  for (const Refused& refused : refused_answers()) bad_answers.push_back(refused_vector(refused, "answer"));
  std::string out = "{\n  \"about\": \"Vectors of spec/envelope.md, section 10, made by make_envelope_vectors\",\n";
  out += "  \"nodes\": " + lines(nodes) + ",\n  \"requests\": " + lines(requests) + ",\n";
  out += "  \"requests_refused_by\": \"" + std::string(kNames[0]) + "\",\n  \"refused_requests\": " + lines(bad_requests) + ",\n";
  out += "  \"answers_refused_by_the_client_of\": \"" + opened()[kAnswered].name + "\",\n  \"refused_answers\": " + lines(bad_answers);
  return out + "\n}\n";
}

void write(const std::filesystem::path& path, ByteSpan bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

std::string file_name(std::string name) {
  std::ranges::replace_if(name, [](char c) { return c == ' ' || c == '\''; }, '_');
  return name;
}

void write_corpus(const std::filesystem::path& directory) {
  const Bytes raw{0, 7};
  for (const Opened& vector : opened()) {
    if (vector.nodes[0] != 0) continue;
    const Bytes envelope = seal(vector).request.envelope;
    write(directory / "envelope_request" / file_name(vector.name), concat({raw, envelope}));
    write(directory / "envelope_peek" / file_name(vector.name), ByteSpan(envelope).first(36 + vector.nodes.size() * (32 + 1232)));
  }
  for (const Refused& refused : refused_requests()) {
    if (refused.rule != "envelope.1.header") continue;
    const size_t kept = std::min<size_t>(refused.bytes.size(), 100);
    write(directory / "envelope_peek" / file_name(refused.name), ByteSpan(refused.bytes).first(kept));
  }
  write(directory / "envelope_request" / "sealed_one_chunk", Bytes{1, 0, 4, 0, 'a'});
  write(directory / "envelope_request" / "sealed_two_chunks", Bytes{1, 0, 0x3f, 0xc0, 'a', 0, 0xc0, 'b'});
  write(directory / "envelope_request" / "sealed_no_bucket", Bytes{1, 0, 4, 1, 'a'});
  write(directory / "envelope_request" / "sealed_small_chunk", Bytes{1, 0, 2, 0, 'a', 2, 0, 'b'});
  write(directory / "envelope_request" / "sealed_other_message", Bytes{3, 0, 4, 0, 'a'});
  const Bytes answer = forge::make_answer(fuzzed::node(), forge::take_apart(fuzzed::seal().envelope), 0, {},
                                          {forge::frame({}, 256), forge::frame(as_bytes("hello"), 512), forge::frame({}, 256)});
  write(directory / "envelope_answer" / "raw", concat({raw, answer}));
  write(directory / "envelope_answer" / "raw_cut", concat({raw, ByteSpan(answer).first(400)}));
  write(directory / "envelope_answer" / "sealed", Bytes{1, 0, 1, 0, 0, 3, 'a', 'b', 'c'});
  write(directory / "envelope_answer" / "sealed_bad_length", Bytes{1, 0, 1, 0, 1, 0});
  write(directory / "envelope_answer" / "sealed_bad_filler", Bytes{1, 0, 1, 0, 0, 3, 'a', 'b', 'c', 'd'});
}

std::string read(const char* path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

int run(std::string_view mode, const char* path) {
  if (mode == "--corpus") {
    write_corpus(path);
    return 0;
  }
  const std::string made = vectors();
  if (mode != "--check") {
    write(path, as_bytes(made));
    return 0;
  }
  if (read(path) == made) return 0;
  std::fprintf(stderr, "%s is not what make_envelope_vectors writes\n", path);
  return 1;
}

}  // namespace
}  // namespace openpcc::envelope

int main(int argc, char** argv) {
  if (argc == 2) return openpcc::envelope::run("", argv[1]);
  if (argc == 3) return openpcc::envelope::run(argv[1], argv[2]);
  std::fprintf(stderr, "usage: make_envelope_vectors [--check] FILE | --corpus DIR\n");
  return 1;
}
