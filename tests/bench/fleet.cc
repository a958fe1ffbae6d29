#include "tests/bench/fleet.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/errors.h"
#include "hack/local_agent/processes.h"
#include "tests/bench/in_flight.h"

namespace holdfast::bench {
namespace {

constexpr int kGrowInFlight = 32;
constexpr absl::Duration kDown = absl::Milliseconds(500);
constexpr absl::Duration kRecoveryTimeout = absl::Seconds(60);

}  // namespace

absl::StatusOr<std::unique_ptr<Fleet>> Fleet::Create(
    const std::string& bin_dir, const std::string& parent_dir) {
  HOLDFAST_ASSIGN_OR_RETURN(
      std::unique_ptr<hack::LocalAgent> agent,
      hack::LocalAgent::Create({.name = "holdfast-bench",
                                .bin_dir = bin_dir,
                                .parent_dir = parent_dir}));
  auto fleet = std::unique_ptr<Fleet>(new Fleet(std::move(agent)));
  HOLDFAST_RETURN_IF_ERROR(fleet->agent_->Start());
  HOLDFAST_RETURN_IF_ERROR(fleet->Register());
  fleet->Watch();
  return fleet;
}

Fleet::Fleet(std::unique_ptr<hack::LocalAgent> agent)
    : agent_(std::move(agent)) {}

Fleet::~Fleet() {
  watcher_.reset();
  agent_.reset();
  hack::ReapOrphans();
}

absl::Status Fleet::Register() {
  v1::RegisterFrameworkRequest request;
  request.mutable_framework()->set_framework_id(kFramework);
  request.mutable_framework()->set_name(kFramework);
  request.mutable_framework()->set_checkpoint(true);
  return client().Call(&hack::Stub::RegisterFramework, request).status();
}

void Fleet::Watch() {
  watcher_ =
      std::make_unique<hack::UpdateWatcher>(client(), ledger_, kFramework);
}

v1::TaskInfo Fleet::Sleeper(const std::string& task_id) {
  v1::TaskInfo task;
  task.set_task_id(task_id);
  task.mutable_command()->set_value("busybox");
  task.mutable_command()->add_arguments("sleep");
  task.mutable_command()->add_arguments("1000000");
  return task;
}

std::vector<v1::TaskInfo> Fleet::NewSleepers(size_t n) {
  std::vector<v1::TaskInfo> tasks;
  tasks.reserve(n);
  for (size_t i = 0; i < n; ++i)
    tasks.push_back(Sleeper(absl::StrCat("sleeper-", ++named_)));
  return tasks;
}

absl::Status Fleet::GrowTo(size_t n) {
  if (sleepers_ >= n) return absl::OkStatus();
  const std::vector<v1::TaskInfo> tasks = NewSleepers(n - sleepers_);
  InFlightLauncher launcher(client(), kFramework, tasks);
  HOLDFAST_RETURN_IF_ERROR(launcher.Run(kGrowInFlight));
  sleepers_ = n;
  std::vector<std::string> task_ids;
  task_ids.reserve(tasks.size());
  for (const v1::TaskInfo& task : tasks) task_ids.push_back(task.task_id());
  return ledger_.WaitForUpdate(task_ids, kRecoveryTimeout);
}

absl::Status Fleet::Launch(const v1::TaskInfo& task) {
  v1::LaunchTaskRequest request;
  request.set_framework_id(kFramework);
  *request.mutable_task() = task;
  return client().Call(&hack::Stub::LaunchTask, request).status();
}

absl::Status Fleet::Crash() {
  HOLDFAST_RETURN_IF_ERROR(agent_->KillHard());
  (void)watcher_->WaitUntilBroken();  // it is: the agent is dead
  watcher_.reset();
  absl::SleepFor(kDown);
  return absl::OkStatus();
}

absl::StatusOr<absl::Duration> Fleet::StartAgain(
    size_t in_trouble, const std::vector<std::string>& flags) {
  agent_->SetFlags(flags);
  HOLDFAST_RETURN_IF_ERROR(agent_->Start());
  HOLDFAST_ASSIGN_OR_RETURN(
      const absl::Duration took,
      agent_->WaitUntilSettled(sleepers_ - in_trouble, kRecoveryTimeout));
  Watch();
  return took;
}

absl::Status Fleet::WaitUntilWhole() {
  return agent_->WaitUntilRecovered(sleepers_, kRecoveryTimeout).status();
}

absl::StatusOr<std::vector<v1::Task>> Fleet::LivingTasks() {
  HOLDFAST_ASSIGN_OR_RETURN(
      const v1::GetTasksResponse response,
      client().Call(&hack::Stub::GetTasks, v1::GetTasksRequest()));
  return std::vector<v1::Task>(response.tasks().begin(),
                               response.tasks().end());
}

}  // namespace holdfast::bench
