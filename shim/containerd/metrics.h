#pragma once

#include "api/containerd/metrics_v1.pb.h"
#include "api/containerd/metrics_v2.pb.h"
#include "google/protobuf/any.pb.h"
#include "shim/containerd/container_cgroups.h"

namespace holdfast::containerd {

// What Stats answers, as containerd's clients read it: an Any of
// io.containerd.cgroups.v1.Metrics where there are v1 controllers, else of
// v2's. A file that is not there leaves its numbers unset: the host has it
// not, or the container is over and its groups are gone.
google::protobuf::Any ReadMetrics(const ContainerCgroups& groups);

io::containerd::cgroups::v1::Metrics ReadMetricsV1(
    const ContainerCgroups& groups);
io::containerd::cgroups::v2::Metrics ReadMetricsV2(
    const ContainerCgroups& groups);

}  // namespace holdfast::containerd
