#include "tests/containerd/task_client.h"

#include "absl/strings/str_cat.h"

namespace holdfast::containerd {

TaskClient::TaskClient(TtrpcCaller& caller, int version)
    : caller_(caller),
      service_(absl::StrCat("containerd.task.v", version, ".Task")) {}

}  // namespace holdfast::containerd
