// The HTTP/1 parser on any bytes, as a server and as a client would use it, against Beast's parser: whatever we accept, Beast reads the same
// way (it accepts more). The input's first byte chooses the role and how the rest is cut into pieces.
#include "../src/http1.h"

#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <cstdint>
#include <optional>

namespace {

using namespace openpcc;
using namespace openpcc::http::http1;
namespace beast = boost::beast;

struct Message {
  size_t head_bytes = 0;
  std::string body;
  size_t consumed = 0;  // head and body
  bool complete = false;
  uint16_t status = 0;  // of a response
  std::string first_field_name;
};

// read_head delivers the input in pieces of `step` bytes.
size_t read_head(ByteSpan input, size_t step) {
  HeadScanner scanner(16 * 1024);
  for (size_t seen = std::min(step, input.size());; seen = std::min(input.size(), seen + step)) {
    const auto bytes = scanner.scan(input.first(seen));
    if (!bytes) return 0;
    if (*bytes != 0 || seen == input.size()) return *bytes;
  }
}

bool read_body(ByteSpan input, Framing framing, size_t step, Message& out) {
  BodyDecoder decoder(framing);
  size_t used = 0;
  for (size_t arrived = 0; !decoder.done();) {
    const auto taken = decoder.decode(input.subspan(used, arrived - used));
    if (!taken) return false;
    OPENPCC_CHECK(taken->consumed <= arrived - used && taken->data.size() <= taken->consumed);
    used += taken->consumed;
    out.body += as_text(taken->data);
    if (taken->consumed != 0) continue;
    if (arrived == input.size()) break;
    arrived = std::min(input.size(), arrived + step);
  }
  out.complete = decoder.done() || decoder.end_of_input().has_value();
  out.consumed = out.head_bytes + used;
  return true;
}

std::optional<Message> ours(ByteSpan input, bool as_server, size_t step) {
  Message out;
  out.head_bytes = read_head(input, step);
  if (out.head_bytes == 0) return std::nullopt;
  Framing framing;
  if (as_server) {
    const auto start = parse_request(input.first(out.head_bytes));
    if (!start) return std::nullopt;
    framing = start->framing;
  } else {
    const auto start = parse_response(input.first(out.head_bytes), false);
    if (!start) return std::nullopt;
    framing = start->framing;
    out.status = start->head.status;
  }
  if (!read_body(input.subspan(out.head_bytes), framing, step, out)) return std::nullopt;
  return out;
}

template <bool isRequest>
void agree_with_beast(ByteSpan input, const Message& message) {
  beast::http::parser<isRequest, beast::http::buffer_body> parser;
  parser.eager(true);
  parser.header_limit(64 * 1024);
  parser.body_limit(boost::none);
  beast::error_code error;
  std::string body;
  std::array<char, 512> piece;
  size_t used = 0;
  while (!parser.is_done()) {
    parser.get().body() = {piece.data(), piece.size(), true};
    if (!parser.is_header_done()) parser.get().body() = {nullptr, 0, true};
    const size_t n = parser.put(boost::asio::buffer(input.data() + used, message.consumed - used), error);
    used += n;
    const auto& buffer = parser.get().body();
    if (buffer.data != nullptr) body.append(piece.data(), piece.size() - buffer.size);
    if (error == beast::http::error::need_buffer) continue;
    if (error == beast::http::error::need_more) break;
    // Extensions are dropped unparsed: they are bounded and hold nothing that could be a line end or hide one.
    if (error == beast::http::error::bad_chunk_extension) return;
    OPENPCC_CHECK(!error);
    if (n == 0 && used == message.consumed) break;
  }
  OPENPCC_CHECK(parser.is_header_done());
  OPENPCC_CHECK(body == message.body);
  if (parser.need_eof()) parser.put_eof(error);
  OPENPCC_CHECK(parser.is_done() == message.complete);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const bool as_server = (data[0] & 1) != 0;
  const size_t step = size_t{1} + (data[0] >> 1);
  const ByteSpan input(data + 1, size - 1);
  const auto message = ours(input, as_server, step);
  // Cuts change nothing.
  const auto whole = ours(input, as_server, size);
  OPENPCC_CHECK(message.has_value() == whole.has_value());
  if (!message) return 0;
  OPENPCC_CHECK(message->body == whole->body && message->consumed == whole->consumed && message->complete == whole->complete);
  if (as_server) {
    agree_with_beast<true>(input, *message);
  } else if (!status_has_no_body(message->status)) {
    agree_with_beast<false>(input, *message);
  }
  return 0;
}
