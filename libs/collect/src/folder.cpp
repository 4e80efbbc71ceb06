#include <algorithm>
#include <fstream>

#include "item_words.h"
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

bool belongs(attest::PlatformItem kind, FolderFor purpose) {
  switch (kind) {
    using enum attest::PlatformItem;
    case certificate:
    case certificates:
    case snp_certificate_table:
    case tcb_info:
    case qe_identity: return purpose != FolderFor::gpu;
    case nvidia_manifest:
    case ocsp_response: return purpose == FolderFor::gpu;
    case revocation_list: return true;
    default: return purpose == FolderFor::recording && attest::is_evidence(kind);
  }
}

std::string_view reason_for(FolderFor purpose) {
  switch (purpose) {
    case FolderFor::cpu: return "vouches for no CPU";
    case FolderFor::gpu: return "vouches for no GPU";
    case FolderFor::recording: break;
  }
  return "belongs to no recording";
}

Result<Bytes> read_item(const fs::path& path, FolderFor purpose) {
  std::ifstream file(path, std::ios::binary);
  Bytes out(attest::kItemBytesMax + 1);
  file.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(out.size()));
  if (!file.is_open() || file.bad()) return fail(Code::internal, "collect.folder.read", path.string());
  out.resize(static_cast<size_t>(file.gcount()));
  if (out.size() > attest::kItemBytesMax) return fail(Code::limit, "collect.folder.too_large", path.string());
  const attest::PlatformItem kind = attest::recognise(out);
  if (belongs(kind, purpose)) return out;
  const std::string_view remedy = kind == attest::PlatformItem::signature_hex ? "; keep the two as the service gives them, in one" : "";
  return fail(Code::malformed, "collect.folder.unknown",
              path.string() + " is " + std::string(words_for(kind)) + ", which " + std::string(reason_for(purpose)) + std::string(remedy));
}

}  // namespace

Result<std::vector<Bytes>> read_folder(const fs::path& folder, FolderFor purpose) {
  OPENPCC_LET(const std::vector<fs::path> names, names_in(folder));
  std::vector<Bytes> out;
  for (const fs::path& name : names) {
    OPENPCC_LET(Bytes item, read_item(name, purpose));
    out.push_back(std::move(item));
  }
  return out;
}

Staple staple_from(fs::path folder) {
  return [folder = std::move(folder)](Collected collected) -> Result<attest::Device> {
    std::vector<Bytes> items = std::move(collected.beside);
    if (!folder.empty()) {
      OPENPCC_LET(std::vector<Bytes> kept, read_folder(folder, FolderFor::cpu));
      std::ranges::move(kept, std::back_inserter(items));
    }
    return staple(std::move(collected.report), items);
  };
}

}  // namespace openpcc::collect
