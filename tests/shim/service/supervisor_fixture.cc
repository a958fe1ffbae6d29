#include "tests/shim/service/supervisor_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "api/time_convert.h"
#include "base/boot_id.h"

namespace holdfast::shim {

void SupervisorTest::SetUp() {
  ContainerTest::SetUp();
  if (IsSkipped() || cgroups_ == nullptr) return;
  loop_ = std::move(EventLoop::Create(clock_)).value();
  groups_ = CreateContainer();
  for (const char* name : {"run", "run/shims", "run/shims/container"}) {
    ASSERT_EQ(mkdir((directory_ / name).c_str(), 0700), 0);
  }
}

void SupervisorTest::TearDown() {
  supervisor_.reset();
  if (cgroups_ != nullptr) (void)cgroups_->Kill(id_);
  // All that we have was in the group.
  while (waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {
  }
  ContainerTest::TearDown();
}

v1::Intent SupervisorTest::Command(const std::string& script) const {
  v1::Intent intent;
  intent.set_container_id("c-7");
  intent.set_agent_id("a-1");
  intent.set_framework_id("f-1");
  intent.set_executor_id("t-7");
  intent.set_checkpoint(true);
  *intent.mutable_recovery_timeout() = ToProto(absl::Minutes(15));
  intent.mutable_task()->set_task_id("t-7");
  intent.set_boot_id(*ReadBootId());
  v1::LaunchSpec& launch = *intent.mutable_launch();
  for (const char* word : {"/bin/sh", "-c"}) launch.add_argv(word);
  launch.add_argv(script);
  launch.add_environment("PATH=/usr/bin:/bin");
  launch.set_working_directory(directory_.path());
  launch.set_output_directory(directory_.path());
  launch.mutable_output()->set_max_file_bytes(1 << 20);
  launch.mutable_output()->set_max_files(2);
  launch.set_cgroup_directory(groups_.cgroup_directory);
  launch.set_freezer_directory(groups_.freezer_directory);
  launch.mutable_join_files()->Add(groups_.join_files.begin(),
                                   groups_.join_files.end());
  *launch.mutable_grace_period() = ToProto(absl::Minutes(1));
  return intent;
}

v1::Intent SupervisorTest::CustomExecutor(const std::string& script) const {
  v1::Intent intent = Command(script);
  intent.set_executor_id("e-7");
  intent.mutable_launch()->set_custom(true);
  return intent;
}

absl::Status SupervisorTest::Start(const v1::Intent& intent,
                                   absl::Status obstacle) {
  return Supervise(ExecutorJournal::Create(*files_, JournalPath(), intent),
                   std::move(obstacle));
}

absl::Status SupervisorTest::TakeOver() {
  return Supervise(ExecutorJournal::TakeOver(*files_, JournalPath()),
                   absl::OkStatus());
}

absl::Status SupervisorTest::Supervise(absl::StatusOr<ExecutorJournal> journal,
                                       absl::Status obstacle) {
  if (!journal.ok()) return journal.status();
  supervisor_ = std::make_unique<Supervisor>(
      *loop_, *std::move(journal), directory_ / "run/shims/container");
  supervisor_->Listen({
      .on_record = [this](const auto& record) { records_.push_back(record); },
      .on_over = [this] { ++over_; },
      .on_task = [this] { ++tasks_; },
      .on_kill = [this](const auto& kill) { kills_.push_back(kill); },
  });
  return supervisor_->Start(std::move(obstacle));
}

absl::Status SupervisorTest::ConfigureTimeout(absl::Duration timeout) {
  v1::ShimConfigureRequest request;
  *request.mutable_recovery_timeout() = ToProto(timeout);
  return supervisor_->Configure(request).status();
}

bool SupervisorTest::RunUntil(const std::function<bool()>& done) {
  const absl::Duration end = SystemClock().SinceBoot() + absl::Seconds(30);
  while (!done()) {
    if (SystemClock().SinceBoot() > end) return false;
    loop_->RunOnce(absl::Milliseconds(10));
  }
  return true;
}

void SupervisorTest::RunUntilQuiet() {
  for (int i = 0; i < 10; ++i) loop_->RunOnce(absl::ZeroDuration());
}

void SupervisorTest::Jump(absl::Duration time) {
  clock_.Jump(time);
  RunUntilQuiet();
}

std::string SupervisorTest::Output(const std::string& name) const {
  return ReadSmallFile(directory_ / name).value_or("");
}

bool SupervisorTest::RunUntilOutput(const std::string& text) {
  return RunUntil([&] { return absl::StrContains(Output(), text); });
}

void SupervisorTest::LetGo(const std::string& file) const {
  const UniqueFd go(
      open((directory_ / file).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
  EXPECT_TRUE(go);
}

int SupervisorTest::CountRecords(v1::JournalRecord::RecordCase kind) const {
  int count = 0;
  for (const v1::JournalRecord& record : records_) {
    count += record.record_case() == kind ? 1 : 0;
  }
  return count;
}

v1::KillRequested KillOf(const std::string& task_id) {
  v1::KillRequested kill;
  kill.set_task_id(task_id);
  kill.set_reason(v1::REASON_TASK_KILLED_BY_REQUEST);
  return kill;
}

v1::KillRequested KillOf(const std::string& task_id, absl::Duration grace) {
  v1::KillRequested kill = KillOf(task_id);
  *kill.mutable_grace_period() = ToProto(grace);
  return kill;
}

}  // namespace holdfast::shim
