#include "shim/containerd/io/logger.h"

#include <stdlib.h>
#include <sys/wait.h>

#include "base/files.h"
#include "gmock/gmock.h"
#include "tests/shim/containerd/io/io_harness.h"

namespace holdfast::containerd {
namespace {

using ::testing::HasSubstr;

std::string Escaped(absl::string_view text) {
  std::string escaped;
  for (const unsigned char c : text) {
    absl::StrAppend(&escaped, "%", absl::Hex(c, absl::kZeroPad2));
  }
  return escaped;
}

// A shell script as the logger; the test is its parent and reaps it.
class LoggerTest : public IoTest {
 protected:
  void SetUp() override {
    IoTest::SetUp();
    request_.id = "c1";
    request_.name_space = "default";
  }
  void TearDown() override {
    IoTest::TearDown();
    while (waitpid(-1, nullptr, 0) > 0) continue;
  }

  std::string Uri(absl::string_view script,
                  absl::string_view scheme = "binary") const {
    return absl::StrCat(
        scheme, ":///bin/sh?-c=",
        Escaped(absl::StrCat("cd ", directory_.path(), "; ", script)));
  }
  std::string Content(const std::string& name) const {
    return ReadSmallFile(directory_ / name).value_or("");
  }
  void Flush() {
    bool flushed = false;
    io_->ProcessEnded();
    io_->Flush(absl::Minutes(1), [&] { flushed = true; });
    EXPECT_TRUE(Until([&] { return flushed; }));
  }
};

TEST_F(LoggerTest, GetsBothOutputsAndKnowsWhose) {
  request_.out =
      Uri("exec 5>&-; cat <&3 >o & cat <&4 >e & exec 3<&- 4<&-; "
          "echo $CONTAINER_ID $CONTAINER_NAMESPACE >who; env >env; wait");
  io_ = *ProcessIo::Open(*loop_, request_);
  ASSERT_EQ(write(io_->process_out(), "out", 3), 3);
  ASSERT_EQ(write(io_->process_err(), "err", 3), 3);
  io_->CloseProcessEnds();

  Flush();

  EXPECT_EQ(Content("o"), "out");
  EXPECT_EQ(Content("e"), "err");
  EXPECT_EQ(Content("who"), "c1 default\n");
  EXPECT_THAT(Content("env"), Not(HasSubstr("HOME=")));
}

TEST_F(LoggerTest, InheritsNothingElse) {
  request_.out = Uri("ls /proc/self/fd >fds; exec 5>&-; cat <&3 >o");
  io_ = *ProcessIo::Open(*loop_, request_);
  io_->CloseProcessEnds();

  Flush();

  // ls itself has one more open: the directory.
  EXPECT_EQ(Content("fds"), "0\n1\n2\n3\n4\n5\n6\n");
}

TEST_F(LoggerTest, IsAwaitedUntilItIsReady) {
  request_.out = Uri("echo yes >ready; exec 5>&-; cat <&3 >o");

  io_ = *ProcessIo::Open(*loop_, request_);

  EXPECT_EQ(Content("ready"), "yes\n");
}

TEST_F(LoggerTest, GetsATerminalsOutput) {
  request_.terminal = true;
  request_.out = Uri("exec 5>&-; cat <&3 >o");
  io_ = *ProcessIo::Open(*loop_, request_);
  UniqueFd master(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_EQ(unlockpt(master.get()), 0);
  UniqueFd slave(open(ptsname(master.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_TRUE(io_->AttachConsole(std::move(master)).ok());
  ASSERT_EQ(write(slave.get(), "hello\n", 6), 6);
  slave.Reset();

  Flush();

  EXPECT_EQ(Content("o"), "hello\r\n");
}

TEST_F(LoggerTest, IsNamedWhenItIsNotThere) {
  request_.out = "binary:///no/such/logger?a=b";

  const absl::Status status = ProcessIo::Open(*loop_, request_).status();

  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("/no/such/logger"));
}

TEST_F(LoggerTest, IsKilledWhenItIsNotReadyInTime) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd writer(ends[1]);
  const UniqueFd out(ends[0]);

  const absl::Status status =
      Logger::Start(*ParseIoUri(Uri("exec sleep 1000")), "c1", "default",
                    UniqueFd(dup(out.get())), UniqueFd(dup(out.get())),
                    absl::Milliseconds(50))
          .status();

  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  int how = 0;
  ASSERT_GT(wait(&how), 0);
  EXPECT_TRUE(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
}

TEST_F(LoggerTest, OfTheSecondKindSaysAByte) {
  request_.out = Uri("exit 1", "binary-v2");
  const absl::Status status = ProcessIo::Open(*loop_, request_).status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;

  request_.out = Uri("echo >&5; cat <&3 >o", "binary-v2");
  EXPECT_TRUE(ProcessIo::Open(*loop_, request_).ok());
}

}  // namespace
}  // namespace holdfast::containerd
