#include "plugin/launch/container_launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "api/reasons.h"
#include "base/errors.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/unix_socket.h"
#include "plugin/checkpoint/spare_directory.h"
#include "plugin/launch/intent_builder.h"
#include "plugin/launch/shim_spawner.h"

namespace holdfast {
namespace {

constexpr char kRemoving[] = ".removing-";
// A shim that has let go of its journal is gone in a moment; a killed process
// takes a little longer on a busy machine.
constexpr int kRemoveTries = 1000;
constexpr timespec kBetweenTries = {.tv_sec = 0, .tv_nsec = 5'000'000};

}  // namespace

absl::StatusOr<ContainerLauncher::Shim> ContainerLauncher::Launch(
    const LaunchRequest& request) {
  absl::StatusOr<Shim> shim = MakeAndStart(request);
  if (shim.ok()) return shim;
  absl::Status removed =
      RemoveAll(request.container_id, request.framework.checkpoint());
  removed.Update(bundles_.Abandon(request.container_id));
  if (!removed.ok()) {
    Log(Severity::kError, removed.ToString(),
        {{"container", request.container_id}});
  }
  return Annotate(shim.status(),
                  absl::StrCat("launch task ", request.task.task_id()));
}

absl::StatusOr<ContainerLauncher::Shim> ContainerLauncher::MakeAndStart(
    const LaunchRequest& request) {
  const bool checkpoint = request.framework.checkpoint();
  absl::StatusOr<v1::Intent> built = BuildIntent(request, layout_);
  if (!built.ok()) {
    return WithReason(absl::FailedPreconditionError(built.status().message()),
                      "LAUNCH_FAILED");
  }
  v1::Intent intent = *std::move(built);
  const CgroupLimits limits = LimitsOf(request.task);
  HOLDFAST_ASSIGN_OR_RETURN(
      BundleMaker::Claim claim,
      bundles_.ClaimDirectory(request.container_id, checkpoint));
  HOLDFAST_FAILPOINT(LaunchClaimed);
  HOLDFAST_RETURN_IF_ERROR(
      files_.MakeDirectory(layout_.Shim(request.container_id), 0711));
  HOLDFAST_FAILPOINT(LaunchRuntimeMade);
  HOLDFAST_ASSIGN_OR_RETURN(
      const ContainerGroups groups,
      cgroups_.CreateContainer(request.container_id, limits));
  HOLDFAST_FAILPOINT(LaunchGroupsMade);
  AddGroups(groups, *intent.mutable_launch());
  HOLDFAST_ASSIGN_OR_RETURN(BundleMaker::Bundle bundle,
                            bundles_.Begin(std::move(claim), intent));
  absl::StatusOr<Shim> shim =
      Spawn(std::move(bundle.journal), groups.shim_procs_file);
  // While the shim starts. An error is told and no more: what runs is found.
  if (shim.ok() && !bundle.named) {
    if (absl::Status synced = bundles_.SyncNames(); !synced.ok()) {
      Log(Severity::kWarning, synced.ToString(),
          {{"container", request.container_id}});
    }
    HOLDFAST_FAILPOINT(LaunchNamesSynced);
  }
  return shim;
}

absl::StatusOr<ContainerLauncher::Shim> ContainerLauncher::Restart(
    ExecutorJournal journal) {
  const std::string id = journal.facts().intent.container_id();
  HOLDFAST_RETURN_IF_ERROR(files_.MakeDirectory(layout_.Shim(id), 0711));
  return Spawn(std::move(journal), cgroups_.FindContainer(id).shim_procs_file);
}

absl::StatusOr<ContainerLauncher::Shim> ContainerLauncher::Spawn(
    ExecutorJournal journal, const std::string& shim_procs_file) {
  const v1::Intent& intent = journal.facts().intent;
  const std::string& id = intent.container_id();
  HOLDFAST_ASSIGN_OR_RETURN(UniqueFd listening,
                            ListenUnix(layout_.ShimSocket(id), SocketOwner()));
  HOLDFAST_FAILPOINT(ShimSocketMade);
  HOLDFAST_ASSIGN_OR_RETURN(auto ends, UnixPair());
  const std::string log_path = ShimLog(id, intent.checkpoint());
  UniqueFd log(open(log_path.c_str(),
                    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
                    0600));
  if (!log) return ErrnoStatus(errno, "open", log_path);
  ShimCommand command;
  command.program = shim_path_;
  command.container_id = id;
  command.journal_path = journal.path();
  command.runtime_directory = layout_.Shim(id);
  command.shim_procs_file = shim_procs_file;
  command.journal_fd = journal.fd();
  command.listening_fd = listening.get();
  command.connection_fd = ends.second.get();
  command.log_fd = log.get();
  HOLDFAST_ASSIGN_OR_RETURN(const pid_t pid, SpawnShim(command));
  HOLDFAST_FAILPOINT(ShimSpawned);
  return Shim{pid, std::move(ends.first)};
}

std::string ContainerLauncher::ShimLog(const std::string& container_id,
                                       bool checkpoint) const {
  return absl::StrCat(layout_.Executor(container_id, checkpoint), "/shim.log");
}

std::string ContainerLauncher::LastShimLogLine(const std::string& container_id,
                                               bool checkpoint) const {
  const absl::StatusOr<std::string> log =
      ReadSmallFile(ShimLog(container_id, checkpoint));
  if (!log.ok() || log->empty()) return "";
  const absl::string_view lines = absl::StripSuffix(*log, "\n");
  const size_t newline = lines.rfind('\n');
  return std::string(
      newline == absl::string_view::npos ? lines : lines.substr(newline + 1));
}

absl::Status ContainerLauncher::RemoveRuntime(const std::string& container_id) {
  for (int i = 0;; ++i) {
    const absl::Status removed = cgroups_.RemoveContainer(container_id);
    if (removed.ok()) {
      HOLDFAST_FAILPOINT(GroupsRemoved);
      return RemoveTree(layout_.Shim(container_id));
    }
    if (!absl::IsFailedPrecondition(removed) || i == kRemoveTries) {
      return removed;
    }
    nanosleep(&kBetweenTries, nullptr);
  }
}

absl::Status ContainerLauncher::RemoveAll(const std::string& container_id,
                                          bool checkpoint) {
  HOLDFAST_RETURN_IF_ERROR(RemoveRuntime(container_id));
  const std::string executor = layout_.Executor(container_id, checkpoint);
  const std::string hidden =
      absl::StrCat(layout_.Executors(checkpoint), "/", kRemoving, container_id);
  const absl::Status renamed = files_.Rename(executor, hidden);
  if (absl::IsNotFound(renamed)) return absl::OkStatus();
  HOLDFAST_RETURN_IF_ERROR(renamed);
  HOLDFAST_FAILPOINT(RemovalHidden);
  if (checkpoint) {
    HOLDFAST_RETURN_IF_ERROR(
        files_.SyncDirectory(layout_.Executors(checkpoint)));
  }
  HOLDFAST_FAILPOINT(RemovalSynced);
  HOLDFAST_RETURN_IF_ERROR(RemoveTree(hidden));
  HOLDFAST_FAILPOINT(Removed);
  return absl::OkStatus();
}

absl::Status ContainerLauncher::RollBack(const std::string& container_id,
                                         bool checkpoint) {
  const absl::Status killed = cgroups_.Kill(container_id);
  if (!killed.ok() && !absl::IsNotFound(killed)) return killed;
  HOLDFAST_FAILPOINT(RollBackKilled);
  return RemoveAll(container_id, checkpoint);
}

absl::Status ContainerLauncher::RemoveLeftovers(bool checkpoint) {
  const std::string executors = layout_.Executors(checkpoint);
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                            files_.List(executors));
  for (const std::string& name : names) {
    const std::string path = absl::StrCat(executors, "/", name);
    const std::string id(IdOfSpare(name));
    if (!id.empty() && IsUnused(files_, path)) {
      // A launch may have taken it, and made the rest.
      HOLDFAST_RETURN_IF_ERROR(RemoveRuntime(id));
      HOLDFAST_RETURN_IF_ERROR(RemoveTree(path));
    } else if (absl::StartsWith(name, kRemoving)) {
      HOLDFAST_RETURN_IF_ERROR(RemoveTree(path));
    }
  }
  if (!checkpoint) return absl::OkStatus();
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<std::string> runtimes,
                            files_.List(layout_.Shims()));
  for (const std::string& name : runtimes) {
    if (IdOfSpare(name).empty()) continue;
    HOLDFAST_RETURN_IF_ERROR(RemoveTree(layout_.Shim(name)));
  }
  HOLDFAST_FAILPOINT(LeftoversRemoved);
  bundles_.spares().Open();
  return absl::OkStatus();
}

}  // namespace holdfast
