#include "openpcc/form/form.h"

#include <algorithm>

#include "header.h"

// The grammar, with b for the boundary:
//
//   body = "--" b *( CRLF head CRLF content CRLF "--" b ) "--" [ CRLF ]      head = *( name ":" value CRLF )
//
// RFC 2046 also has a preamble, an epilogue and white space behind a delimiter. No client sends them, and readers differ in what they make
// of them: they are refused. The next delimiter is looked for before a part's head is read, so that no head reaches over it.

namespace openpcc::form {
namespace {

constexpr std::string_view kCrlf = "\r\n";
constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr size_t kBoundaryCharsMax = 70;  // RFC 2046 s5.1.1

std::unexpected<Error> syntax(std::string detail) { return fail(Code::malformed, "form.syntax", std::move(detail)); }

bool is_boundary_char(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos;
}

Result<std::string_view> boundary_of(std::string_view content_type) {
  const auto parsed = parse_parameterised(content_type);
  if (!parsed || !same_word(parsed->value, "multipart/form-data")) return fail(Code::malformed, "form.content_type");
  const auto boundary = parsed->only("boundary");
  if (!boundary || boundary->empty() || boundary->size() > kBoundaryCharsMax || boundary->back() == ' ' ||
      !std::ranges::all_of(*boundary, is_boundary_char)) {
    return fail(Code::malformed, "form.boundary");
  }
  return *boundary;
}

Result<> read_disposition(std::string_view value, Part& part) {
  const auto parsed = parse_parameterised(value);
  if (!parsed || !same_word(parsed->value, "form-data")) return fail(Code::malformed, "form.disposition", "not form-data");
  const auto name = parsed->only("name");
  if (!name || name->empty()) return fail(Code::malformed, "form.disposition", "not exactly one name");
  if (parsed->count("filename") > 1) return fail(Code::malformed, "form.disposition", "two file names");
  part.name = *name;
  part.filename = parsed->only("filename");
  return {};
}

Result<> read_field(std::string_view line, Part& part) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return syntax("a line above a part's content is no field");
  if (std::ranges::any_of(line, [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; })) {
    return syntax("a control character above a part's content");
  }
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trim(line.substr(colon + 1));
  if (same_word(name, "content-transfer-encoding")) return fail(Code::unsupported, "form.encoding");
  if (same_word(name, "content-disposition")) {
    if (!part.name.empty()) return fail(Code::malformed, "form.disposition", "twice");
    return read_disposition(value, part);
  }
  if (same_word(name, "content-type")) {
    if (part.content_type) return syntax("two Content-Types");
    part.content_type = value;
  }
  return {};
}

// read_part reads what stands between two delimiters: a head, an empty line, the content.
Result<Part> read_part(std::string_view text, const Limits& limits) {
  const size_t end = text.starts_with(kCrlf) ? 0 : text.find(kHeadEnd);
  if (std::min(end, text.size()) > limits.head_bytes_max) return fail(Code::limit, "form.head_bytes");
  if (end == std::string_view::npos) return syntax("a part without an empty line above its content");
  Part part;
  part.content = as_bytes(text.substr(end + (end == 0 ? kCrlf : kHeadEnd).size()));
  for (std::string_view rest = text.substr(0, end); !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find(kCrlf));
    rest.remove_prefix(std::min(line.size() + kCrlf.size(), rest.size()));
    OPENPCC_TRY(read_field(line, part));
  }
  if (part.name.empty()) return fail(Code::malformed, "form.disposition", "absent");
  return part;
}

}  // namespace

Result<std::vector<Part>> parse(std::string_view content_type, ByteSpan body, const Limits& limits) {
  OPENPCC_LET(const std::string_view boundary, boundary_of(content_type));
  const std::string delimiter = "\r\n--" + std::string(boundary);
  const std::string_view first = std::string_view(delimiter).substr(kCrlf.size());
  std::string_view rest = as_text(body);
  if (rest.size() < first.size() && first.starts_with(rest)) return fail(Code::malformed, "form.truncated");
  if (!rest.starts_with(first)) return syntax("the body does not begin with its delimiter");
  rest.remove_prefix(first.size());
  std::vector<Part> out;
  while (!rest.starts_with("--")) {
    if (rest.size() < 2 && (kCrlf.starts_with(rest) || rest == "-")) return fail(Code::malformed, "form.truncated");
    if (!rest.starts_with(kCrlf)) return syntax("something stands behind a delimiter");
    if (out.size() == limits.parts_max) return fail(Code::limit, "form.parts");
    // From the line's own end on: a delimiter right below another one ends a part that has nothing.
    const size_t end = rest.find(delimiter);
    if (end == std::string_view::npos) return fail(Code::malformed, "form.truncated");
    if (end == 0) return syntax("a part with nothing in it");
    OPENPCC_LET(out.emplace_back(), read_part(rest.substr(kCrlf.size(), end - kCrlf.size()), limits));
    rest.remove_prefix(end + delimiter.size());
  }
  rest.remove_prefix(2);
  if (!rest.empty() && rest != kCrlf) return syntax("something stands behind the last delimiter");
  return out;
}

namespace {

// head_lines is everything above a part's content.
std::string head_lines(std::string_view boundary, const PartHead& head) {
  OPENPCC_CHECK(is_token(boundary) && boundary.size() <= kBoundaryCharsMax && std::ranges::all_of(boundary, is_boundary_char));
  OPENPCC_CHECK(!head.name.empty() && is_quotable(head.name) && is_quotable(head.filename.value_or("")));
  std::string out = "--" + std::string(boundary) + "\r\nContent-Disposition: form-data; name=\"" + std::string(head.name) + "\"";
  if (head.filename) out += "; filename=\"" + std::string(*head.filename) + "\"";
  if (head.content_type) {
    const auto control = [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; };
    OPENPCC_CHECK(std::ranges::none_of(*head.content_type, control));
    out += "\r\nContent-Type: " + std::string(*head.content_type);
  }
  return out + std::string(kHeadEnd);
}

void append(Bytes& out, ByteSpan bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

}  // namespace

void append_part(Bytes& out, std::string_view boundary, const PartHead& head, ByteSpan content) {
  append(out, as_bytes(head_lines(boundary, head)));
  append(out, content);
  append(out, as_bytes(kCrlf));
}

void append_close(Bytes& out, std::string_view boundary) { append(out, as_bytes("--" + std::string(boundary) + "--\r\n")); }

size_t part_bytes(std::string_view boundary, const PartHead& head, size_t content_bytes) {
  return head_lines(boundary, head).size() + content_bytes + kCrlf.size();
}

size_t close_bytes(std::string_view boundary) { return boundary.size() + 6; }

std::string content_type(std::string_view boundary) { return "multipart/form-data; boundary=" + std::string(boundary); }

}  // namespace openpcc::form
