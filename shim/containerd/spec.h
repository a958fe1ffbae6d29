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

// Whether `cgroups_path` is "SLICE:PREFIX:NAME", for a scope of systemd's; an
// empty SLICE is the default one.
bool IsSystemdsPath(absl::string_view cgroups_path);

// NotFound: there is no such file. InvalidArgument, naming the file and the
// byte: not JSON, or not a spec in what is read of it. ResourceExhausted: more
// than 16 MiB.
absl::StatusOr<Spec> ReadSpec(const std::string& path);
absl::StatusOr<Spec> ParseSpec(absl::string_view json);

// The process of an exec as the OCI runtime is to read it: `json`, with a
// terminal where its client said that it wants one, whatever stands there.
// InvalidArgument: not JSON (naming the byte), or not an object.
absl::StatusOr<std::string> ExecSpec(absl::string_view json, bool terminal);

}  // namespace holdfast::containerd
