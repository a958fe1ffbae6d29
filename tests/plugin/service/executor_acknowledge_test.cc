#include <gtest/gtest.h>

#include <string>
#include <vector>

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

  std::shared_ptr<Executor> RecoverEnded() {
    auto journal = WriteJournal();
    v1::JournalRecord started;
    started.mutable_started()->set_boot_id("boot-1");
    EXPECT_TRUE(journal->Record(started).ok());
    Update(*journal, v1::TASK_RUNNING, "runs");
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

}  // namespace
}  // namespace holdfast
