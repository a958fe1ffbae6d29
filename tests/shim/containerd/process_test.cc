#include "shim/containerd/process.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/fakes/fake_clock.h"
#include "tests/fakes/temporary_directory.h"

namespace holdfast::containerd {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

Process::Names Names(const std::string& exec_id = "") {
  Process::Names names;
  names.container_id = "c";
  names.exec_id = exec_id;
  names.bundle = "/bundle";
  names.out = "/out";
  return names;
}

class Waiter {
 public:
  Answer<task::WaitResponse> Hear() {
    return [this](absl::StatusOr<task::WaitResponse> answer) {
      answers_.push_back(std::move(answer));
    };
  }
  const std::vector<absl::StatusOr<task::WaitResponse>>& answers() const {
    return answers_;
  }

 private:
  std::vector<absl::StatusOr<task::WaitResponse>> answers_;
};

TEST(Process, IsCalledAfterItsExecOrItsContainer) {
  EXPECT_EQ(Process(Names()).id(), "c");
  EXPECT_EQ(Process(Names("e")).id(), "e");
}

TEST(Process, IsCreatedWithoutAPidFirst) {
  const Process process(Names());

  const task::StateResponse state = process.Describe();

  EXPECT_EQ(state.status(), task::CREATED);
  EXPECT_EQ(state.pid(), 0U);
  EXPECT_EQ(state.stdout(), "/out");
  EXPECT_TRUE(absl::IsFailedPrecondition(process.Signal(SIGTERM)));
}

TEST(Process, EveryoneWhoWaitsHearsOfItsEnd) {
  Process process(Names());
  Waiter before;
  Waiter after;
  process.Await(before.Hear());
  process.Await(before.Hear());
  EXPECT_TRUE(before.answers().empty());

  process.Ended({.signal = SIGKILL, .at = kNow});
  process.Await(after.Hear());

  ASSERT_EQ(before.answers().size(), 2U);
  ASSERT_EQ(after.answers().size(), 1U);
  EXPECT_EQ(before.answers()[1]->exit_status(), 137U);
  EXPECT_EQ(after.answers()[0]->exited_at().seconds(), 1'800'000'000);
  EXPECT_EQ(process.Describe().status(), task::STOPPED);
  EXPECT_EQ(process.DescribeEnd().exit_status(), 137U);
  EXPECT_TRUE(absl::IsNotFound(process.Signal(SIGTERM)));
}

TEST(Process, OneThatIsNotStartedHasNoEndToWaitFor) {
  Process process(Names("e"));
  Waiter waiter;
  process.Await(waiter.Hear());

  process.NotStarted();

  ASSERT_EQ(waiter.answers().size(), 1U);
  EXPECT_EQ(waiter.answers()[0]->exit_status(), 0U);
  EXPECT_EQ(process.Describe().status(), task::CREATED);
}

TEST(Process, WhoWaitsForADeletedOneHearsThat) {
  Waiter waiter;
  {
    Process process(Names());
    process.Await(waiter.Hear());
  }

  ASSERT_EQ(waiter.answers().size(), 1U);
  EXPECT_TRUE(absl::IsNotFound(waiter.answers()[0].status()));
}

TEST(Process, TakesSignalsOnceItIsMade) {
  const pid_t pid = fork();
  if (pid == 0) {
    pause();
    _exit(0);
  }
  Process process(Names());
  process.Made(pid);

  EXPECT_TRUE(process.Signal(SIGTERM).ok());

  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(WTERMSIG(status), SIGTERM);
  EXPECT_TRUE(absl::IsNotFound(process.Signal(SIGTERM)));
}

// One that wrote 1000 bytes to its FIFO, and ended.
class EndedProcess : public testing::Test {
 protected:
  void SetUp() override {
    signal(SIGPIPE, SIG_IGN);
    ASSERT_EQ(mkfifo(fifo_.c_str(), 0600), 0);
  }
  UniqueFd Read() const {
    return UniqueFd(open(fifo_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  }
  void WriteAndEnd() {
    Write();
    process_.Ended({.code = 3, .at = kNow});
  }
  void Write() {
    ProcessIoRequest request;
    request.out = fifo_;
    request.outlives_us = true;
    request.spool.directory = directory_.path();
    ASSERT_TRUE(process_.OpenIo(*loop_, request, directory_.path()).ok());
    const std::string bytes(1000, 'x');
    ASSERT_EQ(write(process_.io()->process_out(), bytes.data(), bytes.size()),
              1000);
    process_.io()->CloseProcessEnds();
  }
  void Pass(absl::Duration time) {
    for (; time > absl::ZeroDuration(); time -= absl::Milliseconds(10)) Turn();
  }
  void Turn() {
    clock_.Advance(absl::Milliseconds(10));
    loop_->RunOnce(absl::ZeroDuration());
    loop_->RunOnce(absl::ZeroDuration());
  }

  TemporaryDirectory directory_;
  const std::string fifo_ = directory_ / "fifo";
  FakeClock clock_;
  const std::unique_ptr<EventLoop> loop_ = *EventLoop::Create(clock_);
  Waiter waiter_;
  Process process_{Names()};
};

TEST_F(EndedProcess, IsToldOfAtOnceWhereNobodyReads) {
  WriteAndEnd();

  process_.Await(waiter_.Hear());

  EXPECT_EQ(waiter_.answers().size(), 1U);
}

TEST_F(EndedProcess, IsToldOfWhenItsReaderHasEverything) {
  const UniqueFd reader = Read();
  WriteAndEnd();
  process_.Await(waiter_.Hear());
  Turn();
  EXPECT_TRUE(waiter_.answers().empty());

  char bytes[1000];
  ASSERT_EQ(read(reader.get(), bytes, sizeof bytes), 1000);
  for (int turn = 0; turn < 10; ++turn) Turn();

  ASSERT_EQ(waiter_.answers().size(), 1U);
  EXPECT_EQ(waiter_.answers()[0]->exit_status(), 3U);
}

TEST_F(EndedProcess, IsToldOfWhenItsReaderReadsNoMore) {
  const UniqueFd reader = Read();
  WriteAndEnd();
  process_.Await(waiter_.Hear());

  for (int turn = 0; turn < 90; ++turn) Turn();
  EXPECT_TRUE(waiter_.answers().empty());
  for (int turn = 0; turn < 20; ++turn) Turn();

  EXPECT_EQ(waiter_.answers().size(), 1U);
}

TEST_F(EndedProcess, IsToldOfInTimeThoughItsReaderGoesOnSlowly) {
  const UniqueFd reader = Read();
  WriteAndEnd();
  process_.Await(waiter_.Hear());
  const auto read_slowly = [&](absl::Duration time) {
    for (; time > absl::ZeroDuration(); time -= absl::Milliseconds(100)) {
      char byte;
      ASSERT_EQ(read(reader.get(), &byte, 1), 1);
      for (int turn = 0; turn < 10; ++turn) Turn();
    }
  };

  read_slowly(absl::Seconds(7.9));
  EXPECT_TRUE(waiter_.answers().empty());
  read_slowly(absl::Milliseconds(200));

  EXPECT_EQ(waiter_.answers().size(), 1U);
}

// A daemon asks, opens its FIFO when it gets to it, and says no more before the
// end of file.
TEST_F(EndedProcess, HasAnEndOfFileForAReaderThatComesAfterTheRequest) {
  WriteAndEnd();
  process_.io()->LookForReaders();
  Pass(absl::Seconds(50));
  const UniqueFd reader = Read();
  char bytes[2000];

  EXPECT_EQ(read(reader.get(), bytes, sizeof bytes), 1000);
  Pass(absl::Seconds(2));

  EXPECT_EQ(read(reader.get(), bytes, sizeof bytes), 0);
}

TEST_F(EndedProcess, HasAnEndOfFileForAReaderThatWasLookedForWhileItRan) {
  Write();
  process_.io()->LookForReaders();
  process_.Ended({.code = 3, .at = kNow});
  Pass(absl::Seconds(1));
  const UniqueFd reader = Read();
  char bytes[2000];

  EXPECT_EQ(read(reader.get(), bytes, sizeof bytes), 1000);
  Pass(absl::Seconds(2));

  EXPECT_EQ(read(reader.get(), bytes, sizeof bytes), 0);
}

TEST_F(EndedProcess, WakesNobodyWhenNoReaderHasComeInAMinute) {
  WriteAndEnd();
  process_.io()->LookForReaders();
  Pass(absl::Seconds(62));
  const UniqueFd reader = Read();
  char bytes[2000];

  EXPECT_EQ(read(reader.get(), bytes, sizeof bytes), 1000);
  Pass(absl::Seconds(10));

  EXPECT_EQ(read(reader.get(), bytes, sizeof bytes), -1);
  EXPECT_EQ(errno, EAGAIN);
  process_.io()->LookForReaders();
  EXPECT_EQ(read(reader.get(), bytes, sizeof bytes), 0);
}

TEST_F(EndedProcess, IsToldOfWhenItsOutputIsClosed) {
  const UniqueFd reader = Read();
  WriteAndEnd();
  process_.Await(waiter_.Hear());

  process_.CloseIo();

  ASSERT_EQ(waiter_.answers().size(), 1U);
  EXPECT_EQ(waiter_.answers()[0]->exit_status(), 3U);
}

}  // namespace
}  // namespace holdfast::containerd
