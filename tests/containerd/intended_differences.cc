#include "tests/containerd/intended_differences.h"

namespace holdfast::containerd {

std::vector<Intended> OfStockShim(const Peer& peer) {
  if (peer.name == kContainerd16.name) return {};
  return {{.call = "bad creates: Create b6 with options that are garbage",
           .stock = "FAILED_PRECONDITION",
           .ours = "UNKNOWN",
           .reason = "from 1.7 on, a message that cannot be read has no code"}};
}

std::vector<Intended> OfOurShim() {
  return {
      {.call = "life: Pids c1 (3)",
       .stock = "OK",
       .ours = "OK of c1",
       .reason = "containerd 1.7 and later take a task without pids for a "
                 "leaked one when they start, and throw its exit away"},
      {.call = "execs: CloseIO c1/e1 (3)",
       .stock = "UNKNOWN",
       .ours = "NOT_FOUND",
       .reason = "as every other call about an exec that is not there"},
      {.call = "bad creates: Create b3 with a config.json that is no JSON",
       .stock = "UNKNOWN",
       .ours = "UNKNOWN \"config.json\"",
       .reason = "an error names the file that it is about"},
      {.call = "bad creates: Create b6 with options that are garbage",
       .stock = "FAILED_PRECONDITION",
       .ours = "UNKNOWN",
       .reason = "as the stock shims answer from 1.7 on"},
      {.call = "bad creates: left behind",
       .stock = "cgroup, process, runtime's",
       .ours = "nothing",
       .reason = "what was created before its output could not be opened is "
                 "deleted again"},
      {.call = "deleted while running: left behind",
       .stock = "socket",
       .ours = "nothing",
       .reason = "a socket without a shim is of no use to anyone"},
      {.call = "deleted after its end: delete",
       .stock = "exited 0, status 137 at a time, its pid",
       .ours = "exited 0, status 9 at a time, its pid",
       .reason = "the journal has the true one"},
      {.call = "deleted after its end: left behind",
       .stock = "socket",
       .ours = "nothing",
       .reason = "a socket without a shim is of no use to anyone"},
  };
}

}  // namespace holdfast::containerd
