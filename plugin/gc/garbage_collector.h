#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/event_loop.h"

namespace holdfast {

// Which of the executors that have ended, and whose updates are acknowledged,
// are old enough to be removed. Whoever knows executors adds those, and only
// those: what is unacknowledged, quarantined or damaged is never here. Lives on
// the loop; has one timer as long as there is something to collect, and none
// otherwise.
class GarbageCollector {
 public:
  struct Options {
    absl::Duration gc_delay;
    double disk_headroom = 0;  // of the disk, 0 to 1
    // How often the disk is looked at, as long as there is something.
    absl::Duration disk_watch_interval;
  };
  using DiskUsage = std::function<absl::StatusOr<double>()>;
  using Collect = std::function<void(const std::string& container_id)>;

  // `collect` is to remove the container, which is then no longer here; one
  // that could not be removed is added again.
  GarbageCollector(EventLoop& loop, Options options, DiskUsage disk_usage,
                   Collect collect);
  ~GarbageCollector();
  GarbageCollector(const GarbageCollector&) = delete;
  GarbageCollector& operator=(const GarbageCollector&) = delete;

  // `ended`: by the wall clock, as its journal has it; what lies in the future
  // counts as now. Nothing happens when it is here already.
  void Add(const std::string& container_id, absl::Time ended);
  // It is gone, or something of it is wanted again.
  void Drop(const std::string& container_id);

 private:
  void Look();
  // Looks then, or earlier if that was due already.
  void LookAt(absl::Duration since_boot);
  absl::Duration WatchInterval() const;
  absl::Duration Allowed() const;

  EventLoop& loop_;
  const Options options_;
  const DiskUsage disk_usage_;
  const Collect collect_;
  std::map<std::string, absl::Duration> ended_;  // since boot; may be negative
  absl::Duration allowed_;  // when the disk was last looked at
  EventLoop::TimerId timer_ = 0;
  absl::Duration timer_due_;
};

}  // namespace holdfast
