#include "base/failpoint.h"

#if HOLDFAST_FAILPOINTS

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/files.h"

namespace holdfast {
namespace {

constexpr char kVariable[] = "HOLDFAST_FAILPOINTS_DIR";

const char* NameOf(Failpoint point) {
  switch (point) {
#define HOLDFAST_FAILPOINT_CASE(name) \
  case Failpoint::k##name:            \
    return #name;
    HOLDFAST_FAILPOINT_NAMES(HOLDFAST_FAILPOINT_CASE)
#undef HOLDFAST_FAILPOINT_CASE
  }
  return "";
}

void AppendLine(const std::string& path, const std::string& line) {
  const UniqueFd fd(
      open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  if (fd) (void)!write(fd.get(), line.data(), line.size());
}

int CountLines(const std::string& text, const std::string& line) {
  int count = 0;
  for (size_t at = 0; (at = text.find(line, at)) != text.npos;
       at += line.size()) {
    if (at == 0 || text[at - 1] == '\n') ++count;
  }
  return count;
}

// `armed` begins with `point` and says how many times.
bool IsDue(const std::string& armed, const std::string& point,
           const std::string& reached) {
  int times = 0;
  if (!absl::StartsWith(armed, absl::StrCat(point, " ")) ||
      !absl::SimpleAtoi(armed.substr(point.size()), &times)) {
    return false;
  }
  return CountLines(reached, absl::StrCat(point, "\n")) >= times;
}

void Reach(const std::string& directory, const std::string& point) {
  const std::string log = absl::StrCat(directory, "/reached");
  const std::string armed_path = absl::StrCat(directory, "/armed");
  AppendLine(log, absl::StrCat(point, "\n"));
  const absl::StatusOr<std::string> armed = ReadSmallFile(armed_path);
  if (!armed.ok() || !absl::StartsWith(*armed, point)) return;
  const absl::StatusOr<std::string> reached = ReadSmallFile(log);
  if (!reached.ok() || !IsDue(*armed, point, *reached)) return;
  const std::string died = absl::StrCat(directory, "/died");
  if (rename(armed_path.c_str(), died.c_str()) != 0) return;
  kill(getpid(), SIGKILL);
  while (true) pause();  // no step further, in whichever thread this is
}

}  // namespace

void ReachFailpoint(Failpoint point) {
  static const char* const directory = getenv(kVariable);
  if (directory == nullptr) return;
  const int error_number = errno;
  Reach(directory,
        absl::StrCat(program_invocation_short_name, " ", NameOf(point)));
  errno = error_number;
}

std::vector<char*> FailpointEnvironment() {
  std::vector<char*> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (absl::StartsWith(*variable, absl::StrCat(kVariable, "="))) {
      variables.push_back(*variable);
    }
  }
  variables.push_back(nullptr);
  return variables;
}

}  // namespace holdfast

#endif  // HOLDFAST_FAILPOINTS
