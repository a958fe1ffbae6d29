#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/clock.h"
#include "base/event_loop.h"
#include "base/files.h"
#include "shim/bundle/executor_journal.h"
#include "shim/service/supervisor.h"
#include "tests/cgroups/container_fixture.h"
#include "tests/fakes/fake_disk.h"
#include "tests/fakes/temporary_directory.h"

namespace holdfast::shim {

// The kernel's time, and what a test adds to it: processes take the time that
// they take, and nobody waits for a timeout.
class JumpingClock : public Clock {
 public:
  absl::Time Now() const override { return SystemClock().Now() + added_; }
  absl::Duration SinceBoot() const override {
    return SystemClock().SinceBoot() + added_;
  }
  void Jump(absl::Duration time) { added_ += time; }

 private:
  absl::Duration added_;
};

// A supervisor with a real executor in real cgroups.
class SupervisorTest : public ContainerTest {
 protected:
  void SetUp() override;
  void TearDown() override;

  // Of a command task "t-7" that runs `script`; SIGKILL follows SIGTERM after
  // a minute, the fence falls after a quarter of an hour.
  v1::Intent Command(const std::string& script) const;
  // Of a custom executor whose first task is "t-7".
  v1::Intent CustomExecutor(const std::string& script) const;

  // Starts a shim's supervisor with a new journal on `files_`.
  absl::Status Start(const v1::Intent& intent,
                     absl::Status obstacle = absl::OkStatus());
  // The shim dies; another one takes its journal over.
  void Die() { supervisor_.reset(); }
  absl::Status TakeOver();

  absl::Status ConfigureTimeout(absl::Duration timeout);

  bool RunUntil(const std::function<bool()>& done);
  bool RunUntilOver() {
    return RunUntil([this] { return over_ > 0; });
  }
  // Turns the loop as long as something is ready, for things that must not
  // happen.
  void RunUntilQuiet();
  void Jump(absl::Duration time);

  // What the executor has written, and waiting until it has.
  std::string Output(const std::string& name = "stdout") const;
  bool RunUntilOutput(const std::string& text);
  // Scripts wait for it: `until [ -e go ]; do sleep 0.02; done`.
  void LetGo(const std::string& file = "go") const;

  const ExecutorFacts& facts() const { return supervisor_->facts(); }
  const v1::TaskStatus& LastStatus(const std::string& task_id = "t-7") const {
    return facts().FindTask(task_id)->updates.back().status();
  }
  int CountRecords(v1::JournalRecord::RecordCase kind) const;
  std::string JournalPath() const { return directory_ / "journal"; }

  const TemporaryDirectory directory_;
  JumpingClock clock_;
  std::unique_ptr<EventLoop> loop_;
  Files* files_ = &SystemFiles();
  ContainerGroups groups_;
  std::unique_ptr<Supervisor> supervisor_;
  std::vector<v1::JournalRecord> records_;  // that were told
  std::vector<v1::KillRequested> kills_;
  int tasks_ = 0;
  int over_ = 0;

 private:
  absl::Status Supervise(absl::StatusOr<ExecutorJournal> journal,
                         absl::Status obstacle);
};

v1::KillRequested KillOf(const std::string& task_id);
v1::KillRequested KillOf(const std::string& task_id, absl::Duration grace);

}  // namespace holdfast::shim
