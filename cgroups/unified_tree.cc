#include "cgroups/unified_tree.h"

#include <unistd.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/errors.h"
#include "base/files.h"
#include "cgroups/group_tree.h"

namespace holdfast {
namespace {

std::vector<std::string> SplitWords(absl::string_view text) {
  return absl::StrSplit(text, absl::ByAnyChar(" \n"), absl::SkipEmpty());
}

absl::StatusOr<bool> HasWord(const std::string& path, absl::string_view word) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string content, ReadSmallFile(path));
  const std::vector<std::string> words = SplitWords(content);
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string WhyUnusable(const CgroupMount& mount, const std::string& group,
                        std::vector<std::string>* made) {
  if (mount.read_only) {
    return absl::StrCat("the v2 tree ", mount.path, " is mounted read-only");
  }
  if (absl::Status status = MakeGroups(group, made); !status.ok()) {
    return absl::StrCat("the v2 tree cannot be written: ", status.message());
  }
  if (access(absl::StrCat(group, "/cgroup.kill").c_str(), W_OK) != 0) {
    return absl::StrCat("the v2 tree ", mount.path,
                        " has no cgroup.kill (Linux 5.14)");
  }
  const std::string type =
      ReadSmallFile(absl::StrCat(group, "/cgroup.type")).value_or("unknown");
  if (!absl::StartsWith(type, "domain") || absl::StrContains(type, "invalid")) {
    return absl::StrCat("the v2 group ", group, " is of type ",
                        absl::StripAsciiWhitespace(type));
  }
  return "";
}

// The kernel's EBUSY, in words that tell what to do.
absl::Status ExplainBusy(const std::string& group, Controller controller) {
  const absl::StatusOr<std::vector<pid_t>> pids = ReadPids(group);
  const std::string first = pids.ok() && !pids->empty()
                                ? absl::StrCat(" (pid ", pids->front(), ")")
                                : "";
  return absl::FailedPreconditionError(absl::StrCat(
      "enable ", Name(controller), " below ", group, ": ",
      pids.ok() ? pids->size() : 0, " processes", first,
      " are in this group itself, and a v2 group holds processes or passes "
      "controllers on; move them to a group below it (systemd: "
      "DelegateSubgroup=) or choose another cgroup root"));
}

}  // namespace

UnifiedTree ProbeUnifiedTree(const CgroupMount& mount, const std::string& root,
                             std::vector<std::string>* made) {
  UnifiedTree tree;
  const size_t before = made->size();
  tree.why_unusable =
      WhyUnusable(mount, absl::StrCat(mount.path, "/", root), made);
  if (!tree.why_unusable.empty()) {
    while (made->size() > before) {  // children first
      rmdir(made->back().c_str());
      made->pop_back();
    }
  }
  tree.controllers =
      SplitWords(ReadSmallFile(absl::StrCat(mount.path, "/cgroup.controllers"))
                     .value_or(""));
  return tree;
}

absl::Status EnableController(const std::string& group, Controller controller) {
  const std::string file = absl::StrCat(group, "/cgroup.subtree_control");
  HOLDFAST_ASSIGN_OR_RETURN(const bool is_on, HasWord(file, Name(controller)));
  if (is_on) return absl::OkStatus();
  HOLDFAST_ASSIGN_OR_RETURN(
      const bool is_there,
      HasWord(absl::StrCat(group, "/cgroup.controllers"), Name(controller)));
  if (!is_there) {
    return absl::FailedPreconditionError(absl::StrCat(
        "enable ", Name(controller), " below ", group,
        ": the group above does not pass this controller on (systemd: "
        "Delegate=",
        Name(controller), ")"));
  }
  const absl::Status status =
      WriteKernelFile(file, absl::StrCat("+", Name(controller)));
  if (absl::IsFailedPrecondition(status)) return ExplainBusy(group, controller);
  if (absl::IsPermissionDenied(status)) {
    return Annotate(status, absl::StrCat("this group is not delegated to us "
                                         "(systemd: Delegate=yes): enable ",
                                         Name(controller)));
  }
  return Annotate(status, absl::StrCat("enable ", Name(controller)));
}

absl::Status EnableControllerDownTo(const std::string& mount,
                                    const std::string& root,
                                    Controller controller) {
  std::string group = mount;
  HOLDFAST_RETURN_IF_ERROR(EnableController(group, controller));
  for (absl::string_view name : absl::StrSplit(root, '/')) {
    absl::StrAppend(&group, "/", name);
    HOLDFAST_RETURN_IF_ERROR(EnableController(group, controller));
  }
  return absl::OkStatus();
}

}  // namespace holdfast
