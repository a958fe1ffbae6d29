#pragma once

#include <condition_variable>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "hack/local_agent/client.h"
#include "tests/bench/samples.h"

namespace holdfast::bench {

// LaunchTask for each of many tasks, so many at a time, without a thread a
// call: what is measured is the agent, not its client.
class InFlightLauncher {
 public:
  InFlightLauncher(hack::Client& client, std::string framework_id,
                   std::vector<v1::TaskInfo> tasks);

  // All are launched, or the first error. `took` is for all together.
  absl::Status Run(int width);

  const Samples& milliseconds() const { return milliseconds_; }
  absl::Duration took() const { return took_; }

 private:
  struct Call;
  void StartNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnDone(Call* call, const grpc::Status& status)
      ABSL_LOCKS_EXCLUDED(mutex_);

  hack::Client& client_;
  const std::string framework_id_;
  const std::vector<v1::TaskInfo> tasks_;
  absl::Duration took_;
  Mutex mutex_;
  std::condition_variable_any ended_;
  size_t next_ ABSL_GUARDED_BY(mutex_) = 0;
  int running_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  Samples milliseconds_;  // guarded too, until Run() returns
};

}  // namespace holdfast::bench
