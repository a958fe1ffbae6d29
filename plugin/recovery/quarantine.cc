#include "plugin/recovery/quarantine.h"

#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/failpoint.h"

namespace holdfast {
namespace {

constexpr char kFrameworks[] = "frameworks";

// rename(2) would replace a file, or an empty directory.
bool IsThere(const std::string& path) {
  struct stat info;
  return lstat(path.c_str(), &info) == 0;
}

std::string FreeName(const std::string& directory, const std::string& name) {
  std::string path = absl::StrCat(directory, "/", name);
  for (int i = 1; IsThere(path); ++i) {
    path = absl::StrCat(directory, "/", name, ".", i);
  }
  return path;
}

}  // namespace

absl::StatusOr<std::string> MoveAside(Files& files, const Layout& layout,
                                      const std::string& path,
                                      const std::string& name) {
  const std::string quarantine = layout.Quarantine();
  HOLDFAST_RETURN_IF_ERROR(files.MakeDirectory(quarantine, 0700));
  const std::string directory =
      DirectoryOf(absl::StrCat(quarantine, "/", name));
  HOLDFAST_RETURN_IF_ERROR(files.MakeDirectory(directory, 0700));
  std::string to = FreeName(quarantine, name);
  HOLDFAST_RETURN_IF_ERROR(files.Rename(path, to));
  HOLDFAST_FAILPOINT(MovedAside);
  for (const std::string& changed :
       {directory, quarantine, layout.work_dir, DirectoryOf(path)}) {
    HOLDFAST_RETURN_IF_ERROR(files.SyncDirectory(changed));
  }
  return to;
}

std::vector<std::string> ListQuarantine(Files& files, const Layout& layout) {
  const absl::StatusOr<std::vector<std::string>> names =
      files.List(layout.Quarantine());
  std::vector<std::string> all;
  if (!names.ok()) return all;
  for (const std::string& name : *names) {
    if (name != kFrameworks) {
      all.push_back(name);
      continue;
    }
    const auto records =
        files.List(absl::StrCat(layout.Quarantine(), "/", kFrameworks));
    if (!records.ok()) continue;
    for (const std::string& record : *records) {
      all.push_back(absl::StrCat(kFrameworks, "/", record));
    }
  }
  return all;
}

}  // namespace holdfast
