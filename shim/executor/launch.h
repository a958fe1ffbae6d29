#pragma once

#include <sys/types.h>

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
  // Paths tried in order for argv[0]; as execvp(3): ENOENT and ENOTDIR go on
  // to the next, EACCES is remembered.
  std::vector<std::string> search_path;
  std::string working_directory;
  bool change_user = false;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  std::vector<Limit> limits;
  int stdout_fd = -1;  // borrowed; O_CLOEXEC, duplicated onto 1 and 2
  int stderr_fd = -1;
};

// Starts the executor: clone3 into `cgroup_directory` (or joined through
// `join_files` where there is no v2), session of its own, stdin from
// /dev/null, default signal dispositions and empty mask, umask 022, limits,
// user, no capabilities beyond the user's, no_new_privs, working directory,
// exec. Returns once the new program's first instruction is certain.
//
// An error of a step before that carries the step, its object and errno
// ("chdir /nowhere: No such file or directory"), with the payload
// kLaunchStepPayload naming the step alone; the child is reaped, nothing is
// left. NotFound from step "exec": no such command; PermissionDenied from
// "exec": not executable.
absl::StatusOr<Pidfd> Launch(const LaunchPlan& plan);

inline constexpr char kLaunchStepPayload[] = "holdfast/launch-step";

}  // namespace holdfast::shim
