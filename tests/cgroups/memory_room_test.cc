#include "cgroups/memory_room.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "tests/fakes/temporary_directory.h"

namespace holdfast {
namespace {

using testing::HasSubstr;

// A group of plain files, which nothing reclaims.
class MemoryRoom : public testing::Test {
 protected:
  void Put(const std::string& file, const std::string& content) {
    std::ofstream(absl::StrCat(group_.path(), "/", file)) << content;
  }
  std::string Get(const std::string& file) {
    return ReadSmallFile(absl::StrCat(group_.path(), "/", file)).value_or("");
  }

  const TemporaryDirectory group_;
};

TEST_F(MemoryRoom, IsThereWhereLessIsInUse) {
  Put("memory.current", "8000\n");
  Put("memory.reclaim", "");

  EXPECT_EQ(MakeMemoryRoom(group_.path(), 8000), absl::OkStatus());

  EXPECT_EQ(Get("memory.reclaim"), "");
}

TEST_F(MemoryRoom, IsAskedForAndRefusedWhereItIsNotGiven) {
  Put("memory.current", "9000\n");
  Put("memory.reclaim", "");

  const absl::Status status = MakeMemoryRoom(group_.path(), 8000);

  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("9000 bytes are in use"));
  EXPECT_EQ(Get("memory.reclaim"), "1000");
}

TEST_F(MemoryRoom, IsNotMadeByAKernelThatCannotReclaim) {
  Put("memory.current", "9000\n");

  EXPECT_TRUE(absl::IsFailedPrecondition(MakeMemoryRoom(group_.path(), 8000)));
}

}  // namespace
}  // namespace holdfast
