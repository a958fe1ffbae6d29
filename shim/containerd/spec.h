#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace holdfast::containerd {

// What a shim has to know of a bundle's config.json; the rest of it is between
// containerd and the OCI runtime.
struct Spec {
  std::map<std::string, std::string> annotations;
  std::string cgroups_path;
  // Its processes end with its init, by the kernel.
  bool has_own_pid_namespace = false;
};

// NotFound: there is no such file. InvalidArgument, naming the file and the
// byte: not JSON, or not a spec in what is read of it. ResourceExhausted: more
// than 16 MiB.
absl::StatusOr<Spec> ReadSpec(const std::string& path);
absl::StatusOr<Spec> ParseSpec(absl::string_view json);

// InvalidArgument, naming the byte: it is no JSON.
absl::Status CheckJson(absl::string_view json);

}  // namespace holdfast::containerd
