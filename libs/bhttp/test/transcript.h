// What a decoder said about a message, for tests that compare ways of feeding it.
#pragma once

#include <algorithm>
#include <functional>

#include "openpcc/bhttp/bhttp.h"

namespace openpcc::bhttp {

template <class Head>
struct Transcript {
  std::optional<Head> head;
  Bytes content;
  Fields trailers;
  bool end = false;
  friend bool operator==(const Transcript&, const Transcript&) = default;
};

// drain takes events into `out` until the decoder needs more.
template <class Head>
Result<> drain(Decoder<Head>& decoder, Transcript<Head>& out) {
  while (true) {
    OPENPCC_LET(auto event, decoder.next());
    if (std::holds_alternative<NeedMore>(event)) return {};
    OPENPCC_CHECK(!out.end);
    if (auto* head = std::get_if<Head>(&event)) {
      OPENPCC_CHECK(!out.head && out.content.empty());
      out.head = std::move(*head);
    } else if (const auto* content = std::get_if<Content>(&event)) {
      OPENPCC_CHECK(out.head && !content->bytes.empty() && out.trailers.empty());
      out.content.insert(out.content.end(), content->bytes.begin(), content->bytes.end());
    } else if (auto* trailers = std::get_if<Trailers>(&event)) {
      OPENPCC_CHECK(out.head && out.trailers.empty() && !trailers->fields.empty());
      out.trailers = std::move(trailers->fields);
    } else {
      OPENPCC_CHECK(out.head);
      out.end = true;
    }
  }
}

// read feeds `message` in pieces whose sizes piece_bytes() gives, each from a copy that dies before the next.
template <class Head>
Result<Transcript<Head>> read(ByteSpan message, const std::function<size_t()>& piece_bytes, Limits limits = {}) {
  Decoder<Head> decoder(limits);
  Transcript<Head> out;
  while (!message.empty()) {
    const size_t n = std::min(piece_bytes(), message.size());
    const Bytes piece(message.begin(), message.begin() + static_cast<ptrdiff_t>(n));
    message = message.subspan(n);
    decoder.feed(piece);
    OPENPCC_TRY(drain(decoder, out));
  }
  decoder.end();
  OPENPCC_TRY(drain(decoder, out));
  OPENPCC_CHECK(out.end);
  return out;
}

template <class Head>
Result<Transcript<Head>> read(ByteSpan message, size_t piece_bytes, Limits limits = {}) {
  return read<Head>(message, [piece_bytes] { return piece_bytes; }, limits);
}

}  // namespace openpcc::bhttp
