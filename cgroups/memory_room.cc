#include "cgroups/memory_room.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "cgroups/keyed_file.h"

namespace holdfast {
namespace {

// 0 where it cannot be told: v2's own way with limits is the one that is left.
uint64_t InUse(const std::string& group) {
  return ParseNumber(
             ReadSmallFile(absl::StrCat(group, "/memory.current")).value_or(""))
      .value_or(0);
}

}  // namespace

absl::Status MakeMemoryRoom(const std::string& group, uint64_t bytes) {
  uint64_t in_use = InUse(group);
  if (in_use <= bytes) return absl::OkStatus();
  // An error says that it was not all of it, or that this kernel has no such
  // file; what is in use then says it better.
  (void)WriteKernelFile(absl::StrCat(group, "/memory.reclaim"),
                        absl::StrCat(in_use - bytes));
  in_use = InUse(group);
  if (in_use <= bytes) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      in_use, " bytes are in use, and cannot be reclaimed to ", bytes));
}

}  // namespace holdfast
