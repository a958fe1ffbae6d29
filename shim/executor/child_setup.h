#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace holdfast::shim {

// The steps of a launch in their order. The first ones happen in the shim,
// the rest between clone and exec, in the child.
enum class LaunchStep : int32_t {
  kStdio,  // also in the child: dup2
  kReportPipe,
  kJoin,    // also in the child: the write
  kCgroup,  // also in the child, where clone3 cannot place it
  kClone,
  kSession,
  kSignals,
  kCloseFds,
  kOomScore,
  kLimit,
  kBoundingSet,
  kChdir,
  kGroups,
  kGid,
  kUid,
  kCapabilities,
  kNoNewPrivs,
  kExec,
};

// "chdir", "exec": kLaunchStepPayload's value and the first word of the text.
const char* StepName(LaunchStep step);

// What comes up the report pipe when a step did not succeed. `index` says
// which of its objects (join files, limits, candidates); -1: it has but one.
struct StepFailure {
  LaunchStep step;
  int32_t index;
  int32_t error_number;
};

// All that the child touches, made ready by the parent. Everything is
// borrowed and stays as it is until the child has its own program.
struct ChildSetup {
  struct Limit {
    int resource;
    rlimit value;
  };

  int report_fd;  // a pipe's end, O_CLOEXEC; above 2, as are:
  int stdin_fd;
  int stdout_fd;
  int stderr_fd;
  std::vector<int> join_fds;  // "0" is written to each
  int cgroup_procs_fd;        // likewise; -1: clone3 has placed the child
  std::vector<Limit> limits;
  const char* working_directory;  // null: stays where the shim is
  bool change_user;
  uid_t uid;
  gid_t gid;
  const std::vector<gid_t>* groups;
  bool root;                            // the executor will be uid 0
  std::vector<const char*> candidates;  // for exec, in order
  std::vector<char*> argv;              // ends with null
  std::vector<char*> environment;       // ends with null
};

// The child's whole life before its program. Only system calls: it may be the
// copy of a process whose other threads hold any lock. All signals are
// blocked when it is called.
[[noreturn]] void RunChild(const ChildSetup& setup);

}  // namespace holdfast::shim
