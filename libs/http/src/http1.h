// HTTP/1.1 on the wire (RFC 9112), without any I/O: bytes to heads and body pieces, and back. It is stricter than the RFC allows senders to
// be sloppy: whatever two parsers could read in two ways is refused, so that nothing can be smuggled between them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "openpcc/core/bytes.h"
#include "openpcc/http/message.h"

namespace openpcc::http::http1 {

// HeadScanner finds the end of a head section as its bytes arrive, and refuses octets that no head may hold.
//   http.head.too_large  no end within `bytes_max`
//   http.head.line_end   CR or LF alone
//   http.head.octet      a control character
class HeadScanner {
 public:
  explicit HeadScanner(size_t bytes_max) : bytes_max_(bytes_max) {}
  // scan is given all bytes since the head's first, looks at those it has not seen, and returns the head's size with its empty line, or 0:
  // more bytes are needed.
  Result<size_t> scan(ByteSpan buffered);

 private:
  size_t bytes_max_;
  size_t seen_ = 0;
  size_t line_bytes_ = 0;  // of the line being read
  bool after_cr_ = false;
};

// Framing says how a body's end is found (RFC 9112 s6.3).
struct Framing {
  enum class Kind : uint8_t { none, length, chunked, until_close };
  Kind kind = Kind::none;
  uint64_t length = 0;
};

struct RequestStart {
  RequestHead head;
  Framing framing;
  bool keep_alive = true;
  bool expects_continue = false;
};

struct ResponseStart {
  ResponseHead head;
  Framing framing;
  bool keep_alive = true;
};

// parse_request and parse_response take a whole head, as HeadScanner delimited it.
//   http.head.request_line, method, target, version, status_line      the first line
//   http.head.field_name, obs_fold, fields                           a field line; more than kFieldsMax of them
//   http.head.host                                                   not exactly one well-formed Host
//   http.head.content_length, transfer_encoding, both_lengths        framing that can be read in two ways
//   http.head.connection                                             not a list of options
//   http.head.expect, upgrade                                        an expectation or protocol that we do not speak
// `answers_head`: the response is to a HEAD request and has no body.
inline constexpr size_t kFieldsMax = 128;
Result<RequestStart> parse_request(ByteSpan head);
Result<ResponseStart> parse_response(ByteSpan head, bool answers_head);

// BodyDecoder takes a body's framing away. Any error is terminal.
//   http.body.chunk_size        not 1..15 hexadecimal digits
//   http.body.chunk_extension   over 256 bytes in a chunk, 16 KiB in a body, or anything but tokens, ';' and '='
//   http.body.chunk_end         no CRLF after a chunk's data
//   http.body.trailers          a malformed trailer, or over 16 KiB of them; good ones are dropped
//   http.body.truncated         the transport ended before the body
class BodyDecoder {
 public:
  explicit BodyDecoder(Framing framing);
  struct Step {
    size_t consumed;  // of the input, `data` included
    ByteSpan data;    // a view into the input
  };
  // decode takes what it can use off the front of `input` up to the end of one piece of data. consumed == 0 and !done(): more is needed.
  Result<Step> decode(ByteSpan input);
  // end_of_input: the transport ended cleanly.
  Result<> end_of_input();
  bool done() const { return state_ == State::done; }

 private:
  enum class State : uint8_t { size, extension, size_lf, data, data_cr, data_lf, trailer, until_close, done };
  void start_chunk();
  Result<> framing_octet(uint8_t c);
  Result<> size_line(uint8_t c);
  Result<> chunk_end(uint8_t c);
  Result<> trailer(uint8_t c);
  Result<> trailer_line();
  Step take_data(ByteSpan input);

  State state_ = State::done;
  bool chunked_;
  uint64_t left_ = 0;  // of the body or the chunk
  int digits_ = 0;
  size_t extension_bytes_ = 0;  // in this chunk
  size_t overhead_bytes_ = 0;   // extensions and trailers of the whole body
  std::string line_;            // the trailer being read
};

// format_request and format_response write a head with its framing fields. `framing.kind` is none, length or chunked.
//   http.emit.method, target, authority, status    not what the grammar allows
//   http.emit.field_name, field_value              CR, LF, NUL or another octet that would end a line or a name early
//   http.emit.reserved_field                       framing and connection fields are written here, never by callers
Result<std::string> format_request(const RequestHead& head, const std::string& target, const std::string& authority,
                                   const Framing& framing);
Result<std::string> format_response(const ResponseHead& head, const Framing& framing, bool keep_alive);

// ChunkHeader is "<size in hex>\r\n" for one chunk of `bytes` (not 0: that would be the last chunk).
class ChunkHeader {
 public:
  explicit ChunkHeader(size_t bytes);
  ByteSpan view() const { return ByteSpan(text_).subspan(begin_); }

 private:
  std::array<uint8_t, 18> text_{};
  size_t begin_;
};
inline constexpr std::string_view kChunkEnd = "\r\n";
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

// status_has_no_body: 1xx, 204 and 304 (RFC 9110 s6.4.1).
bool status_has_no_body(uint16_t status);

}  // namespace openpcc::http::http1
