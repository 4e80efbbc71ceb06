// The decoder is a machine over the parts of a message:
//
//   framing -> control -> header -> content -> trailer -> end -> padding
//                 ^          |
//                 +----------+  after an interim response
//
// step() handles one element (a length, a string, a piece of content). It returns false when more bytes are needed; what came of it for the
// caller lies in event_.
#include <algorithm>
#include <array>
#include <utility>

#include "input.h"
#include "openpcc/bhttp/bhttp.h"
#include "validate.h"

namespace openpcc::bhttp {
namespace {

enum class Part : uint8_t { framing, control, header, content, trailer, end, padding };

std::string to_string(ByteSpan bytes) { return std::string(as_text(bytes)); }

Result<ByteSpan> read_string(ByteReader& reader) {
  OPENPCC_LET(const uint64_t n, reader.varint());
  return reader.bytes(static_cast<size_t>(std::min<uint64_t>(n, SIZE_MAX)));
}

constexpr bool is_request(const RequestHead&) { return true; }
constexpr bool is_request(const ResponseHead&) { return false; }

}  // namespace

template <class Head>
struct Decoder<Head>::State {
  explicit State(const Limits& limits) : limits_(limits), head_room_(limits.head_bytes_max), content_room_(limits.content_bytes_max) {}

  Result<Event> next();

  Input input_;
  bool ended_ = false;

 private:
  Result<bool> step();
  Result<bool> framing();
  Result<bool> control(RequestHead& head);
  Result<bool> control(ResponseHead& head);
  Result<bool> section();
  Result<bool> known_section();
  Result<bool> indeterminate_section();
  Result<bool> section_done();
  Result<bool> content();
  Result<bool> content_length();
  Result<bool> padding();
  Result<Event> starved();

  Result<> charge(uint64_t bytes);
  Result<bool> length();
  Result<std::optional<ByteSpan>> string();
  Result<> add_field(ByteSpan name, ByteSpan value);
  bool known() const { return framing_ == Framing::known_length; }
  void enter(Part part);
  void emit_head();

  Limits limits_;
  Part part_ = Part::framing;
  Framing framing_ = Framing::known_length;
  bool part_begun_ = false;  // an element of this part was read: the part cannot be missing any more

  size_t head_room_;                // of head_bytes_max, or of the trailer section's share
  std::optional<uint64_t> length_;  // of the string or section that is awaited
  size_t strings_ = 0;              // of the request's control data that were read
  bool interim_ = false;
  size_t interim_responses_ = 0;
  std::optional<std::string> field_name_;  // its value is awaited
  Fields fields_;                          // of the section that is being read
  Head head_{};

  uint64_t content_room_;
  uint64_t content_left_ = 0;  // of the content, or of its chunk

  std::optional<Event> event_;
  std::optional<Error> error_;
};

template <class Head>
Result<typename Decoder<Head>::Event> Decoder<Head>::State::next() {
  event_.reset();
  while (!error_) {
    const auto stepped = step();
    if (!stepped) {
      error_ = stepped.error();
    } else if (event_) {
      return std::move(*event_);
    } else if (!*stepped) {
      return starved();
    }
  }
  return std::unexpected(*error_);
}

template <class Head>
Result<bool> Decoder<Head>::State::step() {
  switch (part_) {
    case Part::framing: return framing();
    case Part::control: return control(head_);
    case Part::header:
    case Part::trailer: return section();
    case Part::content: return content();
    case Part::end:
      enter(Part::padding);
      event_ = End{};
      return true;
    case Part::padding: break;
  }
  return padding();
}

// Spec: RFC 9292 s3.8. Header section, content and trailer section may be missing, and are empty then; the appendix of RFC 9458 leaves out
// all three. A part that began must be complete, one of indeterminate length with its terminator.
template <class Head>
Result<typename Decoder<Head>::Event> Decoder<Head>::State::starved() {
  if (!ended_ || part_ == Part::padding) return NeedMore{};
  const bool between_parts = !part_begun_ && !input_.inside_element();
  const bool may_be_missing = (part_ == Part::header && !interim_) || part_ == Part::content || part_ == Part::trailer;
  if (!between_parts || !may_be_missing) {
    error_ = Error{Code::malformed, "bhttp.3.8.truncated", {}};
    return std::unexpected(*error_);
  }
  if (part_ == Part::header) {
    emit_head();
    return std::move(*event_);
  }
  enter(Part::padding);
  return End{};
}

// Spec: RFC 9292 s3.3. 0 and 2 are requests of known and of indeterminate length, 1 and 3 responses.
template <class Head>
Result<bool> Decoder<Head>::State::framing() {
  const auto indicator = input_.varint();
  if (!indicator) return false;
  const bool request = indicator->value % 2 == 0;
  if (indicator->value > 3 || request != is_request(head_)) return fail(Code::malformed, "bhttp.3.framing");
  framing_ = indicator->value < 2 ? Framing::known_length : Framing::indeterminate_length;
  enter(Part::control);
  return true;
}

// Spec: RFC 9292 s3.4.
template <class Head>
Result<bool> Decoder<Head>::State::control(RequestHead& head) {
  const std::array targets{&head.method, &head.scheme, &head.authority, &head.path};
  OPENPCC_LET(const auto value, string());
  if (!value) return false;
  *targets.at(strings_) = to_string(*value);
  strings_ += 1;
  if (strings_ < targets.size()) return true;
  OPENPCC_TRY(check_control(head));
  enter(Part::header);
  return true;
}

// Spec: RFC 9292 s3.5.
template <class Head>
Result<bool> Decoder<Head>::State::control(ResponseHead& head) {
  const auto status = input_.varint();
  if (!status) return false;
  OPENPCC_TRY(charge(status->bytes));
  if (status->value < 100 || status->value > 599) return fail(Code::malformed, "bhttp.3.5.status");
  interim_ = status->value < 200;
  if (interim_ && ++interim_responses_ > limits_.interim_responses_max) return fail(Code::limit, "bhttp.limit.interim");
  head.status = static_cast<uint16_t>(status->value);
  enter(Part::header);
  return true;
}

template <class Head>
Result<bool> Decoder<Head>::State::section() {
  return known() ? known_section() : indeterminate_section();
}

// Spec: RFC 9292 s3.1 and s3.6.
template <class Head>
Result<bool> Decoder<Head>::State::known_section() {
  OPENPCC_LET(const auto lines, string());
  if (!lines) return false;
  ByteReader reader(*lines, "bhttp.3.section");
  while (!reader.empty()) {
    OPENPCC_LET(const ByteSpan name, read_string(reader));
    OPENPCC_LET(const ByteSpan value, read_string(reader));
    OPENPCC_TRY(add_field(name, value));
  }
  return section_done();
}

// Spec: RFC 9292 s3.2 and s3.6. One string per step; a name of no bytes is the section's terminator.
template <class Head>
Result<bool> Decoder<Head>::State::indeterminate_section() {
  OPENPCC_LET(const auto piece, string());
  if (!piece) return false;
  if (field_name_) {
    OPENPCC_TRY(add_field(as_bytes(*field_name_), *piece));
    field_name_.reset();
    return true;
  }
  if (piece->empty()) return section_done();
  field_name_ = to_string(*piece);
  return true;
}

template <class Head>
Result<bool> Decoder<Head>::State::section_done() {
  if (part_ == Part::trailer) {
    enter(Part::end);
    if (!fields_.empty()) event_ = Trailers{std::move(fields_)};
  } else if (interim_) {
    fields_.clear();
    enter(Part::control);
  } else {
    emit_head();
  }
  return true;
}

template <class Head>
void Decoder<Head>::State::emit_head() {
  head_.fields = std::exchange(fields_, {});
  event_ = std::move(head_);
  head_room_ = limits_.head_bytes_max;  // the trailer section's from here on
  enter(Part::content);
}

// Spec: RFC 9292 s3.7. A piece of content is handed on as it comes, whatever the lengths of chunks.
template <class Head>
Result<bool> Decoder<Head>::State::content() {
  if (content_left_ == 0) return content_length();
  const ByteSpan piece = input_.some(content_left_);
  if (piece.empty()) return false;
  content_left_ -= piece.size();
  if (content_left_ == 0 && known()) enter(Part::trailer);
  event_ = Content{piece};
  return true;
}

template <class Head>
Result<bool> Decoder<Head>::State::content_length() {
  const auto bytes = input_.varint();
  if (!bytes) return false;
  part_begun_ = true;
  if (bytes->value > content_room_) return fail(Code::limit, "bhttp.limit.content");
  content_room_ -= bytes->value;
  content_left_ = bytes->value;
  if (content_left_ == 0) enter(Part::trailer);
  return true;
}

template <class Head>
Result<bool> Decoder<Head>::State::padding() {
  const ByteSpan piece = input_.some(UINT64_MAX);
  if (std::ranges::any_of(piece, [](uint8_t b) { return b != 0; })) return fail(Code::malformed, "bhttp.3.8.padding");
  return false;
}

template <class Head>
Result<> Decoder<Head>::State::charge(uint64_t bytes) {
  if (bytes > head_room_) return fail(Code::limit, "bhttp.limit.head");
  head_room_ -= static_cast<size_t>(bytes);
  return {};
}

// length reads the length of a string into length_, unless it was read before. false: more bytes are needed.
template <class Head>
Result<bool> Decoder<Head>::State::length() {
  if (length_) return true;
  const auto bytes = input_.varint();
  if (!bytes) return false;
  part_begun_ = true;
  OPENPCC_TRY(charge(bytes->bytes));
  OPENPCC_TRY(charge(bytes->value));
  length_ = bytes->value;
  return true;
}

// string reads a length and as many bytes, which are valid until the input is used again. nullopt: more bytes are needed.
template <class Head>
Result<std::optional<ByteSpan>> Decoder<Head>::State::string() {
  OPENPCC_LET(const bool known_length, length());
  if (!known_length) return std::nullopt;
  const auto bytes = input_.bytes(static_cast<size_t>(*length_));
  if (bytes) length_.reset();
  return bytes;
}

template <class Head>
Result<> Decoder<Head>::State::add_field(ByteSpan name, ByteSpan value) {
  OPENPCC_TRY(check_field(as_text(name), as_text(value)));
  fields_.push_back({to_string(name), to_string(value)});
  return {};
}

template <class Head>
void Decoder<Head>::State::enter(Part part) {
  part_ = part;
  part_begun_ = false;
}

template <class Head>
Decoder<Head>::Decoder(Limits limits) : state_(std::make_unique<State>(limits)) {}
template <class Head>
Decoder<Head>::Decoder(Decoder&&) noexcept = default;
template <class Head>
Decoder<Head>& Decoder<Head>::operator=(Decoder&&) noexcept = default;
template <class Head>
Decoder<Head>::~Decoder() = default;

template <class Head>
void Decoder<Head>::feed(ByteSpan bytes) {
  OPENPCC_CHECK(!state_->ended_);
  state_->input_.feed(bytes);
}
template <class Head>
void Decoder<Head>::end() {
  state_->ended_ = true;
}
template <class Head>
Result<typename Decoder<Head>::Event> Decoder<Head>::next() {
  return state_->next();
}
template <class Head>
size_t Decoder<Head>::unread() const {
  return state_->input_.unread();
}

template class Decoder<RequestHead>;
template class Decoder<ResponseHead>;

namespace {

template <class Message, class Head>
Result<Message> decode_whole(ByteSpan bytes, const Limits& limits) {
  Decoder<Head> decoder(limits);
  decoder.feed(bytes);
  decoder.end();
  Message message;
  bool complete = false;
  while (true) {
    OPENPCC_LET(auto event, decoder.next());
    if (auto* head = std::get_if<Head>(&event)) message.head = std::move(*head);
    if (const auto* content = std::get_if<Content>(&event)) {
      message.content.insert(message.content.end(), content->bytes.begin(), content->bytes.end());
    }
    complete = complete || std::holds_alternative<End>(event);
    if (std::holds_alternative<NeedMore>(event)) break;
  }
  OPENPCC_CHECK(complete);  // an ended decoder needs more only after the end
  return message;
}

}  // namespace

Result<Request> decode_request(ByteSpan message, Limits limits) { return decode_whole<Request, RequestHead>(message, limits); }
Result<Response> decode_response(ByteSpan message, Limits limits) { return decode_whole<Response, ResponseHead>(message, limits); }

std::optional<std::string_view> find(const Fields& fields, std::string_view name) {
  const auto it = std::ranges::find(fields, name, &Field::name);
  if (it == fields.end()) return std::nullopt;
  return it->value;
}

}  // namespace openpcc::bhttp
