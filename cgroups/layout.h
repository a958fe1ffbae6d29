#pragma once

#include <array>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cgroups/cgroups.h"
#include "cgroups/mountinfo.h"

namespace holdfast {

// The controllers that a limit may need.
enum class Controller { kCpu, kMemory, kPids };
inline constexpr std::array kControllers = {
    Controller::kCpu, Controller::kMemory, Controller::kPids};
absl::string_view Name(Controller controller);  // "cpu", "memory", "pids"

// Where the groups of one controller are made.
struct ControllerPlace {
  enum class Kind { kNowhere, kV1, kV2 };

  Kind kind = Kind::kNowhere;
  std::string mount;    // of its hierarchy
  std::string why_not;  // kNowhere: a sentence for the operator

  static ControllerPlace Nowhere(absl::string_view why_not) {
    return {Kind::kNowhere, "", std::string(why_not)};
  }
};

// Which of this host's hierarchies are used, and for what. The v1 hierarchy
// name=systemd is nobody's but systemd's.
struct CgroupLayout {
  CgroupsMode mode = CgroupsMode::kV1;
  // Where every process of a container can be found and killed: the v2 tree,
  // or in kV1 the freezer's.
  std::string tracking_mount;
  // kV1 alone, which has no other count of CPU time; empty: none mounted.
  std::string cpuacct_mount;
  std::array<ControllerPlace, kControllers.size()> places;

  const ControllerPlace& place(Controller controller) const {
    return places[static_cast<size_t>(controller)];
  }
  ControllerPlace& place(Controller controller) {
    return places[static_cast<size_t>(controller)];
  }
  // Every hierarchy that may hold groups of ours, each once: v1 controllers
  // may share one (cpu,cpuacct).
  std::set<std::string> Mounts() const;
};

// The v2 tree's; null: it is not mounted.
const CgroupMount* FindV2Mount(const std::vector<CgroupMount>& mounts);

// What the kernel says of the v2 tree beyond its mount.
struct UnifiedTree {
  std::string why_unusable;              // empty: it can be used
  std::vector<std::string> controllers;  // of the root's cgroup.controllers
};

// Pure. FailedPrecondition: nothing to track processes with; it says why.
absl::StatusOr<CgroupLayout> ChooseLayout(
    const std::vector<CgroupMount>& mounts, const UnifiedTree& unified);

}  // namespace holdfast
