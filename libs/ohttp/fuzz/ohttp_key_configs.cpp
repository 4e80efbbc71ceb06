// A list of key configurations that was accepted encodes to one that is accepted and says the same; so does a single configuration.
#include "openpcc/ohttp/ohttp.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace openpcc;
  const ByteSpan bytes(data, size);
  if (const auto configs = ohttp::parse_key_configs(bytes)) {
    const Bytes encoded = ohttp::encode_key_configs(*configs);
    OPENPCC_CHECK(encoded.size() <= size);
    const auto again = ohttp::parse_key_configs(encoded);
    OPENPCC_CHECK(again && ohttp::encode_key_configs(*again) == encoded);
  }
  if (const auto config = ohttp::KeyConfig::parse(bytes)) {
    const auto again = ohttp::KeyConfig::parse(config->encode());
    OPENPCC_CHECK(again && again->encode() == config->encode());
  }
  return 0;
}
