#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/fakes/temporary_directory.h"

namespace holdfast {

// An OCI bundle whose root filesystem is busybox: what a test runs in a real
// container. `args[0]` is found in /bin ("sh", "sleep"). Gone with this, as
// are the cgroups of its path; a container made of it is the test's to delete.
struct OciBundleOptions {
  std::vector<std::string> args = {"sleep", "100000"};
  std::vector<std::string> env = {"PATH=/bin"};
  bool terminal = false;
  // Empty: "/holdfast-test-<unique>".
  std::string cgroups_path = {};
  std::map<std::string, std::string> annotations = {};
  bool own_pid_namespace = true;
  int64_t memory_limit_bytes = 0;  // 0: none
  bool own_network = true;         // which takes a while to be made
  // Without: an empty rootfs, for a test that mounts one there.
  bool with_rootfs = true;
};

class OciBundle {
 public:
  explicit OciBundle(const OciBundleOptions& options = {});
  ~OciBundle();
  OciBundle(const OciBundle&) = delete;
  OciBundle& operator=(const OciBundle&) = delete;

  const std::string& path() const { return directory_.path(); }
  std::string rootfs() const { return directory_ / "rootfs"; }
  // Begins with a slash, as v1 groups and runtimes have it.
  const std::string& cgroups_path() const { return cgroups_path_; }

  // Every group of that path that there is now, in any hierarchy.
  std::vector<std::string> Cgroups() const;

 private:
  TemporaryDirectory directory_;
  std::string cgroups_path_;
};

// The text of its config.json.
std::string OciConfig(const OciBundleOptions& options);

// A Process of OCI, as `exec` wants it: its JSON.
std::string OciProcess(const std::vector<std::string>& args,
                       bool terminal = false);

// Fills `directory` with what a root filesystem of busybox has.
void MakeBusyboxRootfs(const std::string& directory);

}  // namespace holdfast
