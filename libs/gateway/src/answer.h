// The outer answer: a Binary HTTP response sealed to the client as it grows.
#pragma once

#include "openpcc/gateway/gateway.h"

namespace openpcc::gateway {

// Gateway::Answer seals in the form that the request came in: chunk by chunk, or (foreign clients) as one whole at the end.
class Gateway::Answer {
 public:
  Answer(http::ServerExchange& exchange, ohttp::GatewayExchange& outer, ohttp::Form form, Random& random, uint64_t whole_bytes_max)
      : exchange_(exchange), outer_(outer), form_(form), random_(random), whole_bytes_max_(whole_bytes_max) {}

  // begun: bytes of this answer may have left; no other answer can be given any more.
  bool begun() const { return begun_; }

  // begin sends the head of a node's answer together with its first bytes; send more of them; finish only after the node's clean end.
  http::Task<Result<>> begin(ByteSpan first);
  http::Task<Result<>> send(ByteSpan bytes);
  http::Task<Result<>> finish();

  // send_error answers with a status of our own, send_whole with content that is at hand.
  http::Task<Result<>> send_error(uint16_t status);
  http::Task<Result<>> send_whole(uint16_t status, const Bytes& content);

 private:
  http::Task<Result<>> start();
  http::Task<Result<>> flush(bool last);

  http::ServerExchange& exchange_;
  ohttp::GatewayExchange& outer_;
  ohttp::Form form_;
  Random& random_;
  uint64_t whole_bytes_max_;
  bool begun_ = false;
  Bytes plaintext_;  // Binary HTTP waiting to be sealed; kept, so that a chunk allocates nothing
  Bytes sealed_;
};

}  // namespace openpcc::gateway
