#include "api/ids.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace holdfast {
namespace {

using ::testing::HasSubstr;

TEST(Ids, TakesWhatCanBeAPathComponent) {
  for (const char* id : {"a", "t-7", "with a blank", "a..b", "...", ".hidden",
                         "größe", "-rf", "$(reboot)"}) {
    EXPECT_TRUE(ValidateId("task_id", id).ok()) << id;
  }
}

TEST(Ids, HasAtMost242Characters) {
  EXPECT_TRUE(ValidateId("task_id", std::string(242, 'x')).ok());

  const absl::Status status = ValidateId("task_id", std::string(243, 'x'));

  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("243 characters"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("at most 242"));
}

TEST(Ids, IsNotEmptyNorADotDirectory) {
  for (const char* id : {"", ".", ".."}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ValidateId("task_id", id))) << id;
  }
}

TEST(Ids, HasNoSlashAndNoControlCharacter) {
  for (const std::string& id :
       {std::string("a/b"), std::string("/"), std::string("a\nb"),
        std::string("a\0b", 3), std::string("\x7f"), std::string("\x1f")}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ValidateId("task_id", id)));
  }
}

TEST(Ids, NamesTheFieldAndTheIdInTheError) {
  const absl::Status status = ValidateId("framework_id", "a\n/b");

  EXPECT_EQ(status.message(),
            "framework_id \"a\\n/b\" must not contain control characters");
}

TEST(Ids, ShowsOfALongIdItsBeginning) {
  const absl::Status status = ValidateId("task_id", std::string(100'000, 'x'));

  EXPECT_LT(status.message().size(), 200u);
}

}  // namespace
}  // namespace holdfast
