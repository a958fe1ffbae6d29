#include "plugin/flags/host_resources.h"

#include <unistd.h>

#include <algorithm>

#include "absl/strings/string_view.h"

namespace holdfast {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kGiB = uint64_t{1} << 30;

bool Has(const v1::AgentInfo& info, absl::string_view name) {
  return std::any_of(info.resources().begin(), info.resources().end(),
                     [name](const v1::AgentResource& resource) {
                       return resource.name() == name;
                     });
}

void Add(absl::string_view name, double amount, v1::AgentInfo* info) {
  v1::AgentResource& resource = *info->add_resources();
  resource.set_name(std::string(name));
  resource.set_role("*");
  resource.mutable_value()->set_scalar(amount);
}

}  // namespace

v1::AgentInfo HostResources(long processors, uint64_t memory_bytes,
                            const v1::AgentInfo& given) {
  const uint64_t offered =
      memory_bytes >= 2 * kGiB ? memory_bytes - kGiB : memory_bytes / 2;
  v1::AgentInfo host;
  if (!Has(given, "cpus")) Add("cpus", static_cast<double>(processors), &host);
  if (!Has(given, "mem")) {
    Add("mem", static_cast<double>(offered / kMiB), &host);
  }
  return host;
}

v1::AgentInfo DetectResources(const v1::AgentInfo& given) {
  return HostResources(sysconf(_SC_NPROCESSORS_ONLN),
                       static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) *
                           static_cast<uint64_t>(sysconf(_SC_PAGESIZE)),
                       given);
}

}  // namespace holdfast
