#pragma once

#include <string>

#include "base/files.h"
#include "plugin/checkpoint/layout.h"

namespace holdfast {

// What executors' journals say of the agent that launched them, read before
// there is an agent; nothing is changed.

// Whose they are: the id in the newest intent; empty: there is none.
std::string AgentIdOfExecutors(Files& files, const Layout& layout);

// Whether an executor of it may live: one whose journal holds no end and is of
// this boot. One that cannot be read counts: nobody knows.
bool MayAnyExecutorLive(Files& files, const Layout& layout,
                        const std::string& boot_id);

// Whether there is anything to recover: the agent's record, or an executor.
bool HasCheckpoint(Files& files, const Layout& layout);

}  // namespace holdfast
