#include "base/files.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/volatile_files.h"
#include "tests/fakes/fake_disk.h"
#include "tests/fakes/temporary_directory.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Files, ReadBackWhatWasWritten) {
  const TemporaryDirectory directory;
  auto file = SystemFiles().Open(directory / "f", Files::Mode::kCreate);
  ASSERT_TRUE(file.ok()) << file.status();

  ASSERT_TRUE((*file)->WriteAt(0, "hello world").ok());
  ASSERT_TRUE((*file)->WriteAt(6, "there").ok());

  EXPECT_EQ(*(*file)->ReadAll(), "hello there");
}

TEST(Files, AreCreatedOnceAndForTheirOwnerAlone) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(SystemFiles().Open(directory / "f", Files::Mode::kCreate).ok());

  const auto again = SystemFiles().Open(directory / "f", Files::Mode::kCreate);

  EXPECT_TRUE(absl::IsAlreadyExists(again.status())) << again.status();
  struct stat info;
  ASSERT_EQ(stat((directory / "f").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
}

TEST(Files, NameTheirPathInErrors) {
  const TemporaryDirectory directory;

  const auto file = SystemFiles().Open(directory / "f", Files::Mode::kReadOnly);

  EXPECT_TRUE(absl::IsNotFound(file.status()));
  EXPECT_THAT(file.status().message(), HasSubstr(directory / "f"));
}

TEST(Files, KnowWhetherTheyStillHaveTheirName) {
  const TemporaryDirectory directory;
  auto file = *SystemFiles().Open(directory / "f", Files::Mode::kCreate);
  EXPECT_TRUE(*file->IsStillAt(directory / "f"));

  auto other = *SystemFiles().Open(directory / "g", Files::Mode::kCreate);
  ASSERT_TRUE(SystemFiles().Rename(directory / "g", directory / "f").ok());

  EXPECT_FALSE(*file->IsStillAt(directory / "f"));
  EXPECT_TRUE(*other->IsStillAt(directory / "f"));
  EXPECT_FALSE(*other->IsStillAt(directory / "g"));
}

TEST(Files, WaitForTheDiskUnlessTheyAreVolatile) {
  const TemporaryDirectory directory;
  const auto is_durable = [](Files& files, const std::string& path,
                             Files::Mode mode) {
    const int flags = fcntl((*files.Open(path, mode))->fd(), F_GETFL);
    return (flags & O_DSYNC) != 0;
  };

  for (const auto mode : {Files::Mode::kCreate, Files::Mode::kReadWrite}) {
    EXPECT_TRUE(is_durable(SystemFiles(), directory / "f", mode));
    EXPECT_FALSE(is_durable(VolatileFiles(), directory / "g", mode));
  }
}

TEST(Files, ListNamesInOrder) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(SystemFiles().MakeDirectory(directory / "b", 0700).ok());
  ASSERT_TRUE(SystemFiles().MakeDirectory(directory / "a", 0700).ok());
  ASSERT_TRUE(SystemFiles().MakeDirectory(directory / "a", 0700).ok());

  EXPECT_THAT(*SystemFiles().List(directory.path()), ElementsAre("a", "b"));
}

TEST(DirectoryOf, IsWhereTheNameStands) {
  EXPECT_EQ(DirectoryOf("/var/lib/x"), "/var/lib/");
  EXPECT_EQ(DirectoryOf("/x"), "/");
  EXPECT_EQ(DirectoryOf("x"), ".");
}

TEST(ReplaceFile, KeepsOldOrNewWhereverItDies) {
  for (int operation = 0;; ++operation) {
    FakeDisk disk(operation, Tear{.last = 1});
    disk.SetContent("/m/a.record", "old");
    const std::string fresh(2000, 'n');
    const bool replaced = ReplaceFile(disk, "/m/a.record", fresh).ok();

    disk.DropUnsynced();

    const std::string content = disk.Content("/m/a.record");
    EXPECT_TRUE(content == fresh || (content == "old" && !replaced))
        << "died at operation " << operation;
    if (!disk.died()) break;  // it ran to its end: every death was tried
  }
}

TEST(RemoveTree, NeverFollowsALink) {
  const TemporaryDirectory directory;
  for (const char* name : {"tree", "tree/below", "kept"}) {
    ASSERT_TRUE(SystemFiles().MakeDirectory(directory / name, 0700).ok());
  }
  ASSERT_TRUE(ReplaceFile(SystemFiles(), directory / "kept/f", "f").ok());
  ASSERT_EQ(symlink((directory / "kept").c_str(),
                    (directory / "tree/below/link").c_str()),
            0);

  ASSERT_TRUE(RemoveTree(directory / "tree").ok());

  EXPECT_THAT(*SystemFiles().List(directory.path()), ElementsAre("kept"));
  EXPECT_EQ(*ReadSmallFile(directory / "kept/f"), "f");
  EXPECT_TRUE(RemoveTree(directory / "tree").ok());
}

}  // namespace
}  // namespace holdfast
