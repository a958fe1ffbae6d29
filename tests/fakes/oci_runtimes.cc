#include "tests/fakes/oci_runtimes.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/files.h"

namespace holdfast {

std::string FindTestRuntime(const std::string& name) {
  const char* const path = getenv("PATH");
  const std::string directories =
      absl::StrCat(HOLDFAST_PEERS, "/bin:", path != nullptr ? path : "");
  for (const auto& directory : absl::StrSplit(directories, ':')) {
    std::string candidate = absl::StrCat(directory, "/", name);
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return "";
}

bool HideUnifiedTreeFromCrun() {
  constexpr char kUnified[] = "/sys/fs/cgroup/unified";
  const absl::StatusOr<std::string> controllers =
      ReadSmallFile(absl::StrCat(kUnified, "/cgroup.controllers"));
  if (!controllers.ok() ||
      controllers->find_first_not_of(" \n") == std::string::npos) {
    return true;
  }
  // What is beneath it is shared with the host: crun would write there.
  return unshare(CLONE_NEWNS) == 0 &&
         mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         umount2(kUnified, MNT_DETACH) == 0 &&
         mount("tmpfs", kUnified, "tmpfs", 0, nullptr) == 0;
}

}  // namespace holdfast
