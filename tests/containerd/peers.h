#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace holdfast::containerd {

// What hack/containerd-peers unpacked: the programs that we are tried against
// and beside.

// One line of containerd, by its own name there.
struct Peer {
  std::string name;  // "1.6"; empty: Holdfast's own shim
  bool IsThere() const;
  std::string Program(const std::string& name) const;
};

// For GoogleTest.
inline void PrintTo(const Peer& peer, std::ostream* out) {
  *out << "containerd " << peer.name;
}

inline const Peer kContainerd16 = {"1.6"};
inline const Peer kContainerd17 = {"1.7"};
inline const Peer kContainerd2 = {"2"};

// A shim under test, and the OCI runtime that it is to use.
struct Shim {
  std::string name;     // of the tests' parameter
  std::string path;     // the program
  std::string runtime;  // its containerd runtime name
  bool ours = false;
  int task_version = 2;  // of the service that it answers with
  bool IsThere() const;
};

Shim StockShim(const Peer& peer);
Shim OurShim();

// "…/runc", "…/crun"; empty: not there.
std::string OciRuntimePath(const std::string& name);
// A directory with runc, crun and criu, for PATH.
std::string PeerPrograms();
// The network plugins of CRI; empty: not there.
std::string CniDirectory();

// Skips the test, with the reason, where it is not there.
#define SKIP_WITHOUT_PEER(peer)                              \
  if (!(peer).IsThere()) {                                   \
    GTEST_SKIP() << "there is no " << (peer).name            \
                 << " here: hack/containerd-peers says why"; \
  }

}  // namespace holdfast::containerd
