#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace holdfast {

// How this host's cgroups are laid out.
//   kV1      controllers in v1 hierarchies, no usable v2 tree
//   kHybrid  controllers in v1, and a v2 tree that can hold and kill processes
//   kV2      controllers in the v2 tree
enum class CgroupsMode { kV1, kHybrid, kV2 };
absl::string_view Name(CgroupsMode mode);  // "v1", "hybrid", "v2"

// A limit that is unset is not imposed. A memory limit bounds swap, too, where
// the kernel counts it; cpus are a quota and a share.
struct CgroupLimits {
  std::optional<double> cpus = {};
  std::optional<uint64_t> memory_bytes = {};
  std::optional<uint64_t> pids = {};
};

// What was read; what this host cannot tell is unset.
struct CgroupUsage {
  std::optional<uint64_t> cpu_user_usec;
  std::optional<uint64_t> cpu_system_usec;
  std::optional<uint64_t> cpu_usec;
  std::optional<uint64_t> memory_bytes;
  std::optional<uint64_t> memory_peak_bytes;
  std::optional<uint64_t> oom_kills;
  std::optional<uint64_t> pids;
};

// What a shim is told of its executor's groups (api/records.proto LaunchSpec).
struct ContainerGroups {
  std::string shim_procs_file;          // "0" written here moves the shim
  std::string cgroup_directory;         // v2; empty in kV1
  std::string freezer_directory;        // v1 freezer; set in kV1 alone
  std::vector<std::string> join_files;  // v1 cgroup.procs the executor joins
  std::string oom_file;  // holds "oom_kill N"; empty without limit
};

struct CgroupsOptions {
  // As if no v2 tree were mounted: kV1 on a hybrid host.
  bool forbid_v2 = false;
};

// The agent's view of the kernel's cgroups:
//   <v2 mount>/<root>/<container id>/{shim,executor}
//   <v1 mount>/<root>/<container id>/executor   where a limit asks for it
// In kV1 the freezer's hierarchy stands for v2, and cpuacct's has a group for
// the CPU statistics. The shim is moved in the first of these alone: on v2 its
// memory is so kept apart from the task's and the agent's, elsewhere it stays
// in whatever v1 groups the agent has (root's, under systemd). Limits and
// statistics go through libcgroup, placing and killing through plain files.
// Thread-safe after Create, of which there is one a process, before threads
// (libcgroup's cgroup_init fails beside them).
class Cgroups {
 public:
  // `root`: relative to the mounts, "holdfast" or "a.slice/b". Its groups are
  // made if need be; on v2 the controllers cpu, memory and pids are turned on
  // for its children as far as the parents have them.
  // FailedPrecondition: neither v2 nor a v1 freezer can be used; it says why.
  // InvalidArgument: `root` is no relative path.
  static absl::StatusOr<std::unique_ptr<Cgroups>> Create(
      std::string root, const CgroupsOptions& options = {});
  virtual ~Cgroups() = default;

  virtual CgroupsMode mode() const = 0;

  // FailedPrecondition, naming the limit and why, when this host cannot
  // impose one of them ("memory limit: no memory controller is mounted").
  // InvalidArgument: no host could (limits.h has the bounds).
  virtual absl::Status CheckEnforceable(const CgroupLimits& limits) const = 0;

  // Makes the groups of a container and sets its limits. After an error
  // nothing is left behind. Empty groups that an earlier life left are made
  // anew; AlreadyExists: there are processes in them. Errors of
  // CheckEnforceable.
  virtual absl::StatusOr<ContainerGroups> CreateContainer(
      const std::string& container_id, const CgroupLimits& limits) = 0;

  // The paths alone, from what is there (after a restart); empty where there
  // is nothing.
  virtual ContainerGroups FindContainer(
      const std::string& container_id) const = 0;

  // Replaces all limits; those now unset are lifted. NotFound: no such
  // container. FailedPrecondition: more memory is in use than could be
  // reclaimed, or a v1 controller is asked for that the container was not
  // made with: its processes have not joined it. Errors of CheckEnforceable.
  // After an error some of the limits may be the new ones.
  virtual absl::Status SetLimits(const std::string& container_id,
                                 const CgroupLimits& limits) = 0;
  // NotFound: no such container.
  virtual absl::StatusOr<CgroupUsage> Usage(
      const std::string& container_id) const = 0;

  // Whether any living process is in the container's executor group.
  virtual absl::StatusOr<bool> HasProcesses(
      const std::string& container_id) const = 0;
  // SIGKILLs what is in the executor's group. NotFound: no such group.
  virtual absl::Status Kill(const std::string& container_id) = 0;
  // The same for the shim's group: each process in it is held by a pidfd and
  // seen there before it is signalled.
  virtual absl::Status KillShim(const std::string& container_id) = 0;
  // Everything in the container's groups, its shim too, is stopped in place
  // (FailedPrecondition: this host cannot), or SIGKILLed. NotFound: no such
  // container. For what no journal knows.
  virtual absl::Status Freeze(const std::string& container_id) = 0;
  virtual absl::Status KillAll(const std::string& container_id) = 0;

  // Removes the container's groups. FailedPrecondition: a process is left in
  // them. OK when they are gone already.
  virtual absl::Status RemoveContainer(const std::string& container_id) = 0;

  // Container ids that have groups under the root.
  virtual absl::StatusOr<std::vector<std::string>> Containers() const = 0;
  // Removes the root's groups if nothing is left in them; for an agent that
  // ends with nothing running. OK when they are not empty.
  virtual void RemoveRootIfEmpty() = 0;
};

}  // namespace holdfast
