#include "shim/containerd/start.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/errors.h"
#include "base/files.h"
#include "shim/containerd/annotations.h"
#include "shim/containerd/bootstrap.h"
#include "shim/containerd/former_boot.h"
#include "shim/containerd/group.h"
#include "shim/containerd/places.h"
#include "shim/containerd/scratch_file.h"
#include "shim/containerd/shim_cgroup.h"
#include "shim/containerd/spec.h"

namespace holdfast::containerd {
namespace {

constexpr int kListeningFd = 3;

std::string NameOf(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

// Where the server is to be born: nothing, where it is to be with us, whom the
// option of that name has moved, or where there is no v2 tree.
absl::StatusOr<UniqueFd> CgroupFor(const std::string& shim_cgroup,
                                   const std::string& name) {
  if (!shim_cgroup.empty()) {
    HOLDFAST_RETURN_IF_ERROR(EnterNamedCgroup(shim_cgroup));
    return UniqueFd();
  }
  return MakeShimCgroup(name);
}

// The descriptors of a server: nothing to read, nowhere to write, the log pipe
// of the bundle for its log (which nobody may read: it never blocks).
bool JoinDescriptors(int null, int log, int listening) {
  // Above the places that they are to take.
  const int high = fcntl(listening, F_DUPFD_CLOEXEC, kListeningFd + 1);
  return high >= 0 && dup2(null, STDIN_FILENO) >= 0 &&
         dup2(null, STDOUT_FILENO) >= 0 &&
         dup2(log >= 0 ? log : null, STDERR_FILENO) >= 0 &&
         dup2(high, kListeningFd) >= 0 &&
         syscall(SYS_close_range, kListeningFd + 1, ~0U, 0) == 0;
}

absl::Status Spawn(const Invocation& invocation, const std::string& group,
                   const Group::Socket& socket, const UniqueFd& cgroup) {
  std::vector<std::string> words = {"containerd-shim-holdfast-v2",
                                    "-namespace",
                                    invocation.name_space,
                                    "-id",
                                    invocation.id,
                                    "-address",
                                    invocation.address,
                                    "-socket",
                                    socket.path};
  if (!group.empty()) words.insert(words.end(), {"-group", group});
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  const UniqueFd log(open("log", O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  pid_t child = CloneInto(cgroup);
  // On a host that does not let us, better there than not at all.
  if (child < 0 && cgroup) child = CloneInto(UniqueFd());
  if (child < 0) return ErrnoStatus(errno, "clone3", "the server");
  if (child > 0) return absl::OkStatus();
  setsid();
  if (JoinDescriptors(null.get(), log.get(), socket.listening.get()) &&
      chdir("/") == 0) {
    execv("/proc/self/exe", argv.data());
  }
  _exit(127);
}

// A little more likely than containerd to be chosen when memory is short, as
// the stock shims are, and never less than what we have.
void AdjustOomScore() {
  const std::string parent =
      absl::StrCat("/proc/", getppid(), "/oom_score_adj");
  const absl::StatusOr<std::string> text = ReadSmallFile(parent);
  int score = 0;
  if (!text.ok() || !absl::SimpleAtoi(absl::StripSuffix(*text, "\n"), &score)) {
    return;
  }
  (void)WriteKernelFile("/proc/self/oom_score_adj",
                        absl::StrCat(std::min(score + 1, 1000)));
}

absl::Status WriteAddress(const std::string& address) {
  const std::string temporary = ".address";
  HOLDFAST_RETURN_IF_ERROR(WriteScratchFile(temporary, address));
  return SystemFiles().Rename(temporary, "address");
}

std::string AddressOf(const std::string& path) { return "unix://" + path; }

// The address comes first: a bundle that is gone, because containerd was
// started again meanwhile and knows nothing of it, gets no server.
absl::StatusOr<std::string> StartServer(const Invocation& invocation,
                                        const StartInput& input,
                                        const std::string& key,
                                        const Group& group) {
  AdjustOomScore();
  if (!input.events_address.empty()) {
    setenv("TTRPC_ADDRESS", input.events_address.c_str(), /*replace=*/1);
  }
  HOLDFAST_ASSIGN_OR_RETURN(const Group::Socket socket, group.MakeSocket());
  const std::string address = AddressOf(socket.path);
  HOLDFAST_RETURN_IF_ERROR(WriteAddress(address));
  HOLDFAST_ASSIGN_OR_RETURN(
      const UniqueFd cgroup,
      CgroupFor(input.options.shim_cgroup, NameOf(socket.path)));
  HOLDFAST_RETURN_IF_ERROR(Spawn(invocation, key, socket, cgroup));
  return address;
}

}  // namespace

absl::StatusOr<std::string> Start(const Invocation& invocation,
                                  const std::string& stdin_bytes) {
  HOLDFAST_ASSIGN_OR_RETURN(const Spec spec, ReadSpec("config.json"));
  HOLDFAST_ASSIGN_OR_RETURN(const StartInput input,
                            ParseStartInput(invocation, stdin_bytes));
  const Places places = PlacesOf(invocation.address, invocation.name_space);
  const std::string key = GroupOf(spec.annotations);
  if (!key.empty()) HOLDFAST_RETURN_IF_ERROR(CheckName("the group", key));
  const std::string name = key.empty() ? invocation.id : key;
  // The first of this boot: nobody has been here since.
  if (access(places.groups.c_str(), F_OK) != 0) {
    RemoveTasksOfFormerBoots(places);
  }
  HOLDFAST_ASSIGN_OR_RETURN(const Group group, Group::Lock(places, name));
  if (const std::optional<std::string> path = group.FindSocket()) {
    HOLDFAST_RETURN_IF_ERROR(WriteAddress(AddressOf(*path)));
    return AddressOf(*path);
  }
  absl::StatusOr<std::string> address =
      StartServer(invocation, input, key, group);
  if (!address.ok()) group.Remove();
  return address;
}

}  // namespace holdfast::containerd
