#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/plugin/service/executor_fixture.h"

// Acknowledgements of an executor that has ended go to its journal, one after
// the other, whoever asks for them while one is being written.

namespace holdfast {
namespace {

class EndedExecutor : public RecoveredExecutorTest {
 protected:
  void Update(ExecutorJournal& journal, v1::TaskState state,
              const std::string& uuid) {
    v1::StatusUpdate update;
    update.set_framework_id("f-1");
    update.set_uuid(uuid);
    update.mutable_status()->set_task_id("t-1");
    update.mutable_status()->set_state(state);
    v1::JournalRecord record;
    *record.mutable_update() = journal.Complete(std::move(update));
    ASSERT_TRUE(journal.Record(record).ok());
  }

  // With so many updates, "runs" and then "runs-1" and so on, and the last one.
  std::shared_ptr<Executor> RecoverEnded(int updates = 1) {
    auto journal = WriteJournal();
    v1::JournalRecord started;
    started.mutable_started()->set_boot_id("boot-1");
    EXPECT_TRUE(journal->Record(started).ok());
    Update(*journal, v1::TASK_RUNNING, "runs");
    for (int i = 1; i < updates; ++i)
      Update(*journal, v1::TASK_RUNNING, absl::StrCat("runs-", i));
    v1::JournalRecord exited;
    exited.mutable_exited();
    EXPECT_TRUE(journal->Record(exited).ok());
    Update(*journal, v1::TASK_FINISHED, "ended");
    journal.reset();
    auto executor = Recover();
    EXPECT_TRUE(
        RunUntil([&] { return executor->state() == ExecutorState::kEnded; }));
    return executor;
  }
};

TEST_F(EndedExecutor, IsAcknowledgedByTwoAtOnce) {
  const auto executor = RecoverEnded();
  std::vector<absl::Status> told;
  const auto note = [&](const absl::Status& status) { told.push_back(status); };

  // The one goes on as soon as it is told, the other has asked before that.
  executor->Acknowledge("runs", [&](const absl::Status& status) {
    note(status);
    executor->Acknowledge("ended", note);
  });
  executor->Acknowledge("runs", note);

  ASSERT_TRUE(RunUntil([&] { return told.size() == 3; }));
  for (const absl::Status& status : told) EXPECT_TRUE(status.ok()) << status;
  EXPECT_TRUE(executor->facts().AllAcknowledged());
}

TEST_F(EndedExecutor, CostsAsMuchAsItHasToTellAndNotAsItEverTold) {
  const auto executor = RecoverEnded(600);

  while (const v1::StatusUpdate* oldest =
             executor->facts().OldestUnacknowledged()) {
    std::optional<absl::Status> told;
    const std::string uuid = oldest->uuid();
    executor->Acknowledge(uuid,
                          [&](const absl::Status& status) { told = status; });
    ASSERT_TRUE(RunUntil([&] { return told.has_value(); }));
    ASSERT_TRUE(told->ok()) << *told;
    // Of what is forgotten it is never the latest.
    EXPECT_TRUE(executor->facts().IsAcknowledged(uuid));
  }

  EXPECT_EQ(condensed_, 1);
  const TaskFacts& task = executor->facts().tasks.front();
  EXPECT_EQ(task.updates.size(), 601u - 511u);
  EXPECT_EQ(task.state(), v1::TASK_FINISHED);
  EXPECT_EQ(executor->facts().last_sequence, 601u);
}

}  // namespace
}  // namespace holdfast
