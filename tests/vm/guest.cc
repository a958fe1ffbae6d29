#include "tests/vm/guest.h"

#include <stdio.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "base/files.h"
#include "gtest/gtest.h"

namespace holdfast::vm {
namespace {

constexpr absl::Duration kTimeout = absl::Minutes(2);

}  // namespace

std::string Sh(const std::string& line) {
  FILE* const pipe = popen(absl::StrCat("{ ", line, "; } 2>&1").c_str(), "re");
  std::string output;
  char buffer[4096];
  while (const size_t size = fread(buffer, 1, sizeof buffer, pipe)) {
    output.append(buffer, size);
  }
  EXPECT_EQ(pclose(pipe), 0) << line << "\n" << output;
  return std::string(absl::StripSuffix(output, "\n"));
}

std::string Property(const std::string& unit, const std::string& name) {
  return Sh(absl::StrCat("systemctl show --value -p ", name, " ", unit));
}

bool Eventually(const std::function<bool()>& predicate) {
  const absl::Time deadline = absl::Now() + kTimeout;
  while (!predicate()) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Milliseconds(50));
  }
  return true;
}

std::string CgroupOf(pid_t pid) {
  const std::string path =
      ReadSmallFile(absl::StrCat("/proc/", pid, "/cgroup")).value_or("");
  return std::string(absl::StripSuffix(absl::StripPrefix(path, "0::"), "\n"));
}

std::string GroupFile(const std::string& group, const std::string& name) {
  const std::string path = absl::StrCat("/sys/fs/cgroup", group, "/", name);
  return std::string(absl::StripSuffix(
      ReadSmallFile(path).value_or(absl::StrCat("no ", path)), "\n"));
}

}  // namespace holdfast::vm
