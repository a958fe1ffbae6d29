#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/any.pb.h"

namespace holdfast::containerd {

// What a task is to be made with, from whatever family of options its client
// knows: containerd.runc.v1.Options, containerd.linux.runc.RuncOptions and
// CreateOptions (of 1.6), runtimeoptions.v1.Options (of CRI, for any runtime:
// its own text, TOML with the names of runc's options), or none.
struct TaskOptions {
  std::string binary;  // the OCI runtime; empty: ours to choose
  std::string root;    // where it keeps its state; empty: the usual
  bool systemd_cgroup = false;
  bool no_pivot_root = false;
  bool no_new_keyring = false;
  std::string shim_cgroup;
  uid_t io_uid = 0;
  gid_t io_gid = 0;
  std::string criu_image_path;
  std::string criu_work_path;
  std::vector<std::string> criu_flags;
};

struct CheckpointOptions {
  bool exit = false;
  std::string image_path;
  std::string work_path;
  std::string parent_path;
  std::vector<std::string> criu_flags;
};

// InvalidArgument: of a type that we do not know, or not of the type that it
// says; it names it.
absl::StatusOr<TaskOptions> ParseTaskOptions(const google::protobuf::Any& any);
absl::StatusOr<CheckpointOptions> ParseCheckpointOptions(
    const google::protobuf::Any& any);

}  // namespace holdfast::containerd
