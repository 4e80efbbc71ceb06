// The shared samples, and evidence of our own, through what the fuzz targets do.
#include "../fuzz/entry.h"
#include "tpm_forge.h"

namespace openpcc::tpm {
namespace {

void with_its_half(void (*look)(ByteSpan), ByteSpan bytes) {
  look(bytes);
  look(bytes.first(bytes.size() / 2));
}

void files_below(const char* folder, void (*look)(ByteSpan)) {
  const auto path = testkit::shared_file(std::string("evidence/tpm/") + folder);
  if (!path) return;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(*path)) {
    if (entry.is_regular_file()) with_its_half(look, testkit::read_file(entry.path()));
  }
}

TEST(Replay, quotes) {
  for (const auto algorithm : {x509::Algorithm::rsa_pkcs1_sha256, x509::Algorithm::ecdsa_sha384}) {
    const forge::Machine machine(algorithm);
    for (const Bytes& bytes : {machine.quote(), machine.signature(), machine.public_area()}) with_its_half(fuzz::look_at_quote, bytes);
  }
  files_below("quotes", fuzz::look_at_quote);
}

TEST(Replay, logs) {
  for (const forge::Log& log : {forge::Log::boot(), forge::Log::td()}) with_its_half(fuzz::look_at_log, log.bytes());
  files_below("eventlogs", fuzz::look_at_log);
  files_below("ccel", fuzz::look_at_log);
}

}  // namespace
}  // namespace openpcc::tpm
