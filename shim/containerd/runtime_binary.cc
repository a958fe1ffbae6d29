#include "shim/containerd/runtime_binary.h"

#include "absl/strings/str_cat.h"
#include "shim/containerd/oci_runtime.h"
#include "shim/containerd/spawn.h"

namespace holdfast::containerd {
namespace {

// Where runc and what behaves as it keep their state, as the stock shims have
// it.
constexpr char kUsualRoot[] = "/run/containerd/runc";

}  // namespace

absl::StatusOr<std::string> RuntimeBinary(const TaskOptions& options) {
  if (!options.binary.empty()) return options.binary;
  return FindOciRuntime(SearchPath());
}

std::string RuntimeRoot(const TaskOptions& options,
                        absl::string_view name_space) {
  return absl::StrCat(options.root.empty() ? kUsualRoot : options.root, "/",
                      name_space);
}

}  // namespace holdfast::containerd
