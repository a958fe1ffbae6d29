#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace holdfast::containerd {

// What a test left behind, found by a name of its own.

// Mount points below `directory`, the last first, as they are to be unmounted.
std::vector<std::string> MountsBelow(const std::string& directory);

// The cgroups with `part` in their names, in every hierarchy.
std::vector<std::string> CgroupsNamed(const std::string& part);

// All that is no directory.
std::vector<std::string> FilesBelow(const std::string& directory);

// Processes with `word` as a whole word of their command lines.
std::vector<pid_t> ProcessesNaming(const std::string& word);

// From now on what was left without a parent is ours, until it is reaped.
void AdoptOrphans();
// Those of our children that live; the dead are reaped.
std::vector<pid_t> LivingChildren();
std::string CommandLine(pid_t pid);

// SIGKILLs processes by pidfd and waits for them.
void KillAll(const std::vector<pid_t>& pids);
// SIGKILLs all in the cgroup and below, and removes it.
void RemoveCgroup(const std::string& directory);

}  // namespace holdfast::containerd
