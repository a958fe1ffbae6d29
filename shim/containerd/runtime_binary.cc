#include "shim/containerd/runtime_binary.h"

#include <stdlib.h>

#include "shim/containerd/oci_runtime.h"

namespace holdfast::containerd {

absl::StatusOr<std::string> RuntimeBinary(const TaskOptions& options) {
  if (!options.binary.empty()) return options.binary;
  const char* path = getenv("PATH");
  return FindOciRuntime(path != nullptr ? path : "/usr/sbin:/usr/bin");
}

}  // namespace holdfast::containerd
