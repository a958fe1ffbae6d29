#include "shim/containerd/bootstrap.h"

#include "api/containerd/bootstrap.pb.h"
#include "base/errors.h"
#include "google/protobuf/any.pb.h"

namespace holdfast::containerd {

absl::StatusOr<StartInput> ParseStartInput(const Invocation& invocation,
                                           const std::string& bytes) {
  StartInput input;
  ::containerd::runtime::bootstrap::v1::BootstrapParams params;
  if (params.ParseFromString(bytes) && params.instance_id() == invocation.id &&
      params.namespace_() == invocation.name_space) {
    input.events_address = params.ttrpc_address();
    for (const auto& extension : params.extensions()) {
      // Others than the options may be there.
      auto options = ParseTaskOptions(extension.value());
      if (options.ok()) input.options = *std::move(options);
    }
    return input;
  }
  google::protobuf::Any options;
  if (!options.ParseFromString(bytes)) {
    return absl::InvalidArgumentError(
        "stdin: neither options of a task nor BootstrapParams");
  }
  HOLDFAST_ASSIGN_OR_RETURN(input.options, ParseTaskOptions(options));
  return input;
}

}  // namespace holdfast::containerd
