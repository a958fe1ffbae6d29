#include "tests/vm/shown.h"

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

// A disk with a started task, these of its updates, and so many of them
// acknowledged.
ExecutorFacts Disk(size_t acknowledged,
                   const std::vector<std::string>& updates = {"u1", "u2"}) {
  v1::JournalRecord intent = IntentRecord();
  intent.mutable_intent()->mutable_task()->set_task_id("t");
  std::vector<v1::JournalRecord> records = {intent, StartedRecord(1)};
  for (size_t i = 0; i < updates.size(); ++i) {
    records.push_back(UpdateRecord(i + 1, updates[i], v1::TASK_RUNNING, "t"));
    if (i < acknowledged) records.push_back(AcknowledgedRecord(updates[i]));
  }
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
  const ExecutorFacts facts = Disk(/*acknowledged=*/1, {"u1"});

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
  const ExecutorFacts facts = Disk(/*acknowledged=*/0, {"u2"});

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
