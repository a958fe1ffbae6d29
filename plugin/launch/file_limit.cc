#include "plugin/launch/file_limit.h"

namespace holdfast {
namespace {

std::optional<rlimit>& Original() {
  static std::optional<rlimit> limit;
  return limit;
}

}  // namespace

void RaiseFileLimit() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlimit original = limit;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) == 0) Original() = original;
}

std::optional<rlimit> OriginalFileLimit() { return Original(); }

}  // namespace holdfast
