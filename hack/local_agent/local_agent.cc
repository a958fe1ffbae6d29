#include "hack/local_agent/local_agent.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/errors.h"
#include "base/files.h"
#include "hack/local_agent/cgroup_sweep.h"
#include "hack/local_agent/interrupt.h"

namespace holdfast::hack {
namespace {

constexpr absl::Duration kStartTimeout = absl::Seconds(20);
constexpr absl::Duration kEndTimeout = absl::Seconds(20);
constexpr absl::Duration kLookAgain = absl::Milliseconds(2);
constexpr size_t kLogTailBytes = 2000;

}  // namespace

absl::StatusOr<std::unique_ptr<LocalAgent>> LocalAgent::Create(
    Options options) {
  std::string directory =
      absl::StrCat(options.parent_dir, "/", options.name, "-XXXXXX");
  if (mkdtemp(directory.data()) == nullptr)
    return ErrnoStatus(errno, "mkdtemp", directory);
  return std::unique_ptr<LocalAgent>(
      new LocalAgent(std::move(options), std::move(directory)));
}

LocalAgent::LocalAgent(Options options, std::string directory)
    : options_(std::move(options)),
      directory_(std::move(directory)),
      cgroups_root_(absl::StrCat(options_.name, "-", getpid())) {}

LocalAgent::~LocalAgent() {
  if (!swept_) (void)Sweep(/*keep=*/false);  // nobody is left to hear of it
}

absl::Status LocalAgent::Spawn() {
  std::vector<std::string> argv;
  if (!environment_.empty()) argv.push_back("env");  // which becomes it
  argv.insert(argv.end(), environment_.begin(), environment_.end());
  const std::vector<std::string> command = {
      absl::StrCat(options_.bin_dir, "/holdfastd"),
      absl::StrCat("--work_dir=", work_dir()),
      absl::StrCat("--runtime_dir=", runtime_dir()),
      absl::StrCat("--cgroups_root=", cgroups_root_),
      // However full this machine's disk is, nothing ended goes at once.
      "--gc_disk_headroom=0"};
  argv.insert(argv.end(), command.begin(), command.end());
  argv.insert(argv.end(), options_.flags.begin(), options_.flags.end());
  client_.reset();
  started_ = absl::Now();
  HOLDFAST_ASSIGN_OR_RETURN(process_, ChildProcess::Spawn(argv, log_path()));
  return absl::OkStatus();
}

absl::Status LocalAgent::Start() {
  HOLDFAST_RETURN_IF_ERROR(Spawn());
  return Connect(kStartTimeout);
}

absl::Status LocalAgent::Connect(absl::Duration timeout) {
  absl::StatusOr<std::unique_ptr<Client>> client =
      Client::Connect(runtime_dir() + "/holdfastd.sock", timeout, pid());
  if (!client.ok()) {
    return Annotate(client.status(),
                    absl::StrCat("start holdfastd; its log ends\n", LogTail()));
  }
  client_ = *std::move(client);
  return absl::OkStatus();
}

absl::StatusOr<absl::Duration> LocalAgent::WaitUntilRecovered(
    size_t executors, absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  while (true) {
    HOLDFAST_ASSIGN_OR_RETURN(
        const v1::GetAgentResponse agent,
        client_->Call(&Stub::GetAgent, v1::GetAgentRequest()));
    const absl::Duration took = absl::Now() - started_;
    size_t attached = 0;
    if (!agent.recovering()) {
      HOLDFAST_ASSIGN_OR_RETURN(attached, CountAttached());
      if (attached >= executors) return took;
    }
    if (Interrupted()) return absl::CancelledError("interrupted");
    if (absl::Now() > deadline) {
      return absl::DeadlineExceededError(
          absl::StrCat("recovered ", agent.executors_recovered(), "/",
                       agent.executors_to_recover(), "; attached ", attached,
                       " of ", executors));
    }
    absl::SleepFor(kLookAgain);
  }
}

absl::StatusOr<absl::Duration> LocalAgent::WaitUntilSettled(
    size_t executors, absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  while (true) {
    HOLDFAST_ASSIGN_OR_RETURN(
        const v1::GetAgentResponse agent,
        client_->Call(&Stub::GetAgent, v1::GetAgentRequest()));
    if (agent.executors_recovered() >= executors) return absl::Now() - started_;
    if (Interrupted()) return absl::CancelledError("interrupted");
    if (absl::Now() > deadline) {
      return absl::DeadlineExceededError(
          absl::StrCat("settled ", agent.executors_recovered(), "/",
                       agent.executors_to_recover(), ", not ", executors));
    }
    absl::SleepFor(kLookAgain);
  }
}

absl::StatusOr<size_t> LocalAgent::CountAttached() {
  HOLDFAST_ASSIGN_OR_RETURN(
      const v1::GetTasksResponse tasks,
      client_->Call(&Stub::GetTasks, v1::GetTasksRequest()));
  std::set<std::string> attached;
  for (const v1::Task& task : tasks.tasks())
    if (task.attached()) attached.insert(task.container_id());
  return attached.size();
}

absl::Status LocalAgent::KillHard() {
  HOLDFAST_RETURN_IF_ERROR(process_->Signal(SIGKILL));
  HOLDFAST_RETURN_IF_ERROR(process_->Wait(kEndTimeout).status());
  process_.reset();
  return absl::OkStatus();
}

absl::StatusOr<std::string> LocalAgent::StopGently() {
  HOLDFAST_RETURN_IF_ERROR(process_->Signal(SIGTERM));
  return WaitForEnd(kEndTimeout);
}

absl::StatusOr<std::string> LocalAgent::WaitForEnd(absl::Duration timeout) {
  HOLDFAST_ASSIGN_OR_RETURN(std::string ended, process_->Wait(timeout));
  process_.reset();
  return ended;
}

absl::Status LocalAgent::Sweep(bool keep) {
  swept_ = true;
  if (process_) (void)KillHard();  // what it held is swept below
  absl::Status status = SweepCgroups(cgroups_root_, kEndTimeout);
  if (!keep) status.Update(RemoveTree(directory_));
  return status;
}

std::string LocalAgent::LogTail() const {
  const absl::StatusOr<std::string> log = ReadSmallFile(log_path());
  if (!log.ok()) return std::string(log.status().message());
  const size_t skip =
      log->size() > kLogTailBytes ? log->size() - kLogTailBytes : 0;
  return log->substr(skip);
}

}  // namespace holdfast::hack
