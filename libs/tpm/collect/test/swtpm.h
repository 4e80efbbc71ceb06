// A real TPM in software, swtpm, which lives as long as the object.
#pragma once

#include <sys/types.h>

#include <filesystem>

#include "openpcc/tpm_collect/tpm.h"

namespace openpcc::tpm_collect {

// Swtpm is one with empty storage, on a socket in a folder of its own.
class Swtpm {
 public:
  Swtpm();
  Swtpm(const Swtpm&) = delete;
  Swtpm& operator=(const Swtpm&) = delete;
  ~Swtpm();

  // open waits until the socket is there.
  Result<Tpm> open() const;
  std::string tcti() const { return "swtpm:path=" + (folder_ / "s").string(); }
  const std::filesystem::path& folder() const { return folder_; }
  // keep_key makes a key of a machine's kind and leaves it at a persistent handle, as the firmware of a virtual TPM does. Gives its TPMT_PUBLIC.
  Bytes keep_key(uint32_t handle) const;
  // extend puts something into a PCR of the bank of SHA-256.
  void extend(uint8_t pcr) const;

 private:
  std::filesystem::path folder_;
  pid_t process_ = -1;
};

}  // namespace openpcc::tpm_collect
