#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <functional>
#include <memory>

#include "shim/containerd/children.h"

namespace holdfast::containerd {

// A test that is a shim to its children, and no longer after it.
class SubreaperTest : public testing::Test {
 protected:
  SubreaperTest() {
    pthread_sigmask(SIG_BLOCK, nullptr, &mask_before_);
    loop_ = std::move(EventLoop::Create()).value();
    children_ = std::move(Children::Create(*loop_)).value();
    loop_->RunOnce(absl::ZeroDuration());  // its first look is over
  }
  ~SubreaperTest() override {
    children_ = nullptr;
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

  bool RunUntil(const std::function<bool()>& done,
                absl::Duration limit = absl::Seconds(60)) {
    const absl::Duration end = SystemClock().SinceBoot() + limit;
    while (!done() && SystemClock().SinceBoot() < end) {
      loop_->RunOnce(absl::Milliseconds(20));
    }
    return done();
  }

  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<Children> children_;

 private:
  sigset_t mask_before_;
};

}  // namespace holdfast::containerd
