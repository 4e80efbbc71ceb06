// Binary HTTP (RFC 9292), both framings, incremental in both directions.
//
// A decoder is fed bytes as they come, cut anywhere, and calls back into nothing: next() returns one event at a time.
//
//   head --> content* --> trailers --> end           (interim responses are skipped, their number bounded)
//
// An encoder appends to a buffer of the caller's, so that a head and the first content can leave in one write.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "openpcc/core/bytes.h"

namespace openpcc::bhttp {

struct Field {
  std::string name;  // lower case, a token; never a pseudo-field
  std::string value;
  friend bool operator==(const Field&, const Field&) = default;
};
using Fields = std::vector<Field>;

// find returns the first value of `name`, or nullopt.
std::optional<std::string_view> find(const Fields& fields, std::string_view name);

struct RequestHead {
  std::string method;
  std::string scheme;
  std::string authority;
  std::string path;
  Fields fields;
  friend bool operator==(const RequestHead&, const RequestHead&) = default;
};

struct ResponseHead {
  uint16_t status = 200;
  Fields fields;
  friend bool operator==(const ResponseHead&, const ResponseHead&) = default;
};

enum class Framing : uint8_t { known_length = 0, indeterminate_length = 2 };

struct Limits {
  size_t head_bytes_max = size_t{16} * 1024;  // control data and header section, interim responses included; and again the trailer section
  uint64_t content_bytes_max = uint64_t{256} << 20;
  size_t interim_responses_max = 8;
};

// Encoding. Encoders judge nothing: what is ill-formed is refused by whoever decodes it, and cannot change the framing.
// Known length writes the whole message at once, with an empty trailer section.
Bytes encode_request(const RequestHead& head, ByteSpan content);
Bytes encode_response(const ResponseHead& head, ByteSpan content);
// Indeterminate length: the head, then any number of content pieces (an empty one writes nothing), then the end.
void append_request_head(Bytes& out, const RequestHead& head);
void append_response_head(Bytes& out, const ResponseHead& head);
void append_content(Bytes& out, ByteSpan content);
// append_end closes the content and writes an empty trailer section.
void append_end(Bytes& out);

// Events of a decoder, beside the head.
// NeedMore: every byte fed so far was used; feed() more or end().
struct NeedMore {};
// Content is a piece of it, non-empty, valid until the next call to the decoder.
struct Content {
  ByteSpan bytes;
};
// Trailers come only when there are any.
struct Trailers {
  Fields fields;
};
// End: the message is complete; padding may follow and is checked.
struct End {};

// Decoder<RequestHead> or Decoder<ResponseHead>. Any error is terminal and is returned by every later call. What is longer than a limit is
// refused by its announced length, before its bytes are kept. After End, next() checks padding and says NeedMore.
//   bhttp.3.framing          the indicator is not one of this kind of message
//   bhttp.3.control          an empty or ill-formed method, scheme or path, or an ill-formed authority
//   bhttp.3.5.status         outside 100..599
//   bhttp.3.field_name       empty, upper case, not a token, a pseudo-field
//   bhttp.3.field_value      a control character other than a tab inside, or a space or tab at either end
//   bhttp.3.section          a field line that crosses the end of its section (known length)
//   bhttp.3.8.truncated      the input ended inside a part, or before the final control data was complete; a missing part is an empty one
//   bhttp.3.8.padding        a byte other than zero after the end
//   bhttp.limit.head, bhttp.limit.content, bhttp.limit.interim
template <class Head>
class Decoder {
 public:
  using Event = std::variant<NeedMore, Head, Content, Trailers, End>;
  explicit Decoder(Limits limits = {});
  Decoder(Decoder&&) noexcept;
  Decoder& operator=(Decoder&&) noexcept;
  ~Decoder();

  // feed hands over the next bytes, after next() said NeedMore and before end(); they must stay alive until it says so again.
  void feed(ByteSpan bytes);
  // end says that the input is over: a message cut where RFC 9292 s3.8 allows it is completed, any other is an error.
  void end();
  Result<Event> next();
  // unread is how many bytes of the last feed() were not used yet; after End they are padding, which a caller may want none of.
  size_t unread() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};
extern template class Decoder<RequestHead>;
extern template class Decoder<ResponseHead>;

// decode_request reads one whole message (either framing) that may be followed by zero padding; so does decode_response. Trailers are
// checked and dropped. Errors: as Decoder.
struct Request {
  RequestHead head;
  Bytes content;
};
struct Response {
  ResponseHead head;
  Bytes content;
};
Result<Request> decode_request(ByteSpan message, Limits limits = {});
Result<Response> decode_response(ByteSpan message, Limits limits = {});

}  // namespace openpcc::bhttp
