// The calls themselves, on the kernel that runs the tests.
#include "openpcc/collect/kernel.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "openpcc/testkit/testkit.h"

namespace openpcc::collect {
namespace {

namespace fs = std::filesystem;

class LinuxTest : public testing::Test {
 protected:
  Linux kernel_;
  fs::path folder_ = fs::temp_directory_path() / ("openpcc-kernel-" + std::to_string(getpid()));
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  void SetUp() override { ASSERT_TRUE(kernel_.make_directory(folder_.string())); }
  void TearDown() override { fs::remove_all(folder_); }
};

TEST_F(LinuxTest, files_are_written_and_read_whole) {
  testkit::TestRandom random;
  Bytes content(20'000);
  random.fill(content);
  {
    const std::string created = path("file");
    FILE* file = std::fopen(created.c_str(), "w");
    ASSERT_NE(file, nullptr);
    std::fclose(file);
  }
  ASSERT_TRUE(write_file(kernel_, path("file"), content));
  EXPECT_EQ(read_file(kernel_, path("file"), content.size()).value(), content);
  EXPECT_EQ(read_file(kernel_, path("file"), content.size() - 1).error(), EFBIG);
}

TEST_F(LinuxTest, errors_are_the_kernels) {
  EXPECT_EQ(read_file(kernel_, path("absent"), 1).error(), ENOENT);
  EXPECT_EQ(write_file(kernel_, path("absent"), {}).error(), ENOENT);
  EXPECT_EQ(kernel_.make_directory(folder_.string()).error(), EEXIST);
  EXPECT_EQ(kernel_.remove_directory(path("absent")).error(), ENOENT);
  EXPECT_EQ(kernel_.close(-1).error(), EBADF);
  auto null = File::open(kernel_, "/dev/null", Access::read_write);
  ASSERT_TRUE(null);
  EXPECT_EQ(null->control(0xc0205300, nullptr).error(), ENOTTY);
  EXPECT_NE(error_text(ENOENT).find("No such file"), std::string::npos);
}

TEST_F(LinuxTest, an_open_file_is_closed_with_its_object) {
  int number = -1;
  {
    const auto before = kernel_.open("/dev/null", Access::read);
    ASSERT_TRUE(before);
    number = *before;
    ASSERT_TRUE(kernel_.close(number));
    const auto file = File::open(kernel_, "/dev/null", Access::read);  // takes the same number
    ASSERT_TRUE(file);
  }
  EXPECT_EQ(kernel_.close(number).error(), EBADF);
}

}  // namespace
}  // namespace openpcc::collect
