#pragma once

#include <string>
#include <vector>

#include "cgroups/cgroups.h"

namespace holdfast {

// A host where nothing is in any group.
class NoCgroups : public Cgroups {
 public:
  CgroupsMode mode() const override { return CgroupsMode::kV2; }
  absl::Status CheckEnforceable(const CgroupLimits&) const override {
    return absl::OkStatus();
  }
  absl::StatusOr<ContainerGroups> CreateContainer(
      const std::string&, const CgroupLimits&) override {
    return ContainerGroups();
  }
  ContainerGroups FindContainer(const std::string&) const override {
    return ContainerGroups();
  }
  absl::Status SetLimits(const std::string&, const CgroupLimits&) override {
    return absl::OkStatus();
  }
  absl::StatusOr<CgroupUsage> Usage(const std::string&) const override {
    return CgroupUsage();
  }
  absl::StatusOr<bool> HasProcesses(const std::string&) const override {
    return false;
  }
  absl::Status Kill(const std::string&) override { return absl::OkStatus(); }
  absl::Status KillShim(const std::string&) override {
    return absl::OkStatus();
  }
  absl::Status Freeze(const std::string&) override { return absl::OkStatus(); }
  absl::Status KillAll(const std::string&) override { return absl::OkStatus(); }
  absl::Status RemoveContainer(const std::string&) override {
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<std::string>> Containers() const override {
    return std::vector<std::string>();
  }
  void RemoveRootIfEmpty() override {}
};

}  // namespace holdfast
