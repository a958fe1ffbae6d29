#pragma once

#include <cstdint>

#include "api/types.pb.h"

namespace holdfast {

// What an agent on such a host offers, as Mesos reckons: all processors; of
// the memory all but 1 GiB, or half of it where that is less than 2 GiB. Added
// to `info` (role "*") where it has no cpus or no mem of any role.
void AddHostResources(long processors, uint64_t memory_bytes,
                      v1::AgentInfo* info);

// The same of this host. Whether anything was added.
bool DetectResources(v1::AgentInfo* info);

}  // namespace holdfast
