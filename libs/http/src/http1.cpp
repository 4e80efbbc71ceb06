#include "http1.h"

#include <algorithm>
#include <array>

namespace openpcc::http::http1 {
namespace {

constexpr uint8_t kCr = '\r';
constexpr uint8_t kLf = '\n';
constexpr size_t kExtensionBytesMax = 256;
constexpr size_t kOverheadBytesMax = 16 * 1024;
constexpr int kChunkSizeDigitsMax = 15;  // below 2^60: sums cannot overflow
constexpr size_t kLengthDigitsMax = 18;  // below 10^18, likewise

// ---- characters (RFC 9110 s5.6.2, RFC 9112 s5)

constexpr std::array<bool, 256> make_token_characters() {
  std::array<bool, 256> out{};
  for (uint8_t c = '0'; c <= '9'; ++c) out[c] = true;
  for (uint8_t c = 'a'; c <= 'z'; ++c) out[c] = true;
  for (uint8_t c = 'A'; c <= 'Z'; ++c) out[c] = true;
  for (const char c : {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'}) out[static_cast<uint8_t>(c)] = true;
  return out;
}
constexpr auto kTokenCharacters = make_token_characters();

bool is_control(uint8_t c) { return (c < ' ' && c != '\t') || c == 0x7f; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return kTokenCharacters[static_cast<uint8_t>(c)]; });
}
bool is_field_value(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return is_control(static_cast<uint8_t>(c)); });
}
// CONNECT would turn the connection into a tunnel.
bool is_method(std::string_view text) { return is_token(text) && text != "CONNECT"; }
// A target is "/..." of visible ASCII: the absolute, authority and asterisk forms serve proxies, which we are not at this level.
bool is_target(std::string_view text) {
  return text.starts_with('/') && std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f && c != '#'; });
}
bool is_authority(std::string_view text) {
  constexpr std::string_view kOthers = "-._~!$&'()*+,;=:[]%";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || kOthers.find(c) != std::string_view::npos;
  });
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
std::string lowered(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), lower);
  return out;
}
std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// ---- lines

// next_line takes a line off the front of a head whose line ends HeadScanner has checked.
std::string_view next_line(std::string_view& head) {
  const size_t end = head.find("\r\n");
  OPENPCC_CHECK(end != std::string_view::npos);
  const std::string_view line = head.substr(0, end);
  head.remove_prefix(end + 2);
  return line;
}

Result<Field> parse_field(std::string_view line) {
  if (line.front() == ' ' || line.front() == '\t') return fail(Code::malformed, "http.head.obs_fold");
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return fail(Code::malformed, "http.head.field_name");
  return Field{lowered(line.substr(0, colon)), std::string(trimmed(line.substr(colon + 1)))};
}

// ---- fields that belong to the connection or the framing

constexpr std::array<std::string_view, 10> kReserved = {
    "connection", "content-length", "expect", "host", "keep-alive", "proxy-connection", "te", "transfer-encoding", "trailer", "upgrade"};
bool is_reserved(std::string_view name) { return std::ranges::find(kReserved, name) != kReserved.end(); }

// Control is what the reserved fields of one head say.
struct Control {
  std::optional<std::string> host;
  std::optional<uint64_t> length;
  bool chunked = false;
  bool close = false;
  bool expects_continue = false;
  std::vector<std::string> nominated;  // by Connection (RFC 9110 s7.6.1): they end here

  Result<> take(const Field& field);
  Result<> take_length(std::string_view value);
  Result<> take_connection(std::string_view value);
};

Result<> Control::take_length(std::string_view value) {
  if (length.has_value()) return fail(Code::malformed, "http.head.content_length", "more than one");
  if (value.empty() || value.size() > kLengthDigitsMax || !std::ranges::all_of(value, is_digit)) {
    return fail(Code::malformed, "http.head.content_length", "not a number");
  }
  uint64_t n = 0;
  for (const char c : value) n = n * 10 + static_cast<uint64_t>(c - '0');
  length = n;
  return {};
}

Result<> Control::take_connection(std::string_view value) {
  while (!value.empty()) {
    const size_t comma = std::min(value.find(','), value.size());
    std::string option = lowered(trimmed(value.substr(0, comma)));
    value.remove_prefix(std::min(comma + 1, value.size()));
    if (option.empty()) continue;
    if (!is_token(option)) return fail(Code::malformed, "http.head.connection");
    if (option == "close") close = true;
    nominated.push_back(std::move(option));
  }
  return {};
}

Result<> Control::take(const Field& field) {
  if (field.name == "host") {
    if (host.has_value() || !is_authority(field.value)) return fail(Code::malformed, "http.head.host");
    host = field.value;
  } else if (field.name == "content-length") {
    return take_length(field.value);
  } else if (field.name == "transfer-encoding") {
    // Exactly one coding in one field: a list, or a second field, is where two parsers part ways.
    if (chunked || lowered(field.value) != "chunked") return fail(Code::malformed, "http.head.transfer_encoding");
    chunked = true;
  } else if (field.name == "connection") {
    return take_connection(field.value);
  } else if (field.name == "expect") {
    if (lowered(field.value) != "100-continue") return fail(Code::malformed, "http.head.expect");
    expects_continue = true;
  }
  return {};
}

struct ParsedFields {
  Fields fields;
  Control control;
};

// parse_fields reads the lines up to the empty one that ends the head.
Result<ParsedFields> parse_fields(std::string_view lines) {
  ParsedFields out;
  std::vector<Field> kept;
  size_t count = 0;
  for (std::string_view line = next_line(lines); !line.empty(); line = next_line(lines)) {
    if (++count > kFieldsMax) return fail(Code::limit, "http.head.fields");
    OPENPCC_LET(Field field, parse_field(line));
    OPENPCC_TRY(out.control.take(field));
    if (!is_reserved(field.name)) kept.push_back(std::move(field));
  }
  if (out.control.chunked && out.control.length) return fail(Code::malformed, "http.head.both_lengths");
  const auto& nominated = out.control.nominated;
  for (const Field& field : kept) {
    if (std::ranges::find(nominated, field.name) == nominated.end()) out.fields.add(field.name, field.value);
  }
  return out;
}

Framing framing_of(const Control& control, Framing::Kind otherwise) {
  if (control.chunked) return {Framing::Kind::chunked, 0};
  if (control.length) return {Framing::Kind::length, *control.length};
  return {otherwise, 0};
}

Result<RequestHead> parse_request_line(std::string_view line) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return fail(Code::malformed, "http.head.request_line");
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  if (line.substr(last + 1) != "HTTP/1.1") return fail(Code::malformed, "http.head.version");
  if (!is_method(method)) return fail(Code::malformed, "http.head.method");
  if (!is_target(target)) return fail(Code::malformed, "http.head.target");
  return RequestHead{std::string(method), std::string(target), {}, {}};
}

struct StatusLine {
  uint16_t status;
  bool http_1_0;
};

Result<StatusLine> parse_status_line(std::string_view line) {
  constexpr size_t kVersionBytes = 8;
  const std::string_view version = line.substr(0, kVersionBytes);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return fail(Code::malformed, "http.head.version");
  const std::string_view rest = line.substr(kVersionBytes);
  const bool well_formed =
      rest.size() >= 5 && rest[0] == ' ' && rest[1] >= '1' && rest[1] <= '9' && is_digit(rest[2]) && is_digit(rest[3]) && rest[4] == ' ';
  if (!well_formed) return fail(Code::malformed, "http.head.status_line");
  const int status = (rest[1] - '0') * 100 + (rest[2] - '0') * 10 + (rest[3] - '0');
  return StatusLine{static_cast<uint16_t>(status), version == "HTTP/1.0"};
}

// ---- output

Result<> format_fields(const Fields& fields, std::string& out) {
  for (const Field& field : fields.lines()) {
    if (!is_token(field.name)) return fail(Code::malformed, "http.emit.field_name");
    if (is_reserved(lowered(field.name))) return fail(Code::malformed, "http.emit.reserved_field", lowered(field.name));
    if (!is_field_value(field.value)) return fail(Code::malformed, "http.emit.field_value", lowered(field.name));
    out.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  return {};
}

void format_framing(const Framing& framing, std::string& out) {
  OPENPCC_CHECK(framing.kind != Framing::Kind::until_close);
  if (framing.kind == Framing::Kind::length) out.append("content-length: ").append(std::to_string(framing.length)).append("\r\n");
  if (framing.kind == Framing::Kind::chunked) out.append("transfer-encoding: chunked\r\n");
}

std::string_view reason_phrase(uint16_t status) {
  switch (status) {
    case 100: return "Continue";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return "";  // the phrase may be empty (RFC 9112 s4)
  }
}

}  // namespace

bool status_has_no_body(uint16_t status) { return status < 200 || status == 204 || status == 304; }

Result<size_t> HeadScanner::scan(ByteSpan buffered) {
  const size_t end = std::min(buffered.size(), bytes_max_);
  while (seen_ < end) {
    const uint8_t c = buffered[seen_++];
    if (after_cr_) {
      if (c != kLf) return fail(Code::malformed, "http.head.line_end", "CR without LF");
      after_cr_ = false;
      if (line_bytes_ == 0) return seen_;
      line_bytes_ = 0;
    } else if (c == kCr) {
      after_cr_ = true;
    } else if (c == kLf) {
      return fail(Code::malformed, "http.head.line_end", "LF without CR");
    } else if (is_control(c)) {
      return fail(Code::malformed, "http.head.octet");
    } else {
      ++line_bytes_;
    }
  }
  if (buffered.size() >= bytes_max_) return fail(Code::limit, "http.head.too_large");
  return size_t{0};
}

Result<RequestStart> parse_request(ByteSpan head) {
  std::string_view lines = as_text(head);
  RequestStart out;
  OPENPCC_LET(out.head, parse_request_line(next_line(lines)));
  OPENPCC_LET(ParsedFields parsed, parse_fields(lines));
  if (!parsed.control.host) return fail(Code::malformed, "http.head.host", "absent");
  out.head.authority = std::move(*parsed.control.host);
  out.head.fields = std::move(parsed.fields);
  out.framing = framing_of(parsed.control, Framing::Kind::none);
  out.keep_alive = !parsed.control.close;
  const bool has_body = parsed.control.chunked || parsed.control.length.value_or(0) != 0;
  out.expects_continue = parsed.control.expects_continue && has_body;
  return out;
}

Result<ResponseStart> parse_response(ByteSpan head, bool answers_head) {
  std::string_view lines = as_text(head);
  OPENPCC_LET(const StatusLine line, parse_status_line(next_line(lines)));
  if (line.status == 101) return fail(Code::malformed, "http.head.upgrade");
  OPENPCC_LET(ParsedFields parsed, parse_fields(lines));
  // HTTP/1.0 has no chunked coding: what looks like it may be anything.
  if (line.http_1_0 && parsed.control.chunked) return fail(Code::malformed, "http.head.transfer_encoding", "in HTTP/1.0");
  ResponseStart out;
  out.head = {line.status, std::move(parsed.fields)};
  if (!answers_head && !status_has_no_body(line.status)) out.framing = framing_of(parsed.control, Framing::Kind::until_close);
  out.keep_alive = !parsed.control.close && !line.http_1_0 && out.framing.kind != Framing::Kind::until_close;
  return out;
}

// ---- bodies

BodyDecoder::BodyDecoder(Framing framing) : chunked_(framing.kind == Framing::Kind::chunked), left_(framing.length) {
  switch (framing.kind) {
    case Framing::Kind::none: break;
    case Framing::Kind::length: state_ = framing.length == 0 ? State::done : State::data; break;
    case Framing::Kind::chunked: start_chunk(); break;
    case Framing::Kind::until_close: state_ = State::until_close; break;
  }
}

BodyDecoder::Step BodyDecoder::take_data(ByteSpan input) {
  if (state_ == State::until_close) return {input.size(), input};
  const size_t n = static_cast<size_t>(std::min<uint64_t>(left_, input.size()));
  left_ -= n;
  if (left_ == 0) state_ = chunked_ ? State::data_cr : State::done;
  return {n, input.first(n)};
}

Result<> BodyDecoder::size_line(uint8_t c) {
  if (state_ == State::size_lf) {
    if (c != kLf) return fail(Code::malformed, "http.body.chunk_size", "CR without LF");
    state_ = left_ == 0 ? State::trailer : State::data;
    return {};
  }
  if (c == kCr && digits_ > 0) {
    state_ = State::size_lf;
    return {};
  }
  if (state_ == State::extension) {
    // A quoted string is refused too: some parsers look for its end beyond the line's.
    if (!kTokenCharacters[c] && c != ';' && c != '=') return fail(Code::malformed, "http.body.chunk_extension");
    if (++extension_bytes_ > kExtensionBytesMax || ++overhead_bytes_ > kOverheadBytesMax)
      return fail(Code::limit, "http.body.chunk_extension");
    return {};
  }
  if (c == ';' && digits_ > 0) {
    state_ = State::extension;
    return {};
  }
  const int value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
  if (value < 0 || ++digits_ > kChunkSizeDigitsMax) return fail(Code::malformed, "http.body.chunk_size");
  left_ = left_ << 4 | static_cast<uint64_t>(value);
  return {};
}

Result<> BodyDecoder::trailer_line() {
  if (line_.size() == 1) {  // the CR alone
    state_ = State::done;
    return {};
  }
  line_.pop_back();
  const auto field = parse_field(line_);
  const bool good = field && is_field_value(field->value) && !is_reserved(field->name);
  if (!good) return fail(Code::malformed, "http.body.trailers");
  line_.clear();
  return {};
}

Result<> BodyDecoder::trailer(uint8_t c) {
  const bool after_cr = line_.ends_with(kCr);
  if (after_cr != (c == kLf)) return fail(Code::malformed, "http.body.trailers", "line end");
  if (c == kLf) return trailer_line();
  if (++overhead_bytes_ > kOverheadBytesMax) return fail(Code::limit, "http.body.trailers");
  line_.push_back(static_cast<char>(c));
  return {};
}

Result<> BodyDecoder::chunk_end(uint8_t c) {
  if (c != (state_ == State::data_cr ? kCr : kLf)) return fail(Code::malformed, "http.body.chunk_end");
  if (state_ == State::data_cr) {
    state_ = State::data_lf;
  } else {
    start_chunk();
  }
  return {};
}

void BodyDecoder::start_chunk() {
  state_ = State::size;
  left_ = 0;
  digits_ = 0;
  extension_bytes_ = 0;
}

Result<> BodyDecoder::framing_octet(uint8_t c) {
  switch (state_) {
    case State::size:
    case State::extension:
    case State::size_lf: return size_line(c);
    case State::data_cr:
    case State::data_lf: return chunk_end(c);
    case State::trailer: return trailer(c);
    case State::data:
    case State::until_close:
    case State::done: break;
  }
  OPENPCC_CHECK(false);
  return {};
}

Result<BodyDecoder::Step> BodyDecoder::decode(ByteSpan input) {
  size_t used = 0;
  while (used < input.size() && state_ != State::done) {
    if (state_ == State::data || state_ == State::until_close) {
      Step step = take_data(input.subspan(used));
      step.consumed += used;
      return step;
    }
    OPENPCC_TRY(framing_octet(input[used++]));
  }
  return Step{used, {}};
}

Result<> BodyDecoder::end_of_input() {
  if (state_ == State::until_close) state_ = State::done;
  if (state_ != State::done) return fail(Code::closed, "http.body.truncated");
  return {};
}

// ---- output

Result<std::string> format_request(const RequestHead& head, const std::string& target, const std::string& authority,
                                   const Framing& framing) {
  if (!is_method(head.method)) return fail(Code::malformed, "http.emit.method");
  if (!is_target(target)) return fail(Code::malformed, "http.emit.target");
  if (!is_authority(authority)) return fail(Code::malformed, "http.emit.authority");
  std::string out;
  out.reserve(512);
  out.append(head.method).append(" ").append(target).append(" HTTP/1.1\r\nhost: ").append(authority).append("\r\n");
  OPENPCC_TRY(format_fields(head.fields, out));
  format_framing(framing, out);
  return out.append("\r\n");
}

Result<std::string> format_response(const ResponseHead& head, const Framing& framing, bool keep_alive) {
  if (head.status < 200 || head.status > 599) return fail(Code::malformed, "http.emit.status");
  std::string out;
  out.reserve(512);
  out.append("HTTP/1.1 ").append(std::to_string(head.status)).append(" ").append(reason_phrase(head.status)).append("\r\n");
  OPENPCC_TRY(format_fields(head.fields, out));
  format_framing(framing, out);
  if (!keep_alive) out.append("connection: close\r\n");
  return out.append("\r\n");
}

ChunkHeader::ChunkHeader(size_t bytes) : begin_(text_.size() - 2) {
  OPENPCC_CHECK(bytes != 0);
  text_[begin_] = kCr;
  text_[begin_ + 1] = kLf;
  for (; bytes != 0; bytes >>= 4) text_[--begin_] = static_cast<uint8_t>("0123456789abcdef"[bytes & 15]);
}

}  // namespace openpcc::http::http1
