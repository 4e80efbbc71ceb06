#include "openpcc/fetch/file_store.h"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "openpcc/testkit/testkit.h"

namespace openpcc::fetch {
namespace {

namespace fs = std::filesystem;

class FileStoreTest : public testing::Test {
 protected:
  FileStoreTest() : base_(fs::path(testing::TempDir()) / ("file_store_" + std::to_string(getpid()) + "_" + name())) {
    fs::remove_all(base_);
  }
  ~FileStoreTest() override { fs::remove_all(base_); }
  static std::string name() { return testing::UnitTest::GetInstance()->current_test_info()->name(); }
  fs::path folder() const { return base_ / "deep" / "store"; }
  std::unique_ptr<FileStore> store() const {
    auto opened = FileStore::open(folder());
    OPENPCC_CHECK(opened.has_value());
    return std::move(*opened);
  }
  fs::path base_;
};

TEST_F(FileStoreTest, keeps_what_was_written_last) {
  const auto kept = store();
  EXPECT_EQ(*kept->read("a-1"), std::nullopt);
  ASSERT_OK(kept->write("a-1", Bytes{1}));
  ASSERT_OK(kept->write("a-1", Bytes(5000, 2)));
  EXPECT_EQ(*kept->read("a-1"), Bytes(5000, 2));
  EXPECT_EQ(*store()->read("a-1"), Bytes(5000, 2));
  EXPECT_EQ(*kept->read("a-2"), std::nullopt);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder()), {}), 1);
}

TEST_F(FileStoreTest, is_its_owners_alone) {
  const auto kept = store();
  ASSERT_OK(kept->write("a", Bytes{1}));
  EXPECT_EQ(fs::status(folder()).permissions(), fs::perms::owner_all);
  EXPECT_EQ(fs::status(folder() / "a.entry").permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(FileStoreTest, what_is_too_large_counts_as_nothing) {
  const auto kept = store();
  std::ofstream(folder() / "a.entry") << std::string(collateral::kEntryBytesMax + 1, 'x');
  EXPECT_EQ(*kept->read("a"), std::nullopt);
}

TEST_F(FileStoreTest, a_folder_that_is_none) {
  fs::create_directories(base_);
  std::ofstream(base_ / "file") << "x";
  EXPECT_RULE(FileStore::open(base_ / "file"), "fetch.store.folder");
  EXPECT_RULE(FileStore::open(base_ / "file" / "below"), "fetch.store.folder");
}

TEST_F(FileStoreTest, what_stands_in_the_way_is_named) {
  const auto kept = store();
  fs::create_directory(folder() / "a.entry");
  EXPECT_RULE(kept->read("a"), "fetch.store.read");
  EXPECT_RULE(kept->write("a", Bytes{1}), "fetch.store.write");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder()), {}), 1) << "what was begun is taken away";
  fs::create_symlink("elsewhere", folder() / "b.entry");
  EXPECT_RULE(kept->read("b"), "fetch.store.read");
  fs::create_directory(folder() / "a.lock");
  EXPECT_RULE(kept->lock("a"), "fetch.store.lock");
  ASSERT_EQ(mkfifo((folder() / "c.entry").c_str(), 0600), 0);
  EXPECT_RULE(kept->read("c"), "fetch.store.read");
  fs::remove_all(folder());
  EXPECT_RULE(kept->write("a", Bytes{1}), "fetch.store.write");
}

TEST_F(FileStoreTest, one_holder_at_a_time_to_a_key) {
  const auto one = store(), two = store();
  std::atomic<int> inside{0};
  std::atomic<int> turns{0};
  std::atomic<bool> alone{true};
  const auto hold = [&](FileStore& kept) {
    for (int i = 0; i < 100; ++i) {
      const auto lock = kept.lock("key");
      if (!lock || ++inside != 1) alone = false;
      ++turns;
      --inside;
    }
  };
  std::jthread other([&] { hold(*one); });
  hold(*two);
  other.join();
  EXPECT_TRUE(alone);
  EXPECT_EQ(turns, 200);
  const auto first = one->lock("a"), second = two->lock("b");
  EXPECT_TRUE(first && second) << "another key is another lock";
}

TEST_F(FileStoreTest, a_reader_sees_an_entry_whole) {
  const auto kept = store();
  ASSERT_OK(kept->write("key", Bytes(100'000, 0)));
  std::atomic<bool> done{false};
  std::jthread writer([&] {
    for (int i = 0; i < 200; ++i) OPENPCC_CHECK(kept->write("key", Bytes(100'000, static_cast<uint8_t>(i))).has_value());
    done = true;
  });
  while (!done) {
    const auto entry = kept->read("key");
    ASSERT_TRUE(entry && *entry);
    EXPECT_EQ(**entry, Bytes(100'000, (**entry).at(0)));
  }
}

}  // namespace
}  // namespace openpcc::fetch
