// A Content-Type, a line feed, a body. What parses views the body alone, and is the same again when it is written and read.
#include "openpcc/form/form.h"

using namespace openpcc;

namespace {

bool within(ByteSpan part, ByteSpan whole) { return part.empty() || (part.data() >= whole.data() && part.size() <= whole.size()); }

void write_and_read_again(const std::vector<form::Part>& parts, std::string_view body) {
  std::string boundary = "fuzz";
  while (body.find(boundary) != std::string_view::npos) boundary += static_cast<char>('a' + boundary.size() % 26);
  if (boundary.size() > 70) return;
  size_t expected = form::close_bytes(boundary);
  Bytes written;
  for (const form::Part& part : parts) {
    expected += form::part_bytes(boundary, part, part.content.size());
    form::append_part(written, boundary, part, part.content);
  }
  form::append_close(written, boundary);
  OPENPCC_CHECK(written.size() == expected);
  const auto again = form::parse(form::content_type(boundary), written, {.parts_max = parts.size(), .head_bytes_max = 8192});
  OPENPCC_CHECK(again && again->size() == parts.size());
  for (size_t i = 0; i < parts.size(); ++i) {
    const form::Part& a = parts[i];
    const form::Part& b = (*again)[i];
    OPENPCC_CHECK(a.name == b.name && a.filename == b.filename && a.content_type == b.content_type && equal(a.content, b.content));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = as_text({data, size});
  const size_t line = text.find('\n');
  if (line == std::string_view::npos) return 0;
  const ByteSpan body = as_bytes(text.substr(line + 1));
  const auto parts = form::parse(text.substr(0, line), body);
  if (!parts) return 0;
  for (const form::Part& part : *parts)
    OPENPCC_CHECK(!part.name.empty() && within(part.content, body) && within(as_bytes(part.name), body));
  write_and_read_again(*parts, as_text(body));
  return 0;
}
