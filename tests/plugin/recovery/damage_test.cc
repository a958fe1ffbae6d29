#include "plugin/recovery/damage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "shim/records/damage_offset.h"

namespace holdfast {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(Damage, TakesItsOffsetFromTheStatusAndNotFromItsText) {
  const Damage damage = MakeDamage(
      "/w/executors/c-7/journal",
      WithOffset(absl::DataLossError("read journal /w/executors/c-7/journal: "
                                     "bad frame at offset 9"),
                 1234),
      "c-7");

  EXPECT_EQ(damage.file, "/w/executors/c-7/journal");
  EXPECT_EQ(damage.offset_bytes, 1234u);
  EXPECT_EQ(damage.what, "bad frame at offset 9");
  EXPECT_EQ(damage.container_id, "c-7");
}

TEST(Damage, HasNoOffsetWhereThereIsNone) {
  const Damage damage = MakeDamage(
      "/w/j", absl::FailedPreconditionError("read /w/j: Is a directory"));

  EXPECT_FALSE(damage.offset_bytes);
  EXPECT_EQ(damage.what, "Is a directory");
}

TEST(Damage, OfANewerVersionIsCuredByThatVersion) {
  const absl::Status newer =
      WithOffset(absl::FailedPreconditionError("written as version 2"), 3);

  EXPECT_THAT(MakeDamage("/w/j", newer, "c-7").cure,
              HasSubstr("newer version"));
  EXPECT_THAT(MakeDamage("/w/j", absl::DataLossError("bad"), "c-7").cure,
              HasSubstr("--strict=false"));
}

TEST(Damage, ComesThroughACallAsItWas) {
  const Damage damage = MakeDamage(
      "/w/j", WithOffset(absl::DataLossError("bad frame"), 0), "c-7");

  const Damage back = FromProto(ToProto(damage));

  EXPECT_EQ(back.file, damage.file);
  EXPECT_EQ(back.offset_bytes, 0u) << "the first byte is one, too";
  EXPECT_EQ(back.what, damage.what);
  EXPECT_EQ(back.cure, damage.cure);
  EXPECT_EQ(back.container_id, "c-7");
}

TEST(Damage, IsReadableAsAText) {
  const Damage damage = MakeDamage(
      "/w/j", WithOffset(absl::DataLossError("bad frame"), 12), "c-7");

  EXPECT_THAT(DamageText({damage, damage}),
              AllOf(HasSubstr("1. /w/j, at byte 12\n   what:  bad frame\n"),
                    HasSubstr("2. /w/j"), HasSubstr("cure:  ")));
}

TEST(DamageOffset, StaysOffAnOkStatus) {
  EXPECT_TRUE(WithOffset(absl::OkStatus(), 7).ok());
  EXPECT_FALSE(OffsetOf(absl::OkStatus()));
  EXPECT_FALSE(OffsetOf(absl::DataLossError("somewhere")));
}

}  // namespace
}  // namespace holdfast
