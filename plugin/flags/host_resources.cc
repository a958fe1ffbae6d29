#include "plugin/flags/host_resources.h"

#include <unistd.h>

#include <algorithm>

#include "absl/strings/string_view.h"

namespace holdfast {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kGiB = uint64_t{1} << 30;

void AddWhereMissing(absl::string_view name, double amount,
                     v1::AgentInfo* info) {
  const auto& resources = info->resources();
  if (std::any_of(resources.begin(), resources.end(),
                  [name](const v1::AgentResource& resource) {
                    return resource.name() == name;
                  })) {
    return;
  }
  v1::AgentResource& resource = *info->add_resources();
  resource.set_name(std::string(name));
  resource.set_role("*");
  resource.mutable_value()->set_scalar(amount);
}

}  // namespace

void AddHostResources(long processors, uint64_t memory_bytes,
                      v1::AgentInfo* info) {
  const uint64_t offered =
      memory_bytes >= 2 * kGiB ? memory_bytes - kGiB : memory_bytes / 2;
  AddWhereMissing("cpus", static_cast<double>(processors), info);
  AddWhereMissing("mem", static_cast<double>(offered / kMiB), info);
}

bool DetectResources(v1::AgentInfo* info) {
  const int before = info->resources_size();
  AddHostResources(sysconf(_SC_NPROCESSORS_ONLN),
                   static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) *
                       static_cast<uint64_t>(sysconf(_SC_PAGESIZE)),
                   info);
  return info->resources_size() != before;
}

}  // namespace holdfast
