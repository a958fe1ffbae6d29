#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "shim/containerd/container_cgroups.h"

namespace holdfast::containerd {

// Tells of processes of a container that the kernel killed for memory: by the
// growth of oom_kill in memory.oom_control (v1) or memory.events (v2). Nothing
// wakes this up but the kernel's word that something happened to the file: an
// eventfd in v1, poll(2) in v2, which, unlike inotify, needs no instance.
class OomWatch {
 public:
  // `kills`: how many more than were told before.
  using OnKill = std::function<void(uint64_t kills)>;

  // `on_kill` comes from the loop, and from Check(). FailedPrecondition: this
  // host counts no memory. What was killed before is not told.
  static absl::StatusOr<std::unique_ptr<OomWatch>> Create(
      EventLoop& loop, const ContainerCgroups& groups, OnKill on_kill);
  // The same for any file of the kernel's with lines "key number"; by poll(2).
  static absl::StatusOr<std::unique_ptr<OomWatch>> OfFile(EventLoop& loop,
                                                          std::string path,
                                                          std::string key,
                                                          OnKill on_kill);
  ~OomWatch();

  // Looks now: when a process has ended, its kill may not have been told yet.
  // After that the groups may be removed.
  void Check();

 private:
  OomWatch(EventLoop& loop, std::string path, std::string key, OnKill on_kill);
  absl::Status WatchV1(const std::string& group);
  absl::Status WatchByPoll();
  void OnEvent();
  void LookAgain();
  void StopWatching();
  // False: the file is gone.
  bool Read(uint64_t& count) const;

  EventLoop& loop_;
  const std::string path_;
  const std::string key_;
  const OnKill on_kill_;
  UniqueFd watched_;
  bool is_eventfd_ = false;
  uint64_t told_ = 0;
  EventLoop::TimerId timer_ = 0;
  int looks_left_ = 0;
};

}  // namespace holdfast::containerd
