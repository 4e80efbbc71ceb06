#include <unistd.h>

#include <fstream>

#include "openpcc/collect/shelf.h"
#include "snp_forge.h"

namespace openpcc::collect {
namespace {

namespace fs = std::filesystem;
using snp::forge::Line;

class FolderTest : public testing::Test {
 protected:
  fs::path path_ = fs::temp_directory_path() / ("openpcc-folder-" + std::to_string(getpid()));
  void SetUp() override { fs::create_directories(path_); }
  void TearDown() override { fs::remove_all(path_); }
  void put(const std::string& name, ByteSpan content) const { std::ofstream(path_ / name) << as_text(content); }
  const Bytes certificate_ = Line::one(snp::Product::genoa).ask_der();
};

TEST_F(FolderTest, files_in_the_order_of_their_names) {
  const Bytes list = Line::one(snp::Product::genoa).crl();
  put("b", certificate_);
  put("a", list);
  put(".new", as_bytes("half of a file"));
  fs::create_directory(path_ / "older");
  const auto files = read_folder(path_);
  ASSERT_OK(files);
  EXPECT_EQ(*files, (std::vector{list, certificate_}));
}

TEST_F(FolderTest, nothing_is_left_out_unseen) {
  put("readme", as_bytes("neither"));
  const auto unknown = read_folder(path_);
  EXPECT_RULE(unknown, "collect.folder.unknown");
  EXPECT_NE(unknown.error().detail.find("readme"), std::string::npos);
  put("readme", as_bytes(std::string(128, 'a')));
  const auto apart = read_folder(path_);
  EXPECT_RULE(apart, "collect.folder.unknown");
  EXPECT_NE(apart.error().detail.find("apart"), std::string::npos);
}

TEST_F(FolderTest, sizes_and_numbers_are_bounded) {
  put("large", Bytes(attest::kItemBytesMax + 1, 0x30));
  EXPECT_RULE(read_folder(path_), "collect.folder.too_large");
  fs::remove(path_ / "large");
  for (size_t i = 0; i < kFolderFilesMax; ++i) put("f" + std::to_string(i), certificate_);
  EXPECT_EQ(read_folder(path_)->size(), kFolderFilesMax);
  put("g", certificate_);
  EXPECT_RULE(read_folder(path_), "collect.folder.too_many");
}

TEST_F(FolderTest, what_cannot_be_read) {
  EXPECT_RULE(read_folder(path_ / "absent"), "collect.folder.read");
  put("file", certificate_);
  EXPECT_RULE(read_folder(path_ / "file"), "collect.folder.read");
  fs::create_symlink(path_ / "absent", path_ / "link");
  EXPECT_RULE(read_folder(path_), "collect.folder.read");
}

}  // namespace
}  // namespace openpcc::collect
