#include "shim/containerd/task_options.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "api/containerd/linux_options.pb.h"
#include "api/containerd/runc_options.pb.h"
#include "api/containerd/runtime_options.pb.h"
#include "base/errors.h"
#include "base/files.h"
#include "shim/containerd/options_text.h"

namespace holdfast::containerd {
namespace {

// Clients write it with and without what stands before the last slash.
absl::string_view TypeOf(const google::protobuf::Any& any) {
  absl::string_view url = any.type_url();
  return url.substr(url.rfind('/') + 1);  // npos + 1 is 0
}

template <typename Message>
absl::StatusOr<Message> Unpack(const google::protobuf::Any& any) {
  Message message;
  if (message.ParseFromString(any.value())) return message;
  return absl::InvalidArgumentError(
      absl::StrCat("options: not a valid ", TypeOf(any)));
}

absl::Status UnknownType(const google::protobuf::Any& any) {
  return absl::InvalidArgumentError(
      absl::StrCat("options of type \"", any.type_url(),
                   "\": those of runc and runtimeoptions.v1 are known"));
}

// What both families have, under the same names.
template <typename Options>
std::vector<std::string> CriuFlags(const Options& options) {
  std::vector<std::string> flags;
  if (options.open_tcp()) flags.push_back("--tcp-established");
  if (options.external_unix_sockets()) flags.push_back("--ext-unix-sk");
  if (options.terminal()) flags.push_back("--shell-job");
  if (options.file_locks()) flags.push_back("--file-locks");
  for (const std::string& each : options.empty_namespaces()) {
    flags.push_back("--empty-ns=" + each);
  }
  if (!options.cgroups_mode().empty()) {
    flags.push_back("--manage-cgroups-mode=" + options.cgroups_mode());
  }
  return flags;
}

TaskOptions FromRunc(const ::containerd::runc::v1::Options& options) {
  TaskOptions result;
  result.binary = options.binary_name();
  result.root = options.root();
  result.systemd_cgroup = options.systemd_cgroup();
  result.no_pivot_root = options.no_pivot_root();
  result.no_new_keyring = options.no_new_keyring();
  result.shim_cgroup = options.shim_cgroup();
  result.io_uid = options.io_uid();
  result.io_gid = options.io_gid();
  result.criu_image_path = options.criu_image_path();
  result.criu_work_path = options.criu_work_path();
  return result;
}

TaskOptions FromCreate(
    const ::containerd::linux::runc::CreateOptions& options) {
  TaskOptions result;
  result.no_pivot_root = options.no_pivot_root();
  result.no_new_keyring = options.no_new_keyring();
  result.shim_cgroup = options.shim_cgroup();
  result.io_uid = options.io_uid();
  result.io_gid = options.io_gid();
  result.criu_image_path = options.criu_image_path();
  result.criu_work_path = options.criu_work_path();
  result.criu_flags = CriuFlags(options);
  return result;
}

TaskOptions FromRuntime(const ::containerd::linux::runc::RuncOptions& options) {
  TaskOptions result;
  result.binary = options.runtime();
  result.root = options.runtime_root();
  result.systemd_cgroup = options.systemd_cgroup();
  return result;
}

absl::StatusOr<TaskOptions> FromText(
    const ::runtimeoptions::v1::Options& options) {
  if (!options.config_body().empty() || options.config_path().empty()) {
    return ParseOptionsText(options.config_body());
  }
  HOLDFAST_ASSIGN_OR_RETURN(const std::string text,
                            ReadSmallFile(options.config_path()));
  absl::StatusOr<TaskOptions> parsed = ParseOptionsText(text);
  if (!parsed.ok()) return Annotate(parsed.status(), options.config_path());
  return parsed;
}

template <typename Options>
absl::StatusOr<CheckpointOptions> FromCheckpoint(
    const google::protobuf::Any& any) {
  HOLDFAST_ASSIGN_OR_RETURN(const Options options, Unpack<Options>(any));
  CheckpointOptions result;
  result.exit = options.exit();
  result.image_path = options.image_path();
  result.work_path = options.work_path();
  result.criu_flags = CriuFlags(options);
  if constexpr (requires { options.parent_path(); }) {
    result.parent_path = options.parent_path();
  }
  return result;
}

}  // namespace

absl::StatusOr<TaskOptions> ParseTaskOptions(const google::protobuf::Any& any) {
  const absl::string_view type = TypeOf(any);
  if (type.empty()) return TaskOptions();
  if (type == "containerd.runc.v1.Options") {
    HOLDFAST_ASSIGN_OR_RETURN(const auto options,
                              Unpack<::containerd::runc::v1::Options>(any));
    return FromRunc(options);
  }
  if (type == "containerd.linux.runc.CreateOptions") {
    HOLDFAST_ASSIGN_OR_RETURN(
        const auto options,
        Unpack<::containerd::linux::runc::CreateOptions>(any));
    return FromCreate(options);
  }
  if (type == "containerd.linux.runc.RuncOptions") {
    HOLDFAST_ASSIGN_OR_RETURN(
        const auto options,
        Unpack<::containerd::linux::runc::RuncOptions>(any));
    return FromRuntime(options);
  }
  if (type == "runtimeoptions.v1.Options") {
    HOLDFAST_ASSIGN_OR_RETURN(const auto options,
                              Unpack<::runtimeoptions::v1::Options>(any));
    return FromText(options);
  }
  return UnknownType(any);
}

absl::StatusOr<CheckpointOptions> ParseCheckpointOptions(
    const google::protobuf::Any& any) {
  const absl::string_view type = TypeOf(any);
  if (type.empty()) return CheckpointOptions();
  if (type == "containerd.runc.v1.CheckpointOptions") {
    return FromCheckpoint<::containerd::runc::v1::CheckpointOptions>(any);
  }
  if (type == "containerd.linux.runc.CheckpointOptions") {
    return FromCheckpoint<::containerd::linux::runc::CheckpointOptions>(any);
  }
  return UnknownType(any);
}

}  // namespace holdfast::containerd
