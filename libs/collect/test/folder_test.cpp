#include <unistd.h>

#include <fstream>

#include "openpcc/attest/platform.h"
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
  const auto files = read_folder(path_, FolderFor::cpu);
  ASSERT_OK(files);
  EXPECT_EQ(*files, (std::vector{list, certificate_}));
}

TEST_F(FolderTest, nothing_is_left_out_unseen) {
  put("readme", as_bytes("neither"));
  const auto unknown = read_folder(path_, FolderFor::cpu);
  EXPECT_RULE(unknown, "collect.folder.unknown");
  EXPECT_NE(unknown.error().detail.find("readme"), std::string::npos);
  put("readme", as_bytes(std::string(128, 'a')));
  const auto apart = read_folder(path_, FolderFor::cpu);
  EXPECT_RULE(apart, "collect.folder.unknown");
  EXPECT_NE(apart.error().detail.find("apart"), std::string::npos);
}

// taken_by says for which purposes a folder may hold this alone.
std::vector<FolderFor> taken_by(const fs::path& folder) {
  std::vector<FolderFor> out;
  for (const FolderFor purpose : {FolderFor::cpu, FolderFor::gpu, FolderFor::recording}) {
    const auto files = read_folder(folder, purpose);
    if (files) {
      out.push_back(purpose);
    } else {
      EXPECT_RULE(files, "collect.folder.unknown");
    }
  }
  return out;
}

TEST_F(FolderTest, each_kind_lies_where_it_is_of_use) {
  using enum FolderFor;
  const std::string pem = x509::forge::pem(certificate_);
  const std::vector<std::pair<Bytes, std::vector<FolderFor>>> cases = {
      {certificate_, {cpu, recording}},
      {concat({as_bytes(pem)}), {cpu, recording}},
      {Line::one(snp::Product::genoa).crl(), {cpu, gpu, recording}},
      {snp::forge::Machine::of(snp::Product::genoa).signed_report(), {recording}},
      {concat({as_bytes("<SoftwareIdentity/>")}), {gpu}},
      {Bytes(256, 0xff), {}},  // a bare signature
  };
  for (const auto& [content, purposes] : cases) {
    put("file", content);
    EXPECT_EQ(taken_by(path_), purposes) << static_cast<int>(attest::recognise(content));
  }
}

TEST_F(FolderTest, another_technologys_evidence_is_told_by_its_name) {
  if (!testkit::shared_file("evidence/EXPECTED.json")) GTEST_SKIP() << "no shared evidence";
  const auto detail_of = [&](const std::string& file) {
    put("file", testkit::read_file(*testkit::shared_file("evidence/" + file)));
    const auto files = read_folder(path_, FolderFor::cpu);
    EXPECT_RULE(files, "collect.folder.unknown");
    return files ? std::string() : files.error().detail;
  };
  EXPECT_NE(detail_of("tdx/quotes/v4-phala/quote.bin").find("a quote of Intel TDX or SGX, which vouches for no CPU"), std::string::npos);
  EXPECT_NE(detail_of("nvidia/rim/Driver_RIM_test_no_gpu.swidtag").find("an NVIDIA manifest, which vouches for no CPU"), std::string::npos);
}

TEST_F(FolderTest, sizes_and_numbers_are_bounded) {
  put("large", Bytes(attest::kItemBytesMax + 1, 0x30));
  EXPECT_RULE(read_folder(path_, FolderFor::cpu), "collect.folder.too_large");
  fs::remove(path_ / "large");
  for (size_t i = 0; i < kFolderFilesMax; ++i) put("f" + std::to_string(i), certificate_);
  EXPECT_EQ(read_folder(path_, FolderFor::cpu)->size(), kFolderFilesMax);
  put("g", certificate_);
  EXPECT_RULE(read_folder(path_, FolderFor::cpu), "collect.folder.too_many");
}

TEST_F(FolderTest, what_cannot_be_read) {
  EXPECT_RULE(read_folder(path_ / "absent", FolderFor::cpu), "collect.folder.read");
  put("file", certificate_);
  EXPECT_RULE(read_folder(path_ / "file", FolderFor::cpu), "collect.folder.read");
  fs::create_symlink(path_ / "absent", path_ / "link");
  EXPECT_RULE(read_folder(path_, FolderFor::cpu), "collect.folder.read");
}

}  // namespace
}  // namespace openpcc::collect
