#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/files.h"
#include "shim/bundle/executor_facts.h"

namespace holdfast::ctl {

// A task that a containerd of this host made through a shim of ours, as it was
// found: its journal is the authority over it, and /proc says what of it lives.
struct FoundTask {
  std::string directory;  // of its journal and its spools
  std::string agent;      // "containerd:" and the daemon's address
  std::string name_space;
  std::string id;
  // Those of its one task. NotFound, DataLoss, FailedPrecondition: the journal
  // is gone, damaged or written by a newer version.
  absl::StatusOr<ExecutorFacts> facts = absl::UnknownError("not read");
  int shim_pid = 0;    // of the shim that has the journal; 0: none lives
  bool lives = false;  // the container's init

  // What picks it among all: "NAMESPACE/ID", with "AGENT/" before that.
  std::string ShortName() const;
  std::string FullName() const;
};

struct FoundTasks {
  std::vector<FoundTask> tasks;  // by agent, namespace and start
  absl::Status status;  // of the first directory that could not be listed
};

// Looks at <work_dir>/containerd/<daemon>/<namespace>/<id>/journal of all,
// changing nothing and waiting for nobody; a work_dir without any has none.
// `work_dir` has no symbolic links in it.
FoundTasks FindTasks(Files& files, const std::string& work_dir);

}  // namespace holdfast::ctl
