#include "regions.h"

#include <algorithm>
#include <filesystem>

#include "toml_checked.h"

namespace openpcc::x509::forge {
namespace {

std::vector<std::string> texts(const toml::table& row, std::string_view key) {
  std::vector<std::string> out;
  const toml::array* list = row[key].as_array();
  if (list == nullptr) return out;
  for (const toml::node& entry : *list) out.push_back(*entry.value<std::string>());
  return out;
}

bool holds_for(const toml::table& row, int64_t version) {
  const toml::array* versions = row["versions"].as_array();
  return versions == nullptr || std::ranges::any_of(*versions, [&](const toml::node& v) { return v.value<int64_t>() == version; });
}

}  // namespace

std::vector<Region> regions(std::string_view table, int64_t version) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(OPENPCC_EVIDENCE_REGIONS)) {
    if (entry.path().extension() == ".toml") files.push_back(entry.path());
  }
  toml::table file;
  for (const std::filesystem::path& path : files) {
    if (file["regions"][table].as_array() == nullptr) file = toml::parse_file(path.string());
  }
  const toml::array* rows = file["regions"][table].as_array();
  OPENPCC_CHECK(rows != nullptr);
  std::vector<Region> out;
  for (const toml::node& node : *rows) {
    const toml::table& row = *node.as_table();
    if (!holds_for(row, version)) continue;
    Region region{row["from"].value_or(std::string()),
                  static_cast<size_t>(row["at"].value_or(int64_t{0})),
                  static_cast<size_t>(row["size"].value_or(int64_t{0})),
                  row["part"].value_or(std::string()),
                  row["field"].value_or(std::string()),
                  static_cast<uint8_t>(row["mask"].value_or(int64_t{0xff})),
                  texts(row, "reason"),
                  texts(row, "bits")};
    if (region.bit_reasons.empty()) region.bit_reasons = region.reasons;
    OPENPCC_CHECK(!region.reasons.empty());
    out.push_back(std::move(region));
  }
  return out;
}

}  // namespace openpcc::x509::forge
