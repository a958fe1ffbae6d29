#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/files.h"
#include "base/unique_fd.h"
#include "cgroups/cgroups.h"
#include "plugin/checkpoint/layout.h"
#include "plugin/launch/bundle_maker.h"
#include "plugin/launch/launch_request.h"
#include "shim/bundle/executor_journal.h"

namespace holdfast {

// Makes what an executor needs and starts its shim:
//   cgroups and limits → directories, or one that was made ahead → journal
//   with the intent, durable → socket → shim, which gets the journal's lock
//   and one connection
// Every call may wait for a disk, and may be made from any thread.
class ContainerLauncher {
 public:
  struct Shim {
    pid_t pid;  // for people
    UniqueFd connection;
  };

  ContainerLauncher(Files& files, const Layout& layout, Cgroups& cgroups,
                    std::string shim_path)
      : files_(files),
        layout_(layout),
        cgroups_(cgroups),
        shim_path_(std::move(shim_path)),
        bundles_(files, layout, SparePool::kSize) {}

  // After an error nothing is left behind, and nothing was started.
  absl::StatusOr<Shim> Launch(const LaunchRequest& request);

  // A new shim for an executor whose shim has died; `journal` is given away
  // with its lock.
  absl::StatusOr<Shim> Restart(ExecutorJournal journal);

  // SIGKILL to the shim, found in its own cgroup. NotFound: there is none.
  absl::Status KillShim(const std::string& container_id) {
    return cgroups_.KillShim(container_id);
  }

  // Removes what a launch made outside the executor's directory: its cgroups
  // and runtime directory. FailedPrecondition: processes are left, after a
  // wait for a shim that is on its way out.
  absl::Status RemoveRuntime(const std::string& container_id);

  // The executor's directory too, moved out of sight first, so that a death
  // in between leaves nothing that looks like a damaged one.
  absl::Status RemoveAll(const std::string& container_id, bool checkpoint);

  // What its shim said last, for a person; empty: nothing.
  std::string LastShimLogLine(const std::string& container_id,
                              bool checkpoint) const;

  // Undoes a launch that nobody was told of: what it may have started is
  // killed, then as RemoveAll.
  absl::Status RollBack(const std::string& container_id, bool checkpoint);

  // Finishes removals that were interrupted, and removes the directories that
  // a former life made ahead; then they are made again, launch by launch.
  absl::Status RemoveLeftovers(bool checkpoint);

  // Before the plugin ends: removes what was made ahead.
  void RemoveSpares() { bundles_.spares().Close(); }

 private:
  std::string ShimLog(const std::string& container_id, bool checkpoint) const;
  absl::StatusOr<Shim> MakeAndStart(const LaunchRequest& request);
  absl::StatusOr<Shim> Spawn(ExecutorJournal journal,
                             const std::string& shim_procs_file);

  Files& files_;
  const Layout layout_;
  Cgroups& cgroups_;
  const std::string shim_path_;
  BundleMaker bundles_;
};

}  // namespace holdfast
