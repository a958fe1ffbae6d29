#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/event_loop.h"

namespace holdfast::shim {

// All processes of one executor, wherever they forked to: its v2 cgroup, or
// where v2 is not usable its v1 freezer group. Plain file reads and writes:
// the shim does not link libcgroup.
class ProcessGroup {
 public:
  // `cgroup_directory` (v2) or `freezer_directory` (v1); one may be empty, not
  // both. NotFound: no such group.
  static absl::StatusOr<ProcessGroup> Open(std::string cgroup_directory,
                                           std::string freezer_directory);

  // The group that a former shim used, and that had this `cgroup_id` (0:
  // unknown). It may be gone, and another may have its name: then it is empty,
  // since one with processes cannot be removed, and there is nothing to kill.
  static absl::StatusOr<ProcessGroup> OpenFormer(std::string cgroup_directory,
                                                 std::string freezer_directory,
                                                 uint64_t cgroup_id);

  // Sends `signal` to each process in the group, each held by a pidfd that was
  // checked against the group after it was opened; none is ever signalled by
  // number. Processes that fork meanwhile may be missed: use KillAll to end.
  absl::Status SignalAll(int signal) const;

  // SIGKILLs all, those that are forking too: cgroup.kill, or freeze, kill,
  // thaw. Returns at once; the group is empty a little later.
  absl::Status KillAll() const;

  // Whether a process that is not a zombie is in the group.
  absl::StatusOr<bool> IsEmpty() const;

  // Whether `pid` is in the group or in one below it; a zombie is in none.
  absl::StatusOr<bool> Contains(pid_t pid) const;

  // KillAll, again where it must be, until IsEmpty; `done` comes from the
  // loop. DeadlineExceeded after `timeout`: processes in uninterruptible sleep
  // remain (their number is in the message).
  void KillUntilEmpty(EventLoop& loop, absl::Duration timeout,
                      std::function<void(absl::Status)> done) const;

  // Removes the group and the groups below it that the executor made; it must
  // be empty. OK when it is gone already.
  absl::Status Remove() const;

  // The inode of the v2 directory: the group's identity; 0 without v2.
  uint64_t cgroup_id() const { return cgroup_id_; }

 private:
  ProcessGroup(std::string cgroup, std::string freezer, uint64_t cgroup_id);

  bool is_gone() const { return directory().empty(); }
  const std::string& directory() const {
    return cgroup_.empty() ? freezer_ : cgroup_;
  }

  std::string cgroup_;
  std::string freezer_;
  uint64_t cgroup_id_ = 0;
};

// The times the kernel's OOM killer struck in a group: the line "oom_kill N"
// of v2 memory.events or v1 memory.oom_control. 0 when `path` is empty or
// cannot be read.
uint64_t ReadOomKills(const std::string& path);

}  // namespace holdfast::shim
