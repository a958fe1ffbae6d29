#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace holdfast {

// A look at the containers' groups below a root in every mounted hierarchy,
// for those who may make and change nothing (Cgroups::Create does).
class ContainerReader {
 public:
  // `root` as of Cgroups::Create; it need not exist.
  static absl::StatusOr<ContainerReader> Create(const std::string& root);

  // Container ids that have groups under the root, sorted.
  std::vector<std::string> Containers() const;
  // Everything in a container's groups, its shim too, each once.
  std::vector<pid_t> Processes(const std::string& container_id) const;

 private:
  explicit ContainerReader(std::vector<std::string> roots)
      : roots_(std::move(roots)) {}

  std::vector<std::string> roots_;  // directories, one a mount
};

}  // namespace holdfast
