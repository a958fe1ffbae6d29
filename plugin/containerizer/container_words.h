#pragma once

#include <string>

#include "absl/status/status.h"
#include "api/containerizer.pb.h"
#include "cgroups/cgroups.h"
#include "shim/bundle/executor_facts.h"

// Between the words of an owner (api/containerizer.proto) and those of the
// agent, for which a container is a command task. Pure.
namespace holdfast {

// The task that a container is; its id is the container's.
v1::TaskInfo TaskOf(const std::string& container_id,
                    const v1::ContainerConfig& config);

// What a newer owner asks for and this build does not know, for a person: a
// field that it would leave out silently. Empty: nothing.
std::string WhatIsNotSupported(const v1::ContainerConfig& config);

void FillUsage(const CgroupUsage& usage, v1::ContainerUsageResponse& response);

// From a terminal status.
v1::ContainerTermination TerminationOf(const v1::TaskStatus& status);

// `facts`: of the executor of this container. `attached`: its shim answers.
v1::RecoverResponse::State StateOf(const ExecutorFacts& facts, bool attached);

// Its end; null: it has not ended. Valid until the next Apply.
const v1::TaskStatus* FindEnd(const ExecutorFacts& facts);

// Of its first process, also once it is gone; 0: never started.
int PidOf(const ExecutorFacts& facts);

// `status` of a call of the agent's, in the owner's words: a task that is
// unknown is a container that is (NotFound CONTAINER_UNKNOWN).
absl::Status InOwnersWords(const absl::Status& status, const std::string& owner,
                           const std::string& container_id);

}  // namespace holdfast
