#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "api/containerd/forward.pb.h"
#include "base/event_loop.h"
#include "base/mutex.h"
#include "shim/rpc/ttrpc_server.h"

namespace holdfast {

// Where containerd takes events (TTRPC_ADDRESS), with a thread of its own. As
// containerd does, it refuses what has no time, namespace or topic.
class FakeEvents {
 public:
  using Envelope = ::containerd::services::events::ttrpc::v1::Envelope;

  // Listens at `path`.
  explicit FakeEvents(std::string path);
  ~FakeEvents();

  const std::string& path() const { return path_; }

  // What was accepted so far, in order.
  std::vector<Envelope> events() const ABSL_LOCKS_EXCLUDED(mutex_);
  std::vector<std::string> topics() const;
  // Requests that came, those that were refused or not answered with them.
  int requests() const ABSL_LOCKS_EXCLUDED(mutex_);
  // Forgets what came.
  void Clear() ABSL_LOCKS_EXCLUDED(mutex_);

  // How requests are answered from now on. OK accepts them.
  void AnswerWith(absl::Status status) ABSL_LOCKS_EXCLUDED(mutex_);
  // From now on no request is answered, until AnswerWith().
  void Hang() ABSL_LOCKS_EXCLUDED(mutex_);

  // As when containerd is killed: every connection is closed, and the socket's
  // file stays behind.
  void Stop();
  // Listens anew.
  void Start();

 private:
  void OnLoop(const std::function<void()>& task);
  absl::Status Take(absl::string_view request) ABSL_LOCKS_EXCLUDED(mutex_);
  void Forward(absl::string_view request, rpc::TtrpcServer::Reply reply)
      ABSL_LOCKS_EXCLUDED(mutex_);

  const std::string path_;
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<rpc::TtrpcServer> server_;         // the loop's
  std::vector<rpc::TtrpcServer::Reply> unanswered_;  // likewise
  mutable Mutex mutex_;
  std::vector<Envelope> events_ ABSL_GUARDED_BY(mutex_);
  int requests_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status answer_ ABSL_GUARDED_BY(mutex_);
  bool hangs_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace holdfast
