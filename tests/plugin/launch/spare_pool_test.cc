#include "plugin/launch/spare_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <set>

#include "plugin/checkpoint/spare_directory.h"
#include "tests/fakes/fake_disk.h"
#include "tests/fakes/temporary_directory.h"

namespace holdfast {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

const Layout kLayout = {"/work", "/no/runtime"};

std::vector<std::string> Spares(Files& files, const Layout& layout) {
  return files.List(layout.Executors(true)).value();
}

TEST(SparePool, HasNoneBeforeItIsOpened) {
  FakeDisk disk;
  SparePool pool(disk, kLayout, /*size=*/3);

  EXPECT_TRUE(pool.Refill().ok());

  EXPECT_FALSE(pool.Take().has_value());
  EXPECT_THAT(Spares(disk, kLayout), IsEmpty());
}

// A launch may come while a former life's are still being removed.
TEST(SparePool, MakesWhatALaunchHasMissedAsSoonAsItIsOpened) {
  const TemporaryDirectory directory;
  const Layout layout = {directory.path(), directory.path()};
  ASSERT_EQ(mkdir(layout.Executors(true).c_str(), 0700), 0);
  {
    SparePool pool(SystemFiles(), layout);
    ASSERT_FALSE(pool.Take().has_value());

    pool.Open();
  }  // waits for what is being made

  EXPECT_THAT(Spares(SystemFiles(), layout), SizeIs(SparePool::kSize));
}

TEST(SparePool, GivesEachSpareOnce) {
  FakeDisk disk;
  SparePool pool(disk, kLayout, /*size=*/3);
  pool.Open();
  ASSERT_TRUE(pool.Refill().ok());

  std::set<std::string> ids;
  while (std::optional<Spare> spare = pool.Take()) ids.insert(spare->id);

  EXPECT_THAT(ids, SizeIs(3));
}

TEST(SparePool, GivesWhatAPowerCutLeavesAlone) {
  FakeDisk disk;
  SparePool pool(disk, kLayout, /*size=*/3);
  pool.Open();
  ASSERT_TRUE(pool.Refill().ok());
  std::optional<Spare> spare = pool.Take();
  ASSERT_TRUE(spare.has_value());

  const std::string path = SparePath(kLayout, spare->id);

  disk.DropUnsynced();

  EXPECT_THAT(Spares(disk, kLayout), SizeIs(3));
  EXPECT_TRUE(disk.Exists(path + "/journal"));
  EXPECT_TRUE(disk.Exists(path + "/sandbox"));
  EXPECT_TRUE(IsUnused(disk, path));
}

TEST(SparePool, LeavesNothingThatLooksUsedWhereverItDies) {
  for (const auto aftermath :
       {&FakeDisk::RestartProcess, &FakeDisk::DropUnsynced,
        &FakeDisk::KeepUnsynced}) {
    for (const size_t sectors : {size_t{0}, size_t{1}, Tear::kAll}) {
      bool died = true;
      for (int at = 0; died; ++at) {
        FakeDisk disk(at, {.first = sectors});
        {
          SparePool pool(disk, kLayout, /*size=*/2);
          pool.Open();
          (void)pool.Refill();  // it dies in it
        }
        died = disk.died();
        (disk.*aftermath)();

        for (const std::string& name : Spares(disk, kLayout)) {
          const std::string id(IdOfSpare(name));
          EXPECT_FALSE(id.empty()) << name;
          EXPECT_TRUE(IsUnused(disk, SparePath(kLayout, id)))
              << "died at operation " << at;
        }
      }
    }
  }
}

TEST(SparePool, OffersNothingOfABatchThatTheDiskRefused) {
  FakeDisk disk;
  SparePool pool(disk, kLayout, /*size=*/2);
  pool.Open();
  disk.FailAt(5, absl::ResourceExhaustedError("no room"));

  EXPECT_TRUE(absl::IsResourceExhausted(pool.Refill()));

  EXPECT_FALSE(pool.Take().has_value());
}

TEST(SparePool, RemovesItsDirectoriesWhenItCloses) {
  const TemporaryDirectory directory;
  const Layout layout = {directory.path(), directory.path()};
  ASSERT_EQ(mkdir(layout.Executors(true).c_str(), 0700), 0);
  ASSERT_EQ(mkdir(layout.Shims().c_str(), 0700), 0);
  SparePool pool(SystemFiles(), layout, /*size=*/3);
  pool.Open();
  ASSERT_TRUE(pool.Refill().ok());
  ASSERT_THAT(Spares(SystemFiles(), layout), SizeIs(3));
  ASSERT_THAT(SystemFiles().List(layout.Shims()).value(), SizeIs(3));

  pool.Close();

  EXPECT_THAT(Spares(SystemFiles(), layout), IsEmpty());
  EXPECT_THAT(SystemFiles().List(layout.Shims()).value(), IsEmpty());
  EXPECT_FALSE(pool.Take().has_value());
}

TEST(SpareDirectory, IsUsedOnceItsJournalHoldsARecord) {
  FakeDisk disk;
  const std::string path = SparePath(kLayout, "c-7");

  EXPECT_TRUE(IsUnused(disk, path)) << "no journal";
  auto journal = Journal::Put(disk, path + "/journal", {});
  ASSERT_TRUE(journal.ok());
  EXPECT_TRUE(IsUnused(disk, path)) << "nothing in it";
  ASSERT_TRUE(journal->Append({"a record"}).ok());
  EXPECT_FALSE(IsUnused(disk, path));
}

TEST(SpareDirectory, IsNotTakenForUnusedWhereItsJournalCannotBeRead) {
  FakeDisk disk;
  disk.SetContent(SparePath(kLayout, "c-7") + "/journal", "nonsense");

  EXPECT_FALSE(IsUnused(disk, SparePath(kLayout, "c-7")));
}

TEST(SpareDirectory, IsToldByItsName) {
  EXPECT_EQ(IdOfSpare(SpareName("c-7")), "c-7");
  EXPECT_EQ(IdOfSpare("c-7"), "");
  EXPECT_EQ(IdOfSpare(".removing-c-7"), "");
}

}  // namespace
}  // namespace holdfast
