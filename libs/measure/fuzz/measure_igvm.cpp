// An IGVM file: nothing crashes, and data lies within the file. Total size and checksum are put right first, or nothing would get past them.
#include "openpcc/measure/igvm.h"

using namespace openpcc;

namespace {

void put(Bytes& file, size_t at, uint32_t value) {
  for (size_t i = 0; i < 4; ++i) file[at + i] = static_cast<uint8_t>(value >> 8 * i);
}

uint32_t crc32(ByteSpan bytes) {
  uint32_t crc = 0xffffffff;
  for (const uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320u : 0u);
  }
  return ~crc;
}

void seal(Bytes& file) {
  const size_t headers = file[12] | static_cast<size_t>(file[13]) << 8 | static_cast<size_t>(file[14]) << 16;
  put(file, 16, static_cast<uint32_t>(file.size()));
  put(file, 20, 0);
  if (headers <= file.size() - 24) put(file, 20, crc32(ByteSpan(file).first(24 + headers)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes file(data, data + size);
  if (size >= 24 && size < (1u << 20)) seal(file);
  const auto igvm = measure::parse_igvm(file);
  if (!igvm) return 0;
  for (const measure::IgvmStep& step : igvm->steps) {
    OPENPCC_CHECK(step.data.empty() ||
                  (step.data.data() >= file.data() && step.data.data() + step.data.size() <= file.data() + file.size()));
  }
  static_cast<void>(measure::igvm_snp(*igvm, false));
  static_cast<void>(measure::igvm_mrtd(*igvm));
  return 0;
}
