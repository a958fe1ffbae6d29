#include "shim/containerd/oom_watch.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/files.h"

namespace holdfast::containerd {
namespace {

// A v2 group of the test's own, and its cgroup.events, which the kernel keeps
// and tells of as it does memory.events.
class WatchByPollTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* root : {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"}) {
      const std::string group = absl::StrCat(root, "/holdfast-test-", getpid());
      if (access(absl::StrCat(root, "/cgroup.procs").c_str(), F_OK) == 0 &&
          mkdir(group.c_str(), 0755) == 0) {
        group_ = group;
        break;
      }
    }
    if (group_.empty()) GTEST_SKIP() << "no v2 group can be made here";
    loop_ = std::move(EventLoop::Create()).value();
  }
  void TearDown() override {
    Leave();
    if (!group_.empty()) rmdir(group_.c_str());
  }

  void Watch() {
    auto watch =
        OomWatch::OfFile(*loop_, group_ + "/cgroup.events", "populated",
                         [this](uint64_t more) { told_ += more; });
    ASSERT_TRUE(watch.ok()) << watch.status();
    watch_ = *std::move(watch);
  }
  void Enter() {
    pid_ = fork();
    if (pid_ == 0) {
      pause();
      _exit(0);
    }
    ASSERT_TRUE(
        WriteKernelFile(group_ + "/cgroup.procs", absl::StrCat(pid_)).ok());
  }
  void Leave() {
    if (pid_ < 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  bool RunUntil(const std::function<bool()>& done) {
    for (int i = 0; i < 500 && !done(); ++i) {
      loop_->RunOnce(absl::Milliseconds(20));
    }
    return done();
  }

  std::string group_;
  pid_t pid_ = -1;
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<OomWatch> watch_;
  uint64_t told_ = 0;
};

TEST_F(WatchByPollTest, TellsOfGrowthAndNotOfWhatWasBefore) {
  Watch();
  loop_->RunOnce(absl::ZeroDuration());
  EXPECT_EQ(told_, 0u);

  Enter();

  EXPECT_TRUE(RunUntil([&] { return told_ == 1; }));
  watch_ = nullptr;
  Watch();
  loop_->RunOnce(absl::Milliseconds(50));
  EXPECT_EQ(told_, 1u);
}

TEST_F(WatchByPollTest, TellsWhenItIsAsked) {
  Watch();
  Enter();

  watch_->Check();
  EXPECT_EQ(told_, 1u);
  watch_->Check();
  EXPECT_EQ(told_, 1u);
}

TEST_F(WatchByPollTest, IsQuietAfterTheGroupIsGone) {
  Watch();
  Enter();
  ASSERT_TRUE(RunUntil([&] { return told_ == 1; }));
  Leave();
  ASSERT_TRUE(RunUntil([&] {
    rmdir(group_.c_str());  // once the kernel sees that it is empty
    return access(group_.c_str(), F_OK) != 0;
  }));

  loop_->RunOnce(absl::Milliseconds(10));  // takes the news of the removal
  const absl::Duration before = SystemClock().SinceBoot();
  loop_->RunOnce(absl::Milliseconds(50));
  EXPECT_GE(SystemClock().SinceBoot() - before, absl::Milliseconds(45))
      << "woken for nothing";
  watch_->Check();
  EXPECT_EQ(told_, 1u);
}

TEST_F(WatchByPollTest, NamesAFileThatIsNotThere) {
  const auto watch =
      OomWatch::OfFile(*loop_, group_ + "/nonesuch", "x", [](uint64_t) {});

  EXPECT_TRUE(absl::IsNotFound(watch.status())) << watch.status();
}

}  // namespace
}  // namespace holdfast::containerd
