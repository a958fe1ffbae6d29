// The journal's lock on real files: who can take it has proof that the other
// is dead.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "absl/strings/str_cat.h"
#include "shim/bundle/executor_journal.h"
#include "tests/fakes/temporary_directory.h"
#include "tests/shim/bundle/records.h"

namespace holdfast {
namespace {

class JournalLock : public ::testing::Test {
 protected:
  ExecutorJournal Create() {
    return *ExecutorJournal::Create(SystemFiles(), path_, AnIntent());
  }
  absl::StatusOr<ExecutorJournal> TakeOver() {
    return ExecutorJournal::TakeOver(SystemFiles(), path_);
  }

  const TemporaryDirectory directory_;
  const std::string path_ = directory_ / "journal";
};

TEST_F(JournalLock, IsFreeWhenItsWriterIsGone) {
  {
    const ExecutorJournal writer = Create();
    EXPECT_TRUE(absl::IsUnavailable(TakeOver().status()));
  }

  EXPECT_TRUE(TakeOver().ok());
}

TEST_F(JournalLock, GoesOverWithADescriptor) {
  auto agent = std::make_unique<ExecutorJournal>(Create());
  UniqueFd given(fcntl(agent->fd(), F_DUPFD_CLOEXEC, 0));
  agent.reset();

  auto shim = ExecutorJournal::Inherit(
      SystemFiles(), FileFromFd(std::move(given), path_), path_);

  ASSERT_TRUE(shim.ok()) << shim.status();
  EXPECT_TRUE(absl::IsUnavailable(TakeOver().status()));
  EXPECT_TRUE(shim->Record(StartedRecord(4711)).ok());
  const auto facts = ExecutorJournal::Peek(SystemFiles(), path_);
  EXPECT_EQ(facts->started->pid(), 4711);
}

// Starts `cat`, which inherits what is not close-on-exec and ends with stdin.
pid_t StartCat(int stdin_fd) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, stdin_fd, STDIN_FILENO);
  std::string program = "cat";
  char* arguments[] = {program.data(), nullptr};
  pid_t pid = -1;
  EXPECT_EQ(posix_spawnp(&pid, "cat", &actions, nullptr, arguments, environ),
            0);
  posix_spawn_file_actions_destroy(&actions);
  return pid;
}

TEST_F(JournalLock, IsHeldByAProgramThatInheritedItUntilThatEnds) {
  auto agent = std::make_unique<ExecutorJournal>(Create());
  UniqueFd given(dup(agent->fd()));  // survives exec
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  const pid_t heir = StartCat(read_end.get());
  given.Reset();
  agent.reset();

  const absl::Status while_it_lives = TakeOver().status();
  write_end.Reset();
  ASSERT_EQ(waitpid(heir, nullptr, 0), heir);
  const absl::Status afterwards = TakeOver().status();

  EXPECT_TRUE(absl::IsUnavailable(while_it_lives)) << while_it_lives;
  EXPECT_TRUE(afterwards.ok()) << afterwards;
}

TEST_F(JournalLock, IsNotInheritedFromAFileThatWasReplaced) {
  UniqueFd given;
  {
    const auto files = SystemFiles().Open(path_, Files::Mode::kCreate);
    given = UniqueFd(fcntl((*files)->fd(), F_DUPFD_CLOEXEC, 0));
  }
  ASSERT_TRUE(SystemFiles().Remove(path_).ok());
  const ExecutorJournal other = Create();

  const auto inherited = ExecutorJournal::Inherit(
      SystemFiles(), FileFromFd(std::move(given), path_), path_);

  EXPECT_TRUE(absl::IsFailedPrecondition(inherited.status()))
      << inherited.status();
}

// A writer that grows and compacts, while others look at it and try the lock.
TEST_F(JournalLock, IsKeptWhileItsFileIsReplaced) {
  ExecutorJournal writer = Create();
  std::atomic<bool> done = false;
  std::thread others([&] {
    while (!done) {
      EXPECT_TRUE(absl::IsUnavailable(TakeOver().status()));
      const auto facts = ExecutorJournal::Peek(SystemFiles(), path_);
      EXPECT_TRUE(facts.ok()) << facts.status();
    }
  });

  for (int i = 0; i < 200; ++i) {
    v1::StatusUpdate update = AnUpdate(absl::StrCat("u-", i));
    update.mutable_status()->set_message(std::string(3000, 'm'));
    EXPECT_TRUE(writer.AppendUpdate(update).ok());
    EXPECT_TRUE(writer.Acknowledge(update.uuid(), kNow).ok());
  }
  done = true;
  others.join();

  EXPECT_EQ(writer.facts().last_sequence, 200u);
  EXPECT_LT(writer.facts().tasks[0].updates.size(), 50u);
}

}  // namespace
}  // namespace holdfast
