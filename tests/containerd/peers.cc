#include "tests/containerd/peers.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"

namespace holdfast::containerd {
namespace {

bool IsProgram(const std::string& path) {
  return access(path.c_str(), X_OK) == 0;
}

std::string PeerPath(const std::string& path) {
  return absl::StrCat(HOLDFAST_PEERS_DIR, "/", path);
}

std::string IfThere(const std::string& path) {
  return IsProgram(path) ? path : "";
}

}  // namespace

bool Peer::IsThere() const { return IsProgram(Program("containerd")); }

std::string Peer::Program(const std::string& program) const {
  return PeerPath(absl::StrCat("containerd-", name, "/usr/bin/", program));
}

bool Shim::IsThere() const { return IsProgram(path); }

Shim StockShim(const Peer& peer) {
  return {.name = absl::StrCat("stock shim ", peer.name),
          .path = peer.Program("containerd-shim-runc-v2"),
          .runtime = "io.containerd.runc.v2",
          .task_version = peer.name == "2" ? 3 : 2};
}

Shim OurShim() {
  return {
      .name = "Holdfast's shim",
      .path = absl::StrCat(HOLDFAST_BIN_DIR, "/containerd-shim-holdfast-v2"),
      .runtime = "io.containerd.holdfast.v2",
      .ours = true};
}

std::string OciRuntimePath(const std::string& name) {
  return IfThere(PeerPath(absl::StrCat("bin/", name)));
}

std::string PeerPrograms() { return PeerPath("bin"); }

std::string CniDirectory() {
  const std::string directory = PeerPath("cni/usr/lib/cni");
  return IsProgram(directory + "/bridge") ? directory : "";
}

}  // namespace holdfast::containerd
