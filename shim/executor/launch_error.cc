#include "shim/executor/launch_error.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/errors.h"

namespace holdfast::shim {
namespace {

absl::Status MakeError(LaunchStep step, absl::StatusCode code,
                       absl::string_view object, absl::string_view text) {
  absl::Status status(code,
                      absl::StrCat(StepName(step), " ", object, ": ", text));
  status.SetPayload(kLaunchStepPayload, absl::Cord(StepName(step)));
  return status;
}

std::string ResourceName(int resource) {
  switch (resource) {
    case RLIMIT_AS:
      return "AS";
    case RLIMIT_CORE:
      return "CORE";
    case RLIMIT_CPU:
      return "CPU";
    case RLIMIT_DATA:
      return "DATA";
    case RLIMIT_FSIZE:
      return "FSIZE";
    case RLIMIT_MEMLOCK:
      return "MEMLOCK";
    case RLIMIT_NOFILE:
      return "NOFILE";
    case RLIMIT_NPROC:
      return "NPROC";
    case RLIMIT_RSS:
      return "RSS";
    case RLIMIT_STACK:
      return "STACK";
    default:
      return absl::StrCat("number ", resource);
  }
}

std::string User(const LaunchPlan& plan) {
  if (!plan.change_user) return "of the shim's user";
  return absl::StrCat("of uid ", plan.uid);
}

std::string ObjectOf(const LaunchPlan& plan, const StepFailure& failure) {
  const size_t index = static_cast<size_t>(failure.index);
  switch (failure.step) {
    case LaunchStep::kJoin:
      return plan.join_files[index];
    case LaunchStep::kCgroup:
      return absl::StrCat(plan.cgroup_directory, "/cgroup.procs");
    case LaunchStep::kLimit:
      return ResourceName(plan.limits[index].resource);
    case LaunchStep::kChdir:
      return plan.working_directory;
    case LaunchStep::kGroups:
      return absl::StrJoin(plan.groups, ",");
    case LaunchStep::kGid:
      return absl::StrCat(plan.gid);
    case LaunchStep::kUid:
      return absl::StrCat(plan.uid);
    case LaunchStep::kBoundingSet:
    case LaunchStep::kCapabilities:
    case LaunchStep::kNoNewPrivs:
      return User(plan);
    case LaunchStep::kExec:
      return failure.index >= 0 && !plan.search_path.empty()
                 ? plan.search_path[index]
                 : plan.argv.front();
    case LaunchStep::kStdio:
    case LaunchStep::kReportPipe:
    case LaunchStep::kClone:
    case LaunchStep::kSession:
    case LaunchStep::kSignals:
    case LaunchStep::kCloseFds:
    case LaunchStep::kOomScore:
      return "in the child";
  }
  return "?";
}

// The kernel's ENOENT is also for an interpreter or loader that is missing.
bool IsThereAllTheSame(const LaunchPlan& plan) {
  if (plan.search_path.empty()) {
    const std::string& path = plan.argv.front();
    return !path.empty() && path.front() == '/' &&
           access(path.c_str(), F_OK) == 0;
  }
  for (const std::string& path : plan.search_path) {
    if (access(path.c_str(), F_OK) == 0) return true;
  }
  return false;
}

absl::Status ExecError(const LaunchPlan& plan, const StepFailure& failure) {
  const std::string object = ObjectOf(plan, failure);
  std::string text = strerrordesc_np(failure.error_number);
  absl::StatusCode code = ErrnoToCode(failure.error_number);
  switch (failure.error_number) {
    case ENOEXEC:
      text += " (neither a program for this machine nor a script with \"#!\")";
      break;
    case ENOENT:
      if (IsThereAllTheSame(plan)) {
        text += " (it is there; the interpreter that it names is not)";
      }
      break;
    case ENOTDIR:
      code = absl::StatusCode::kNotFound;
      break;
  }
  return MakeError(LaunchStep::kExec, code, object, text);
}

}  // namespace

absl::Status LaunchError(LaunchStep step, absl::string_view object,
                         int error_number) {
  return MakeError(step, ErrnoToCode(error_number), object,
                   strerrordesc_np(error_number));
}

absl::Status LaunchError(const LaunchPlan& plan, const StepFailure& failure) {
  if (failure.step == LaunchStep::kExec) return ExecError(plan, failure);
  return LaunchError(failure.step, ObjectOf(plan, failure),
                     failure.error_number);
}

}  // namespace holdfast::shim
