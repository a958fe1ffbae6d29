#include "cgroups/cgroups.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/errors.h"
#include "base/files.h"
#include "cgroups/group_tree.h"
#include "cgroups/host_cgroups.h"
#include "cgroups/layout.h"
#include "cgroups/libcgroup_session.h"
#include "cgroups/mountinfo.h"
#include "cgroups/unified_tree.h"

namespace holdfast {
namespace {

using Kind = ControllerPlace::Kind;

absl::Status ValidateRoot(absl::string_view root) {
  for (absl::string_view name : absl::StrSplit(root, '/')) {
    HOLDFAST_RETURN_IF_ERROR(ValidateGroupName("cgroup root", name));
  }
  return absl::OkStatus();
}

// Makes the root's group in every v1 hierarchy of `layout`, and on v2 turns
// the controllers on down to it. What does not work out is a reason why a
// limit cannot be imposed; without the freezer there is nothing.
absl::Status PrepareControllers(const std::string& root, CgroupLayout& layout,
                                std::vector<std::string>* made) {
  if (layout.mode == CgroupsMode::kV1) {
    HOLDFAST_RETURN_IF_ERROR(
        MakeGroups(absl::StrCat(layout.tracking_mount, "/", root), made));
  }
  if (!layout.cpuacct_mount.empty() &&
      !MakeGroups(absl::StrCat(layout.cpuacct_mount, "/", root), made).ok()) {
    layout.cpuacct_mount.clear();  // no CPU statistics, no harm
  }
  for (const Controller controller : kControllers) {
    ControllerPlace& place = layout.place(controller);
    absl::Status status;
    if (place.kind == Kind::kV1) {
      status = MakeGroups(absl::StrCat(place.mount, "/", root), made);
    } else if (place.kind == Kind::kV2) {
      status = EnableControllerDownTo(place.mount, root, controller);
    }
    if (!status.ok()) place = ControllerPlace::Nowhere(status.message());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<CgroupMount>> ReadMounts(
    const CgroupsOptions& options) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string mountinfo,
                            ReadSmallFile("/proc/self/mountinfo"));
  std::vector<CgroupMount> mounts = ParseCgroupMounts(mountinfo);
  if (options.forbid_v2) {
    const auto is_v2 = [](const CgroupMount& mount) { return mount.is_v2; };
    mounts.erase(std::remove_if(mounts.begin(), mounts.end(), is_v2),
                 mounts.end());
  }
  return mounts;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Cgroups>> Cgroups::Create(
    std::string root, const CgroupsOptions& options) {
  HOLDFAST_RETURN_IF_ERROR(ValidateRoot(root));
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<CgroupMount> mounts,
                            ReadMounts(options));
  std::vector<std::string> made;
  UnifiedTree unified;
  if (const CgroupMount* v2 = FindV2Mount(mounts); v2 != nullptr) {
    unified = ProbeUnifiedTree(*v2, root, &made);
  }
  HOLDFAST_ASSIGN_OR_RETURN(CgroupLayout layout, ChooseLayout(mounts, unified));
  HOLDFAST_RETURN_IF_ERROR(PrepareControllers(root, layout, &made));

  absl::StatusOr<LibcgroupSession> libcgroup = LibcgroupSession::Open();
  if (!libcgroup.ok()) {
    for (ControllerPlace& place : layout.places) {
      if (place.kind == Kind::kNowhere) continue;
      place = ControllerPlace::Nowhere(libcgroup.status().message());
    }
  }
  return std::make_unique<HostCgroups>(std::move(root), std::move(layout),
                                       std::move(libcgroup), std::move(made));
}

}  // namespace holdfast
