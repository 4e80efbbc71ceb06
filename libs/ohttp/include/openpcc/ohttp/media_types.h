// The media types of Oblivious HTTP (RFC 9458 s9, draft-ietf-ohai-chunked-ohttp-08 s8), for those who carry it without opening it.
#pragma once

#include <string_view>

namespace openpcc::ohttp {

inline constexpr std::string_view kRequestType = "message/ohttp-req";
inline constexpr std::string_view kResponseType = "message/ohttp-res";
inline constexpr std::string_view kChunkedRequestType = "message/ohttp-chunked-req";
inline constexpr std::string_view kChunkedResponseType = "message/ohttp-chunked-res";
inline constexpr std::string_view kKeysType = "application/ohttp-keys";

}  // namespace openpcc::ohttp
