#include "openpcc/bhttp/bhttp.h"

namespace openpcc::bhttp {
namespace {

void append(Bytes& out, ByteSpan bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

void append_varint(Bytes& out, uint64_t v) {
  std::array<uint8_t, 8> buffer{};
  append(out, ByteSpan(buffer).first(put_varint(v, buffer)));
}

void append_string(Bytes& out, std::string_view s) {
  append_varint(out, s.size());
  append(out, as_bytes(s));
}

void append_control(Bytes& out, Framing framing, const RequestHead& head) {
  append_varint(out, static_cast<uint64_t>(framing));
  for (const std::string* s : {&head.method, &head.scheme, &head.authority, &head.path}) append_string(out, *s);
}

void append_control(Bytes& out, Framing framing, const ResponseHead& head) {
  append_varint(out, static_cast<uint64_t>(framing) + 1);  // a response's indicator follows the request's (RFC 9292 s3.3)
  append_varint(out, head.status);
}

void append_lines(Bytes& out, const Fields& fields) {
  for (const Field& field : fields) {
    append_string(out, field.name);
    append_string(out, field.value);
  }
}

size_t lines_bytes(const Fields& fields) {
  size_t n = 0;
  for (const Field& field : fields) {
    n += varint_bytes(field.name.size()) + field.name.size() + varint_bytes(field.value.size()) + field.value.size();
  }
  return n;
}

// kControlBytesGuess is what a head without fields usually takes; a longer one costs one more allocation.
constexpr size_t kControlBytesGuess = 256;

template <class Head>
Bytes encode_known(const Head& head, ByteSpan content) {
  const size_t fields_bytes = lines_bytes(head.fields);
  Bytes out;
  out.reserve(kControlBytesGuess + fields_bytes + content.size());
  append_control(out, Framing::known_length, head);
  append_varint(out, fields_bytes);
  append_lines(out, head.fields);
  append_varint(out, content.size());
  append(out, content);
  append_varint(out, 0);  // no trailers
  return out;
}

template <class Head>
void append_indeterminate(Bytes& out, const Head& head) {
  append_control(out, Framing::indeterminate_length, head);
  append_lines(out, head.fields);
  append_varint(out, 0);
}

}  // namespace

Bytes encode_request(const RequestHead& head, ByteSpan content) { return encode_known(head, content); }
Bytes encode_response(const ResponseHead& head, ByteSpan content) { return encode_known(head, content); }
void append_request_head(Bytes& out, const RequestHead& head) { append_indeterminate(out, head); }
void append_response_head(Bytes& out, const ResponseHead& head) { append_indeterminate(out, head); }

void append_content(Bytes& out, ByteSpan content) {
  if (content.empty()) return;  // an empty chunk would end the content
  append_varint(out, content.size());
  append(out, content);
}

void append_end(Bytes& out) {
  append_varint(out, 0);  // of the content
  append_varint(out, 0);  // of the trailer section
}

}  // namespace openpcc::bhttp
