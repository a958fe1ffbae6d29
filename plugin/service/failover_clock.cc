#include "plugin/service/failover_clock.h"

#include <algorithm>

namespace holdfast {

FailoverClock::~FailoverClock() {
  for (const auto& [id, framework] : frameworks_) loop_.Cancel(framework.timer);
}

void FailoverClock::Known(const std::string& framework_id,
                          absl::Duration timeout) {
  Framework& framework = frameworks_[framework_id];
  framework.timeout = timeout;
  if (framework.streams > 0) return;
  Arm(framework_id, framework, std::max(timeout, kFirstStream));
}

void FailoverClock::StreamBegan(const std::string& framework_id,
                                uint64_t stream) {
  const auto found = frameworks_.find(framework_id);
  if (found == frameworks_.end()) return;
  streams_[stream] = framework_id;
  ++found->second.streams;
  loop_.Cancel(found->second.timer);
}

void FailoverClock::StreamEnded(uint64_t stream) {
  const auto ended = streams_.extract(stream);
  if (ended.empty()) return;
  Framework& framework = frameworks_.at(ended.mapped());
  if (--framework.streams > 0) return;
  Arm(ended.mapped(), framework, framework.timeout);
}

void FailoverClock::Forget(const std::string& framework_id) {
  const auto found = frameworks_.find(framework_id);
  if (found == frameworks_.end()) return;
  loop_.Cancel(found->second.timer);
  frameworks_.erase(found);
  absl::erase_if(streams_, [&](const auto& stream) {
    return stream.second == framework_id;
  });
}

void FailoverClock::Arm(const std::string& framework_id, Framework& framework,
                        absl::Duration timeout) {
  loop_.Cancel(framework.timer);
  framework.timer = 0;
  if (timeout == absl::InfiniteDuration()) return;
  framework.timer =
      loop_.After(timeout, [this, id = framework_id] { on_timeout_(id); });
}

}  // namespace holdfast
