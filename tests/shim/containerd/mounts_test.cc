#include "shim/containerd/mounts.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "shim/containerd/scratch_file.h"
#include "tests/fakes/temporary_directory.h"

namespace holdfast::containerd {
namespace {

using testing::HasSubstr;

class MountsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "mounting needs root";
    ASSERT_EQ(mkdir(rootfs_.c_str(), 0755), 0);
  }
  void TearDown() override { (void)UnmountAll(rootfs_); }

  std::string Directory(const std::string& name) {
    const std::string path = directory_ / name;
    EXPECT_EQ(mkdir(path.c_str(), 0755), 0) << path;
    return path;
  }

  static void Add(Mounts& mounts, const std::string& type,
                  const std::string& source,
                  const std::vector<std::string>& options,
                  const std::string& target = "") {
    auto& mount = *mounts.Add();
    mount.set_target(target);
    mount.set_type(type);
    mount.set_source(source);
    for (const std::string& option : options) mount.add_options(option);
  }

  bool CanWrite() const {
    return WriteScratchFile(rootfs_ + "/written", "x").ok();
  }

  // "UID:GID" of a file in the root file system.
  std::string OwnersOf(const std::string& name) const {
    struct stat found = {};
    EXPECT_EQ(stat((rootfs_ + "/" + name).c_str(), &found), 0) << name;
    return absl::StrCat(found.st_uid, ":", found.st_gid);
  }

  // No overlay, or a file system that maps no ids.
  static bool IsOfThisHost(const absl::Status& status) {
    return absl::StrContains(status.message(), "No such device") ||
           (absl::StrContains(status.message(), "map the ids") &&
            absl::IsInvalidArgument(status));
  }

  TemporaryDirectory directory_;
  const std::string rootfs_ = directory_ / "rootfs";
};

TEST_F(MountsTest, BindADirectory) {
  const std::string source = Directory("source");
  ASSERT_TRUE(WriteScratchFile(source + "/file", "here").ok());
  Mounts mounts;
  Add(mounts, "bind", source, {"rbind", "rw"});

  ASSERT_TRUE(MountAll(mounts, rootfs_).ok());

  EXPECT_EQ(*ReadSmallFile(rootfs_ + "/file"), "here");
  EXPECT_TRUE(CanWrite());
  EXPECT_TRUE(UnmountAll(rootfs_).ok());
  EXPECT_FALSE(ReadSmallFile(rootfs_ + "/file").ok());
}

TEST_F(MountsTest, AreReadOnlyWhereTheyShallBe) {
  Mounts mounts;
  Add(mounts, "bind", Directory("source"), {"bind", "ro"});

  ASSERT_TRUE(MountAll(mounts, rootfs_).ok());

  EXPECT_FALSE(CanWrite());
}

TEST_F(MountsTest, GiveTheFileSystemItsOwnOptions) {
  Mounts mounts;
  Add(mounts, "tmpfs", "tmpfs", {"nosuid", "size=64k", "mode=0700"});

  ASSERT_TRUE(MountAll(mounts, rootfs_).ok());

  struct stat found;
  ASSERT_EQ(stat(rootfs_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777, 0700u);
}

TEST_F(MountsTest, MakeAnOverlayOfManyLayers) {
  std::string layers;
  const std::string common(60, 'n');
  Directory(common);
  for (int i = 0; i < 100; ++i) {
    const std::string layer = Directory(absl::StrCat(common, "/", i));
    ASSERT_TRUE(WriteScratchFile(absl::StrCat(layer, "/of-", i), "here").ok());
    absl::StrAppend(&layers, i == 0 ? "" : ":", layer);
  }
  ASSERT_GT(layers.size(), 4096u);
  const std::string upper = Directory("upper");
  const std::string work = Directory("work");
  Mounts mounts;
  Add(mounts, "overlay", "overlay",
      {"upperdir=" + upper, "workdir=" + work, "lowerdir=" + layers});

  const absl::Status mounted = MountAll(mounts, rootfs_);
  if (!mounted.ok() && absl::StrContains(mounted.message(), "No such device")) {
    GTEST_SKIP() << mounted;
  }
  ASSERT_TRUE(mounted.ok()) << mounted;

  EXPECT_EQ(*ReadSmallFile(rootfs_ + "/of-0"), "here");
  EXPECT_EQ(*ReadSmallFile(rootfs_ + "/of-99"), "here");
}

TEST_F(MountsTest, MapTheOwnersOfTheLayersOfAnOverlay) {
  std::string layers;
  for (const char* name : {"one", "two"}) {
    const std::string layer = Directory(name);
    ASSERT_TRUE(WriteScratchFile(layer + "/in-" + name, "here").ok());
    absl::StrAppend(&layers, layers.empty() ? "" : ":", layer);
  }
  ASSERT_EQ(chown((directory_ / "two/in-two").c_str(), 5, 6), 0);
  const std::string upper = Directory("upper");
  const std::string work = Directory("work");
  Mounts mounts;
  Add(mounts, "overlay", "overlay",
      {"upperdir=" + upper, "workdir=" + work, "lowerdir=" + layers,
       "uidmap=0:1000:2,5:77:1", "gidmap=0:2000:65536"});

  const absl::Status mounted = MountAll(mounts, rootfs_);
  if (IsOfThisHost(mounted)) GTEST_SKIP() << mounted;
  ASSERT_TRUE(mounted.ok()) << mounted;

  EXPECT_EQ(*ReadSmallFile(rootfs_ + "/in-one"), "here");
  EXPECT_EQ(OwnersOf("in-one"), "1000:2000");
  EXPECT_EQ(OwnersOf("in-two"), "77:2006");
  EXPECT_TRUE(CanWrite());
  EXPECT_NE(access((rootfs_ + ".layers").c_str(), F_OK), 0);
  EXPECT_TRUE(UnmountAll(rootfs_).ok());
  const auto left = ReadSmallFile("/proc/self/mountinfo");
  EXPECT_EQ(left->find(rootfs_), std::string::npos);
}

TEST_F(MountsTest, MapTheOwnersOfABindMount) {
  const std::string source = Directory("source");
  ASSERT_TRUE(WriteScratchFile(source + "/file", "here").ok());
  Mounts mounts;
  Add(mounts, "bind", source,
      {"rbind", "ro", "uidmap=0:1000:65536", "gidmap=0:2000:65536"});

  const absl::Status mounted = MountAll(mounts, rootfs_);
  if (IsOfThisHost(mounted)) GTEST_SKIP() << mounted;
  ASSERT_TRUE(mounted.ok()) << mounted;

  EXPECT_EQ(OwnersOf("file"), "1000:2000");
  EXPECT_FALSE(CanWrite());
}

TEST_F(MountsTest, AreNotMadeWithAMapThatIsNone) {
  for (const char* map : {"uidmap=0:1", "uidmap=0:1:2:3", "uidmap=0:1:-1",
                          "uidmap=0:1:2,", "uidmap=a:1:2"}) {
    Mounts mounts;
    Add(mounts, "bind", directory_.path(), {"bind", map, "gidmap=0:1:2"});

    const absl::Status status = MountAll(mounts, rootfs_);

    EXPECT_TRUE(absl::IsInvalidArgument(status)) << map << status;
  }
}

TEST_F(MountsTest, AreUndoneWhereTheirShimWasKilledInTheMiddle) {
  const std::string place = rootfs_ + ".layers";
  ASSERT_EQ(mkdir(place.c_str(), 0700), 0);
  ASSERT_EQ(mount("x", place.c_str(), "tmpfs", 0, ""), 0);

  EXPECT_TRUE(UnmountAll(rootfs_).ok());

  EXPECT_NE(access(place.c_str(), F_OK), 0);
}

TEST_F(MountsTest, NameTheOneThatFailsAndUndoTheOthers) {
  const std::string source = Directory("source");
  ASSERT_TRUE(WriteScratchFile(source + "/file", "here").ok());
  Mounts mounts;
  Add(mounts, "bind", source, {"bind"});
  Add(mounts, "bind", directory_ / "absent", {"bind"});

  const absl::Status status = MountAll(mounts, rootfs_);

  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("absent"));
  EXPECT_FALSE(ReadSmallFile(rootfs_ + "/file").ok());
}

TEST_F(MountsTest, AreBelowTheRootWhateverItsLinksSay) {
  const std::string source = Directory("source");
  ASSERT_EQ(mkdir((source + "/inner").c_str(), 0755), 0);
  ASSERT_EQ(symlink("/../../inner", (source + "/link").c_str()), 0);
  Mounts mounts;
  Add(mounts, "bind", source, {"rbind"});
  Add(mounts, "tmpfs", "tmpfs", {}, "/link");

  ASSERT_TRUE(MountAll(mounts, rootfs_).ok());

  EXPECT_TRUE(WriteScratchFile(rootfs_ + "/inner/seen", "x").ok());
  EXPECT_NE(access((source + "/inner/seen").c_str(), F_OK), 0);
  EXPECT_TRUE(UnmountAll(rootfs_).ok());
}

TEST_F(MountsTest, NameATargetThatIsNotThere) {
  Mounts mounts;
  Add(mounts, "tmpfs", "tmpfs", {}, "not/there");

  const absl::Status status = MountAll(mounts, rootfs_);

  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("rootfs/not/there"));
}

TEST_F(MountsTest, AreRefusedWhereTheyWouldBeOthers) {
  for (const char* option : {"loop", "uidmap=0:1:2", "gidmap=0:1:2"}) {
    Mounts mounts;
    Add(mounts, "bind", Directory(option), {"bind", option});

    const absl::Status status = MountAll(mounts, rootfs_);

    EXPECT_TRUE(absl::IsUnimplemented(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(option));
  }
}

TEST_F(MountsTest, AreUndoneHoweverOftenAndDeep) {
  Mounts mounts;
  Add(mounts, "tmpfs", "a", {});
  Add(mounts, "tmpfs", "b", {});
  ASSERT_TRUE(MountAll(mounts, rootfs_).ok());
  const std::string below = rootfs_ + "/below";
  ASSERT_EQ(mkdir(below.c_str(), 0755), 0);
  ASSERT_EQ(mount("c", below.c_str(), "tmpfs", 0, ""), 0);

  EXPECT_TRUE(UnmountAll(rootfs_).ok());

  const auto left = ReadSmallFile("/proc/self/mountinfo");
  EXPECT_EQ(left->find(rootfs_), std::string::npos);
  EXPECT_TRUE(UnmountAll(rootfs_).ok());
  EXPECT_TRUE(UnmountAll(directory_ / "absent").ok());
}

}  // namespace
}  // namespace holdfast::containerd
