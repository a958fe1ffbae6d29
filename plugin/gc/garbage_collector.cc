#include "plugin/gc/garbage_collector.h"

#include <algorithm>

#include "base/log.h"
#include "plugin/gc/collection_policy.h"

namespace holdfast {
namespace {

// However short an interval was asked for.
constexpr absl::Duration kShortestWatch = absl::Milliseconds(10);

}  // namespace

GarbageCollector::GarbageCollector(EventLoop& loop, Options options,
                                   DiskUsage disk_usage, Collect collect)
    : loop_(loop),
      options_(options),
      disk_usage_(std::move(disk_usage)),
      collect_(std::move(collect)),
      allowed_(options.gc_delay) {}

GarbageCollector::~GarbageCollector() { loop_.Cancel(timer_); }

void GarbageCollector::Add(const std::string& container_id, absl::Time ended) {
  const absl::Duration age =
      std::max(absl::ZeroDuration(), loop_.clock().Now() - ended);
  const absl::Duration now = loop_.clock().SinceBoot();
  if (!ended_.emplace(container_id, now - age).second) return;
  LookAt(std::max(now, std::min(now - age + allowed_, now + WatchInterval())));
}

void GarbageCollector::Drop(const std::string& container_id) {
  if (ended_.erase(container_id) == 0 || !ended_.empty()) return;
  loop_.Cancel(timer_);
  timer_ = 0;
}

absl::Duration GarbageCollector::WatchInterval() const {
  return std::max(options_.disk_watch_interval, kShortestWatch);
}

// Without an answer the disk counts as empty: nothing goes before its time.
absl::Duration GarbageCollector::Allowed() const {
  const absl::StatusOr<double> used = disk_usage_();
  if (!used.ok()) Log(Severity::kWarning, used.status().message());
  return AllowedAge(options_.gc_delay, options_.disk_headroom,
                    used.value_or(0));
}

void GarbageCollector::LookAt(absl::Duration since_boot) {
  if (timer_ != 0 && timer_due_ <= since_boot) return;
  loop_.Cancel(timer_);
  timer_due_ = since_boot;
  timer_ =
      loop_.After(since_boot - loop_.clock().SinceBoot(), [this] { Look(); });
}

void GarbageCollector::Look() {
  timer_ = 0;
  const absl::Duration now = loop_.clock().SinceBoot();
  allowed_ = Allowed();
  std::vector<std::string> due;
  absl::Duration next = absl::InfiniteDuration();
  for (const auto& [id, ended] : ended_) {
    if (now - ended >= allowed_) {
      due.push_back(id);
    } else {
      next = std::min(next, ended + allowed_);
    }
  }
  for (const std::string& id : due) ended_.erase(id);
  if (!ended_.empty()) LookAt(std::min(next, now + WatchInterval()));
  for (const std::string& id : due) collect_(id);
}

}  // namespace holdfast
