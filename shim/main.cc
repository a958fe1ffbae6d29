// holdfast-shim: one executor's supervisor. The agent starts it with the
// journal, a listening socket and its own connection at fixed descriptors.

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include <unistd.h>

#include "absl/time/time.h"
#include "base/failpoint.h"
#include "base/files.h"
#include "base/log.h"
#include "base/version.h"
#include "shim/client/shim_arguments.h"
#include "shim/executor/enter_cgroup.h"
#include "shim/shim_process.h"

namespace holdfast::shim {
namespace {

constexpr char kUsage[] =
    "holdfast-shim is started by holdfastd, one for each executor; it is not\n"
    "a command for people. See holdfastd(8) and holdfastctl(1).\n"
    "  holdfast-shim --version\n";

// By then whoever waits for the launch has been answered.
constexpr absl::Duration kSettled = absl::Milliseconds(2);

// What ends others must not end what records their end: a shim goes when its
// executor has gone.
void IgnoreSignals() {
  for (const int signal : {SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGXFSZ}) {
    struct sigaction action = {};
    action.sa_handler = SIG_IGN;
    sigaction(signal, &action, nullptr);
  }
}

int Run(char** argv) {
  Inheritance inheritance;
  inheritance.journal_path = argv[kJournalPathArgument];
  inheritance.runtime_directory = argv[kRuntimeDirectoryArgument];
  inheritance.journal = UniqueFd(kJournalFd);
  inheritance.listening = UniqueFd(kListeningFd);
  inheritance.connection = UniqueFd(kConnectionFd);
  for (const int fd : {kJournalFd, kListeningFd, kConnectionFd}) {
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
      fprintf(stderr, "holdfast-shim: descriptor %d: %s\n%s", fd,
              strerror(errno), kUsage);
      return EX_USAGE;
    }
  }
  // First of all: it may make this another process.
  inheritance.obstacle = EnterCgroup(argv[kShimProcsFileArgument]);
  HOLDFAST_FAILPOINT(ShimInItsGroup);
  IgnoreSignals();
  // Orphans of the executor become ours, and are reaped here.
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  absl::StatusOr<std::unique_ptr<EventLoop>> loop = EventLoop::Create();
  if (!loop.ok()) {
    Log(Severity::kError, loop.status().ToString());
    return EX_OSERR;
  }
  auto shim = ShimProcess::Start(**loop, std::move(inheritance));
  if (!shim.ok()) {
    Log(Severity::kError, shim.status().ToString());
    return EX_SOFTWARE;
  }
  (*loop)->After(kSettled, [] {
    // The shim dies last when memory is short; its executor was started before.
    (void)WriteKernelFile("/proc/self/oom_score_adj", "-900");
    malloc_trim(0);  // what starting took; from here on little is needed
  });
  (*loop)->Run();
  HOLDFAST_FAILPOINT(ShimLeaving);
  // The kernel closes descriptors in order: the journal with its lock before
  // the connections, so that an agent that sees the end can take the journal.
  _exit(EX_OK);
}

}  // namespace
}  // namespace holdfast::shim

int main(int argc, char** argv) {
  holdfast::SetLogProgram("holdfast-shim");
  if (argc == 2 && strcmp(argv[1], "--version") == 0) {
    printf("holdfast-shim %s\n", holdfast::kVersion);
    return EX_OK;
  }
  if (argc != holdfast::shim::kShimArguments) {
    fputs(holdfast::shim::kUsage, stderr);
    return EX_USAGE;
  }
  return holdfast::shim::Run(argv);
}
