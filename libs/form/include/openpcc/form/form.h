// multipart/form-data (RFC 7578 on RFC 2046), read strictly and written.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "openpcc/core/bytes.h"

namespace openpcc::form {

// PartHead is what the lines above a part's content say. Names are the bytes between the quotes: browsers' "%22" stays as it is.
struct PartHead {
  std::string_view name;  // never empty
  std::optional<std::string_view> filename = std::nullopt;
  std::optional<std::string_view> content_type = std::nullopt;
};

// Part is one field of a form; everything in it views the body that was parsed.
struct Part : PartHead {
  ByteSpan content;
};

struct Limits {
  size_t parts_max = 64;
  size_t head_bytes_max = 4096;  // of one part's lines above its content
};

// parse takes a whole body apart. `content_type`: the request's Content-Type. A name may stand in several parts: that is the caller's
// business. A body is refused wherever two readers may see different parts in it:
//   form.content_type  not "multipart/form-data" with well-formed parameters
//   form.boundary      no boundary, two, or not 1..70 of RFC 2046's characters
//   form.syntax        anything before the first delimiter or after the last one but one CRLF; a delimiter followed by anything but its
//                      line's end; a line of a part's head that is no field, is folded, or holds control characters; a second Content-Type
//   form.disposition   not exactly one Content-Disposition "form-data" with one name; a quoted text with a backslash, which some readers
//                      take for an escape and others do not. `filename*` and unknown parameters are ignored.
//   form.encoding      a Content-Transfer-Encoding (RFC 7578 s4.7 deprecates it)
//   form.parts         more than Limits::parts_max
//   form.head_bytes    a part's head is over Limits::head_bytes_max
//   form.truncated     the body ends before its last delimiter
// Spec: RFC 7578 s4, RFC 2046 s5.1.
Result<std::vector<Part>> parse(std::string_view content_type, ByteSpan body, const Limits& limits = {});

// append_part writes one part. `boundary` is 1..70 token characters that whoever wrote `content` could not foresee; the texts of `head` hold
// neither quotes, backslashes nor control characters, as parse() guarantees.
void append_part(Bytes& out, std::string_view boundary, const PartHead& head, ByteSpan content);
// append_close ends the form.
void append_close(Bytes& out, std::string_view boundary);
// part_bytes and close_bytes are what those will append, so that a buffer of secrets can be reserved once.
size_t part_bytes(std::string_view boundary, const PartHead& head, size_t content_bytes);
size_t close_bytes(std::string_view boundary);
// content_type is the field value that goes with such a form.
std::string content_type(std::string_view boundary);

}  // namespace openpcc::form
