#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "plugin/service/executor.h"
#include "tests/fakes/temporary_directory.h"
#include "tests/plugin/service/no_cgroups.h"

namespace holdfast {

inline constexpr char kContainer[] = "c-1";

// Where the processes of a container cannot be killed at first.
class StuckCgroups : public NoCgroups {
 public:
  absl::Status Kill(const std::string&) override {
    const MutexLock lock(mutex_);
    ++kills_;
    return stuck_;
  }
  void Stick(absl::Status status) {
    const MutexLock lock(mutex_);
    stuck_ = std::move(status);
  }
  int kills() {
    const MutexLock lock(mutex_);
    return kills_;
  }

 private:
  Mutex mutex_;
  int kills_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status stuck_ ABSL_GUARDED_BY(mutex_);
};

// One executor that is recovered from its journal, with no agent around it.
class RecoveredExecutorTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const std::string& directory :
         {layout_.work_dir, layout_.runtime_dir, layout_.Executors(true),
          layout_.Shims(), layout_.Executor(kContainer, true),
          layout_.Shim(kContainer)}) {
      ASSERT_TRUE(SystemFiles().MakeDirectory(directory, 0700).ok());
    }
  }

  // As a shim has it, or as one leaves it behind when it is destroyed.
  std::unique_ptr<ExecutorJournal> WriteJournal() {
    v1::Intent intent;
    intent.set_container_id(kContainer);
    intent.set_framework_id("f-1");
    intent.set_executor_id("e-1");
    intent.set_checkpoint(true);
    intent.mutable_task()->set_task_id("t-1");
    absl::StatusOr<ExecutorJournal> journal = ExecutorJournal::Create(
        SystemFiles(), layout_.Journal(kContainer, true), intent);
    EXPECT_TRUE(journal.ok()) << journal.status();
    return std::make_unique<ExecutorJournal>(*std::move(journal));
  }

  template <typename Condition>
  bool RunUntil(Condition condition) {
    const absl::Duration give_up =
        loop_->clock().SinceBoot() + absl::Seconds(20);
    while (!condition()) {
      if (loop_->clock().SinceBoot() > give_up) return false;
      loop_->RunOnce(absl::Milliseconds(20));
    }
    return true;
  }

  std::shared_ptr<Executor> Recover() {
    auto executor = std::make_shared<Executor>(environment_, kContainer,
                                               /*checkpoint=*/true);
    executor->Recover(ExecutorFacts());
    return executor;
  }

  const TemporaryDirectory directory_;
  const Layout layout_ = {directory_ / "work", directory_ / "run"};
  const std::unique_ptr<EventLoop> loop_ = *EventLoop::Create();
  StuckCgroups cgroups_;
  ContainerLauncher launcher_{SystemFiles(), layout_, cgroups_, "/no/shim"};
  WorkerPool workers_{1};
  int damaged_ = 0;
  int condensed_ = 0;
  const Executor::Environment environment_ = {
      .loop = *loop_,
      .workers = workers_,
      .files = SystemFiles(),
      .layout = layout_,
      .launcher = launcher_,
      .agent_id = "a-1",
      .agent_incarnation = "life-1",
      .boot_id = "boot-1",
      .on_record = [](Executor&, const v1::JournalRecord&) {},
      .on_facts = [](Executor&) {},
      .on_condensed = [this](Executor&) { ++condensed_; },
      .on_state = [](Executor&) {},
      .on_damage =
          [this](Executor&) {
            ++damaged_;
            return true;
          },
  };
};

}  // namespace holdfast
