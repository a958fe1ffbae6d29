#include "shim/executor/process_group.h"

#include <errno.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/files.h"
#include "cgroups/group_kill.h"
#include "cgroups/group_tree.h"
#include "cgroups/keyed_file.h"

namespace holdfast::shim {
namespace {

constexpr absl::Duration kFirstInterval = absl::Milliseconds(1);
constexpr absl::Duration kLongestInterval = absl::Milliseconds(50);

// One KillUntilEmpty; its timer's callback keeps it alive.
class Killing : public std::enable_shared_from_this<Killing> {
 public:
  Killing(EventLoop& loop, ProcessGroup group, std::string directory,
          absl::Duration timeout, std::function<void(absl::Status)> done)
      : loop_(loop),
        group_(std::move(group)),
        directory_(std::move(directory)),
        timeout_(timeout),
        done_(std::move(done)) {}

  void Step() {
    const absl::StatusOr<bool> empty = group_.IsEmpty();
    if (!empty.ok()) return done_(empty.status());
    if (*empty) return done_(absl::OkStatus());
    if (waited_ >= timeout_) return done_(WhatRemains());
    // What forked while it was killed is killed now. An error that lasts is
    // told in the end, when time has not helped either.
    killed_ = group_.KillAll();
    const absl::Duration interval = std::min(interval_, timeout_ - waited_);
    waited_ += interval;
    interval_ = std::min(interval_ * 2, kLongestInterval);
    loop_.After(interval, [self = shared_from_this()] { self->Step(); });
  }

 private:
  absl::Status WhatRemains() const {
    return absl::DeadlineExceededError(absl::StrCat(
        "kill ", directory_, ": ", CountProcesses(directory_).value_or(0),
        " processes remain after ", absl::FormatDuration(timeout_),
        killed_.ok() ? "" : ": ", killed_.message()));
  }

  EventLoop& loop_;
  const ProcessGroup group_;
  const std::string directory_;
  const absl::Duration timeout_;
  const std::function<void(absl::Status)> done_;
  absl::Duration waited_ = absl::ZeroDuration();
  absl::Duration interval_ = kFirstInterval;
  absl::Status killed_;
};

}  // namespace

absl::StatusOr<ProcessGroup> ProcessGroup::Open(std::string cgroup_directory,
                                                std::string freezer_directory) {
  if (cgroup_directory.empty() && freezer_directory.empty()) {
    return absl::InvalidArgumentError("process group: no directory is named");
  }
  const std::string& directory =
      cgroup_directory.empty() ? freezer_directory : cgroup_directory;
  struct stat info;
  if (stat(directory.c_str(), &info) != 0) {
    return ErrnoStatus(errno, "stat", directory);
  }
  const uint64_t cgroup_id = cgroup_directory.empty() ? 0 : info.st_ino;
  return ProcessGroup(std::move(cgroup_directory), std::move(freezer_directory),
                      cgroup_id);
}

absl::StatusOr<ProcessGroup> ProcessGroup::OpenFormer(
    std::string cgroup_directory, std::string freezer_directory,
    uint64_t cgroup_id) {
  absl::StatusOr<ProcessGroup> group =
      Open(std::move(cgroup_directory), std::move(freezer_directory));
  if (!group.ok() && !absl::IsNotFound(group.status())) return group;
  if (group.ok() && (cgroup_id == 0 || cgroup_id == group->cgroup_id())) {
    return group;
  }
  return ProcessGroup("", "", 0);
}

ProcessGroup::ProcessGroup(std::string cgroup, std::string freezer,
                           uint64_t cgroup_id)
    : cgroup_(std::move(cgroup)),
      freezer_(std::move(freezer)),
      cgroup_id_(cgroup_id) {}

absl::Status ProcessGroup::SignalAll(int signal) const {
  if (is_gone()) return absl::OkStatus();
  return SignalProcesses(directory(), signal);
}

absl::Status ProcessGroup::KillAll() const {
  if (is_gone()) return absl::OkStatus();
  return KillProcesses(directory());
}

absl::StatusOr<bool> ProcessGroup::IsEmpty() const {
  if (is_gone()) return true;
  HOLDFAST_ASSIGN_OR_RETURN(const bool busy, HasProcesses(directory()));
  return !busy;
}

absl::StatusOr<bool> ProcessGroup::Contains(pid_t pid) const {
  if (is_gone()) return false;
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<std::string> groups,
                            ReadGroups(directory()));
  for (const std::string& group : groups) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::vector<pid_t> pids, ReadPids(group));
    if (std::find(pids.begin(), pids.end(), pid) != pids.end()) return true;
  }
  return false;
}

void ProcessGroup::KillUntilEmpty(
    EventLoop& loop, absl::Duration timeout,
    std::function<void(absl::Status)> done) const {
  auto killing = std::make_shared<Killing>(loop, *this, directory(), timeout,
                                           std::move(done));
  loop.Post([killing] { killing->Step(); });
}

absl::Status ProcessGroup::Remove() const {
  return is_gone() ? absl::OkStatus() : RemoveGroups(directory());
}

uint64_t ReadOomKills(const std::string& path) {
  if (path.empty()) return 0;
  const absl::StatusOr<std::string> content = ReadSmallFile(path);
  if (!content.ok()) return 0;
  return FindKeyed(*content, "oom_kill").value_or(0);
}

}  // namespace holdfast::shim
