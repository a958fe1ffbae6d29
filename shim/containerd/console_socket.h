#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"

namespace holdfast::containerd {

// Where an OCI runtime sends the master of the terminal that it makes
// (--console-socket): a listening socket in a private directory of its own,
// both gone with this.
class ConsoleSocket {
 public:
  using OnMaster = std::function<void(absl::StatusOr<UniqueFd>)>;

  // Below `directory` if its path is short enough for a socket's address, else
  // below /tmp.
  static absl::StatusOr<std::unique_ptr<ConsoleSocket>> Create(
      EventLoop& loop, const std::string& directory);
  ~ConsoleSocket();

  const std::string& path() const { return path_; }

  // `on_master` is called once, from the loop, and may end this. An error: the
  // runtime sent something else.
  void Await(OnMaster on_master) { on_master_ = std::move(on_master); }

 private:
  ConsoleSocket(EventLoop& loop, std::string directory);
  absl::Status Listen();
  void OnConnection();
  void OnMessage();
  void Deliver(absl::StatusOr<UniqueFd> master);

  EventLoop& loop_;
  const std::string directory_;
  const std::string path_;
  UniqueFd listener_;
  UniqueFd connection_;
  OnMaster on_master_;
};

}  // namespace holdfast::containerd
