// POST /v1/audio/speech: a tone for each word.
#include <cmath>
#include <numbers>

#include "apis.h"
#include "read.h"
#include "tokens.h"

namespace openpcc::demo_engine {
namespace {

constexpr size_t kInputCharactersMax = 4096;  // as OpenAI's API
constexpr uint32_t kRate = 24'000;            // samples a second, 16 bits, one channel: what OpenAI calls pcm
constexpr uint32_t kWordSamples = kRate / 12;
constexpr uint32_t kBytesPerSample = 2;

void put(std::string& out, uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
}

// wav_head is the RIFF header of a file whose length is known (little-endian throughout).
std::string wav_head(uint32_t data_bytes) {
  std::string out = "RIFF";
  put(out, 36 + data_bytes, 4);
  out += "WAVEfmt ";
  put(out, 16, 4);
  put(out, 1, 2);  // PCM
  put(out, 1, 2);  // channels
  put(out, kRate, 4);
  put(out, kRate * kBytesPerSample, 4);
  put(out, kBytesPerSample, 2);
  put(out, 8 * kBytesPerSample, 2);
  out += "data";
  put(out, data_bytes, 4);
  return out;
}

// tone is a word as sound: the longer the word, the lower. It fades in and out, or its ends would click.
std::string tone(std::string_view word) {
  const double frequency = 880.0 / (1.0 + static_cast<double>(std::min<size_t>(word.size(), 16)) / 8);
  std::string out;
  for (uint32_t i = 0; i < kWordSamples; ++i) {
    const double fade = std::sin(std::numbers::pi * i / kWordSamples);
    const double value = 8000 * fade * std::sin(2 * std::numbers::pi * frequency * i / kRate);
    put(out, static_cast<uint32_t>(static_cast<int32_t>(value)), kBytesPerSample);
  }
  return out;
}

class SpeechWriter final : public Writer {
 public:
  SpeechWriter(std::vector<std::string> words, bool wav) : words_(std::move(words)), wav_(wav) {}
  std::string opening() override {
    return wav_ ? wav_head(static_cast<uint32_t>(words_.size()) * kWordSamples * kBytesPerSample) : std::string();
  }
  std::string token(size_t step) override { return tone(words_[step]); }

 private:
  std::vector<std::string> words_;
  bool wav_;
};

}  // namespace

Parsed<Job> speech(ByteSpan bytes, const Context& context) {
  OPENPCC_LET(const json::object body, parse_object(bytes));
  OPENPCC_TRY(read_model(body, context.served));
  OPENPCC_LET(const std::string input, required_text(body, "input"));
  if (input.empty() || code_points(input) > kInputCharactersMax) return bad("input must have 1 to 4096 characters", "input");
  OPENPCC_LET(const std::optional<std::string> format, text(body, "response_format"));
  if (format && *format != "wav" && *format != "pcm") return bad("this engine speaks wav and pcm only", "response_format");
  OPENPCC_LET(const std::optional<std::string> stream_format, text(body, "stream_format"));
  if (stream_format && *stream_format != "audio") return bad("this engine streams audio only", "stream_format");
  const bool wav = format != "pcm";
  std::vector<std::string> words = tokenize(input);
  Job job{
      .steps = std::vector<uint32_t>(words.size(), 1), .stream = true, .content_type = wav ? "audio/wav" : "audio/pcm", .writer = nullptr};
  job.writer = std::make_unique<SpeechWriter>(std::move(words), wav);
  return job;
}

}  // namespace openpcc::demo_engine
