#include "shim/output/output_log.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <atomic>
#include <cstddef>
#include <string>
#include <thread>

#include "tests/shim/output/output_harness.h"

namespace holdfast::shim {
namespace {

using Output = OutputTest;

TEST_F(Output, ArrivesByteForByte) {
  Open();
  const std::string stream = Stream(300'000);

  Write(stream);

  EXPECT_EQ(Read(0), stream);
  EXPECT_EQ(log_->written_bytes(), stream.size());
  EXPECT_EQ(log_->lost_bytes(), 0u);
}

TEST_F(Output, ArrivesAsItTrickles) {
  Open();
  std::string expected;
  for (int i = 0; i < 20; ++i) {
    const std::string word = absl::StrCat("word ", i, "\n");

    Write(word);

    expected += word;
    EXPECT_EQ(Read(0), expected);
  }
}

TEST_F(Output, IsReadableByItsGroup) {
  Open();
  const mode_t before = umask(077);
  log_->Touch();
  umask(before);

  struct stat info;
  ASSERT_EQ(stat(Path(0).c_str(), &info), 0);

  EXPECT_EQ(info.st_mode & 07777, 0640u);
}

TEST_F(Output, IsPutAwayExactlyAtItsBound) {
  for (const size_t bound : {1, 3, 1000, 4096, 5001}) {
    ASSERT_TRUE(RemoveTree(directory_).ok());
    ASSERT_EQ(mkdir(directory_.c_str(), 0755), 0);
    Open({.max_file_bytes = bound, .max_files = 40});
    const std::string stream = Stream(bound * 37 + bound / 2);

    Write(stream);

    EXPECT_EQ(ReadAll(), stream) << "bound " << bound;
    EXPECT_EQ(Read(1).size(), bound);
    EXPECT_EQ(Read(36 + (bound == 1 ? 0 : 1)), stream.substr(0, bound));
  }
}

TEST_F(Output, StaysInAFullFileUntilMoreComes) {
  Open({.max_file_bytes = 10, .max_files = 3});

  Write("0123456789");

  EXPECT_EQ(Read(0), "0123456789");
  EXPECT_FALSE(Exists(1));
}

TEST_F(Output, KeepsNoMoreFilesThanAllowed) {
  Open({.max_file_bytes = 10, .max_files = 3});

  Write("aaaaaaaaaabbbbbbbbbbccccccccccddddddddddee");

  EXPECT_EQ(Read(0), "ee");
  EXPECT_EQ(Read(1), "dddddddddd");
  EXPECT_EQ(Read(2), "cccccccccc");
  EXPECT_FALSE(Exists(3));
}

TEST_F(Output, MayBeKeptInOneFileAlone) {
  Open({.max_file_bytes = 10, .max_files = 1});

  Write("aaaaaaaaaabbbbbbbbbbcc");

  EXPECT_EQ(Read(0), "cc");
  EXPECT_FALSE(Exists(1));
}

TEST_F(Output, FillsTheGapOfARotationThatWasCutShort) {
  Open({.max_file_bytes = 10, .max_files = 4});
  Write("aaaaaaaaaabbbbbbbbbbcccccccccc");
  ASSERT_EQ(rename(Path(1).c_str(), Path(3).c_str()), 0);  // .2 is "aaa…"

  Write("dd");

  EXPECT_EQ(Read(0), "dd");
  EXPECT_EQ(Read(1), "cccccccccc");
  EXPECT_EQ(Read(2), "aaaaaaaaaa");
  EXPECT_EQ(Read(3), "bbbbbbbbbb");
}

TEST_F(Output, GoesOnWhereAnEarlierShimStopped) {
  Open({.max_file_bytes = 10, .max_files = 3});
  Write("0123456");
  log_.reset();

  Open({.max_file_bytes = 10, .max_files = 3});
  Write("789abc");

  EXPECT_EQ(Read(1), "0123456789");
  EXPECT_EQ(Read(0), "abc");
  EXPECT_EQ(log_->written_bytes(), 6u);
}

TEST_F(Output, IsTakenToItsLastByteByFinish) {
  Open();
  const std::string stream = Stream(50'000);
  ASSERT_EQ(write(writer_.get(), stream.data(), stream.size()), 50'000);

  EXPECT_EQ(log_->Drain(), absl::OkStatus());

  EXPECT_EQ(Read(0), stream);
  EXPECT_EQ(log_->Drain(), absl::OkStatus()) << "a second time";
}

TEST_F(Output, IsFinishedThoughAWriterIsLeft) {
  Open({.max_file_bytes = 1000, .max_files = 100});
  const std::string stream = Stream(50'000);
  ASSERT_EQ(write(writer_.get(), stream.data(), stream.size()), 50'000);

  EXPECT_EQ(log_->Drain(), absl::OkStatus());

  EXPECT_TRUE(writer_);
  EXPECT_EQ(ReadAll(), stream);
}

TEST_F(Output, LeavesTheLoopInPeaceAfterItsLastWriter) {
  Open();
  Write("last");

  writer_.Reset();
  Turn();  // the hangup

  bool woken_by_timer = false;
  loop_->After(absl::Milliseconds(1), [&] { woken_by_timer = true; });
  loop_->RunOnce(absl::Seconds(10));  // returns at the first event there is
  EXPECT_TRUE(woken_by_timer);
  EXPECT_EQ(log_->Drain(), absl::OkStatus());
  EXPECT_EQ(Read(0), "last");
}

TEST_F(Output, OfAChattyStreamIsTakenByBoundedTurns) {
  Open();
  ASSERT_GT(fcntl(writer_.get(), F_SETPIPE_SZ, 1024 * 1024), 0);
  const std::string stream = Stream(1 << 20);
  ASSERT_EQ(write(writer_.get(), stream.data(), stream.size()), 1024 * 1024);

  Turn();

  EXPECT_EQ(log_->written_bytes(), 256u * 1024);
  EXPECT_EQ(InThePipe(), 768 * 1024);
}

TEST_F(Output, NeverBlocksAWriterOfAHundredMegabytes) {
  Open({.max_file_bytes = 1'000'003, .max_files = 4});
  constexpr size_t kTotal = 100'000'000;
  std::thread writer([fd = std::move(writer_)] {
    for (size_t at = 0; at < kTotal;) {
      const std::string piece =
          Stream(std::min<size_t>(77'777, kTotal - at), at);
      const ssize_t put = write(fd.get(), piece.data(), piece.size());
      if (put <= 0) return;
      at += static_cast<size_t>(put);
    }
  });

  while (log_->written_bytes() < kTotal) loop_->RunOnce(absl::Seconds(10));
  writer.join();

  EXPECT_EQ(log_->Drain(), absl::OkStatus());
  const std::string kept = ReadAll();
  EXPECT_EQ(kept.size(), 3 * size_t{1'000'003} + kTotal % 1'000'003);
  EXPECT_TRUE(kept == Stream(kept.size(), kTotal - kept.size()));
  EXPECT_FALSE(Exists(4));
}

TEST_F(Output, FollowsNoLinkThatTheExecutorLaid) {
  const std::string victim = absl::StrCat(directory_, "/victim");
  ASSERT_EQ(symlink(victim.c_str(), Path(0).c_str()), 0);
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd writer(ends[1]);
  const auto log =
      OutputLog::Create(*loop_, UniqueFd(ends[0]), directory_, "stdout", {});
  ASSERT_TRUE(log.ok()) << log.status();
  ASSERT_EQ(write(writer.get(), "secret", 6), 6);

  EXPECT_FALSE((*log)->Drain().ok());

  EXPECT_EQ((*log)->lost_bytes(), 6u);
  EXPECT_NE(access(victim.c_str(), F_OK), 0);
}

// From here on splice(2) is as on a file system that has none.
void ForgetSplice() {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_splice, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program = {4, code};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) _exit(77);
}

TEST_F(Output, ArrivesWithoutSpliceToo) {
  const std::string stream = Stream(300'000);

  const auto write_without_splice = [&] {
    ForgetSplice();
    Open({.max_file_bytes = 50'001, .max_files = 100});
    Write(stream);
    _exit(log_->Drain().ok() ? 0 : 1);
  };

  EXPECT_EXIT(write_without_splice(), ::testing::ExitedWithCode(0), "");
  EXPECT_EQ(ReadAll(), stream);
}

}  // namespace
}  // namespace holdfast::shim
