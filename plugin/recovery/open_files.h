#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

namespace holdfast {

struct FileOwner {
  pid_t pid;
  std::string name;  // of its program, as ps has it
};

// The processes that have files open below `directory`, by the file's path: a
// walk through /proc, for telling a person whose a locked file is. What may
// not be looked at is left out.
std::map<std::string, std::vector<FileOwner>> OpenFilesBelow(
    const std::string& directory);

// Whether the process `pid` has the file that `path` names open: what tells a
// shim from whoever has its number now. False too where it may not be looked
// at.
bool HasOpen(pid_t pid, const std::string& path);

}  // namespace holdfast
