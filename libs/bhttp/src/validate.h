// What the parts of a head may look like (RFC 9292 s3.4 to s3.6, RFC 9110 s5 and s9.1, RFC 3986 s3.1).
#pragma once

#include "openpcc/bhttp/bhttp.h"

namespace openpcc::bhttp {

Result<> check_field(std::string_view name, std::string_view value);
Result<> check_control(const RequestHead& head);

}  // namespace openpcc::bhttp
