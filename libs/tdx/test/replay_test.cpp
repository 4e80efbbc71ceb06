// The shared samples, and quotes of our own, through what the fuzz targets do.
#include "../fuzz/entry.h"
#include "corpus.h"
#include "world.h"

namespace openpcc::tdx {
namespace {

TEST(Replay, quotes) {
  test::World world;
  fuzz::look_at_quote(world.quote());
  world.make_td15();
  fuzz::look_at_quote(world.quote());
  world.make_sgx();
  fuzz::look_at_quote(world.quote());
  OPENPCC_NEED_CORPUS();
  for (const corpus::Sample& sample : corpus::samples()) {
    fuzz::look_at_quote(sample.quote);
    fuzz::look_at_quote(ByteSpan(sample.quote).first(sample.quote.size() / 2));
  }
  fuzz::look_at_quote(corpus::file("tdx/intel-sample/quote.dat"));
}

TEST(Replay, collateral) {
  const test::World world;
  fuzz::look_at_collateral(as_bytes(world.set().tcb_info.value));
  OPENPCC_NEED_CORPUS();
  for (const auto& [name, set] : corpus::sets()) {
    fuzz::look_at_collateral(set.tcb_info);
    fuzz::look_at_collateral(set.identity);
  }
  for (const std::string_view name : {"tcbInfo.json", "qeIdentity.json"}) {
    fuzz::look_at_collateral(corpus::file("tdx/intel-sample/" + std::string(name)));
  }
}

}  // namespace
}  // namespace openpcc::tdx
