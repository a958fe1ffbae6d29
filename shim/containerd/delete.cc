#include "shim/containerd/delete.h"

#include <signal.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "api/time_convert.h"
#include "base/errors.h"
#include "base/files.h"
#include "base/log.h"
#include "base/pidfd.h"
#include "shim/bundle/executor_journal.h"
#include "shim/bundle/started_process.h"
#include "shim/containerd/group.h"
#include "shim/containerd/mounts.h"
#include "shim/containerd/oci_runtime.h"
#include "shim/containerd/places.h"
#include "shim/containerd/runtime_binary.h"
#include "shim/containerd/shim_cgroup.h"

namespace holdfast::containerd {
namespace {

namespace task = ::containerd::task::v2;

constexpr uint32_t kUnknownExit = 255;
// containerd gives the whole of us five seconds.
constexpr absl::Duration kRuntimeTimeout = absl::Seconds(4);

task::DeleteResponse AtEnd(uint32_t status, absl::Time at) {
  task::DeleteResponse response;
  response.set_exit_status(status);
  *response.mutable_exited_at() = ToProto(at);
  return response;
}

task::DeleteResponse EndOf(const ExecutorFacts& facts) {
  task::DeleteResponse response;
  if (facts.exited) {
    response = AtEnd(facts.exited->has_signal()
                         ? 128 + static_cast<uint32_t>(facts.exited->signal())
                         : static_cast<uint32_t>(facts.exited->exit_code()),
                     FromProto(facts.exited->time()));
  } else if (facts.started && IsRunning(*facts.started)) {
    response = AtEnd(128 + SIGKILL, absl::Now());  // ours, in a moment
  } else {
    response = AtEnd(kUnknownExit, absl::Now());
  }
  if (facts.started) {
    response.set_pid(static_cast<uint32_t>(facts.started->pid()));
  }
  return response;
}

// As the journal has it; without one, the runtime that it would have been.
OciRuntime::Options RuntimeOf(const absl::StatusOr<ExecutorFacts>& facts,
                              const Invocation& invocation) {
  OciRuntime::Options options;
  if (facts.ok()) {
    const v1::ContainerdTask& task = facts->intent.containerd();
    options.binary = task.runtime();
    options.root = task.runtime_root();
    options.systemd_cgroup = task.systemd_cgroup();
  } else {
    options.binary = RuntimeBinary({}).value_or("runc");
    options.root = RuntimeRoot({}, invocation.name_space);
  }
  return options;
}

void RemoveContainer(const OciRuntime::Options& runtime,
                     const std::string& id) {
  const auto removed =
      OciRuntime::RunToEnd(runtime, {"delete", "--force", id}, kRuntimeTimeout);
  if (!removed.ok()) {
    Log(Severity::kWarning, removed.status().ToString(), {{"id", id}});
  }
}

// Where the runtime could not, or is not there any more.
void KillWhatRuns(const v1::Started& started) {
  const absl::StatusOr<Pidfd> process = Pidfd::Open(started.pid());
  if (process.ok() && IsRunning(started)) (void)process->Signal(SIGKILL);
}

void LogError(const absl::Status& status, const std::string& id) {
  if (!status.ok()) Log(Severity::kError, status.ToString(), {{"id", id}});
}

// Where the journal says that it was alone, nobody asks for its shim any more,
// also where that hangs. Else its id may be the name of a group that lives.
void LeaveShim(const Places& places, const std::string& id,
               const absl::StatusOr<ExecutorFacts>& facts) {
  if (!facts.ok()) return RemoveDeadGroup(places, id);
  const std::string& group = facts->intent.containerd().group();
  if (group.empty()) return ForgetGroup(places, id);
  RemoveDeadGroup(places, group);
}

}  // namespace

absl::StatusOr<task::DeleteResponse> Delete(const Invocation& invocation) {
  const Places places = PlacesOf(invocation.address, invocation.name_space);
  const std::string directory = places.TaskDirectory(invocation.id);
  const absl::StatusOr<ExecutorFacts> facts =
      ExecutorJournal::Peek(SystemFiles(), directory + "/journal");
  task::DeleteResponse response = AtEnd(kUnknownExit, absl::Now());
  if (facts.ok()) {
    response = EndOf(*facts);
  } else if (!absl::IsNotFound(facts.status())) {
    LogError(facts.status(), invocation.id);
  }
  // Of one that was deleted there is neither a journal nor anything else.
  if (!absl::IsNotFound(facts.status())) {
    RemoveContainer(RuntimeOf(facts, invocation), invocation.id);
  }
  if (facts.ok() && facts->started) KillWhatRuns(*facts->started);
  const std::string bundle =
      invocation.bundle.empty() ? "." : invocation.bundle;
  // What cannot be removed does not keep from the answer.
  LogError(UnmountAll(bundle + "/rootfs"), invocation.id);
  LogError(RemoveTree(directory), invocation.id);
  LeaveShim(places, invocation.id, facts);
  RemoveEmptyShimCgroups();
  return response;
}

}  // namespace holdfast::containerd
