#include "ask.h"

namespace openpcc::demo_engine {
namespace {

const http::Fields kForm{{"content-type", "multipart/form-data; boundary=xyz"}};

std::string field(std::string_view name, std::string_view value) {
  return "--xyz\r\nContent-Disposition: form-data; name=\"" + std::string(name) + "\"\r\n\r\n" + std::string(value) + "\r\n";
}

std::string upload(const std::string& more = {}) {
  return "--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\nabc\r\n" + more +
         "--xyz--\r\n";
}

std::string text_with(const std::string& more) { return answer_of(transcriptions, upload(more), kForm); }

void expect_refused(const std::string& body, uint16_t status, std::string_view part) {
  const auto job = ask(transcriptions, body, kForm);
  ASSERT_FALSE(job);
  EXPECT_EQ(job.error().status, status);
  EXPECT_TRUE(has(job.error().message, part)) << job.error().message;
}

TEST(Transcriptions, tell_what_arrived) {
  const auto parsed = json::parse(text_with(field("model", "openpcc-demo")));
  const std::string text(parsed.at("text").as_string());
  EXPECT_TRUE(has(text,
                  "1 medium came with it: 3 bytes of audio/wav, SHA-256 "
                  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad."))
      << text;
  EXPECT_TRUE(has(text, "1 file.\n"));
  EXPECT_TRUE(has(text, "Fields of the body: file, model."));
  EXPECT_EQ(parsed.at("usage").at("type"), "duration");
}

TEST(Transcriptions, have_five_formats) {
  EXPECT_TRUE(text_with(field("response_format", "text")).starts_with("I am the demo engine"));
  EXPECT_TRUE(text_with(field("response_format", "srt"))
                  .starts_with("1\n00:00:00,000 --> 00:00:04,000\nI am the demo engine of OpenPCC, not a language\n\n2\n"));
  EXPECT_TRUE(text_with(field("response_format", "vtt")).starts_with("WEBVTT\n\n00:00:00.000 --> 00:00:04.000\nI am"));
  const auto verbose = json::parse(text_with(field("response_format", "verbose_json") + field("language", "de")));
  EXPECT_EQ(verbose.at("task"), "transcribe");
  EXPECT_EQ(verbose.at("language"), "de");
  EXPECT_EQ(verbose.at("segments").at(1).at("start"), 4.0);
  std::string joined;
  for (const json::value& segment : verbose.at("segments").as_array()) joined += segment.at("text").as_string();
  EXPECT_EQ(verbose.at("text"), json::string_view(joined));
  const auto job = ask(transcriptions, upload(field("response_format", "text")), kForm);
  ASSERT_TRUE(job);
  EXPECT_EQ(job->content_type, "text/plain; charset=utf-8");
}

TEST(Transcriptions, stream_as_openai_does) {
  const auto events = events_of(text_with(field("stream", "true")));
  std::string joined;
  for (size_t i = 0; i + 1 < events.size(); ++i) {
    EXPECT_EQ(events[i].at("type"), "transcript.text.delta");
    joined += events[i].at("delta").as_string();
  }
  EXPECT_EQ(events.back().at("type"), "transcript.text.done");
  EXPECT_EQ(events.back().at("text"), json::string_view(joined));
}

TEST(Transcriptions, refuse) {
  expect_refused("{}", 400, "form.syntax");
  expect_refused(field("file", "x"), 400, "form.truncated");
  expect_refused(field("model", "openpcc-demo") + "--xyz--", 400, "exactly one file");
  expect_refused(upload(field("file", "x")), 400, "exactly one file");
  expect_refused(upload(field("model", "m")), 404, "does not exist");
  expect_refused(upload(field("response_format", "xml")), 400, "response_format");
  expect_refused(upload(field("stream", "maybe")), 400, "stream");
  expect_refused(upload(field("temperature", "warm")), 400, "temperature");
  expect_refused(upload(field("language", "\xff")), 400, "UTF-8");
  expect_refused(upload(field("prompt", std::string(7000, 'x'))), 400, "too long");
  EXPECT_FALSE(ask(transcriptions, upload(), {{"content-type", "application/json"}}));
  EXPECT_FALSE(ask(transcriptions, upload()));
}

TEST(Translations, are_told_apart) {
  const auto parsed = json::parse(answer_of(translations, upload(field("response_format", "verbose_json")), kForm));
  EXPECT_EQ(parsed.at("task"), "translate");
}

uint32_t number_at(std::string_view bytes, size_t at) {
  uint32_t out = 0;
  for (size_t i = 4; i-- > 0;) out = out << 8 | static_cast<uint8_t>(bytes[at + i]);
  return out;
}

TEST(Speech, is_a_wav_as_long_as_its_header_says) {
  const std::string wav = answer_of(speech, R"({"model":"openpcc-demo","input":"one two three","voice":"alloy"})");
  EXPECT_TRUE(wav.starts_with("RIFF"));
  EXPECT_EQ(wav.substr(8, 8), "WAVEfmt ");
  EXPECT_EQ(number_at(wav, 4) + 8, wav.size());
  EXPECT_EQ(number_at(wav, 24), 24'000u);
  EXPECT_EQ(number_at(wav, 40) + 44, wav.size());
  EXPECT_EQ(wav.size(), 44u + 3 * 4000);
  const std::string pcm = answer_of(speech, R"({"input":"one two three","response_format":"pcm"})");
  EXPECT_EQ(pcm, wav.substr(44));
  EXPECT_NE(pcm.find_first_not_of('\0'), std::string::npos);
  EXPECT_EQ(ask(speech, R"({"input":"x"})")->content_type, "audio/wav");
}

TEST(Speech, refuses) {
  expect_error(speech, "{}", 400, "input is required");
  expect_error(speech, R"({"input":""})", 400, "1 to 4096");
  expect_error(speech, R"({"input":")" + std::string(4097, 'x') + R"("})", 400, "1 to 4096");
  expect_error(speech, R"({"input":"x","response_format":"mp3"})", 400, "wav and pcm");
  expect_error(speech, R"({"input":"x","stream_format":"sse"})", 400, "streams audio");
  expect_error(speech, R"({"input":"x","model":"m"})", 404, "does not exist");
}

}  // namespace
}  // namespace openpcc::demo_engine
