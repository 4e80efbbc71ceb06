#include "published.h"

#include <fstream>
#include <iterator>

namespace openpcc::app {
namespace {

constexpr uintmax_t kFileBytesMax = 9u << 20;

Bytes read_bounded(const std::filesystem::path& path) {
  std::error_code failed;
  const uintmax_t size = std::filesystem::file_size(path, failed);
  if (failed || size > kFileBytesMax) return {};
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

http::Task<> watch_bundle(daemon::Daemon& daemon, std::shared_ptr<gateway::Gateway> gateway, std::filesystem::path folder) {
  std::filesystem::file_time_type last{};
  for (;;) {
    std::error_code failed;
    // The builder writes the signature last: when it changed, both are there.
    const auto written = std::filesystem::last_write_time(folder / "bundle.sig", failed);
    if (!failed && written != last) {
      Bytes bundle = read_bounded(folder / "bundle");
      Bytes signature = read_bounded(folder / "bundle.sig");
      if (!bundle.empty() && !signature.empty()) {
        gateway->publish(std::move(bundle), std::move(signature));
        daemon.metrics().add(daemon::Counter::bundle_refreshes);
        last = written;
      }
    }
    const http::Milliseconds interval(200);
    co_await http::sleep_for(interval);
  }
}

}  // namespace openpcc::app
