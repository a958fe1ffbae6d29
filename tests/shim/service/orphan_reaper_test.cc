#include "shim/service/orphan_reaper.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <vector>

#include "base/pidfd.h"

namespace holdfast::shim {
namespace {

// Makes this process a shim to its grandchildren: their zombies come to it.
class OrphanReaperTest : public testing::Test {
 protected:
  void SetUp() override {
    pthread_sigmask(SIG_BLOCK, nullptr, &mask_before_);
    ASSERT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    loop_ = std::move(EventLoop::Create()).value();
    reaper_ = std::move(OrphanReaper::Create(*loop_, [this] {
                return executor_;
              })).value();
  }
  void TearDown() override {
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
  }

  static pid_t Fork(const std::function<void()>& body) {
    const pid_t pid = fork();
    if (pid == 0) {
      body();
      _exit(0);
    }
    EXPECT_GT(pid, 0);
    return pid;
  }

  // A grandchild that runs until `go` is closed, and outlives its parent.
  Pidfd MakeOrphan(int go) {
    int report[2] = {-1, -1};
    EXPECT_EQ(pipe2(report, O_CLOEXEC), 0);
    const pid_t parent = Fork([&] {
      const pid_t child = Fork([&] {
        char none;
        (void)!read(go, &none, 1);
      });
      (void)!write(report[1], &child, sizeof child);
    });
    pid_t orphan = -1;
    EXPECT_EQ(read(report[0], &orphan, sizeof orphan),
              static_cast<ssize_t>(sizeof orphan));
    close(report[0]);
    close(report[1]);
    siginfo_t info;
    EXPECT_EQ(waitid(P_PID, static_cast<id_t>(parent), &info, WEXITED), 0);
    absl::StatusOr<Pidfd> held = Pidfd::Open(orphan);
    EXPECT_TRUE(held.ok()) << held.status();
    return *std::move(held);
  }

  static bool IsReaped(const Pidfd& process) {
    return absl::IsNotFound(process.Signal(0));
  }
  bool RunUntil(const std::function<bool()>& done) {
    for (int i = 0; i < 500 && !done(); ++i) {
      loop_->RunOnce(absl::Milliseconds(20));
    }
    return done();
  }

  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<OrphanReaper> reaper_;
  pid_t executor_ = -1;
  sigset_t mask_before_;
};

TEST_F(OrphanReaperTest, LeavesNoZombies) {
  int go[2];
  ASSERT_EQ(pipe2(go, O_CLOEXEC), 0);
  std::vector<Pidfd> orphans;
  orphans.reserve(10);
  for (int i = 0; i < 10; ++i) orphans.push_back(MakeOrphan(go[0]));

  (void)!write(go[1], "0123456789", 10);

  for (const Pidfd& orphan : orphans) {
    EXPECT_TRUE(RunUntil([&] { return IsReaped(orphan); }));
  }
  close(go[0]);
  close(go[1]);
}

TEST_F(OrphanReaperTest, LeavesTheExecutorsStatusToWhoAwaitsIt) {
  int go[2];
  ASSERT_EQ(pipe2(go, O_CLOEXEC), 0);
  const Pidfd orphan = MakeOrphan(go[0]);
  executor_ = Fork([&] {
    char none;
    (void)!read(go[0], &none, 1);
    _exit(7);
  });

  (void)!write(go[1], "01", 2);
  pollfd ended = {.fd = orphan.fd(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(poll(&ended, 1, 10'000), 1);
  siginfo_t info = {};
  ASSERT_EQ(
      waitid(P_PID, static_cast<id_t>(executor_), &info, WEXITED | WNOWAIT), 0);
  for (int i = 0; i < 5; ++i) loop_->RunOnce(absl::ZeroDuration());

  info = {};
  EXPECT_EQ(waitid(P_PID, static_cast<id_t>(executor_), &info, WEXITED), 0);
  EXPECT_EQ(info.si_code, CLD_EXITED);
  EXPECT_EQ(info.si_status, 7);
  executor_ = -1;
  // Whom the executor's zombie hid is found with the next signal at latest.
  Fork([] {});
  EXPECT_TRUE(RunUntil([&] { return IsReaped(orphan); }));
  close(go[0]);
  close(go[1]);
}

TEST_F(OrphanReaperTest, DoesNotWaitForOnesThatLive) {
  int go[2];
  ASSERT_EQ(pipe2(go, O_CLOEXEC), 0);
  const Pidfd living = MakeOrphan(go[0]);

  const pid_t dead = Fork([] {});
  const absl::StatusOr<Pidfd> held = Pidfd::Open(dead);
  ASSERT_TRUE(held.ok()) << held.status();
  EXPECT_TRUE(RunUntil([&] { return IsReaped(*held); }));

  EXPECT_FALSE(living.HasEnded());
  (void)!write(go[1], "0", 1);
  EXPECT_TRUE(RunUntil([&] { return IsReaped(living); }));
  close(go[0]);
  close(go[1]);
}

}  // namespace
}  // namespace holdfast::shim
