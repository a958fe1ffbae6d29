#include "plugin/recovery/quarantine.h"

#include "gmock/gmock.h"
#include "tests/plugin/recovery/checkpoint_fixture.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Quarantine = CheckpointTest;

TEST_F(Quarantine, HoldsWhatWasMovedAsItWas) {
  MakeExecutor("c-1");
  Write(layout_.Executor("c-1", true) + "/stdout", "what it said");
  const std::string journal = Read(layout_.Journal("c-1", true));

  const auto moved =
      MoveAside(SystemFiles(), layout_, layout_.Executor("c-1", true), "c-1");

  ASSERT_TRUE(moved.ok()) << moved.status();
  EXPECT_EQ(*moved, layout_.Quarantine() + "/c-1");
  EXPECT_EQ(Read(*moved + "/journal"), journal);
  EXPECT_EQ(Read(*moved + "/stdout"), "what it said");
  EXPECT_FALSE(IsThere(layout_.Executor("c-1", true)));
}

TEST_F(Quarantine, OverwritesNothingThatIsThere) {
  for (const char* content : {"one", "two", "three"}) {
    Write(layout_.AgentRecord(), content);
    const auto moved = MoveAside(SystemFiles(), layout_, layout_.AgentRecord(),
                                 "agent.record");
    ASSERT_TRUE(moved.ok()) << moved.status();
  }

  EXPECT_EQ(Read(layout_.Quarantine() + "/agent.record"), "one");
  EXPECT_EQ(Read(layout_.Quarantine() + "/agent.record.1"), "two");
  EXPECT_EQ(Read(layout_.Quarantine() + "/agent.record.2"), "three");
}

TEST_F(Quarantine, IsListedWithItsFolders) {
  EXPECT_THAT(ListQuarantine(SystemFiles(), layout_), IsEmpty());
  MakeExecutor("c-1");
  ASSERT_TRUE(
      MoveAside(SystemFiles(), layout_, layout_.Executor("c-1", true), "c-1")
          .ok());
  ASSERT_TRUE(MoveAside(SystemFiles(), layout_, layout_.FrameworkRecord("f-1"),
                        "frameworks/f-1.record")
                  .ok());

  EXPECT_THAT(ListQuarantine(SystemFiles(), layout_),
              ElementsAre("c-1", "frameworks/f-1.record"));
}

TEST_F(Quarantine, LeavesWhatCannotBeMovedWhereItIs) {
  Write(layout_.Quarantine(), "a file in its place");
  MakeExecutor("c-1");

  const auto moved =
      MoveAside(SystemFiles(), layout_, layout_.Executor("c-1", true), "c-1");

  EXPECT_FALSE(moved.ok());
  EXPECT_TRUE(IsThere(layout_.Journal("c-1", true)));
}

}  // namespace
}  // namespace holdfast
