#include "shim/containerd/info.h"

#include "api/containerd/bootstrap.pb.h"
#include "base/errors.h"
#include "base/version.h"
#include "google/protobuf/any.pb.h"
#include "shim/containerd/oci_runtime.h"
#include "shim/containerd/runtime_binary.h"
#include "shim/containerd/task_options.h"

namespace holdfast::containerd {
namespace {

constexpr char kFeatures[] =
    "types.containerd.io/opencontainers/runtime-spec/1/features/Features";
constexpr absl::Duration kFeaturesTimeout = absl::Seconds(5);

}  // namespace

absl::StatusOr<std::string> DescribeRuntime(const std::string& input) {
  ::containerd::runtime::bootstrap::v1::RuntimeInfo info;
  info.set_name("io.containerd.holdfast.v2");
  info.mutable_version()->set_version(kVersion);
  google::protobuf::Any options;
  if (!options.ParseFromString(input)) {
    return absl::InvalidArgumentError("stdin: not options of a runtime");
  }
  if (!options.type_url().empty()) *info.mutable_options() = options;
  HOLDFAST_ASSIGN_OR_RETURN(const TaskOptions parsed,
                            ParseTaskOptions(options));
  OciRuntime::Options runtime;
  HOLDFAST_ASSIGN_OR_RETURN(runtime.binary, RuntimeBinary(parsed));
  // One that is too old to tell has none that matter here.
  if (auto features =
          OciRuntime::RunToEnd(runtime, {"features"}, kFeaturesTimeout);
      features.ok()) {
    info.mutable_features()->set_type_url(kFeatures);
    info.mutable_features()->set_value(*std::move(features));
  }
  return info.SerializeAsString();
}

}  // namespace holdfast::containerd
