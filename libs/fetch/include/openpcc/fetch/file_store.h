// Keeps entries in a folder: a file to a key, and a file beside it that whoever fetches the key holds locked.
#pragma once

#include <filesystem>

#include "openpcc/collateral/store.h"

namespace openpcc::fetch {

// FileStore may be used by several threads and processes at once, also on one folder.
class FileStore final : public collateral::Store {
 public:
  // open makes the folder where there is none, for its owner alone: what is kept names the machine's chip.
  //   fetch.store.folder   it cannot be made, or is no folder (internal)
  static Result<std::unique_ptr<FileStore>> open(std::filesystem::path folder);

  //   fetch.store.read    something stands there that is no readable file (internal)
  Result<std::optional<Bytes>> read(const std::string& key) override;
  //   fetch.store.write   (internal)
  Result<> write(const std::string& key, ByteSpan entry) override;
  //   fetch.store.lock    (internal). Waits for who holds it, whose own fetches are bounded
  Result<std::unique_ptr<Lock>> lock(const std::string& key) override;

 private:
  explicit FileStore(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::filesystem::path file(const std::string& key, const char* ending) const;

  std::filesystem::path folder_;
};

}  // namespace openpcc::fetch
