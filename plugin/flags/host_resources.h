#pragma once

#include <cstdint>

#include "api/types.pb.h"

namespace holdfast {

// What an agent on such a host offers, as Mesos reckons: all processors; of
// the memory all but 1 GiB, or half of it where that is less than 2 GiB. Only
// what `given` has nothing of, of any role: nobody said anything of it.
v1::AgentInfo HostResources(long processors, uint64_t memory_bytes,
                            const v1::AgentInfo& given);

// The same of this host.
v1::AgentInfo DetectResources(const v1::AgentInfo& given);

}  // namespace holdfast
