#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace holdfast::containerd {

// What a container's config.json says; the rest is the same for all of ours.
struct BundleOptions {
  std::vector<std::string> args = {"/bin/sleep", "1000"};
  bool terminal = false;
  std::string cgroups_path = {};  // "/name", one of the test's own
  int64_t memory_bytes = 0;       // no limit
  std::map<std::string, std::string> annotations = {};
};

// A root file system of busybox, at `directory`.
void MakeRootfs(const std::string& directory);

// The JSON of an OCI Process without any privilege.
std::string ProcessJson(const std::vector<std::string>& args, bool terminal);

// The JSON of an OCI Spec; its root is the bundle's rootfs/.
std::string ConfigJson(const BundleOptions& options);

}  // namespace holdfast::containerd
