#include "cgroups/host_cgroups.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "cgroups/group_kill.h"
#include "cgroups/group_tree.h"
#include "cgroups/memory_room.h"
#include "cgroups/unified_tree.h"
#include "cgroups/usage.h"

namespace holdfast {
namespace {

using Kind = ControllerPlace::Kind;

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

// systemd makes and removes the groups of its units.
bool IsSystemdUnit(absl::string_view path) {
  return absl::EndsWith(path, ".slice") || absl::EndsWith(path, ".service") ||
         absl::EndsWith(path, ".scope");
}

}  // namespace

absl::Status ValidateGroupName(absl::string_view what, absl::string_view name) {
  if (name.empty() || name == "." || name == ".." ||
      absl::StrContains(name, '/') || absl::StrContains(name, '\n')) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, ": \"", name, "\" cannot be a cgroup's name"));
  }
  return absl::OkStatus();
}

absl::Status HostCgroups::CheckEnforceable(const CgroupLimits& limits) const {
  HOLDFAST_RETURN_IF_ERROR(ValidateLimits(limits));
  for (const Controller controller : kControllers) {
    const ControllerPlace& place = layout_.place(controller);
    if (IsSet(limits, controller) && place.kind == Kind::kNowhere) {
      return absl::FailedPreconditionError(
          absl::StrCat(Name(controller), " limit: ", place.why_not));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<ContainerGroups> HostCgroups::CreateContainer(
    const std::string& container_id, const CgroupLimits& limits) {
  HOLDFAST_RETURN_IF_ERROR(ValidateGroupName("container id", container_id));
  HOLDFAST_RETURN_IF_ERROR(CheckEnforceable(limits));
  // What an earlier life left: seldom anything, and soon seen.
  const std::set<std::string> mounts = layout_.Mounts();
  if (std::any_of(mounts.begin(), mounts.end(), [&](const std::string& mount) {
        return Exists(Container(mount, container_id));
      })) {
    const absl::Status removed = RemoveContainer(container_id);
    if (absl::IsFailedPrecondition(removed)) {
      return absl::AlreadyExistsError(removed.message());
    }
    HOLDFAST_RETURN_IF_ERROR(removed);
  }
  if (absl::Status made = MakeContainer(container_id, limits); !made.ok()) {
    // What was made is empty; that it may not go is said by the next attempt.
    (void)RemoveContainer(container_id);
    return made;
  }
  return FindContainer(container_id);
}

absl::Status HostCgroups::MakeContainer(const std::string& container_id,
                                        const CgroupLimits& limits) {
  std::set<std::string> mounts = {layout_.tracking_mount};
  if (!layout_.cpuacct_mount.empty()) mounts.insert(layout_.cpuacct_mount);
  for (const Controller controller : kControllers) {
    if (IsSet(limits, controller)) {
      mounts.insert(layout_.place(controller).mount);
    }
  }
  for (const std::string& mount : mounts) {
    HOLDFAST_RETURN_IF_ERROR(MakeGroups(Executor(mount, container_id)));
  }
  const std::string tracked = Container(layout_.tracking_mount, container_id);
  HOLDFAST_RETURN_IF_ERROR(MakeGroups(absl::StrCat(tracked, "/shim")));
  HOLDFAST_RETURN_IF_ERROR(PassControllersOn(tracked));
  for (const Controller controller : kControllers) {
    if (!IsSet(limits, controller)) continue;
    HOLDFAST_RETURN_IF_ERROR(Apply(container_id, limits, controller));
  }
  return absl::OkStatus();
}

// On v2 the shim and the executor are counted, each for itself, whether there
// are limits or not.
absl::Status HostCgroups::PassControllersOn(const std::string& group) const {
  for (const Controller controller : kControllers) {
    if (layout_.place(controller).kind != Kind::kV2) continue;
    HOLDFAST_RETURN_IF_ERROR(EnableController(group, controller));
  }
  return absl::OkStatus();
}

// Whether the executor's group is one of `controller`.
bool HostCgroups::IsIn(const std::string& container_id,
                       Controller controller) const {
  const ControllerPlace& place = layout_.place(controller);
  if (place.kind == Kind::kNowhere) return false;
  const std::string file =
      SettingsOf(CgroupLimits(), controller, place.kind).front().file;
  return Exists(absl::StrCat(Executor(place.mount, container_id), "/", file));
}

absl::Status HostCgroups::Apply(const std::string& container_id,
                                const CgroupLimits& limits,
                                Controller controller) const {
  std::vector<CgroupSetting> settings =
      SettingsOf(limits, controller, layout_.place(controller).kind);
  absl::Status status = Write(container_id, controller, settings);
  if (absl::IsInvalidArgument(status)) {
    // v1's memory limit may never exceed that of memory and swap together:
    // what is raised is raised from the other end.
    std::reverse(settings.begin(), settings.end());
    status = Write(container_id, controller, settings);
  }
  return Annotate(status, absl::StrCat(Name(controller), " limit"));
}

absl::Status HostCgroups::Write(
    const std::string& container_id, Controller controller,
    const std::vector<CgroupSetting>& settings) const {
  HOLDFAST_RETURN_IF_ERROR(libcgroup_.status());
  for (const CgroupSetting& setting : settings) {
    const absl::Status status = libcgroup_->Set(std::string(Name(controller)),
                                                RelativeExecutor(container_id),
                                                setting.file, setting.value);
    if (setting.optional && absl::IsNotFound(status)) continue;
    HOLDFAST_RETURN_IF_ERROR(status);
  }
  return absl::OkStatus();
}

ContainerGroups HostCgroups::FindContainer(
    const std::string& container_id) const {
  ContainerGroups groups;
  const std::string tracked = TrackedExecutor(container_id);
  if (!Exists(tracked)) return groups;
  groups.shim_procs_file = absl::StrCat(
      Container(layout_.tracking_mount, container_id), "/shim/cgroup.procs");
  if (layout_.mode == CgroupsMode::kV1) {
    groups.freezer_directory = tracked;
    // The first to be joined: whatever happens then, it can be killed.
    groups.join_files.push_back(absl::StrCat(tracked, "/cgroup.procs"));
  } else {
    groups.cgroup_directory = tracked;
  }
  for (const std::string& mount : layout_.Mounts()) {
    const std::string executor = Executor(mount, container_id);
    if (mount != layout_.tracking_mount && Exists(executor)) {
      groups.join_files.push_back(absl::StrCat(executor, "/cgroup.procs"));
    }
  }
  if (IsIn(container_id, Controller::kMemory)) {
    const ControllerPlace& memory = layout_.place(Controller::kMemory);
    groups.oom_file = absl::StrCat(
        Executor(memory.mount, container_id), "/",
        memory.kind == Kind::kV2 ? "memory.events" : "memory.oom_control");
  }
  return groups;
}

absl::Status HostCgroups::SetLimits(const std::string& container_id,
                                    const CgroupLimits& limits) {
  HOLDFAST_RETURN_IF_ERROR(CheckEnforceable(limits));
  if (!Exists(TrackedExecutor(container_id))) {
    return absl::NotFoundError(
        absl::StrCat("set limits: no cgroup of container ", container_id));
  }
  // All are looked at before any is changed; memory, the one the kernel may
  // refuse, comes first.
  for (const Controller controller : kControllers) {
    if (IsSet(limits, controller) && !IsIn(container_id, controller)) {
      return absl::FailedPreconditionError(absl::StrCat(
          Name(controller), " limit: container ", container_id,
          " was launched without one, and a v1 group is joined at launch"));
    }
  }
  HOLDFAST_RETURN_IF_ERROR(MakeRoom(container_id, limits));
  for (const Controller controller :
       {Controller::kMemory, Controller::kCpu, Controller::kPids}) {
    if (!IsIn(container_id, controller)) continue;
    HOLDFAST_RETURN_IF_ERROR(Apply(container_id, limits, controller));
  }
  return absl::OkStatus();
}

// v1 refuses what v2 would kill for.
absl::Status HostCgroups::MakeRoom(const std::string& container_id,
                                   const CgroupLimits& limits) const {
  const ControllerPlace& memory = layout_.place(Controller::kMemory);
  if (!limits.memory_bytes || memory.kind != Kind::kV2) return absl::OkStatus();
  return Annotate(MakeMemoryRoom(Executor(memory.mount, container_id),
                                 *limits.memory_bytes),
                  "memory limit");
}

absl::StatusOr<CgroupUsage> HostCgroups::Usage(
    const std::string& container_id) const {
  if (!Exists(TrackedExecutor(container_id))) {
    return absl::NotFoundError(
        absl::StrCat("usage: no cgroup of container ", container_id));
  }
  return ReadUsage(layout_, libcgroup_, RelativeExecutor(container_id));
}

absl::StatusOr<bool> HostCgroups::HasProcesses(
    const std::string& container_id) const {
  return holdfast::HasProcesses(TrackedExecutor(container_id));
}

absl::Status HostCgroups::Kill(const std::string& container_id) {
  const std::string tracked = TrackedExecutor(container_id);
  if (!Exists(tracked)) {
    return absl::NotFoundError(
        absl::StrCat("kill: no cgroup of container ", container_id));
  }
  return KillProcesses(tracked);
}

absl::Status HostCgroups::KillShim(const std::string& container_id) {
  const std::string shim =
      absl::StrCat(Container(layout_.tracking_mount, container_id), "/shim");
  if (!Exists(shim)) {
    return absl::NotFoundError(
        absl::StrCat("kill: no cgroup of container ", container_id, "'s shim"));
  }
  return SignalProcesses(shim, SIGKILL);
}

absl::StatusOr<std::string> HostCgroups::TrackedContainer(
    const std::string& container_id) const {
  HOLDFAST_RETURN_IF_ERROR(ValidateGroupName("container id", container_id));
  std::string group = Container(layout_.tracking_mount, container_id);
  if (Exists(group)) return group;
  return absl::NotFoundError(
      absl::StrCat("no cgroup of container ", container_id));
}

absl::Status HostCgroups::Freeze(const std::string& container_id) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string container,
                            TrackedContainer(container_id));
  return FreezeProcesses(container);
}

absl::Status HostCgroups::KillAll(const std::string& container_id) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string container,
                            TrackedContainer(container_id));
  return KillProcesses(container);
}

absl::Status HostCgroups::RemoveContainer(const std::string& container_id) {
  HOLDFAST_RETURN_IF_ERROR(ValidateGroupName("container id", container_id));
  // All hierarchies are looked at before any loses a group.
  for (const std::string& mount : layout_.Mounts()) {
    const std::string group = Container(mount, container_id);
    HOLDFAST_ASSIGN_OR_RETURN(const bool busy, holdfast::HasProcesses(group));
    if (busy) {
      return absl::FailedPreconditionError(absl::StrCat(
          "remove ", group, ": ", CountProcesses(group).value_or(0),
          " processes are in it"));
    }
  }
  for (const std::string& mount : layout_.Mounts()) {
    HOLDFAST_RETURN_IF_ERROR(RemoveGroups(Container(mount, container_id)));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> HostCgroups::Containers() const {
  std::set<std::string> ids;
  for (const std::string& mount : layout_.Mounts()) {
    const absl::StatusOr<std::vector<std::string>> names =
        ListGroups(Root(mount));
    if (absl::IsNotFound(names.status())) continue;
    HOLDFAST_RETURN_IF_ERROR(names.status());
    for (const std::string& name : *names) {
      // The root may be a slice that has units of systemd's in it, too.
      const std::string container = Container(mount, name);
      if (Exists(absl::StrCat(container, "/executor")) ||
          Exists(absl::StrCat(container, "/shim"))) {
        ids.insert(name);
      }
    }
  }
  return std::vector<std::string>(ids.begin(), ids.end());
}

// rmdir refuses what is not empty, so there is nothing to ask first.
void HostCgroups::RemoveRootIfEmpty() {
  for (const std::string& mount : layout_.Mounts()) {
    if (!IsSystemdUnit(root_)) rmdir(Root(mount).c_str());
  }
  for (auto group = made_.rbegin(); group != made_.rend(); ++group) {
    rmdir(group->c_str());
  }
}

}  // namespace holdfast
