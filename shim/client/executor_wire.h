#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "api/executor.pb.h"
#include "base/event_loop.h"
#include "base/mutex.h"
#include "base/unique_fd.h"
#include "shim/client/executor_stream.h"

namespace holdfast {

// What the threads of a custom executor share: its updates, until the shim has
// them on disk, and the connection to that. It has no thread: who sends an
// update writes it to the socket, and what the socket does not take is written
// by the thread that waits here, as is read what comes.
class ExecutorWire {
 public:
  using Update = v1::ExecutorCall::Update;

  // Any thread. Keeps the order of the calls.
  void Send(Update update) ABSL_LOCKS_EXCLUDED(mutex_);
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);
  // Stop() was called and every update is acknowledged.
  bool IsDone() ABSL_LOCKS_EXCLUDED(mutex_);

  // The rest is one thread's. Open() comes first.
  absl::Status Open() ABSL_LOCKS_EXCLUDED(mutex_);
  // Subscribes with what is unacknowledged.
  void Connect(UniqueFd connected) ABSL_LOCKS_EXCLUDED(mutex_);
  void Disconnect() ABSL_LOCKS_EXCLUDED(mutex_);
  // Until something has come, Stop() was called, or `at_most` has passed; may
  // return early. Between two calls who sends an update reads what comes.
  void Wait(absl::Duration at_most) ABSL_LOCKS_EXCLUDED(mutex_);
  // While connected: what came, and how the connection ended if it has.
  std::vector<v1::ExecutorEvent> Take(absl::optional<absl::Status>& ended)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Drops an update. The id of its task; empty: there is no such update.
  std::string Acknowledge(const std::string& uuid) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Write(const Update& update) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  int wake_fd_ = -1;  // the loop's; the waiting thread's alone

  Mutex mutex_;
  std::deque<Update> unacknowledged_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool waiting_ ABSL_GUARDED_BY(mutex_) = false;  // a thread, in Wait()
  std::unique_ptr<EventLoop> loop_ ABSL_GUARDED_BY(mutex_);  // from Open() on
  // Null: there is no shim. All that is unacknowledged was sent on it.
  std::unique_ptr<ExecutorStream> stream_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace holdfast
