#include "shim/containerd/task_journal.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "base/files.h"
#include "tests/fakes/temporary_directory.h"

namespace holdfast::containerd {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

class TaskJournalTest : public testing::Test {
 protected:
  absl::StatusOr<TaskJournal> Create(
      absl::Duration recovery_timeout = absl::InfiniteDuration()) {
    v1::ContainerdTask task;
    task.set_namespace_("ns");
    task.set_address("/run/c.sock");
    task.set_bundle("/bundle");
    task.set_runtime("/usr/bin/runc");
    return TaskJournal::Create(task_, "c", task, recovery_timeout, kNow);
  }
  ExecutorFacts Facts() const {
    const auto facts = ExecutorJournal::Peek(SystemFiles(), task_ + "/journal");
    EXPECT_TRUE(facts.ok()) << facts.status();
    return facts.value_or(ExecutorFacts());
  }

  TemporaryDirectory directory_;
  const std::string task_ = directory_ / "a/b/c";
};

TEST_F(TaskJournalTest, BeginsWithTheTask) {
  ASSERT_TRUE(Create(absl::Seconds(2)).ok());

  const ExecutorFacts facts = Facts();
  EXPECT_EQ(facts.intent.container_id(), "c");
  EXPECT_EQ(facts.intent.framework_id(), "ns");
  EXPECT_EQ(facts.intent.containerd().runtime(), "/usr/bin/runc");
  EXPECT_EQ(facts.intent.recovery_timeout().seconds(), 2);
  EXPECT_FALSE(facts.started.has_value());
  EXPECT_FALSE(facts.exited.has_value());
}

TEST_F(TaskJournalTest, TellsOfTheInitAndItsEnd) {
  auto journal = Create();
  ASSERT_TRUE(journal.ok());
  ASSERT_TRUE(journal->Created(getpid(), kNow).ok());
  ASSERT_TRUE(journal->Running(kNow).ok());

  ASSERT_TRUE(journal->Ended({.signal = 9, .at = kNow}, true).ok());

  const ExecutorFacts facts = Facts();
  ASSERT_TRUE(facts.started.has_value());
  EXPECT_EQ(facts.started->pid(), getpid());
  EXPECT_EQ(facts.started->shim_pid(), getpid());
  ASSERT_TRUE(facts.exited.has_value());
  EXPECT_EQ(facts.exited->signal(), 9);
  EXPECT_TRUE(facts.exited->oom_killed());
  EXPECT_EQ(facts.exited->time().seconds(), 1'800'000'000);
}

TEST_F(TaskJournalTest, TellsOfAnExitCode) {
  auto journal = Create();
  ASSERT_TRUE(journal.ok());

  ASSERT_TRUE(journal->Ended({.code = 3, .at = kNow}, false).ok());

  ASSERT_TRUE(Facts().exited.has_value());
  EXPECT_EQ(Facts().exited->exit_code(), 3);
  EXPECT_EQ(Facts().exited->signal(), 0);
}

TEST_F(TaskJournalTest, TellsOfAFence) {
  auto journal = Create(absl::Seconds(2));
  ASSERT_TRUE(journal.ok());

  ASSERT_TRUE(journal->Fenced(absl::Seconds(2), kNow).ok());

  ASSERT_TRUE(Facts().fenced.has_value());
  EXPECT_EQ(Facts().fenced->recovery_timeout().seconds(), 2);
}

TEST_F(TaskJournalTest, RemovesWhatAFormerTaskLeft) {
  ASSERT_TRUE(Create().ok());  // and its shim died
  std::ofstream(task_ + "/stdout.spool") << "old";

  const auto journal = Create();

  EXPECT_TRUE(journal.ok()) << journal.status();
  EXPECT_NE(access((task_ + "/stdout.spool").c_str(), F_OK), 0);
}

TEST_F(TaskJournalTest, LeavesTheTaskOfAShimThatLives) {
  const auto living = Create();
  ASSERT_TRUE(living.ok());

  const auto other = Create();

  EXPECT_TRUE(absl::IsAlreadyExists(other.status())) << other.status();
  EXPECT_EQ(Facts().intent.container_id(), "c");
}

}  // namespace
}  // namespace holdfast::containerd
