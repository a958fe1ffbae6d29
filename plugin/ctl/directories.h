#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "plugin/checkpoint/layout.h"
#include "plugin/ctl/options.h"

namespace holdfast::ctl {

// Where a plugin keeps its things, for commands that read them themselves:
// --work_dir, --runtime_dir and --cgroups_root, otherwise HOLDFAST_WORK_DIR …,
// otherwise as holdfastd's defaults.
struct Directories {
  std::string work_dir;
  std::string runtime_dir;
  std::string cgroups_root;

  // Sets each as its option comes; the parser must not outlive this.
  void AddOptions(OptionParser& parser);
  // With what was not given, links resolved. NotFound: there is no work_dir.
  absl::StatusOr<Layout> Resolve();
};

}  // namespace holdfast::ctl
