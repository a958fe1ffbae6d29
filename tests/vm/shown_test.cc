#include "tests/vm/shown.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/shim/bundle/records.h"

namespace holdfast::vm {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr char kLines[] =
    "launched t\nshown t u1\nacknowledging t u1\nacknowledged t u1\n"
    "shown t u2\n";

// A disk with a started task, its updates u1 and u2, and so many of them
// acknowledged.
ExecutorFacts Disk(size_t acknowledged) {
  v1::JournalRecord intent = IntentRecord();
  intent.mutable_intent()->mutable_task()->set_task_id("t");
  std::vector<v1::JournalRecord> records = {
      intent, StartedRecord(1), UpdateRecord(1, "u1", v1::TASK_RUNNING, "t"),
      UpdateRecord(2, "u2", v1::TASK_RUNNING, "t")};
  for (size_t i = 1; i <= acknowledged; ++i)
    records.push_back(AcknowledgedRecord(absl::StrCat("u", i)));
  return *ExecutorFacts::From(records);
}

std::vector<std::string> Complaints(const std::string& lines,
                                    const ExecutorFacts* facts) {
  std::map<std::string, const ExecutorFacts*> on_disk;
  if (facts != nullptr) on_disk["t"] = facts;
  const absl::StatusOr<Shown> shown = Shown::Parse(lines);
  EXPECT_TRUE(shown.ok()) << shown.status();
  return shown->Complaints(on_disk);
}

TEST(Shown, IsContentWithADiskThatHoldsAllOfIt) {
  const ExecutorFacts facts = Disk(/*acknowledged=*/1);

  EXPECT_THAT(Complaints(kLines, &facts), IsEmpty());
}

TEST(Shown, MissesATaskThatIsNotOnTheDisk) {
  EXPECT_THAT(Complaints(kLines, nullptr), ElementsAre("t is not on the disk"));
}

TEST(Shown, MissesTheStartOfALaunchThatWasAnswered) {
  ExecutorFacts facts = Disk(/*acknowledged=*/1);
  facts.started.reset();

  EXPECT_THAT(Complaints(kLines, &facts),
              ElementsAre("t was launched, and its start is not known"));
}

TEST(Shown, MissesAnUpdateThatIsLost) {
  ExecutorFacts facts = Disk(/*acknowledged=*/1);
  facts.tasks[0].updates.pop_back();

  EXPECT_THAT(Complaints(kLines, &facts), ElementsAre("t's update u2 is lost"));
}

TEST(Shown, MissesAnUpdateThatNobodyAcknowledged) {
  const ExecutorFacts facts = Disk(/*acknowledged=*/2);

  EXPECT_THAT(
      Complaints(kLines, &facts),
      ElementsAre("t's update u2 was never acknowledged, but will not come"));
}

TEST(Shown, MissesAnAcknowledgement) {
  const ExecutorFacts facts = Disk(/*acknowledged=*/0);

  EXPECT_THAT(
      Complaints(kLines, &facts),
      ElementsAre("t's update u1 was acknowledged, and will come again"));
}

TEST(Shown, LetsAnAcknowledgedUpdateBeCompactedAway) {
  ExecutorFacts facts = Disk(/*acknowledged=*/1);
  facts.tasks[0].updates.erase(facts.tasks[0].updates.begin());
  facts.tasks[0].acknowledged = 0;

  EXPECT_THAT(Complaints(kLines, &facts), IsEmpty());
}

TEST(Shown, LeavesOutALineThatNeverQuiteArrived) {
  const absl::StatusOr<Shown> shown = Shown::Parse("launched t\nshown t u");

  ASSERT_TRUE(shown.ok()) << shown.status();
  EXPECT_EQ(shown->lines(), 1);
}

TEST(Shown, RefusesWhatItDoesNotKnow) {
  EXPECT_FALSE(Shown::Parse("lunched t\n").ok());
}

}  // namespace
}  // namespace holdfast::vm
