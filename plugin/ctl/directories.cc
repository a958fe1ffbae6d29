#include "plugin/ctl/directories.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "base/errors.h"

namespace holdfast::ctl {
namespace {

void Default(std::string& value, const char* variable, const char* otherwise) {
  if (!value.empty()) return;
  const char* set = getenv(variable);
  value = set != nullptr && *set != '\0' ? set : otherwise;
}

}  // namespace

void Directories::AddOptions(OptionParser& parser) {
  parser.AddText(0, "work_dir", &work_dir);
  parser.AddText(0, "runtime_dir", &runtime_dir);
  parser.AddText(0, "cgroups_root", &cgroups_root);
}

absl::StatusOr<Layout> Directories::Resolve() {
  Default(work_dir, "HOLDFAST_WORK_DIR", "/var/lib/holdfast");
  Default(runtime_dir, "HOLDFAST_RUNTIME_DIR", "/run/holdfast");
  Default(cgroups_root, "HOLDFAST_CGROUPS_ROOT", "holdfast");
  char real[PATH_MAX];
  if (realpath(work_dir.c_str(), real) == nullptr) {
    return ErrnoStatus(errno, "--work_dir", work_dir);
  }
  work_dir = real;
  // After a reboot there may be none.
  if (realpath(runtime_dir.c_str(), real) != nullptr) runtime_dir = real;
  return Layout{work_dir, runtime_dir};
}

}  // namespace holdfast::ctl
