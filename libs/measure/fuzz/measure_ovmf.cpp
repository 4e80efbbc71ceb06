// A firmware file: nothing crashes, and what parses can be measured.
#include "openpcc/measure/snp.h"
#include "openpcc/measure/tdx.h"

using namespace openpcc;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteSpan input(data, size);
  if (auto firmware = measure::SnpFirmware::of(input)) {
    measure::SnpLaunch launch;
    launch.firmware = std::move(*firmware);
    launch.vcpus = 2;
    launch.kernel = measure::KernelHashes::of(input, {}, "");
    const bool with_kernel = measure::measure_snp(launch).has_value();
    launch.kernel.reset();
    OPENPCC_CHECK(measure::measure_snp(launch).has_value() || !with_kernel);
  }
  if (const auto sections = measure::parse_tdvf(input)) {
    measure::Trace trace;
    OPENPCC_CHECK(measure::mrtd(input, *sections, measure::Passes::one, trace).size() == 48);
    static_cast<void>(measure::td_hob(*sections, uint64_t{4} << 30));
  }
  static_cast<void>(measure::parse_gcp(as_text(input)));
  return 0;
}
