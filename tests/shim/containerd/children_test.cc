#include "shim/containerd/children.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <map>
#include <optional>

#include "base/pidfd.h"
#include "tests/fakes/fork_as.h"
#include "tests/shim/containerd/subreaper_fixture.h"

namespace holdfast::containerd {
namespace {

class ChildrenTest : public SubreaperTest {
 protected:
  // Until it has ended; it is not reaped by that.
  static void AwaitZombie(pid_t pid) {
    const absl::StatusOr<Pidfd> held = Pidfd::Open(pid);
    ASSERT_TRUE(held.ok()) << held.status();
    pollfd ended = {.fd = held->fd(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(poll(&ended, 1, 60'000), 1);
  }
  // Reaps a child that ends now, and all that ended before.
  void ReapAll() {
    bool last = false;
    children_->Await(Fork([] {}), [&](const ChildExit&) { last = true; });
    ASSERT_TRUE(RunUntil([&] { return last; }));
  }
  static bool Exists(pid_t pid) { return kill(pid, 0) == 0; }
};

TEST_F(ChildrenTest, TellsHowAChildEnded) {
  std::map<int, ChildExit> exits;
  const absl::Time before = absl::Now();

  children_->Await(Fork([] { _exit(7); }),
                   [&](const ChildExit& exit) { exits[0] = exit; });
  children_->Await(Fork([] { raise(SIGKILL); }),
                   [&](const ChildExit& exit) { exits[1] = exit; });

  ASSERT_TRUE(RunUntil([&] { return exits.size() == 2; }));
  EXPECT_EQ(exits[0].code, 7);
  EXPECT_EQ(exits[0].signal, 0);
  EXPECT_EQ(exits[0].status(), 7u);
  EXPECT_GE(exits[0].at, before);
  EXPECT_EQ(exits[1].signal, SIGKILL);
  EXPECT_EQ(exits[1].status(), 137u);
}

TEST_F(ChildrenTest, KeepsAnExitThatNobodyAwaitedYetWhileHeld) {
  std::optional<ChildExit> exit;
  {
    const Children::Hold hold(*children_);
    const pid_t pid = Fork([] { _exit(3); });
    AwaitZombie(pid);
    ReapAll();
    ASSERT_FALSE(Exists(pid));

    children_->Await(pid, [&](const ChildExit& ended) { exit = ended; });

    EXPECT_FALSE(exit.has_value()) << "called from Await itself";
  }
  ASSERT_TRUE(RunUntil([&] { return exit.has_value(); }));
  EXPECT_EQ(exit->code, 3);
}

TEST_F(ChildrenTest, DropsWhatNobodyAwaitedWhenTheLastHoldEnds) {
  auto outer = std::make_unique<Children::Hold>(*children_);
  auto inner = std::make_unique<Children::Hold>(*children_);
  const pid_t kept = Fork([] { _exit(3); });
  const pid_t dropped = Fork([] { _exit(4); });
  AwaitZombie(kept);
  AwaitZombie(dropped);
  ReapAll();
  int kept_code = -1;
  int dropped_code = -1;

  inner.reset();
  children_->Await(kept, [&](const ChildExit& exit) { kept_code = exit.code; });
  outer.reset();
  children_->Await(dropped,
                   [&](const ChildExit& exit) { dropped_code = exit.code; });

  ReapAll();
  ReapAll();
  EXPECT_EQ(kept_code, 3);
  EXPECT_EQ(dropped_code, -1);
}

TEST_F(ChildrenTest, TakesNoKeptExitForThatOfALivingChildOfItsNumber) {
  const Children::Hold hold(*children_);
  const pid_t pid = Fork([] { _exit(3); });
  AwaitZombie(pid);
  ReapAll();
  const pid_t living = ForkAs(pid);
  if (living < 0 && errno == EPERM) {
    GTEST_SKIP() << "clone3 with set_tid needs CAP_SYS_ADMIN";
  }
  ASSERT_EQ(living, pid);
  std::optional<ChildExit> exit;

  children_->Await(living, [&](const ChildExit& ended) { exit = ended; });

  ReapAll();
  EXPECT_FALSE(exit.has_value()) << "with code " << exit->code;
  ASSERT_EQ(kill(living, SIGKILL), 0);
  ASSERT_TRUE(RunUntil([&] { return exit.has_value(); }));
  EXPECT_EQ(exit->signal, SIGKILL);
}

TEST_F(ChildrenTest, IsToldOfAnOrphanOfADoubleFork) {
  int report[2];
  ASSERT_EQ(pipe2(report, O_CLOEXEC), 0);
  int go[2];
  ASSERT_EQ(pipe2(go, O_CLOEXEC), 0);
  const pid_t parent = Fork([&] {
    const pid_t orphan = Fork([&] {
      char none;
      (void)!read(go[0], &none, 1);
      _exit(9);
    });
    (void)!write(report[1], &orphan, sizeof orphan);
  });
  pid_t orphan = -1;
  ASSERT_EQ(read(report[0], &orphan, sizeof orphan),
            static_cast<ssize_t>(sizeof orphan));
  AwaitZombie(parent);
  ReapAll();
  int code = -1;

  children_->Await(orphan, [&](const ChildExit& exit) { code = exit.code; });
  ASSERT_EQ(write(go[1], "0", 1), 1);

  EXPECT_TRUE(RunUntil([&] { return code == 9; }));
  EXPECT_FALSE(Exists(orphan));
  for (const int fd : {report[0], report[1], go[0], go[1]}) close(fd);
}

// All of them are zombies before the loop turns: one SIGCHLD stands for all.
TEST_F(ChildrenTest, ReapsManyThatOneSignalStandsFor) {
  std::map<int, int> codes;
  std::vector<pid_t> pids;
  for (int i = 0; i < 100; ++i) {
    pids.push_back(Fork([i] { _exit(i); }));
    if (i % 2 == 0) {
      children_->Await(pids.back(),
                       [&, i](const ChildExit& exit) { codes[i] = exit.code; });
    }
  }
  for (const pid_t pid : pids) AwaitZombie(pid);

  loop_->RunOnce(absl::Seconds(60));

  EXPECT_EQ(codes.size(), 50u);
  for (const auto& [i, code] : codes) EXPECT_EQ(code, i);
  for (const pid_t pid : pids) EXPECT_FALSE(Exists(pid));
}

TEST_F(ChildrenTest, ReapsAForgottenChildWithoutACall) {
  bool called = false;
  const pid_t pid = Fork([] {});
  children_->Await(pid, [&](const ChildExit&) { called = true; });

  children_->Forget(pid);

  AwaitZombie(pid);
  ReapAll();
  EXPECT_FALSE(Exists(pid));
  EXPECT_FALSE(called);
}

TEST_F(ChildrenTest, ACallbackMayEndItAll) {
  bool called = false;
  const pid_t first = Fork([] {});
  const pid_t second = Fork([] {});
  AwaitZombie(first);
  AwaitZombie(second);
  for (const pid_t pid : {first, second}) {
    children_->Await(pid, [&](const ChildExit&) {
      EXPECT_FALSE(called);
      called = true;
      children_ = nullptr;
    });
  }

  EXPECT_TRUE(RunUntil([&] { return called; }));
}

}  // namespace
}  // namespace holdfast::containerd
