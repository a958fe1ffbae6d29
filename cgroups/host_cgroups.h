#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cgroups/cgroups.h"
#include "cgroups/layout.h"
#include "cgroups/libcgroup_session.h"
#include "cgroups/limits.h"

namespace holdfast {

// InvalidArgument: `name` cannot be one component of a path below a
// hierarchy's mount; `what` says what it is of.
absl::Status ValidateGroupName(absl::string_view what, absl::string_view name);

// Cgroups on the hierarchies of a layout that was chosen and prepared.
class HostCgroups : public Cgroups {
 public:
  // `made`: the groups of the root that this process made, parents first.
  HostCgroups(std::string root, CgroupLayout layout,
              absl::StatusOr<LibcgroupSession> libcgroup,
              std::vector<std::string> made)
      : root_(std::move(root)),
        layout_(std::move(layout)),
        libcgroup_(std::move(libcgroup)),
        made_(std::move(made)) {}

  CgroupsMode mode() const override { return layout_.mode; }
  absl::Status CheckEnforceable(const CgroupLimits& limits) const override;
  absl::StatusOr<ContainerGroups> CreateContainer(
      const std::string& container_id, const CgroupLimits& limits) override;
  ContainerGroups FindContainer(const std::string& container_id) const override;
  absl::Status SetLimits(const std::string& container_id,
                         const CgroupLimits& limits) override;
  absl::StatusOr<CgroupUsage> Usage(
      const std::string& container_id) const override;
  absl::StatusOr<bool> HasProcesses(
      const std::string& container_id) const override;
  absl::Status Kill(const std::string& container_id) override;
  absl::Status KillShim(const std::string& container_id) override;
  absl::Status Freeze(const std::string& container_id) override;
  absl::Status KillAll(const std::string& container_id) override;
  absl::Status RemoveContainer(const std::string& container_id) override;
  absl::StatusOr<std::vector<std::string>> Containers() const override;
  void RemoveRootIfEmpty() override;

 private:
  std::string Root(const std::string& mount) const {
    return absl::StrCat(mount, "/", root_);
  }
  std::string Container(const std::string& mount,
                        const std::string& container_id) const {
    return absl::StrCat(Root(mount), "/", container_id);
  }
  std::string Executor(const std::string& mount,
                       const std::string& container_id) const {
    return absl::StrCat(Container(mount, container_id), "/executor");
  }
  // Where all of the executor's processes are.
  std::string TrackedExecutor(const std::string& container_id) const {
    return Executor(layout_.tracking_mount, container_id);
  }
  // Its tracked group, with the shim's and the executor's below it; checked
  // to be there.
  absl::StatusOr<std::string> TrackedContainer(
      const std::string& container_id) const;
  // As libcgroup wants it.
  std::string RelativeExecutor(const std::string& container_id) const {
    return absl::StrCat(root_, "/", container_id, "/executor");
  }

  absl::Status MakeContainer(const std::string& container_id,
                             const CgroupLimits& limits);
  absl::Status PassControllersOn(const std::string& group) const;
  bool IsIn(const std::string& container_id, Controller controller) const;
  absl::Status MakeRoom(const std::string& container_id,
                        const CgroupLimits& limits) const;
  absl::Status Apply(const std::string& container_id,
                     const CgroupLimits& limits, Controller controller) const;
  absl::Status Write(const std::string& container_id, Controller controller,
                     const std::vector<CgroupSetting>& settings) const;

  const std::string root_;
  const CgroupLayout layout_;
  const absl::StatusOr<LibcgroupSession> libcgroup_;
  const std::vector<std::string> made_;
};

}  // namespace holdfast
