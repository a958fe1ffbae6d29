#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/shim/client/endpoint.h"
#include "tests/shim/client/fake_shim.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

// The example, run as a shim would run it.
class MultiTaskExample : public EndpointTest {
 protected:
  void SetUp() override {
    EndpointTest::SetUp();
    shim_ = std::make_unique<FakeShim>(endpoint_);
    std::string program = MULTI_TASK_EXECUTOR;
    std::string endpoint =
        absl::StrCat("HOLDFAST_EXECUTOR_ENDPOINT=", endpoint_);
    char* const argv[] = {program.data(), nullptr};
    char* const environment[] = {endpoint.data(), nullptr};
    ASSERT_EQ(posix_spawn(&pid_, program.c_str(), nullptr, nullptr, argv,
                          environment),
              0);
  }
  void TearDown() override {
    if (pid_ > 0) {
      kill(pid_, SIGTERM);  // which takes its tasks along
      AwaitExitCode();
    }
    shim_.reset();
    EndpointTest::TearDown();
  }

  int AwaitExitCode() {
    int status = -1;
    EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  std::unique_ptr<FakeShim> shim_;
  pid_t pid_ = -1;
};

TEST_F(MultiTaskExample, SaysHowEachTaskEnded) {
  shim_->SayLaunch("good", "true");
  ASSERT_EQ(shim_->AwaitUpdates(2).size(), 2u);
  shim_->SayLaunch("bad", "exit 3");
  ASSERT_EQ(shim_->AwaitUpdates(4).size(), 4u);
  shim_->SayLaunch("shot", "kill -9 $$");
  ASSERT_EQ(shim_->AwaitUpdates(6).size(), 6u);
  shim_->SayLaunch("empty", "");

  EXPECT_THAT(
      shim_->AwaitStatuses(7),
      ElementsAre("good TASK_RUNNING ", "good TASK_FINISHED exit code 0",
                  "bad TASK_RUNNING ", "bad TASK_FAILED exit code 3",
                  "shot TASK_RUNNING ", "shot TASK_FAILED signal 9",
                  "empty TASK_ERROR neither data nor command"));
}

TEST_F(MultiTaskExample, KillsOneTaskOfMany) {
  shim_->SayLaunch("a", "sleep 1000");
  shim_->SayLaunch("b", "sleep 1000; true");  // in a child of the shell's
  shim_->SayKill("b", absl::Seconds(60));

  EXPECT_THAT(shim_->AwaitStatuses(3),
              ElementsAre("a TASK_RUNNING ", "b TASK_RUNNING ",
                          "b TASK_KILLED signal 15"));
}

TEST_F(MultiTaskExample, KillsAfterTheGraceWhatDoesNotListen) {
  const std::string deaf = absl::StrCat(directory_, "/deaf");
  ASSERT_EQ(mkfifo(deaf.c_str(), 0600), 0);
  shim_->SayLaunch("t", absl::StrCat("trap '' TERM; echo > ", deaf,
                                     "; sleep 1000; sleep 1000"));
  EXPECT_EQ(*ReadSmallFile(deaf), "\n");  // from here on it does not listen

  shim_->SayKill("t", absl::Milliseconds(50));

  EXPECT_THAT(shim_->AwaitStatuses(2),
              ElementsAre("t TASK_RUNNING ", "t TASK_KILLED signal 9"));
}

TEST_F(MultiTaskExample, EndsItsTasksAndItselfAtAShutdown) {
  shim_->SayLaunch("a", "sleep 1000");
  shim_->SayLaunch("b", "sleep 1000");

  shim_->SayShutdown(absl::Seconds(60));

  EXPECT_EQ(AwaitExitCode(), 0);
  EXPECT_THAT(shim_->AwaitStatuses(4),
              UnorderedElementsAre("a TASK_RUNNING ", "b TASK_RUNNING ",
                                   "a TASK_KILLED signal 15",
                                   "b TASK_KILLED signal 15"));
}

TEST_F(MultiTaskExample, TakesSigtermForAShutdown) {
  shim_->SayLaunch("a", "sleep 1000");
  ASSERT_EQ(shim_->AwaitUpdates(1).size(), 1u);

  kill(pid_, SIGTERM);

  EXPECT_EQ(AwaitExitCode(), 0);
  EXPECT_THAT(shim_->AwaitStatuses(2),
              ElementsAre("a TASK_RUNNING ", "a TASK_KILLED signal 15"));
}

TEST_F(MultiTaskExample, GoesOnWhileItsShimIsReplaced) {
  shim_->SayLaunch("a", "sleep 1000");
  ASSERT_EQ(shim_->AwaitUpdates(1).size(), 1u);

  shim_.reset();
  shim_ = std::make_unique<FakeShim>(endpoint_);
  shim_->SayKill("a", absl::Seconds(60));

  EXPECT_EQ(shim_->AwaitStatuses(1).back(), "a TASK_KILLED signal 15");
}

}  // namespace
}  // namespace holdfast
