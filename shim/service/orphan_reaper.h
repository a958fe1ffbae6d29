#pragma once

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"

namespace holdfast::shim {

// Reaps what the executor's processes leave behind when they die before their
// children: a subreaper gets those, and keeps their zombies until it waits.
class OrphanReaper {
 public:
  // Blocks SIGCHLD in this thread. `executor` tells the pid that is not ours
  // to reap (its status is awaited elsewhere), or -1.
  static absl::StatusOr<std::unique_ptr<OrphanReaper>> Create(
      EventLoop& loop, std::function<pid_t()> executor);
  ~OrphanReaper();

 private:
  OrphanReaper(EventLoop& loop, UniqueFd signals,
               std::function<pid_t()> executor);
  void OnSignal();

  EventLoop& loop_;
  UniqueFd signals_;
  std::function<pid_t()> executor_;
};

}  // namespace holdfast::shim
