// POST /v1/audio/transcriptions and /v1/audio/translations: uploads as forms.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include "answer.h"
#include "apis.h"
#include "openpcc/form/form.h"
#include "read.h"
#include "sse.h"
#include "tokens.h"

namespace openpcc::demo_engine {
namespace {

constexpr size_t kSegmentTokens = 10;
constexpr double kTokenSeconds = 0.4;  // how long this engine's words would take to say

// Upload is what an audio request asks, beside what every prompt does.
struct Upload {
  Prompt prompt;
  std::string format = "json";
  std::string language = "english";
};

enum class Task : uint8_t { transcribe, translate };

struct Segment {
  double start = 0;
  double end = 0;
  std::string text;
};

std::vector<Segment> segments_of(const std::vector<std::string>& tokens) {
  std::vector<Segment> out;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (i % kSegmentTokens == 0) out.push_back({.start = static_cast<double>(i) * kTokenSeconds, .end = 0, .text = {}});
    out.back().text += tokens[i];
    out.back().end = static_cast<double>(i + 1) * kTokenSeconds;
  }
  return out;
}

// one_line keeps a caption from ending early: an empty line ends one.
std::string one_line(std::string_view text) {
  std::string out;
  for (const std::string& word : tokenize(text)) {
    const size_t start = word.find_first_not_of(" \t\r\n");
    if (start == std::string::npos) continue;
    out += (out.empty() ? "" : " ") + word.substr(start);
  }
  return out;
}

// clock_time writes hh:mm:ss and milliseconds behind `point`.
std::string clock_time(double seconds, char point) {
  const auto ms = static_cast<uint32_t>(seconds * 1000 + 0.5);
  std::array<char, 48> out{};
  const int size =
      std::snprintf(out.data(), out.size(), "%02u:%02u:%02u%c%03u", ms / 3'600'000, ms / 60'000 % 60, ms / 1000 % 60, point, ms % 1000);
  return {out.data(), static_cast<size_t>(size)};
}

std::string captions(const std::vector<Segment>& segments, bool vtt) {
  std::string out = vtt ? "WEBVTT\n\n" : "";
  for (size_t i = 0; i < segments.size(); ++i) {
    const char point = vtt ? '.' : ',';
    if (!vtt) out += std::to_string(i + 1) + "\n";
    out += clock_time(segments[i].start, point) + " --> " + clock_time(segments[i].end, point) + "\n" + one_line(segments[i].text) + "\n\n";
  }
  return out;
}

class TranscriptWriter final : public Writer {
 public:
  TranscriptWriter(Generation generation, std::string format, std::string language, Task task)
      : generation_(std::move(generation)), format_(std::move(format)), language_(std::move(language)), task_(task) {}

  std::string token(size_t step) override { return named_sse({{"type", "transcript.text.delta"}, {"delta", completion().tokens[step]}}); }

  std::string ending() override {
    const size_t input = generation_.prompt.tokens;
    const size_t made = completion().tokens.size();
    return named_sse(
        {{"type", "transcript.text.done"},
         {"text", text_of(completion())},
         {"usage", json::object{{"type", "tokens"}, {"input_tokens", input}, {"output_tokens", made}, {"total_tokens", input + made}}}});
  }

  std::string whole() override {
    if (format_ == "text") return text_of(completion()) + "\n";
    if (format_ == "srt" || format_ == "vtt") return captions(segments_of(completion().tokens), format_ == "vtt");
    return json::serialize(format_ == "json" ? plain() : verbose());
  }

 private:
  const Completion& completion() const { return generation_.completions.front(); }
  double duration() const { return static_cast<double>(completion().tokens.size()) * kTokenSeconds; }
  json::object usage() const { return {{"type", "duration"}, {"seconds", static_cast<uint64_t>(duration() + 0.999)}}; }
  json::object plain() const { return {{"text", text_of(completion())}, {"usage", usage()}}; }

  json::object verbose() const {
    json::array segments;
    for (const Segment& segment : segments_of(completion().tokens)) {
      json::array tokens;
      for (const uint64_t id : token_ids(segment.text)) tokens.push_back(id);
      segments.push_back(json::object{{"id", segments.size()},
                                      {"seek", 0},
                                      {"start", segment.start},
                                      {"end", segment.end},
                                      {"text", segment.text},
                                      {"tokens", std::move(tokens)},
                                      {"temperature", 0.0},
                                      {"avg_logprob", -0.125},
                                      {"compression_ratio", 1.0},
                                      {"no_speech_prob", 0.0}});
    }
    return {{"task", task_ == Task::transcribe ? "transcribe" : "translate"},
            {"language", language_},
            {"duration", duration()},
            {"text", text_of(completion())},
            {"segments", std::move(segments)},
            {"usage", usage()}};
  }

  Generation generation_;
  std::string format_;
  std::string language_;
  Task task_;
};

constexpr std::array<std::string_view, 5> kFormats{"json", "text", "verbose_json", "srt", "vtt"};

Parsed<bool> read_flag(std::string_view name, std::string_view value) {
  if (value == "true" || value == "True" || value == "1") return true;
  if (value == "false" || value == "False" || value == "0") return false;
  return bad(std::string(name) + " must be true or false", std::string(name));
}

// read_field reads one part but the file; what this engine has no use for is ignored, as in JSON.
Parsed<void> read_field(std::string_view name, std::string_view value, const Served& served, Upload& out) {
  if (name == "model") return check_model(value, served);
  if (name == "language") out.language = value;
  if (name == "prompt") out.prompt.characters = code_points(value);
  if (name == "prompt") out.prompt.tokens += pieces(value).size();
  if (name == "response_format") {
    out.format = value;
    if (std::ranges::find(kFormats, value) == kFormats.end()) {
      return bad("response_format must be json, text, verbose_json, srt or vtt", "response_format");
    }
  }
  if (name == "stream") {
    OPENPCC_LET(out.prompt.stream, read_flag(name, value));
  }
  if (name == "temperature") {
    double number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size()) return bad("temperature must be a number", "temperature");
  }
  return {};
}

Parsed<Upload> parse_upload(ByteSpan body, const Context& context) {
  const auto parts = form::parse(context.fields.find("content-type").value_or(""), body);
  if (!parts) return bad("the body is not a form: " + std::string(parts.error().rule.id()));
  Upload out;
  out.prompt.inputs = "1 file";
  out.prompt.tokens = 1;
  for (const form::Part& part : *parts) {
    const bool is_file = part.name == "file";
    // What is no file goes into an answer in JSON, in part or whole.
    if (!is_utf8(part.name) || (!is_file && !is_utf8(as_text(part.content)))) return bad("fields must be UTF-8");
    out.prompt.body_fields.emplace_back(part.name);
    if (is_file) {
      out.prompt.attachments.push_back(attachment(part.content_type.value_or(""), part.content));
    } else if (const auto read = read_field(part.name, as_text(part.content), context.served, out); !read) {
      return std::unexpected(read.error());
    }
  }
  std::ranges::sort(out.prompt.body_fields);
  if (out.prompt.attachments.size() != 1) return bad("exactly one file is required", "file");
  if (out.prompt.tokens >= context.served.max_model_len) return bad("prompt is too long", "prompt");
  return out;
}

Parsed<Job> answer_upload(ByteSpan body, const Context& context, Task task) {
  OPENPCC_LET(Upload upload, parse_upload(body, context));
  const bool is_json = upload.format == "json" || upload.format == "verbose_json";
  return generation_job<TranscriptWriter>(generate(std::move(upload.prompt), context, "trsc-"),
                                          is_json ? kJson : "text/plain; charset=utf-8", kEvents, upload.format, upload.language, task);
}

}  // namespace

Parsed<Job> transcriptions(ByteSpan body, const Context& context) { return answer_upload(body, context, Task::transcribe); }
Parsed<Job> translations(ByteSpan body, const Context& context) { return answer_upload(body, context, Task::translate); }

}  // namespace openpcc::demo_engine
