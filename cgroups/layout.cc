#include "cgroups/layout.h"

#include <algorithm>
#include <functional>

#include "absl/strings/str_cat.h"

namespace holdfast {
namespace {

using Kind = ControllerPlace::Kind;

// The first, as libcgroup takes it; null: none.
const CgroupMount* FindV1(const std::vector<CgroupMount>& mounts,
                          absl::string_view controller) {
  const auto found =
      std::find_if(mounts.begin(), mounts.end(), [&](const CgroupMount& mount) {
        return !mount.is_v2 && mount.HasOption(controller);
      });
  return found == mounts.end() ? nullptr : &*found;
}

ControllerPlace ChoosePlace(const std::vector<CgroupMount>& mounts,
                            const std::string& v2_mount,
                            const UnifiedTree& unified,
                            absl::string_view controller) {
  const CgroupMount* v1 = FindV1(mounts, controller);
  if (v1 != nullptr && v1->read_only) {
    return ControllerPlace::Nowhere(
        absl::StrCat(v1->path, " is mounted read-only"));
  }
  if (v1 != nullptr) return {Kind::kV1, v1->path, ""};
  if (std::find(unified.controllers.begin(), unified.controllers.end(),
                controller) == unified.controllers.end()) {
    return ControllerPlace::Nowhere(
        absl::StrCat("no ", controller, " controller is mounted"));
  }
  if (v2_mount.empty()) {
    return ControllerPlace::Nowhere(
        absl::StrCat("the ", controller, " controller is in the v2 tree, and ",
                     unified.why_unusable));
  }
  return {Kind::kV2, v2_mount, ""};
}

// Whether any of the controllers that limits need is in a v1 hierarchy.
bool AnyInV1(const CgroupLayout& layout) {
  return std::any_of(
      layout.places.begin(), layout.places.end(),
      [](const ControllerPlace& place) { return place.kind == Kind::kV1; });
}

}  // namespace

absl::string_view Name(CgroupsMode mode) {
  switch (mode) {
    case CgroupsMode::kV1:
      return "v1";
    case CgroupsMode::kHybrid:
      return "hybrid";
    case CgroupsMode::kV2:
      return "v2";
  }
  return "unknown";
}

absl::string_view Name(Controller controller) {
  switch (controller) {
    case Controller::kCpu:
      return "cpu";
    case Controller::kMemory:
      return "memory";
    case Controller::kPids:
      return "pids";
  }
  return "unknown";
}

std::set<std::string> CgroupLayout::Mounts() const {
  std::set<std::string> mounts = {tracking_mount};
  if (!cpuacct_mount.empty()) mounts.insert(cpuacct_mount);
  for (const ControllerPlace& place : places) {
    if (place.kind != Kind::kNowhere) mounts.insert(place.mount);
  }
  return mounts;
}

const CgroupMount* FindV2Mount(const std::vector<CgroupMount>& mounts) {
  const auto found = std::find_if(mounts.begin(), mounts.end(),
                                  std::mem_fn(&CgroupMount::is_v2));
  return found == mounts.end() ? nullptr : &*found;
}

absl::StatusOr<CgroupLayout> ChooseLayout(
    const std::vector<CgroupMount>& mounts, const UnifiedTree& unified) {
  const CgroupMount* v2 = FindV2Mount(mounts);
  const bool use_v2 = v2 != nullptr && unified.why_unusable.empty();

  CgroupLayout layout;
  for (const Controller controller : kControllers) {
    layout.place(controller) =
        ChoosePlace(mounts, use_v2 ? v2->path : "", unified, Name(controller));
  }
  if (use_v2) {
    layout.tracking_mount = v2->path;
    layout.mode = AnyInV1(layout) ? CgroupsMode::kHybrid : CgroupsMode::kV2;
    return layout;
  }

  const CgroupMount* freezer = FindV1(mounts, "freezer");
  if (freezer == nullptr || freezer->read_only) {
    return absl::FailedPreconditionError(absl::StrCat(
        "cgroups: ",
        v2 == nullptr ? "no v2 tree is mounted" : unified.why_unusable,
        freezer == nullptr
            ? "; no v1 freezer is mounted"
            : absl::StrCat("; ", freezer->path, " is mounted read-only")));
  }
  layout.mode = CgroupsMode::kV1;
  layout.tracking_mount = freezer->path;
  if (const CgroupMount* cpuacct = FindV1(mounts, "cpuacct");
      cpuacct != nullptr && !cpuacct->read_only) {
    layout.cpuacct_mount = cpuacct->path;
  }
  return layout;
}

}  // namespace holdfast
