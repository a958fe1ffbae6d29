#include "shim/service/launch_plan.h"

namespace holdfast::shim {

LaunchPlan MakeLaunchPlan(const v1::LaunchSpec& spec) {
  LaunchPlan plan;
  plan.join_files.assign(spec.join_files().begin(), spec.join_files().end());
  plan.cgroup_directory = spec.cgroup_directory();
  plan.argv.assign(spec.argv().begin(), spec.argv().end());
  plan.environment.assign(spec.environment().begin(), spec.environment().end());
  plan.search_path.assign(spec.search_path().begin(), spec.search_path().end());
  plan.working_directory = spec.working_directory();
  plan.change_user = spec.change_user();
  plan.uid = spec.uid();
  plan.gid = spec.gid();
  plan.groups.assign(spec.groups().begin(), spec.groups().end());
  for (const v1::LaunchSpec::Limit& limit : spec.limits()) {
    plan.limits.push_back({limit.resource(), limit.soft(), limit.hard()});
  }
  return plan;
}

}  // namespace holdfast::shim
