#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/pidfd.h"
#include "base/unique_fd.h"

namespace holdfast::shim {

// Everything a launch needs, resolved: names are numbers, nothing is looked
// up (a static program has no NSS).
struct LaunchPlan {
  struct Limit {
    int resource;  // RLIMIT_*
    uint64_t soft;
    uint64_t hard;
  };

  std::vector<std::string> join_files;  // "0" is written to each: v1 groups
  std::string cgroup_directory;         // v2; empty: none
  std::vector<std::string> argv;
  std::vector<std::string> environment;  // "NAME=value"
  // The files tried in order for argv[0]; as execvp(3): ENOENT and ENOTDIR go
  // on to the next, EACCES is remembered. Empty: argv[0] itself.
  std::vector<std::string> search_path;
  // Entered with the shim's rights, since what leads to a sandbox may be
  // closed to the user; where those are refused (root on NFS), the user's.
  std::string working_directory;
  bool change_user = false;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  std::vector<Limit> limits;
  int stdout_fd = -1;  // borrowed, duplicated onto 1 and 2; -1: /dev/null
  int stderr_fd = -1;
};

// Starts the executor: clone3 into `cgroup_directory` (or joined through
// `join_files` where there is no v2), session of its own, stdin from
// /dev/null, default signal dispositions and empty mask, umask 022, limits,
// user, capabilities (capabilities.h), no_new_privs, oom_score_adj 0, working
// directory, exec. Returns once the new program's first instruction is
// certain, or the child was killed before it: the caller's waitid tells.
//
// An error of a step before that carries the step, its object and errno
// ("chdir /nowhere: No such file or directory"), with the payload
// kLaunchStepPayload naming the step alone; the child is reaped, nothing is
// left. NotFound from step "exec": no such command; PermissionDenied from
// "exec": not executable.
absl::StatusOr<Pidfd> Launch(const LaunchPlan& plan);

inline constexpr char kLaunchStepPayload[] = "holdfast/launch-step";

}  // namespace holdfast::shim
