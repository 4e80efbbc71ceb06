#include <algorithm>
#include <fstream>

#include "openpcc/attest/platform.h"
#include "openpcc/collect/shelf.h"

namespace openpcc::collect {
namespace {

namespace fs = std::filesystem;

Result<std::vector<fs::path>> names_in(const fs::path& folder) {
  std::error_code failed;
  std::vector<fs::path> out;
  fs::directory_iterator entry(folder, failed);
  for (; !failed && entry != fs::directory_iterator(); entry.increment(failed)) {
    if (entry->path().filename().string().starts_with('.') || entry->is_directory(failed)) continue;
    if (out.size() == kFolderFilesMax)
      return fail(Code::limit, "collect.folder.too_many", folder.string() + ": more than " + std::to_string(kFolderFilesMax) + " files");
    out.push_back(entry->path());
  }
  if (failed) return fail(Code::internal, "collect.folder.read", folder.string() + ": " + failed.message());
  std::ranges::sort(out);
  return out;
}

Result<Bytes> read_item(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  Bytes out(attest::kItemBytesMax + 1);
  file.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(out.size()));
  if (!file.is_open() || file.bad()) return fail(Code::internal, "collect.folder.read", path.string());
  out.resize(static_cast<size_t>(file.gcount()));
  if (out.size() > attest::kItemBytesMax) return fail(Code::limit, "collect.folder.too_large", path.string());
  switch (attest::recognise(out)) {
    case attest::PlatformItem::other:
      return fail(Code::malformed, "collect.folder.unknown", path.string() + " is nothing that vouches for a platform");
    case attest::PlatformItem::signature_hex:
      return fail(Code::malformed, "collect.folder.unknown",
                  path.string() + " is a signature apart from its document: keep the two as the service gives them, in one");
    default: return out;
  }
}

}  // namespace

Result<std::vector<Bytes>> read_folder(const fs::path& folder) {
  OPENPCC_LET(const std::vector<fs::path> names, names_in(folder));
  std::vector<Bytes> out;
  for (const fs::path& name : names) {
    OPENPCC_LET(Bytes item, read_item(name));
    out.push_back(std::move(item));
  }
  return out;
}

Staple staple_from(fs::path folder) {
  return [folder = std::move(folder)](Collected collected) -> Result<attest::Device> {
    std::vector<Bytes> items = std::move(collected.beside);
    if (!folder.empty()) {
      OPENPCC_LET(std::vector<Bytes> kept, read_folder(folder));
      std::ranges::move(kept, std::back_inserter(items));
    }
    return staple(std::move(collected.report), items);
  };
}

}  // namespace openpcc::collect
