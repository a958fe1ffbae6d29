#include "base/files.h"
#include "shim/containerd/oci_runtime.h"
#include "shim/containerd/spawn.h"

namespace holdfast::containerd {
namespace {

// "cgroups in hybrid mode not supported, drop all controllers from cgroupv2":
// crun makes no container there, whatever it is asked for.
bool CrunRefusesThisHost() {
  const absl::StatusOr<std::string> controllers =
      ReadSmallFile("/sys/fs/cgroup/unified/cgroup.controllers");
  return controllers.ok() &&
         controllers->find_first_not_of(" \n") != std::string::npos;
}

}  // namespace

absl::StatusOr<std::string> FindOciRuntime(const std::string& path) {
  absl::StatusOr<std::string> crun = FindProgram("crun", path);
  if (crun.ok() && !CrunRefusesThisHost()) return crun;
  absl::StatusOr<std::string> runc = FindProgram("runc", path);
  if (runc.ok()) return runc;
  if (crun.ok()) return crun;
  return absl::NotFoundError(
      "exec: neither \"crun\" nor \"runc\" found in $PATH");
}

}  // namespace holdfast::containerd
