#include "openpcc/form/form.h"

#include "openpcc/testkit/testkit.h"

namespace openpcc::form {
namespace {

constexpr std::string_view kType = "multipart/form-data; boundary=xyz";
constexpr std::string_view kName = "Content-Disposition: form-data; name=\"n\"\r\n";

Result<std::vector<Part>> read(std::string_view body, std::string_view type = kType, const Limits& limits = {}) {
  return parse(type, as_bytes(body), limits);
}

// form_of makes a form of one part with these lines above its content.
std::string form_of(std::string_view lines) { return "--xyz\r\n" + std::string(lines) + "\r\nc\r\n--xyz--\r\n"; }

// disposition_of makes a form whose one part has this Content-Disposition.
std::string disposition_of(std::string_view value) { return form_of("Content-Disposition: " + std::string(value) + "\r\n"); }

TEST(Parse, reads_what_a_client_sends) {
  const std::string body =
      "--xyz\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper\r\n"
      "--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a b.wav\"\r\nContent-Type: audio/wav\r\n\r\nRIFF\r\n\r\n--xy\r\n"
      "--xyz--\r\n";
  const auto parts = read(body);
  ASSERT_OK(parts);
  ASSERT_EQ(parts->size(), 2u);
  EXPECT_EQ((*parts)[0].name, "model");
  EXPECT_FALSE((*parts)[0].filename);
  EXPECT_FALSE((*parts)[0].content_type);
  EXPECT_EQ(as_text((*parts)[0].content), "whisper");
  EXPECT_EQ((*parts)[1].name, "file");
  EXPECT_EQ((*parts)[1].filename, "a b.wav");
  EXPECT_EQ((*parts)[1].content_type, "audio/wav");
  EXPECT_EQ(as_text((*parts)[1].content), "RIFF\r\n\r\n--xy");
  EXPECT_GE((*parts)[1].content.data(), as_bytes(body).data());  // a view
  EXPECT_LT((*parts)[1].content.data(), as_bytes(body).data() + body.size());
}

TEST(Parse, reads_other_spellings) {
  for (const std::string_view type : {"multipart/form-data;boundary=xyz", "Multipart/Form-Data ; charset=utf-8; Boundary=\"xyz\"",
                                      "multipart/form-data; boundary=xyz "}) {
    EXPECT_OK(read(form_of(kName), type));
  }
  for (const std::string_view value :
       {"form-data; name=n", "Form-Data;NAME=n ; filename*=UTF-8''x", "form-data; other=\"; name=x\"; name=\"n\""}) {
    const std::string body = disposition_of(value);
    const auto parts = read(body);
    ASSERT_OK(parts);
    EXPECT_EQ(parts->at(0).name, "n");
    EXPECT_FALSE(parts->at(0).filename);
  }
  const std::string no_filename = disposition_of("form-data; name=n; filename=\"\"");
  EXPECT_EQ(read(no_filename)->at(0).filename, "");
  const std::string beyond_ascii = disposition_of("form-data; name=\"\u00fc%22\"");
  EXPECT_EQ(read(beyond_ascii)->at(0).name, "\u00fc%22");
  EXPECT_OK(read(form_of("X-Other:y\r\ncontent-disposition:\tform-data; name=n\r\n")));
  EXPECT_EQ(read("--xyz--")->size(), 0u);
  EXPECT_EQ(read("--xyz--\r\n")->size(), 0u);
}

TEST(Parse, contents_may_be_empty_and_names_repeat) {
  const std::string part = "--xyz\r\n" + std::string(kName) + "\r\n\r\n";
  const std::string body = part + part + "--xyz--";
  const auto parts = read(body);
  ASSERT_OK(parts);
  ASSERT_EQ(parts->size(), 2u);
  EXPECT_TRUE(parts->at(1).content.empty());
}

TEST(Parse, boundaries_may_hold_all_of_rfc_2046s_characters) {
  const std::string boundary = "0aZ'()+_,-./:=? x";
  const std::string type = "multipart/form-data; boundary=\"" + boundary + "\"";
  EXPECT_OK(read("--" + boundary + "--", type));
  const std::string longest(70, 'b');
  EXPECT_OK(read("--" + longest + "--", content_type(longest)));
}

TEST(Parse, refuses_other_types) {
  for (const std::string_view type :
       {"", "multipart/mixed; boundary=xyz", "application/json", "multipart/form-data; boundary", "multipart/form-data; boundary=xyz;",
        "multipart/form-data; boundary=x y", "multipart/form-data; =x", "multipart/form-data; boundary=\"xyz",
        "multipart/form-data; boundary=\"x\\yz\"", "multipart/form-data; boundary="}) {
    EXPECT_RULE(read(form_of(kName), type), "form.content_type");
  }
}

TEST(Parse, refuses_boundaries) {
  const std::string long_one(71, 'b');
  for (const std::string& parameter : {std::string(), std::string("; boundary=\"\""), std::string("; boundary=xyz; boundary=xyz"),
                                       std::string("; boundary=\"xyz \""), std::string("; boundary=x*z"), "; boundary=" + long_one}) {
    EXPECT_RULE(read(form_of(kName), "multipart/form-data" + parameter), "form.boundary");
  }
}

TEST(Parse, refuses_what_readers_see_differently) {
  for (const std::string& body : {
           "preamble\r\n" + form_of(kName),
           "\r\n" + form_of(kName),
           form_of(kName) + "\r\n",
           form_of(kName) + "epilogue",
           "--xyz \r\n" + std::string(kName) + "\r\nc\r\n--xyz--",
           "--xyz\n" + std::string(kName) + "\r\nc\r\n--xyz--",
           "--xyz\r\n" + std::string(kName) + "\r\nc\r\n--xyza\r\n--xyz--",  // a delimiter that goes on
           "--xyz\r\n" + std::string(kName) + "\r\nc\r\n--xyz-\r\n--xyz--",
           std::string("--xyz\r\n--xyz\r\n--xyz--"),
           "--xyz\r\n" + std::string(kName) + "--xyz--",  // no empty line
           "--xyz\r\n" + std::string(kName) + "\r\n--xyz--",
       }) {
    EXPECT_RULE(read(body), "form.syntax");
  }
}

TEST(Parse, refuses_lines_that_are_no_fields) {
  for (const std::string_view more : {"no field\r\n", " folded: x\r\n", "a b: x\r\n", ": x\r\n", "x: a\nb\r\n", "x: a\rb\r\n",
                                      "x: \x7f\r\n", "Content-Type: a\r\ncontent-type: b\r\n"}) {
    EXPECT_RULE(read(form_of(std::string(kName) + std::string(more))), "form.syntax");
  }
  EXPECT_RULE(read(form_of(std::string(kName) + std::string("x: \0\r\n", 6))), "form.syntax");
}

TEST(Parse, refuses_dispositions) {
  for (const std::string_view value :
       {"", "attachment; name=n", "form-data", "form-data; filename=n", "form-data; name=\"\"", "form-data; name=a; name=b",
        "form-data; name=a; filename=b; filename=c", "form-data; name=\"a\\\"b\"", "form-data; name=\"a", "form-data; name=a b",
        "form-data; name=a;", "form-data; name*=a"}) {
    EXPECT_RULE(read(disposition_of(value)), "form.disposition");
  }
  EXPECT_RULE(read("--xyz\r\n\r\nc\r\n--xyz--"), "form.disposition");
  EXPECT_RULE(read(form_of("Content-Type: text/plain\r\n")), "form.disposition");
  EXPECT_RULE(read(form_of(std::string(kName) + std::string(kName))), "form.disposition");
}

TEST(Parse, refuses_transfer_encodings) {
  EXPECT_RULE(read(form_of(std::string(kName) + "Content-Transfer-Encoding: binary\r\n")), "form.encoding");
}

TEST(Parse, refuses_too_many_parts) {
  std::string body;
  for (int i = 0; i < 64; ++i) body += "--xyz\r\n" + std::string(kName) + "\r\nc\r\n";
  EXPECT_OK(read(body + "--xyz--"));
  EXPECT_RULE(read(body + form_of(kName)), "form.parts");
  EXPECT_RULE(read(form_of(kName), kType, {.parts_max = 0}), "form.parts");
}

TEST(Parse, refuses_too_long_heads) {
  const size_t least = kName.size() - 2;  // without the last line's end
  EXPECT_OK(read(form_of(kName), kType, {.head_bytes_max = least}));
  EXPECT_RULE(read(form_of(kName), kType, {.head_bytes_max = least - 1}), "form.head_bytes");
  EXPECT_RULE(read(form_of(std::string(kName) + "x: " + std::string(4096, 'y') + "\r\n")), "form.head_bytes");
}

TEST(Parse, refuses_every_truncation) {
  const std::string body = form_of(kName);
  for (size_t bytes = 0; bytes < body.size() - 2; ++bytes) EXPECT_RULE(read(std::string_view(body).substr(0, bytes)), "form.truncated");
  EXPECT_OK(read(std::string_view(body).substr(0, body.size() - 2)));
  EXPECT_RULE(read(std::string_view(body).substr(0, body.size() - 1)), "form.syntax");  // half a line's end
}

TEST(Write, is_read_again) {
  const PartHead head{.name = "file", .filename = "a b.wav", .content_type = "audio/wav"};
  Bytes out;
  append_part(out, "b0", {.name = "model"}, as_bytes("m"));
  append_part(out, "b0", head, as_bytes("\r\n--b"));
  append_close(out, "b0");
  EXPECT_EQ(as_text(out),
            "--b0\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n"
            "--b0\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a b.wav\"\r\nContent-Type: audio/wav\r\n\r\n\r\n--b\r\n"
            "--b0--\r\n");
  EXPECT_EQ(out.size(), part_bytes("b0", {.name = "model"}, 1) + part_bytes("b0", head, 5) + close_bytes("b0"));
  const auto parts = parse(content_type("b0"), out);
  ASSERT_OK(parts);
  EXPECT_EQ(parts->at(1).filename, head.filename);
  EXPECT_EQ(as_text(parts->at(1).content), "\r\n--b");
}

TEST(WriteDeath, refuses_our_own_mistakes) {
  Bytes out;
  EXPECT_DEATH(append_part(out, "b 0", {.name = "n"}, {}), "");
  EXPECT_DEATH(append_part(out, "b0", {.name = ""}, {}), "");
  EXPECT_DEATH(append_part(out, "b0", {.name = "a\"b"}, {}), "");
  EXPECT_DEATH(append_part(out, "b0", {.name = "n", .filename = "a\r\nb"}, {}), "");
  EXPECT_DEATH(append_part(out, "b0", {.name = "n", .content_type = "a\r\nb"}, {}), "");
}

}  // namespace
}  // namespace openpcc::form
