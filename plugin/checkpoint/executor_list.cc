#include "plugin/checkpoint/executor_list.h"

#include "base/errors.h"
#include "plugin/checkpoint/spare_directory.h"

namespace holdfast {

absl::StatusOr<std::vector<std::string>> ListExecutors(Files& files,
                                                       const Layout& layout,
                                                       bool checkpoint) {
  HOLDFAST_ASSIGN_OR_RETURN(std::vector<std::string> names,
                            files.List(layout.Executors(checkpoint)));
  std::erase_if(names, [&](const std::string& name) {
    if (name[0] != '.') return false;
    const absl::string_view id = checkpoint ? IdOfSpare(name) : "";
    return id.empty() || IsUnused(files, SparePath(layout, id));
  });
  return names;
}

}  // namespace holdfast
