#include "cgroups/group_tree.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/errors.h"
#include "base/files.h"
#include "cgroups/keyed_file.h"

namespace holdfast {
namespace {

// OK: `path` is a directory; `made` says whether by this call.
absl::Status MakeGroup(const std::string& path, bool* made) {
  *made = mkdir(path.c_str(), 0755) == 0;
  if (*made) return absl::OkStatus();
  if (errno != EEXIST) return ErrnoStatus(errno, "mkdir", path);
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return ErrnoStatus(errno, "stat", path);
  // The kernel's own files live beside the groups: "tasks", "cgroup.procs".
  if (!S_ISDIR(info.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat("mkdir ", path, ": a file of the kernel has this name"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status MakeGroups(const std::string& path,
                        std::vector<std::string>* made) {
  bool is_new = false;
  absl::Status status = MakeGroup(path, &is_new);
  if (absl::IsNotFound(status)) {  // a parent is missing
    const size_t slash = path.rfind('/');
    if (slash == std::string::npos || slash == 0) return status;
    HOLDFAST_RETURN_IF_ERROR(MakeGroups(path.substr(0, slash), made));
    status = MakeGroup(path, &is_new);
  }
  if (status.ok() && is_new && made != nullptr) made->push_back(path);
  return status;
}

absl::StatusOr<std::vector<std::string>> ListGroups(const std::string& group) {
  DIR* directory = opendir(group.c_str());
  if (directory == nullptr) return ErrnoStatus(errno, "list", group);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = readdir(directory)) {
    const absl::string_view name = entry->d_name;
    if (entry->d_type == DT_DIR && name != "." && name != "..") {
      names.emplace_back(name);
    }
  }
  const int error_number = errno;
  closedir(directory);
  if (error_number != 0) return ErrnoStatus(error_number, "list", group);
  return names;
}

absl::StatusOr<std::vector<std::string>> ReadGroups(const std::string& group) {
  std::vector<std::string> groups = {group};
  for (size_t i = 0; i < groups.size(); ++i) {
    // A copy: the vector grows below.
    const std::string parent = groups[i];
    const absl::StatusOr<std::vector<std::string>> below = ListGroups(parent);
    if (absl::IsNotFound(below.status())) {
      if (i == 0) return std::vector<std::string>();
      continue;  // removed since it was listed
    }
    HOLDFAST_RETURN_IF_ERROR(below.status());
    for (const std::string& name : *below) {
      groups.push_back(absl::StrCat(parent, "/", name));
    }
  }
  return groups;
}

absl::StatusOr<std::vector<pid_t>> ReadPids(const std::string& group) {
  const absl::StatusOr<std::string> procs =
      ReadSmallFile(absl::StrCat(group, "/cgroup.procs"));
  if (absl::IsNotFound(procs.status()) ||
      absl::IsUnimplemented(procs.status())) {  // gone, or threaded
    return std::vector<pid_t>();
  }
  HOLDFAST_RETURN_IF_ERROR(procs.status());
  std::vector<pid_t> pids;
  for (absl::string_view line : absl::StrSplit(*procs, '\n')) {
    pid_t pid = 0;
    if (absl::SimpleAtoi(line, &pid) && pid > 0) pids.push_back(pid);
  }
  return pids;
}

absl::StatusOr<size_t> CountProcesses(const std::string& group) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<std::string> groups,
                            ReadGroups(group));
  size_t count = 0;
  for (const std::string& each : groups) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::vector<pid_t> pids, ReadPids(each));
    count += pids.size();
  }
  return count;
}

absl::StatusOr<bool> HasProcesses(const std::string& group) {
  const absl::StatusOr<std::string> events =
      ReadSmallFile(absl::StrCat(group, "/cgroup.events"));
  if (events.ok()) {  // v2: it speaks for the groups below, too
    const std::optional<uint64_t> populated = FindKeyed(*events, "populated");
    return populated.value_or(0) != 0;
  }
  if (!absl::IsNotFound(events.status())) return events.status();
  HOLDFAST_ASSIGN_OR_RETURN(const size_t count, CountProcesses(group));
  return count > 0;
}

absl::Status RemoveGroups(const std::string& group) {
  HOLDFAST_ASSIGN_OR_RETURN(const bool busy, HasProcesses(group));
  if (busy) {
    const absl::StatusOr<size_t> count = CountProcesses(group);
    return absl::FailedPreconditionError(absl::StrCat(
        "remove ", group, ": ", count.value_or(0), " processes are in it"));
  }
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<std::string> groups,
                            ReadGroups(group));
  for (auto each = groups.rbegin(); each != groups.rend(); ++each) {
    // Never through libcgroup, whose removal moves processes to the parent.
    if (rmdir(each->c_str()) != 0 && errno != ENOENT) {
      return ErrnoStatus(errno, "rmdir", *each);
    }
  }
  return absl::OkStatus();
}

}  // namespace holdfast
